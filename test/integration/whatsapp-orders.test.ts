import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished } from 'vitest';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { type FarUser, NUMBER } from '../../src/simulator/whatsapp/index.ts';
import { openPeers } from '../../src/transport/peer.ts';
import { converse } from './agent-heard.ts';
import { askAsOperator } from './operator.ts';
import { loudestTone, type Rig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { startWhatsAppRig, type WhatsAppRig } from './whatsapp-rig.ts';

/** Calls that are ordered to WhatsApp users, through the whole daemon: a Graph API, real webhooks, real WebRTC. */

const USER_HZ = 1_020;
const AGENT_HZ = 620;
const WA_ID = '12025550143';
const USER_ID = 'GB.13491208655302741918';

const answers = (): FarUser => ({ outcome: 'answer', ringMs: 800, phone: { source: silenceSource(), record: true } });

/** Where ends of ordered calls are told. */
async function receiver() {
  const told: Array<Record<string, unknown>> = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      told.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { told, host, url: `http://${host}/told` };
}

async function ordering(options: { far?: () => FarUser; permitted?: boolean; settings?: Record<string, string> } = {}) {
  const callbacks = await receiver();
  const rig = await startWhatsAppRig({
    model: { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } },
    settings: {
      DIAL_ALLOW: '+1202,whatsapp:GB.',
      HTTP_TOOL_PRIVATE_HOSTS: callbacks.host,
      WEBHOOK_URL: callbacks.url,
      WEBHOOK_EVENTS: 'whatsapp.permission',
      ...options.settings,
    },
    meta: {
      far: options.far ?? answers,
      permits: () => ({ response: 'accept', permanent: false }),
    },
  });
  if (options.permitted !== false) for (const user of [WA_ID, USER_ID]) rig.meta.permits.set(user, 'permanent');
  const api = async (method: string, path: string, body?: object) => {
    const answer = await askAsOperator(`${rig.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  return { rig, api, callbacks };
}

const order = (callbackUrl: string, to = `whatsapp:${WA_ID}`) => ({ to, callbackUrl });
const statusOf = async (api: Awaited<ReturnType<typeof ordering>>['api'], id: string) =>
  (await api('GET', `/calls/${id}`)).body.status as string;
const calm = async (rig: Rig & WhatsAppRig) => {
  await until(() => rig.app.calls.size === 0, 'the end of all calls');
  await until(() => rig.model.sessions.every((session) => !session.live), 'the end of all sessions');
  await until(() => openPeers() === 0, 'all peers to be closed');
};

describe('a call that is ordered to a WhatsApp user', () => {
  it('rings, is greeted when he picks up, carries both tones, and is reported when he hangs up', async ({ own }) => {
    const { rig, api, callbacks } = await ordering({ far: () => ({ ...answers(), ringMs: 3_000 }) });
    own(rig);
    const placed = await api('POST', '/calls', order(callbacks.url));
    expect(placed).toMatchObject({
      status: 201,
      body: { direction: 'outbound', to: `whatsapp:+${WA_ID}`, from: `whatsapp:${NUMBER.id}` },
    });
    const { id } = placed.body;
    await until(() => rig.lines.some(({ msg }) => msg === 'call placed'), 'the order in the log');
    // While it rings nobody is asked to speak.
    expect(['queued', 'ringing']).toContain(await statusOf(api, id));
    expect(rig.model.sessions).toEqual([]);
    const far = await until(() => rig.meta.placed[0], 'the call at Meta');
    await until(() => rig.of('connected')[0], 'both ends on the line');
    expect(await statusOf(api, id)).toBe('in-progress');
    await converse(far.phone, toneSource(USER_HZ, { ms: 1_500, dbfs: -15 }));
    const report = await far.report;
    expect(report.reason).toBe('audio went both ways');
    // Nothing was sent to him before he had picked up.
    expect(far.phone.rtp.packetsBeforeAccept).toBe(0);
    const heard = far.phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_400);
    expect(loudestTone(heard.agent, heard.sampleRate, USER_HZ)).toBeLessThan(-45);
    const input = rig.model.sessions[0]?.inputAudio() ?? new Int16Array(0);
    expect(toneAloneMs(input, 24_000, USER_HZ)).toBeGreaterThanOrEqual(1_200);

    const told = await until(() => callbacks.told[0], 'the callback');
    expect(told).toMatchObject({
      type: 'call.ended',
      call: { id, status: 'completed', end: { result: 'success', reason: 'caller-hangup' } },
    });
    // He hung up: Meta is told nothing that it knows.
    expect(rig.asked()).toEqual([
      ['call_permissions', 200],
      ['connect', 200],
    ]);
    const [record] = await rig.records(1);
    expect(record).toMatchObject({
      id,
      direction: 'outbound',
      carrier: 'whatsapp',
      carrierCallId: far.call.id,
      from: `+${NUMBER.display}`,
      to: `+${WA_ID}`,
      callerKind: 'number',
    });
    expect(JSON.stringify(rig.lines)).not.toMatch(new RegExp(`${WA_ID}|${USER_ID}`));
    await calm(rig);
  });

  it('is hung up by an operator, for a user without a number, whose line says what it cannot do', async ({ own }) => {
    const { rig, api, callbacks } = await ordering();
    own(rig);
    const { id } = (await api('POST', '/calls', order(callbacks.url, `whatsapp:${USER_ID}`))).body;
    await until(() => rig.of('connected')[0], 'both ends on the line');
    expect(await api('POST', `/calls/${id}/transfer`, { to: '+12025550100' })).toMatchObject({
      status: 501,
      body: { error: { code: 'CONTROL_UNSUPPORTED', message: expect.stringContaining('WhatsApp') } },
    });
    expect(await api('POST', `/calls/${id}/digits`, { digits: '1' })).toMatchObject({ status: 501 });
    const list = await api('GET', '/calls');
    expect(list.body.calls).toMatchObject([{ id, status: 'in-progress', to: `whatsapp:${USER_ID}` }]);
    expect((await api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    const told = await until(() => callbacks.told[0], 'the callback');
    expect(told).toMatchObject({ call: { id, status: 'completed', end: { reason: 'operator-hangup' } } });
    await until(() => rig.asked().some(([action]) => action === 'terminate'), 'Meta to be told');
    // What is told of a call is written a moment later.
    await rig.records(1);
    const found = await api('GET', `/records?${new URLSearchParams({ number: `whatsapp:${USER_ID}` })}`);
    expect(found.body.records).toMatchObject([{ id, to: `whatsapp:${USER_ID}`, callerKind: 'identity' }]);
    await calm(rig);
  });

  it.each([
    ['does not want it', { outcome: 'reject', ringMs: 300 }, 30, 'busy', false],
    ['does not hear it', { outcome: 'no-answer', ringMs: 600 }, 30, 'no-answer', false],
    ['is rung for as long as was ordered', { outcome: 'answer', ringMs: 60_000 }, 5, 'no-answer', true],
  ] as const)('is over without a conversation where he %s', async (_, far, timeoutSeconds, status, terminates) => {
    const { rig, api, callbacks } = await ordering({ far: () => ({ ...far, phone: { source: silenceSource() } }) });
    onTestFinished(() => rig.close());
    const { id } = (await api('POST', '/calls', { ...order(callbacks.url), timeoutSeconds })).body;
    const told = await until(() => callbacks.told[0], 'the callback');
    expect(told).toMatchObject({ call: { id, status } });
    expect(rig.model.sessions).toEqual([]);
    if (terminates) await until(() => rig.asked().some(([action]) => action === 'terminate'), 'Meta to be told');
    expect(rig.asked().some(([action]) => action === 'terminate')).toBe(terminates);
    await calm(rig);
  });

  it('is taken back by whoever ordered it, while it rings', async ({ own }) => {
    const { rig, api, callbacks } = await ordering({ far: () => ({ ...answers(), ringMs: 60_000 }) });
    own(rig);
    const { id } = (await api('POST', '/calls', order(callbacks.url))).body;
    await until(() => rig.meta.placed[0], 'the call at Meta');
    expect((await api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    await until(() => rig.meta.placed[0]?.call.state === 'over', 'the end at Meta');
    const told = await until(() => callbacks.told[0], 'the callback');
    expect(told).toMatchObject({ call: { id, status: 'canceled' } });
    await calm(rig);
  });
});

describe('a user who has not allowed calls', () => {
  it('is not rung; he is asked, says yes, and is called', async ({ own }) => {
    const { rig, api, callbacks } = await ordering({ permitted: false });
    own(rig);
    const key = { to: `whatsapp:${WA_ID}` };
    expect(await api('POST', '/calls', key)).toMatchObject({
      status: 403,
      body: { error: { code: 'GRAPH_NO_CALL_PERMISSION' } },
    });
    expect(rig.meta.placed).toEqual([]);
    expect(await api('POST', '/whatsapp/permissions', key)).toMatchObject({
      status: 200,
      body: { asked: true, canCall: false, status: 'no_permission' },
    });
    const told = await until(() => callbacks.told[0], 'the webhook of his answer');
    expect(told).toMatchObject({
      type: 'whatsapp.permission',
      data: { user: `whatsapp:+${WA_ID}`, accepted: true, permanent: false, phoneNumberId: NUMBER.id },
    });
    expect(await api('GET', `/whatsapp/permissions?${new URLSearchParams(key)}`)).toMatchObject({
      status: 200,
      body: { canCall: true, status: 'temporary', reply: { accepted: true } },
    });
    expect((await api('POST', '/calls', key)).status).toBe(201);
    await until(() => rig.of('connected')[0], 'both ends on the line');
    rig.meta.placed[0]?.phone.hangUp();
    await calm(rig);
  });

  it('is not asked twice within a day', async ({ own }) => {
    const { rig, api } = await ordering({ permitted: false });
    own(rig);
    const to = 'whatsapp:12025550188';
    rig.meta.permits.set('12025550188', 'no_permission');
    rig.meta.permits.asked('12025550188');
    expect(await api('POST', '/whatsapp/permissions', { to })).toMatchObject({
      status: 429,
      body: { error: { code: 'GRAPH_PERMISSION_ASKED_TOO_OFTEN' } },
    });
    expect(await api('POST', '/whatsapp/permissions', { to: 'whatsapp:+442079460000' })).toMatchObject({
      status: 403,
      body: { error: { code: 'DESTINATION_REFUSED', reason: 'not_listed' } },
    });
  });
});
