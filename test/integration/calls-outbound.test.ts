import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { peakDbfs } from '../../src/media/level.ts';
import { ADMIN, type CallsRig, OURS, startCallsRig, THEIRS } from './calls-rig.ts';
import { farKeys } from './keys-heard.ts';
import { toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Calls that are ordered from the running daemon, and calls that are operated while they go on. */

const voice = { tone: 620, ms: 600, dbfs: -15 };
const order = { to: '+1 (202) 555-1111', prompt: 'reminder', variables: { name: 'Ada Lovelace' } };

/** What the model was asked to be and to say. */
const asked = (rig: CallsRig) => JSON.stringify(rig.model.sessions[0]?.received ?? []);

const WAYS = [
  ['twilio', 'rest', 'webrtc'],
  ['signalwire', 'rest', 'websocket'],
  ['signalwire', 'relay', 'websocket'],
] as const;

// What is measured by tone has the process to itself.
describe.each(WAYS)('a call ordered at %s by %s, the model on %s', (carrier, control, transport) => {
  it('opens a media stream, the conversation runs, and its end is reported', async ({ own }) => {
    const rig = own(await startCallsRig({ carrier, control, transport, model: { voice } }));
    const placed = await rig.api('POST', '/calls', { ...order, callbackUrl: rig.callbackUrl });
    expect(placed).toMatchObject({ status: 201, body: { direction: 'outbound', from: OURS, to: THEIRS } });
    const { id } = placed.body;
    const call = rig.carrier.calls[0]!;
    expect(call).toMatchObject({ to: THEIRS, from: OURS });

    const stream = await until(() => call.stream, 'the carrier opens a media stream');
    await until(() => stream.ear.lastLoudMs !== undefined, 'the agent is heard');
    await until(() => (rig.model.sessions[0]?.receivedAudioMs ?? 0) > 2_200, 'the model hears the one who answered');
    // The prompt that was ordered, with its variables, and under the order's own id.
    expect(rig.of('call_started')[0]?.info).toMatchObject({ id, direction: 'outbound', prompt: 'reminder' });
    expect(asked(rig)).toContain('Ada Lovelace');
    expect((await rig.api('GET', `/calls/${id}`)).body).toMatchObject({
      id,
      status: 'in-progress',
      prompt: 'reminder',
    });
    expect((await rig.api('GET', '/calls')).body.calls).toMatchObject([{ id }]);

    expect((await rig.api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    await call.done;
    expect(call.status).toBe('completed');
    const callback = await until(() => rig.callbacks[0], 'the callback');
    expect(callback).toMatchObject({
      type: 'call.ended',
      call: { id, status: 'completed', end: { result: 'success', reason: 'operator-hangup' } },
    });
    expect((await rig.api('GET', '/calls?state=ended')).body.calls).toMatchObject([{ id, status: 'completed' }]);
    expect(rig.app.calls.size).toBe(0);

    expect(toneAloneMs(rig.model.sessions[0]!.inputAudio(), 24_000, 440)).toBeGreaterThan(300);
    expect(peakDbfs(call.recordedChannels()!.agent)).toBeGreaterThan(-30);
    expect(call.streams[0]?.faultCount).toBe(0);
    expect(JSON.stringify(rig.lines)).not.toMatch(/2025551111|2025559999|admin-token|rest-token|Lovelace/);
  });
});

describe.concurrent('an order', () => {
  it('is refused for who is asked, for whom, for how many, and is placed once for one key', async ({ own }) => {
    const settings = { OUTBOUND_PER_HOUR: '3', OUTBOUND_CONCURRENT: '2' };
    const rig = own(await startCallsRig({ carrier: 'twilio', settings, model: { voice } }));
    const refused = async (body: object, status: number, code: string, headers = {}) => {
      const answer = await rig.api('POST', '/calls', body, headers);
      expect(answer).toMatchObject({ status, body: { error: { code } } });
      return answer;
    };
    await refused({ to: THEIRS }, 401, 'ADMIN_TOKEN_INVALID', { authorization: `Bearer x${ADMIN}` });
    for (const [to, reason] of [
      ['+49 30 1234567', 'not_listed'],
      ['+1 900 555 1234', 'premium_rate'],
      ['+1 1 900 555 1234', 'premium_rate'],
      ['+1 1 876 555 1234', 'not_listed'],
      ['+1 555 555 0143', 'not_valid'],
      ['12', 'not_e164'],
    ]) {
      const answer = await refused({ to }, 403, 'DESTINATION_REFUSED');
      expect(answer.body.error).toMatchObject({ reason, message: expect.any(String) });
    }
    await refused({ to: THEIRS, prompt: 'no-such-prompt' }, 422, 'PROMPT_UNKNOWN');
    const unknown = await refused({ to: THEIRS, agent: { kind: 'opnai' } }, 422, 'AGENT_UNKNOWN');
    expect(unknown.body.error.message).toContain('did you mean openai?');
    await refused({ to: THEIRS, callbackUrl: 'http://169.254.169.254/x' }, 403, 'CALLBACK_REFUSED');
    expect(rig.carrier.requests).toEqual([]);

    const key = { 'idempotency-key': 'order-1' };
    const first = await rig.api('POST', '/calls', { to: THEIRS }, key);
    const again = await rig.api('POST', '/calls', { to: THEIRS }, key);
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    await refused({ to: '+12025552222' }, 409, 'IDEMPOTENCY_KEY_REUSED', key);
    expect(rig.carrier.calls).toHaveLength(1);

    expect((await rig.api('POST', '/calls', { to: '+12025552222' })).status).toBe(201);
    await refused({ to: '+12025553333' }, 429, 'OUTBOUND_CONCURRENT_LIMIT');
    for (const call of rig.carrier.calls) {
      call.hangUp();
      await call.done;
    }
    await until(() => rig.app.calls.size === 0, 'both calls are over');
    expect((await rig.api('POST', '/calls', { to: '+12025553333' })).status).toBe(201);
    rig.carrier.calls[2]?.hangUp();
    await rig.carrier.calls[2]?.done;
    const last = await refused({ to: '+12025554444' }, 429, 'OUTBOUND_HOURLY_LIMIT');
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(3_000);
    expect(rig.carrier.calls).toHaveLength(3);
  });

  it('still counts for its hour when the daemon was started anew', async ({ own }) => {
    const settings = { OUTBOUND_PER_HOUR: '1', DATA_DIR: mkdtempSync(join(tmpdir(), 'hour-')) };
    const first = await startCallsRig({ carrier: 'twilio', settings, model: { voice } });
    expect((await first.api('POST', '/calls', { to: THEIRS })).status).toBe(201);
    await first.close();
    const second = own(await startCallsRig({ carrier: 'twilio', settings, model: { voice } }));
    const answer = await second.api('POST', '/calls', { to: THEIRS });
    expect(answer).toMatchObject({ status: 429, body: { error: { code: 'OUTBOUND_HOURLY_LIMIT' } } });
    expect(second.carrier.calls).toEqual([]);
  });

  it('takes its share of the calls there may be at once, and of those in a second', async ({ own }) => {
    const limits = { MAX_CALLS: '1', CALLS_PER_SECOND: '1', OUTBOUND_CONCURRENT: '20' };
    const far = (to: string) => ({ outcome: 'answer', ringMs: to === THEIRS ? 0 : 60_000 }) as const;
    const rig = own(await startCallsRig({ carrier: 'twilio', settings: limits, far, model: { voice } }));
    const answers: Array<Awaited<ReturnType<CallsRig['api']>>> = [];
    const place = async (to: string) => {
      const answer = await rig.api('POST', '/calls', { to });
      answers.push(answer);
      return answer.status;
    };
    const refusal = (status: number, reason: string) => {
      expect(answers.at(-1)).toMatchObject({ status, body: { error: { code: 'NO_MORE_CALLS', reason } } });
      expect(Number(answers.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(0);
    };
    // Five seconds' worth may come at once. None that rings is a call yet, and the one that is answered is asked for again.
    for (const to of ['+12025552001', '+12025552002', '+12025552003', THEIRS]) expect(await place(to)).toBe(201);
    await until(() => rig.app.calls.size === 1, 'somebody answers');
    await place('+12025559000');
    refusal(503, 'calls');
    await rig.api('POST', `/calls/${[...rig.app.calls][0]?.info.id}/hangup`);
    await until(() => rig.app.calls.size === 0, 'the call is over');
    for (let i = 0; i < 10 && (await place(`+1202555300${i}`)) === 201; i++);
    refusal(429, 'rate');
    expect(rig.carrier.calls.map(({ to }) => to)).not.toContain('+12025559000');
  });

  it('is over here whenever the far party hangs up, before its stream, in its making or later', async ({ own }) => {
    const settings = { OUTBOUND_PER_HOUR: '20', OUTBOUND_CONCURRENT: '20' };
    const far = () => ({ outcome: 'answer', ringMs: 0 }) as const;
    const rig = own(await startCallsRig({ carrier: 'twilio', settings, far, model: { voice } }));
    const hungUp = [0, 2, 5, 10, 15, 20, 30, 50, 80, 120].map(async (ms, index) => {
      const { body } = await rig.api('POST', '/calls', { to: `+1202555${1000 + index}`, callbackUrl: rig.callbackUrl });
      const call = rig.carrier.calls.find((each) => each.sid === body.carrierCallId)!;
      await new Promise((resolve) => setTimeout(resolve, ms));
      call.hangUp();
      await call.done;
    });
    await Promise.all(hungUp);
    // Far less than a call waits for its stream, or for one that broke.
    await until(() => rig.app.calls.size === 0, 'all calls are over');
    await until(() => rig.callbacks.length === 10, 'all calls are reported');
    expect(new Set(rig.of('call_ended').map(({ end }) => end.reason))).toEqual(new Set(['caller-hangup']));
  });

  it('cannot be placed without credentials', async ({ own }) => {
    const rig = own(await startCallsRig({ carrier: 'twilio', settings: { TWILIO_ACCOUNT_SID: '' }, model: { voice } }));
    expect(await rig.api('POST', '/calls', { to: THEIRS })).toMatchObject({
      status: 503,
      body: { error: { code: 'OUTBOUND_UNAVAILABLE' } },
    });
    const { body } = await rig.api('GET', '/openapi.json');
    expect(Object.keys(body.paths)).toContain('/calls/{id}/transfer');
  });

  it('that still rings is taken back when the daemon ends, and one that talks is reported', async ({ own }) => {
    const far = (to: string) => ({ outcome: 'answer', ringMs: to === THEIRS ? 20 : 60_000 }) as const;
    const rig = own(await startCallsRig({ carrier: 'twilio', far, model: { voice } }));
    const { callbackUrl } = rig;
    await rig.api('POST', '/calls', { to: THEIRS, callbackUrl });
    await rig.api('POST', '/calls', { to: '+12025552222', callbackUrl });
    await until(() => rig.carrier.calls[0]?.stream, 'the first call talks');
    await rig.app.close();
    const [talking, ringing] = rig.carrier.calls;
    expect(ringing?.status).toBe('canceled');
    await until(() => talking?.isOver, 'the first call is over');
    const reported = Object.fromEntries(rig.callbacks.map(({ call }) => [String(call['to']), call]));
    expect(reported[THEIRS]).toMatchObject({ status: 'completed', end: { reason: 'drained' } });
    expect(reported['+12025552222']).toMatchObject({ status: 'canceled' });
  });

  it('may talk no longer than its prompt allows', async ({ own }) => {
    const rig = own(await startCallsRig({ carrier: 'twilio', model: { voice } }));
    await rig.api('POST', '/calls', { to: order.to, prompt: 'brief' });
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end.reason).toBe('max-duration');
    await until(() => rig.carrier.calls[0]?.isOver, 'the carrier hung up');
  });
});

describe.concurrent.each(['twilio', 'signalwire'] as const)('a call that goes on, over %s', (carrier) => {
  it('says what it is told, and takes a typed turn', async ({ own }) => {
    const rig = own(await startCallsRig({ carrier, model: { voice } }));
    const { id } = (await rig.api('POST', '/calls', { to: THEIRS })).body;
    const call = rig.carrier.calls[0]!;
    const stream = await until(() => call.stream, 'the media stream');
    await until(() => rig.of('connected').length > 0, 'both ends');
    expect((await rig.api('POST', `/calls/${id}/say`, { text: 'The train is late.' })).status).toBe(202);
    await until(() => asked(rig).includes('The train is late.'), 'the agent is asked to say it');
    expect((await rig.api('POST', `/calls/${id}/text`, { text: 'What time is it?' })).status).toBe(202);
    await until(() => asked(rig).includes('What time is it?'), 'the model gets the turn');
    await until(() => stream.ear.lastLoudMs !== undefined, 'the agent is heard');
    expect(JSON.stringify(rig.lines)).not.toMatch(/train is late|What time/);
    expect(await rig.api('POST', '/calls/no-such-call/say', { text: 'x' })).toMatchObject({ status: 404 });
  });

  it('[twilio, signalwire] transfer: by an operator goes on elsewhere, and the daemon is out of it', async ({
    own,
  }) => {
    const rig = own(await startCallsRig({ carrier, model: { voice } }));
    const { id } = (await rig.api('POST', '/calls', { to: THEIRS })).body;
    const call = rig.carrier.calls[0]!;
    await until(() => rig.of('connected').length > 0, 'both ends');
    const refused = await rig.api('POST', `/calls/${id}/transfer`, { to: '+493012345678' });
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'DESTINATION_REFUSED' } } });
    const answer = await rig.api('POST', `/calls/${id}/transfer`, { to: '+12025553333', say: 'One moment.' });
    expect(answer.status).toBe(204);
    await until(() => call.dialled.length > 0, 'the carrier dials');
    expect(call.dialled).toEqual(['+12025553333']);
    // What is left of MAX_CALL_MINUTES (120).
    const [, seconds] = /<Dial [^>]*timeLimit="(\d+)"/.exec(String(rig.carrier.requests.at(-1)?.form['Twiml'])) ?? [];
    if (carrier === 'twilio') expect(Number(seconds) > 7_100 && Number(seconds) <= 7_200, seconds).toBe(true);
    const ended = await until(() => rig.of('call_ended')[0], 'the conversation is over');
    expect(ended.end.reason).toBe('transferred');
    expect(await rig.api('POST', `/calls/${id}/say`, { text: 'Hello' })).toMatchObject({
      status: 409,
      body: { error: { code: 'CALL_ENDED' } },
    });
  });
});

/** A call whose agent was heard, in which an operator has keys played; they were, or are on their way. */
async function keyed(rig: CallsRig) {
  const { id } = (await rig.api('POST', '/calls', { to: THEIRS })).body;
  const call = rig.carrier.calls[0]!;
  const stream = await until(() => call.stream, 'the media stream');
  await until(() => stream.ear.lastLoudMs !== undefined, 'the agent is heard');
  expect((await rig.api('POST', `/calls/${id}/digits`, { digits: '4w2' })).status).toBe(204);
  return call;
}

const messages = ({ timeline }: { timeline: { entries: ReadonlyArray<{ what: string; text: string }> } }) =>
  timeline.entries.filter(({ what }) => what === 'dtmf').map(({ text }) => text);

/** One after the other: what stalls the daemon here stalls the far party, too, and a key is no longer than such a stall. */
describe('keys for the far party', () => {
  it('[twilio] digits out: none, so they go as their two tones in the audio', async ({ own }) => {
    const call = await keyed(own(await startCallsRig({ carrier: 'twilio', model: { voice } })));
    expect(await farKeys(call, '42')).toBe('42');
    expect(messages(call)).toEqual([]);
  });

  it('[signalwire] digits out: go as messages of the media stream', async ({ own }) => {
    const call = await keyed(own(await startCallsRig({ carrier: 'signalwire', model: { voice } })));
    await until(() => /4.*2/.test(messages(call).join(' ')), 'the digits arrive as such');
  });
});
