import { describe, expect, it, onTestFinished } from 'vitest';
import { offerMeta } from '../../src/callers/whatsapp/sdp.ts';
import { toneLevel } from '../../src/media/tone.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { Meta, type MetaOptions, PCMU } from '../../src/simulator/whatsapp/index.ts';
import { hears } from './agent-heard.ts';
import { asked, sleep, toneAloneMs, until } from './rig.ts';
import { Business, SECRET, TOKEN } from './whatsapp-business.ts';

/** Meta's far end against a business that is not the daemon. Real webhooks, a real Graph API, real WebRTC. */

const CALLER_HZ = 440;
const AGENT_HZ = 1_250;

async function start(options: Partial<MetaOptions> = {}) {
  const business = new Business();
  const meta = await Meta.start({
    webhookUrl: await business.listen(),
    appSecret: SECRET,
    token: TOKEN,
    ...options,
  });
  business.graphUrl = meta.url;
  onTestFinished(async () => {
    await business.close();
    await meta.close();
  });
  return { business, meta };
}

describe('a user who calls', () => {
  it.for(['opus', 'PCMU'] as const)('is heard and hears, in %s, and not a packet before the accept', async (format) => {
    const { business, meta } = await start();
    const phone = meta.phone({
      source: scriptSource([toneSource(CALLER_HZ, { ms: 4_000, dbfs: -12 })]),
      record: true,
      ...(format === 'PCMU' ? { format: PCMU } : {}),
    });
    const report = phone.placeCall();
    const { id, offer } = await business.called();
    expect(business.webhooks[0]?.isSigned).toBe(true);
    expect(offer).toMatch(/^v=0\r\n(?:.*\r\n)*a=ice-lite\r\nm=audio /);
    const answer = await business.answer(offer);
    expect(await business.act('pre_accept', id, answer)).toEqual({
      status: 200,
      body: { messaging_product: 'whatsapp', success: true },
    });
    await until(() => business.peer?.state === 'connected', 'media');
    await sleep(300);
    expect(phone.rtp.packets).toBe(0);
    // The user is not heard either: he has not been told yet.
    expect(business.heard.every((frame) => frame.every((sample) => Math.abs(sample) < 50))).toBe(true);
    expect((await business.act('accept', id, answer)).status).toBe(200);
    business.play(AGENT_HZ);
    await hears(phone, 2_800);
    phone.hangUp();
    const result = await report;
    expect(result).toMatchObject({ ok: true, callSid: id, ended: { by: 'caller', callStatus: 'completed' } });
    expect(phone.rtp).toMatchObject({ packetsBeforeAccept: 0, foreign: 0 });
    expect(phone.rtp.packets).toBeGreaterThan(100);
    const heard = phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_000);
    expect(toneAloneMs(business.all(), 48_000, CALLER_HZ)).toBeGreaterThanOrEqual(2_000);
    const end = await until(() => business.told('terminate')[0], 'the end');
    expect(end.call).toMatchObject({ id, status: 'COMPLETED' });
    // In whole seconds, of as long as it took this user to hang up.
    const talkedMs = result.durationMs - (result.connect.acceptedMs ?? 0);
    expect(talkedMs).toBeGreaterThanOrEqual(2_500);
    expect(Math.abs((end.call.duration ?? 0) - talkedMs / 1_000)).toBeLessThanOrEqual(0.6);
  });

  it('presses keys, which come as telephone-events in place of his voice', async () => {
    const { business, meta } = await start();
    const phone = meta.phone({ source: silenceSource(), digits: { keys: '5', atMs: 1_000 } });
    const report = phone.placeCall();
    const { id, offer } = await business.called();
    await business.act('accept', id, await business.answer(offer));
    const loudest = (hz: number) => {
      const all = business.all();
      let level = -100;
      for (let at = 0; at + 960 <= all.length; at += 480)
        level = Math.max(level, toneLevel(all.subarray(at, at + 960), 48_000, hz));
      return level;
    };
    // The 5 is 770 and 1336 Hz (ITU-T Q.23).
    await until(() => loudest(1_336) > -25, 'the key');
    await sleep(500);
    phone.hangUp();
    await report;
    expect(loudest(770)).toBeGreaterThan(-25);
    expect(loudest(1_336)).toBeGreaterThan(-25);
    expect(loudest(1_209)).toBeLessThan(loudest(1_336) - 10);
  });

  it('whose microphone is dead sends RTCP and no audio', async () => {
    const { business, meta } = await start();
    const phone = meta.phone({ mute: true });
    const report = phone.placeCall();
    const { id, offer } = await business.called();
    await business.act('accept', id, await business.answer(offer));
    business.play(AGENT_HZ);
    await sleep(3_500);
    let stats: ReadonlyArray<Readonly<Record<string, unknown>>> = [];
    const of = (type: string) => stats.find((entry) => entry['type'] === type);
    await asked(async () => {
      stats = (await business.peer?.stats()) ?? [];
      return of('remote-inbound-rtp');
    }, 'his report of what he hears');
    expect(of('inbound-rtp')?.['packetsReceived'] ?? 0).toBe(0);
    expect(phone.rtp.packets).toBeGreaterThan(50);
    phone.hangUp();
    expect((await report).streams[0]?.sent.frames).toBe(0);
  });

  it('is told by Meta that no media came, and when the business does not answer', async () => {
    const { business, meta } = await start({ limits: { mediaStartMs: 1_000, ringMs: 3_000 } });
    const quiet = meta.phone();
    const first = quiet.placeCall();
    const { id, offer } = await business.called();
    const answer = await business.answer(offer);
    business.peer?.close();
    await business.act('accept', id, answer);
    expect((await first).ended).toMatchObject({ by: 'carrier', callStatus: 'failed' });
    const end = await until(() => business.told('terminate')[0], 'the end');
    expect(end.call).toMatchObject({ status: 'FAILED' });
    expect(JSON.stringify(end.body)).toContain('138021');
    const unanswered = await meta.phone().placeCall();
    expect(unanswered.ended.callStatus).toBe('no-answer');
    expect((await business.act('accept', unanswered.callSid, answer)).body).toMatchObject({ error: { code: 100 } });
  });

  it('is told of twice, late, or after he has gone, as the scenario says', async () => {
    const { business, meta } = await start();
    const doubled = meta.phone({ delivery: { copies: 3 }, patienceMs: 50 });
    await doubled.placeCall();
    await until(() => business.webhooks.length === 6, 'three of each');
    const reordered = await meta.phone({ isReordered: true }).placeCall();
    await until(() => business.webhooks.length === 8, 'both');
    expect(business.webhooks.slice(6).map(({ event, call }) => [event, call.id])).toEqual([
      ['terminate', reordered.callSid],
      ['connect', reordered.callSid],
    ]);
  });

  it('is told of again while the business does not say 200', async () => {
    const { business, meta } = await start({ webhook: { retryMs: [50, 100] } });
    business.status = 500;
    const phone = meta.phone({ patienceMs: 3_000 });
    const report = phone.placeCall();
    await until(() => business.told('connect').length === 2, 'the second try');
    business.status = 200;
    await until(() => business.told('connect').length === 3, 'the third try');
    await sleep(300);
    expect(business.told('connect')).toHaveLength(3);
    phone.hangUp();
    await report;
  });
});

describe('the Graph API', () => {
  it('refuses what its documents do not say, with its numbers', async () => {
    const { business, meta } = await start();
    const phone = meta.phone();
    void phone.placeCall();
    const { id, offer } = await business.called();
    const answer = await business.answer(offer);
    const codeOf = async (body: object, token?: string) => (await business.ask('calls', body, token)).body.error?.code;
    const accept = (sdp: string, more: object = {}) => ({
      messaging_product: 'whatsapp',
      call_id: id,
      action: 'accept',
      session: { sdp_type: 'answer', sdp },
      ...more,
    });
    expect(await codeOf(accept(answer), 'another')).toBe(190);
    expect(await codeOf(accept(answer, { to: '1' }))).toBe(100);
    expect(await codeOf(accept(answer, { session: { sdp_type: 'offer', sdp: answer } }))).toBe(100);
    expect(await codeOf(accept(answer, { call_id: 'wacid.none' }))).toBe(100);
    expect(await codeOf(accept(answer.replaceAll('\r\n', '\n')))).toBe(100);
    expect(await codeOf(accept(answer.replace('setup:active', 'setup:passive')))).toBe(100);
    expect(await codeOf(accept(answer.replace(/(a=candidate:.*\r\n)/, '$1$1')))).toBe(100);
    meta.graph.faults.add({ action: 'pre_accept', kind: 'error', code: 138004 });
    expect((await business.act('pre_accept', id, answer)).status).toBe(500);
    expect((await business.act('pre_accept', id, answer)).status).toBe(200);
    expect(await codeOf(accept(answer.replace('s=-', 's=other')))).toBe(100);
    expect((await business.act('reject', id)).status).toBe(200);
    expect(await codeOf(accept(answer))).toBe(100);
    expect(meta.graph.log.map(({ status }) => status).at(-2)).toBe(200);
  });

  it('places calls of the business to users who allowed it, and tells how they go', async () => {
    const { business, meta } = await start({
      far: () => ({ outcome: 'answer', ringMs: 100, phone: { source: toneSource(CALLER_HZ), record: true } }),
      permits: () => ({ response: 'accept', permanent: false }),
    });
    const offer = await offerMeta(business.makePeer(), { publicAddresses: [] });
    const connect = () =>
      business.ask('calls', {
        messaging_product: 'whatsapp',
        to: '447700900123',
        action: 'connect',
        session: { sdp_type: 'offer', sdp: offer },
        biz_opaque_callback_data: 'order 7',
      });
    expect((await connect()).body).toMatchObject({ error: { code: 138006 } });
    const request = {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '447700900123',
      type: 'interactive',
      interactive: {
        type: 'call_permission_request',
        action: { name: 'call_permission_request' },
        body: { text: 'May we call?' },
      },
    };
    expect((await business.ask('messages', request)).status).toBe(200);
    await until(() => business.told('interactive')[0], 'the reply');
    expect((await business.ask('messages', request)).body).toMatchObject({ error: { code: 138009 } });
    expect((await business.ask('call_permissions?user_wa_id=447700900123')).body).toMatchObject({
      permission: { status: 'temporary' },
    });
    const { body } = await connect();
    const id = body.calls?.[0]?.id;
    expect(id).toMatch(/^wacid\./);
    expect((await connect()).body).toMatchObject({ error: { code: 138003 } });
    const { call } = await until(() => business.told('connect')[0], 'the answer');
    expect(call).toMatchObject({ id, direction: 'BUSINESS_INITIATED', biz_opaque_callback_data: 'order 7' });
    await business.peer?.acceptAnswer(call.session?.sdp ?? '');
    business.play(AGENT_HZ);
    await until(() => toneAloneMs(business.all(), 48_000, CALLER_HZ) > 500, 'the user to be heard');
    const [placed] = meta.placed;
    await until(() => {
      const heard = placed?.phone.recordedChannels();
      return heard !== undefined && toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ) > 500;
    }, 'the agent to be heard');
    expect((await business.act('terminate', id ?? '')).status).toBe(200);
    expect((await placed?.report)?.ended).toMatchObject({ by: 'bridge', callStatus: 'completed' });
    await until(() => business.told('terminate')[0], 'the end');
    expect(business.webhooks.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['RINGING', 'connect', 'ACCEPTED', 'terminate']),
    );
  });
});
