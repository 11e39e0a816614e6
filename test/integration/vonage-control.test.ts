import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { VonageControl } from '../../src/callers/phone/carriers/vonage/control.ts';
import { type CarrierCall, type RestFault, startCarrier } from '../../src/simulator/carrier/index.ts';
import { ANSWER_MS, type ControlRig, callControlContract, type Failure, TO } from '../contract/call-control.ts';
import { PRIVATE_PEM, PUBLIC_PEM } from '../fixtures/vonage/key.ts';
import { type CallsRigOptions, OURS, startCallsRig, THEIRS } from './calls-rig.ts';
import { farKeys } from './keys-heard.ts';
import { toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Vonage's API: what every control promises, and calls that are ordered and operated over it, with a token of the application's own. */

const API_SECRET = 'rest-token-of-the-account';
const ELSEWHERE = '+12025550199';

const FAULTS: Record<Failure, RestFault> = {
  unavailable: { kind: 'status', status: 500 },
  'rate-limited': { kind: 'status', status: 429, retryAfter: '0' },
  hang: { kind: 'hang' },
  malformed: { kind: 'malformed' },
  cut: { kind: 'lost-answer' },
  unknown: { kind: 'status', status: 404 },
};

async function rig(): Promise<ControlRig<CarrierCall>> {
  // A bridge that keeps every call busy with words.
  const bridge = createServer((request, response) => {
    request.resume();
    const ncco = [{ action: 'talk', text: 'wait '.repeat(290).trim() }];
    response.setHeader('content-type', 'application/json').end(JSON.stringify(ncco));
  });
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(bridge.address() as AddressInfo).port}`;
  const carrier = await startCarrier({
    carrier: 'vonage',
    token: API_SECRET,
    publicKey: PUBLIC_PEM,
    verbTimeScale: 1,
  });
  const make = (pem: string) =>
    new VonageControl({
      applicationId: carrier.accountSid,
      privateKey: createPrivateKey(pem),
      baseUrl: carrier.url,
      clock: systemClock,
      timeoutMs: ANSWER_MS,
      random: () => 0,
    });
  const another = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  });
  const updates = (action: string) => carrier.requests.filter(({ form }) => form['action'] === action).length;
  return {
    control: make(PRIVATE_PEM),
    carrier,
    url: `${base}/incoming-call`,
    waits: (call) => call.timeline.entries.some(({ text }) => text.startsWith('<Say> wait')),
    said: (call, words) => call.timeline.entries.some(({ text }) => text === `<Say> ${words}`),
    fail(_action, failure, times) {
      for (let i = 0; i < times; i++) carrier.faults.add(FAULTS[failure]);
    },
    requests: (action) =>
      action === 'dial' ? carrier.requests.filter(({ method }) => method === 'POST').length : updates(action),
    withBadToken: () => make(another.toString()),
    secrets: [PRIVATE_PEM, another.toString(), 'eyJ', TO],
    async close() {
      await carrier.close();
      bridge.closeAllConnections();
      await new Promise((resolve) => bridge.close(resolve));
    },
  };
}

callControlContract('Vonage REST', rig, { digits: true, machineDetection: true });

test('[vonage] digits out: by REST are of 0-9, * and #, and w is its p', async () => {
  const { control, carrier, url, close } = await rig();
  const id = await control.dial({ to: TO, from: '+15550002222', url });
  await until(() => carrier.calls[0]?.status === 'in-progress', 'the call answered');
  await control.sendDigits(id, '1w2#');
  expect(carrier.requests.at(-1)).toMatchObject({
    method: 'PUT',
    path: `/v1/calls/${id}/dtmf`,
    json: { digits: '1p2#' },
  });
  await expect(control.sendDigits(id, '1A')).rejects.toMatchObject({ code: 'CONTROL_UNSUPPORTED' });
  await close();
});

const vonage: CallsRigOptions = {
  carrier: 'vonage',
  model: { voice: { tone: 620, ms: 600, dbfs: -15 } },
};

// What is measured by tone has the process to itself.
describe('a call ordered at Vonage, heard', () => {
  it('[vonage] out: is answered by the ordered prompt, told who answered, and its end is reported', async ({ own }) => {
    const far = () => ({ outcome: 'answer', ringMs: 20, answeredBy: 'machine_start' }) as const;
    const rig = own(await startCallsRig({ ...vonage, far }));
    const placed = await rig.api('POST', '/calls', {
      to: THEIRS,
      prompt: 'reminder',
      variables: { name: 'Ada Lovelace' },
      machineDetection: 'detect',
      timeoutSeconds: 20,
      callbackUrl: rig.callbackUrl,
    });
    expect(placed).toMatchObject({ status: 201, body: { direction: 'outbound', from: OURS, to: THEIRS } });
    const { id } = placed.body;
    expect(rig.carrier.requests[0]?.json).toMatchObject({
      to: [{ type: 'phone', number: THEIRS.slice(1) }],
      ringing_timer: 20,
      advanced_machine_detection: { behavior: 'continue', mode: 'detect' },
    });
    const call = rig.carrier.calls[0]!;
    await until(() => call.stream?.ear.lastLoudMs, 'the agent is heard');
    await until(() => (rig.model.sessions[0]?.receivedAudioMs ?? 0) > 2_200, 'the model hears the one who answered');
    expect(rig.of('call_started')[0]?.info).toMatchObject({ id, direction: 'outbound', prompt: 'reminder' });
    await expect
      .poll(async () => (await rig.api('GET', `/calls/${id}`)).body)
      .toMatchObject({ status: 'in-progress', answeredBy: 'machine_start' });
    expect((await rig.api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    await call.done;
    const callback = await until(() => rig.callbacks[0], 'the callback');
    expect(callback).toMatchObject({ type: 'call.ended', call: { id, status: 'completed' } });
    expect(toneAloneMs(rig.model.sessions[0]!.inputAudio(), 24_000, 440)).toBeGreaterThan(300);
    expect(call.streams[0]?.faultCount).toBe(0);
    expect(JSON.stringify(rig.lines)).not.toMatch(/2025551111|2025559999|PRIVATE KEY|eyJ|Lovelace/);
  });
});

describe.concurrent('a call ordered at Vonage', () => {
  it.for([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['failed', 'failed'],
  ] as const)('[vonage] out: that is %s ends as %s', async ([outcome, status], { own }) => {
    const rig = own(await startCallsRig({ ...vonage, far: () => ({ outcome, ringMs: 20 }) }));
    const { body } = await rig.api('POST', '/calls', { to: THEIRS, callbackUrl: rig.callbackUrl, timeoutSeconds: 5 });
    const callback = await until(() => rig.callbacks[0], 'the callback');
    expect(callback).toMatchObject({ call: { id: body.id, status } });
  });
});

/** A call that has come in, in which the agent was heard. */
async function live(own: <T extends { close(): Promise<void> }>(rig: T) => T, options: Partial<CallsRigOptions> = {}) {
  const rig = own(await startCallsRig({ ...vonage, ...options }));
  const call = rig.carrier.callIn({
    from: '+12025550143',
    to: OURS,
    webhookUrl: `${rig.url}/incoming-call`,
    statusUrl: `${rig.url}/call-status`,
  });
  await until(() => call.stream?.ear.lastLoudMs, 'the agent is heard');
  return { rig, call, id: rig.of('call_started')[0]!.info.id };
}

describe.concurrent('a call from Vonage that an operator has in hand', () => {
  it('[vonage] transfer: to a number that nobody answers brings the caller back to the same call', async ({ own }) => {
    const far = () => ({ outcome: 'no-answer', ringMs: 60_000 }) as const;
    const { rig, call, id } = await live(own, { far });
    expect((await rig.api('POST', `/calls/${id}/transfer`, { to: ELSEWHERE, say: 'One moment.' })).status).toBe(204);
    await until(() => call.dialled.length > 0, 'the other number rung');
    expect(call.dialled).toEqual([ELSEWHERE]);
    await until(() => rig.of('caller_joined').length === 2, 'the caller back');
    expect(rig.of('transfer_ended')).toMatchObject([{ n: 1, how: 'no-answer' }]);
    expect(rig.model.sessions).toHaveLength(1);
    const told = call.timeline.entries.map(({ text }) => text);
    expect(told).toContain('<Say> One moment.');
    // It shows a number of the account, the one that was called, and never the caller's.
    expect(told).toContain(`dials ${ELSEWHERE} as ${OURS}`);
    expect((await rig.api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    await call.done;
    expect((await until(() => rig.of('call_ended')[0], 'the end')).end.reason).toBe('operator-hangup');
  });

  it('[vonage] transfer: that somebody answers ends the agent’s part', async ({ own }) => {
    const far = () => ({ outcome: 'answer', ringMs: 100, talkMs: 500 }) as const;
    const { rig, call, id } = await live(own, { far });
    expect((await rig.api('POST', `/calls/${id}/transfer`, { to: ELSEWHERE })).status).toBe(204);
    await call.done;
    expect(call.status).toBe('completed');
    expect((await until(() => rig.of('call_ended')[0], 'the end')).end.reason).toBe('transferred');
    expect(rig.of('transfer_ended')).toMatchObject([{ n: 1, how: 'completed' }]);
  });

  it('[vonage] in: the caller’s own hanging up is told at the event URL, and ends the call at once', async ({
    own,
  }) => {
    const { rig, call } = await live(own);
    call.hangUp();
    await call.done;
    expect((await until(() => rig.of('call_ended')[0], 'the end', 3_000)).end.reason).toBe('caller-hangup');
    await until(() => rig.app.calls.size === 0, 'nothing left of it');
  });
});

/** Alone in the process: what stalls the daemon here stalls the far party, too, and a key is no longer than such a stall. */
describe('keys for the far party of a call at Vonage', () => {
  it('[vonage] digits out: none on the socket, so they go as their two tones in the audio', async ({ own }) => {
    const { rig, call, id } = await live(own);
    expect((await rig.api('POST', `/calls/${id}/digits`, { digits: '5' })).status).toBe(204);
    expect(await farKeys(call, '5')).toBe('5');
  });
});
