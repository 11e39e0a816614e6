import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished } from 'vitest';
import { createHandler } from '../../docs/examples/whatsapp-handler.ts';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { Meta, NUMBER, type WhatsAppPhone } from '../../src/simulator/whatsapp/index.ts';
import { openPeers } from '../../src/transport/peer.ts';
import { converse, hearsOut } from './agent-heard.ts';
import { ask } from './browser-page.ts';
import { accepted, HandlerSocket, start, stop } from './handed-rig.ts';
import { asked, loudestTone, sleep, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';

/** The handler of docs/whatsapp.md between Meta's stand-in and the daemon: real webhooks, a real Graph API, real WebRTC. */

const CALLER_HZ = 440;
const AGENT_HZ = 1_250;
const VOICE = { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -12 } };
const APP_SECRET = 'the-app-secret';
const ACCESS_TOKEN = 'the-access-token';
const BRIDGE_TOKEN = 'token-of-the-handler-1';
const WEBHOOK_SECRET = 'whsec_c2VjcmV0IG9mIHRoZSB3ZWJob29rcw==';

/** An HTTP server around the handler, which is made when it is known where all else is. */
async function serve(handler: () => (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = 'GET' } = incoming;
    const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
      method,
      headers: incoming.headers as Record<string, string>,
      ...(method === 'GET' ? {} : { body: Buffer.concat(chunks) }),
    });
    const response = await handler()(request);
    outgoing.writeHead(response.status).end(await response.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Meta, the handler and the daemon, each knowing where the next one is. */
async function set(own: Own, settings: Record<string, string> = {}) {
  const failures: unknown[] = [];
  let handler = (_: Request) => Promise.resolve(new Response('', { status: 503 }));
  const url = await serve(() => handler);
  const meta = await Meta.start({ webhookUrl: `${url}/webhook`, appSecret: APP_SECRET, token: ACCESS_TOKEN });
  onTestFinished(() => meta.close());
  const rig = own(
    await startRig({
      model: VOICE,
      settings: { BRIDGE_TOKEN, WEBHOOK_URL: `${url}/bridge-events`, WEBHOOK_SECRET, ...settings },
    }),
  );
  handler = createHandler({
    verifyToken: 'my-own-words',
    appSecret: APP_SECRET,
    accessToken: ACCESS_TOKEN,
    phoneNumberId: NUMBER.id,
    graphUrl: `${meta.url}/v25.0`,
    bridgeUrl: rig.url,
    bridgeToken: BRIDGE_TOKEN,
    webhookSecret: WEBHOOK_SECRET,
    failed: (error) => failures.push(error),
  });
  /** What the handler asked of the Graph API for this phone's call, in order. */
  const actions = (phone: WhatsAppPhone) =>
    meta.graph.log.flatMap(({ body, action }) =>
      (body as { call_id?: string } | undefined)?.call_id === phone.call?.id ? [action] : [],
    );
  return { meta, rig, url, failures, actions };
}

describe('the handler of the documents', () => {
  it('brings a user to the agent: not a packet before the accept, then each side’s tone alone, and one record at the end', async ({
    own,
  }) => {
    const { meta, rig, actions, failures } = await set(own);
    expect(await meta.webhooks.verify('my-own-words', '4711')).toEqual({ status: 200, text: '4711' });
    expect((await meta.webhooks.verify('others', '4711')).status).toBe(403);
    const phone = meta.phone({ source: silenceSource(), record: true });
    const over = phone.placeCall();
    await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -12 }));
    const report = await over;
    expect(report).toMatchObject({ ok: true, ended: { by: 'caller', callStatus: 'completed' } });
    expect(actions(phone)).toEqual(['pre_accept', 'accept']);
    expect(phone.rtp).toMatchObject({ packetsBeforeAccept: 0, foreign: 0 });
    const heard = phone.recordedChannels()!;
    // The greeting whole, and the answer to the tone.
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_400);
    expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-35);
    const input = rig.model.sessions[0]!.inputAudio();
    expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_000);
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(rig.of('call_started').map(({ info }) => [info.carrier, info.carrierCallId])).toEqual([
      ['bridge', phone.call?.id],
    ]);
    expect(rig.of('call_ended').map(({ end }) => end.reason)).toEqual(['caller-hangup']);
    await until(() => openPeers() === 0, 'the peer to be closed');
    expect(failures).toEqual([]);
  });

  it('answers a call once, however often Meta tells of it', async ({ own }) => {
    const { meta, rig } = await set(own);
    const phone = meta.phone({ source: silenceSource(), delivery: { copies: 3 }, record: true });
    const over = phone.placeCall();
    await hearsOut(phone, 800);
    phone.hangUp();
    const report = await over;
    expect(report.ended).toMatchObject({ by: 'caller', callStatus: 'completed' });
    const heard = phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(1_200);
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(rig.of('call_started')).toHaveLength(1);
  });

  it('begins nothing for a call whose end overtook it', async ({ own }) => {
    const { meta, rig, actions } = await set(own);
    const phone = meta.phone({ isReordered: true });
    await phone.placeCall();
    await until(() => meta.webhooks.log.length === 2, 'both webhooks');
    await asked(async () => {
      const metrics = await (await fetch(`${rig.url}/metrics`)).text();
      return metrics.includes('voicebridge_bridge_starts_total{outcome="stopped"} 1');
    }, 'the start that was stopped to be counted');
    await sleep(500);
    expect(actions(phone)).toEqual([]);
    expect(rig.of('call_started')).toEqual([]);
  });

  it('ends the call at Meta when it ends here', async ({ own }) => {
    const { meta, rig, actions } = await set(own);
    const phone = meta.phone({ source: silenceSource() });
    const report = phone.placeCall();
    await until(() => rig.of('connected')[0], 'the call');
    const [call] = rig.app.calls;
    await ask(`${rig.url}/calls/${call?.info.id}/hangup`, 'POST');
    expect((await report).ended).toMatchObject({ by: 'bridge', callStatus: 'completed' });
    await until(() => actions(phone).length > 2, 'what was asked of Meta');
    expect(actions(phone)).toEqual(['pre_accept', 'accept', 'terminate']);
  });

  it('tells Meta that a call is not taken when there is no room for it', async ({ own }) => {
    const { meta, actions } = await set(own, { MAX_CALLS: '1' });
    const first = meta.phone({ source: silenceSource() });
    const talk = first.placeCall();
    await until(() => first.acceptedMs, 'the first call');
    const second = meta.phone({ source: silenceSource() });
    const report = await second.placeCall();
    expect(report.ended.reason).toContain('rejected');
    await until(() => actions(second).length > 0, 'what was asked of Meta');
    expect(actions(second)).toEqual(['reject']);
    first.hangUp();
    await talk;
  });

  it('takes nothing that nobody signed', async ({ own }) => {
    const { rig, url } = await set(own);
    for (const path of ['/webhook', '/bridge-events']) {
      const post = (headers: Record<string, string>) =>
        fetch(url + path, { method: 'POST', headers, body: '{"entry":[]}' }).then(({ status }) => status);
      expect(await post({})).toBe(401);
      expect(await post({ 'x-hub-signature-256': `sha256=${'0'.repeat(64)}`, 'webhook-signature': 'v1,AAAA' })).toBe(
        401,
      );
    }
    expect(rig.of('call_started')).toEqual([]);
  });
});

describe('a WhatsApp call that is handed on', () => {
  /** A user calls, and the handler is this test. */
  async function ringing(own: Own, options: Parameters<Meta['phone']>[0] = {}) {
    const offered = Promise.withResolvers<{ readonly id: string; readonly sdp: string }>();
    const url = await serve(() => async (request) => {
      const body = (await request.json()) as {
        entry: [{ changes: [{ value: { calls?: [{ id: string; event: string; session: { sdp: string } }] } }] }];
      };
      const call = body.entry[0].changes[0].value.calls?.[0];
      if (call?.event === 'connect') offered.resolve({ id: call.id, sdp: call.session.sdp });
      return new Response('ok');
    });
    const meta = await Meta.start({ webhookUrl: url, appSecret: APP_SECRET, token: ACCESS_TOKEN });
    onTestFinished(() => meta.close());
    const rig = own(await startRig({ model: VOICE }));
    const phone = meta.phone({ source: silenceSource(), ...options });
    const report = phone.placeCall();
    const { id, sdp } = await offered.promise;
    const { status, body } = await start(rig.url, { callId: id, sdpOffer: sdp, from: 'US.13491208655302741918' });
    expect(status).toBe(200);
    const act = async (action: string) => {
      const answer = await ask(
        `${meta.url}/v25.0/${NUMBER.id}/calls`,
        'POST',
        { messaging_product: 'whatsapp', call_id: id, action, session: { sdp_type: 'answer', sdp: body['sdpAnswer'] } },
        { authorization: `Bearer ${ACCESS_TOKEN}` },
      );
      expect(answer.status).toBe(200);
    };
    return { meta, rig, phone, report, id, body, act };
  }

  it('is sent nothing before the handler says that it was accepted, however long that takes', async ({ own }) => {
    const { rig, phone, report, id, act } = await ringing(own, { mute: true });
    await act('pre_accept');
    await sleep(1_500);
    expect(phone.rtp.packets).toBe(0);
    await act('accept');
    // Nothing comes of the user either, so that the acceptance shows by nothing.
    await sleep(1_000);
    expect(phone.rtp.packets).toBe(0);
    expect((await accepted(rig.url, id)).status).toBe(200);
    await until(() => phone.rtp.packets > 50, 'audio');
    expect(phone.rtp.packetsBeforeAccept).toBe(0);
    await stop(rig.url, id);
    phone.hangUp();
    await report;
  });

  it('is sent audio with the user’s first, where the handler says nothing', async ({ own }) => {
    const { rig, phone, report, id, act } = await ringing(own, { record: true });
    await act('pre_accept');
    await sleep(1_000);
    expect(phone.rtp.packets).toBe(0);
    await act('accept');
    await until(() => phone.rtp.packets > 100, 'audio');
    expect(phone.rtp).toMatchObject({ packetsBeforeAccept: 0 });
    await hearsOut(phone, 800);
    await stop(rig.url, id);
    phone.hangUp();
    await report;
    const heard = phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(1_300);
    expect(rig.of('call_started')[0]?.info).toMatchObject({
      carrier: 'bridge',
      carrierCallId: id,
      from: 'whatsapp:US.13491208655302741918',
      callerKind: 'identity',
    });
  });

  it('tells the keys that the user presses to agent and handler', async ({ own }) => {
    const { rig, phone, report, id, body, act } = await ringing(own);
    const socket = await HandlerSocket.open(body['bridgeUrl']);
    await act('accept');
    socket.send({ type: 'accepted' });
    await until(() => phone.rtp.packets > 50, 'audio');
    phone.press('42#');
    await until(() => socket.events('caller.dtmf').length === 3, 'the keys');
    expect(socket.events('caller.dtmf').map(({ digit }) => digit)).toEqual(['4', '2', '#']);
    await stop(rig.url, id);
    phone.hangUp();
    await report;
  });
});
