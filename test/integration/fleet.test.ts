import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentEvent, CallEvent } from '../../src/call/events.ts';
import { newAccountSid, newCallSid } from '../../src/simulator/phone/carrier.ts';
import { openSocket } from '../../src/transport/socket.ts';
import { expectWhole, placeCall, placeCalls, tokenOf } from './fleet-calls.ts';
import { type FleetInstance, type FleetRig, startFleet } from './fleet-rig.ts';
import { LISTEN_RATE, listen } from './listener.ts';
import { toneAloneMs, until } from './rig.ts';

/** The same with processes and a real Redis, and with many more calls: fleet-processes.test.ts. */
const CALLS = 20;
const AT_ONCE = 10;

let rig: FleetRig;
beforeAll(async () => {
  rig = await startFleet({ settings: { GREETING: 'off' }, model: { voice: { tone: 620, ms: 400, dbfs: -15 } } });
}, 60_000);
afterAll(() => rig.close());

const call = (options: { stays?: boolean } = {}) => placeCall(rig, options);

describe('two instances behind a load balancer that knows nothing of calls', () => {
  it(`answer all of ${CALLS} calls, with the first words whole and one end each, though half of the streams come to another instance than their webhooks`, async () => {
    await placeCalls(rig, CALLS, AT_ONCE);
    expectWhole(rig, CALLS);
  }, 120_000);

  /** A call whose webhook and stream came to the first instance, and who is on the line. */
  const atTheFirst = async () => {
    rig.proxy.choose = (kind) => (kind === 'upgrade' ? 0 : undefined);
    const next = newOf('caller_joined');
    const placed = call({ stays: true });
    const { callId, at } = await until(() => next()[0], 'the caller joins');
    expect(at).toBe(0);
    return { ...placed, callId };
  };
  /** Events of this type that are told from now on. */
  const newOf = <T extends CallEvent['type']>(type: T) => {
    const before = new Set<unknown>(rig.of(type).map(({ event }) => event));
    return () => rig.of(type).filter(({ event }) => !before.has(event));
  };
  const endOf = (callId: string) => rig.of('call_ended').filter((one) => one.callId === callId);

  it('have what an operator asks of either done by the one that has the call, with its errors as they are there', async () => {
    const { callId, report } = await atTheFirst();
    const orders = newOf('operator');
    const view = (await (await rig.operate('GET', `/calls/${callId}`, undefined, 1)).json()) as { status: string };
    expect(view.status).toBe('in-progress');
    // Before the turns: each of those discards what is being played, keys too.
    expect((await rig.operate('POST', `/calls/${callId}/digits`, { digits: '12' }, 1)).status).toBe(204);
    for (const action of ['say', 'text'] as const)
      expect((await rig.operate('POST', `/calls/${callId}/${action}`, { text: 'hello' }, 1)).status, action).toBe(202);
    const refused = await rig.operate('POST', `/calls/${callId}/transfer`, { to: '+15005550001' }, 1);
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'DESTINATION_REFUSED' } }]);
    expect((await rig.operate('POST', `/calls/${callId}/hangup`, undefined, 1)).status).toBe(204);
    await report;
    await until(() => endOf(callId).length > 0, 'the end of the call');
    expect(endOf(callId)).toMatchObject([{ at: 0, event: { end: { reason: 'operator-hangup' } } }]);
    // Whichever was asked, the record of the call says by whom, and what of it is nobody else's matter it does not.
    expect(orders().map(({ event }) => event.event)).toEqual([
      { type: 'ordered', by: 'admin', order: 'digits', digits: 2 },
      { type: 'ordered', by: 'admin', order: 'say', text: 'hello' },
      { type: 'ordered', by: 'admin', order: 'text', text: 'hello' },
      { type: 'ordered', by: 'admin', order: 'hangup' },
    ]);
    const over = await rig.operate('POST', `/calls/${callId}/say`, { text: 'hello' }, 1);
    expect([over.status, await over.json()]).toMatchObject([409, { error: { code: 'CALL_ENDED' } }]);
    expect((await rig.operate('POST', '/calls/unknown/hangup', undefined, 1)).status).toBe(404);
  });

  it('let an operator who asks either listen to a call, and speak on it, wherever it is', async () => {
    const { callId, phone, report } = await atTheFirst();
    const news = newOf('operator');
    const ear = await listen(rig.instances[1]!.url, callId);
    await until(() => ear.side('agent').length > LISTEN_RATE / 2, 'sound comes');
    ear.mode('takeover');
    await until(() => ear.messages.some(({ mode }) => mode === 'takeover'), 'the operator has the caller');
    ear.forget();
    await ear.speak(1_500, 1_000);
    await until(() => toneAloneMs(ear.side('agent'), LISTEN_RATE, 1_500) >= 500, 'the caller hears the operator');
    expect(news().map(({ at, event }) => [at, event.event.type])).toEqual([
      [0, 'listen_started'],
      [0, 'takeover_started'],
    ]);
    await phone.hangUp();
    await report;
    expect(await until(() => ear.ended, 'the end of the call ends it')).toMatchObject({ reason: 'call-ended' });
    await expect(listen(rig.instances[1]!.url, callId)).rejects.toMatchObject({ status: 404 });
    // A name of an instance in the address opens nothing by itself.
    const bare = openSocket(
      `${rig.instances[0]!.url.replace(/^http/, 'ws')}/listen/abc`,
      { text: () => {}, binary: () => {}, close: () => {} },
      { maxMessageBytes: 1_024, pingIntervalMs: 0, connectTimeoutMs: 5_000, headers: { authorization: 'Ticket x' } },
    );
    await expect(bare).rejects.toMatchObject({ status: 403 });
  });

  it('make one call of a webhook that comes to both, end it by the news that comes to the other, and then know what comes next', async () => {
    const CallSid = newCallSid('twilio');
    const form = { CallSid, AccountSid: newAccountSid('twilio'), From: '+15005550006', To: '+15005550001' };
    const tell = async (path: string, at: number, more: Record<string, string> = {}) => {
      const body = new URLSearchParams({ ...form, CallStatus: 'ringing', Direction: 'inbound', ...more });
      const answer = await fetch(`${rig.instances[at]!.url}${path}`, {
        method: 'POST',
        body,
        headers: { host: new URL(rig.proxy.url).host },
      });
      return answer.text();
    };
    const next = newOf('call_started');
    const documents = await Promise.all([0, 1, 1, 0].map((at) => tell('/incoming-call', at)));
    documents.push(await tell('/incoming-call', 0), await tell('/incoming-call', 1));
    expect(new Set(documents.map(tokenOf)).size).toBe(1);
    const started = next();
    expect(started.length).toBe(1);
    const [{ callId, at }] = started as [(typeof started)[0]];
    await tell('/call-status', 1 - at, { CallStatus: 'completed' });
    await until(() => endOf(callId).length > 0, 'the end of the call');
    expect(endOf(callId)).toMatchObject([{ at, event: { end: { reason: 'caller-hangup' } } }]);
    expect(await tell('/call-continue', 1 - at)).toContain('<Hangup');
  });

  it('bring a caller back whose line broke, wherever his carrier asks and wherever his stream then lands', async () => {
    const sessions = rig.model.sessions.length;
    const { callId, phone, report } = await atTheFirst();
    const said = () => rig.of('agent').some((one) => one.callId === callId && isWhole(one.event.event));
    await until(said, 'the agent answers');
    await until(() => phone.stream?.ear.lastLoudMs !== undefined, 'he is heard');
    const connectedAt = (at: number) => rig.of('connected').some((one) => one.callId === callId && one.at === at);
    await until(() => connectedAt(0), 'both ends are there');
    rig.proxy.choose = () => 1;
    phone.stream?.breakLine();
    await until(() => rig.of('call_moved').some((one) => one.callId === callId), 'the call goes on at the second');
    await until(() => connectedAt(1), 'both ends are there again');
    // It is the conversation that it was: the other agent is told of it, and says so in place of beginning anew.
    const next = () =>
      rig.model.sessions.slice(sessions).find(({ received }) => JSON.stringify(received).includes('you are back'));
    const { received } = await until(next, 'the other agent goes on');
    expect(JSON.stringify(received.filter(({ type }) => type === 'conversation.item.create'))).toContain(
      '"role":"assistant"',
    );
    const again = rig.of('call_started').filter((one) => one.callId === callId);
    expect(again.map(({ event }) => event.info.continues).filter((one) => one !== undefined)).toEqual([]);
    phone.hangUp();
    await report;
    await until(() => endOf(callId).length > 0, 'the end of the call');
    expect(endOf(callId)).toMatchObject([{ at: 1, event: { end: { reason: 'caller-hangup' } } }]);
  });

  it('take the streams of their calls while they drain, and no new ones', async () => {
    const [first, second] = rig.instances as [FleetInstance, FleetInstance];
    rig.proxy.choose = (kind) => {
      if (kind === 'upgrade') void first.app.drain(8_000);
      return 0;
    };
    const next = newOf('caller_joined');
    const { phone, report } = call({ stays: true });
    const joined = await until(() => next()[0], 'the caller joins');
    expect(joined.at).toBe(0);
    expect((await fetch(`${first.url}/ready`)).status).toBe(503);
    const seen = await until(
      () => second.lines.length >= 0 && rig.memory.leases<{ draining: boolean }>({ name: 'instances' }).members('all'),
      'the instances',
    );
    expect(seen.map(({ value }) => value.draining).sort()).toEqual([false, true]);
    phone.hangUp();
    await report;
    await until(() => endOf(joined.callId).length > 0, 'the end of the call');
  });
});

const isWhole = (event: AgentEvent) => event.type === 'transcript' && event.final;
