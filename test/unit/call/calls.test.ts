import { beforeEach, describe, expect, it } from 'vitest';
import { Calls } from '../../../src/call/calls.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { atTwilio } from '../../fakes/carrier.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../../fakes/legs.ts';

let clock: FakeClock;
let calls: Calls;

beforeEach(() => {
  clock = new FakeClock();
  calls = new Calls({
    clock,
    ticker: new Ticker(clock),
    log: fakeLog(),
    observers: [],
    apology: undefined,
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  });
});

function begin(maxMs?: number) {
  const agent = new FakeAgent();
  const call = calls.create({ id: 'c1', direction: 'inbound', ...atTwilio('CA1'), maxMs }, agent);
  const caller = new FakeCaller();
  call.join(caller);
  agent.ready();
  return { agent, call, caller };
}

describe('what follows for a caller whose stream ended', () => {
  it('after a transfer is a talk for what is left of the longest call, told as often as it is asked', async () => {
    const { call } = begin();
    clock.advance(600_000);
    const handed = call.handOver('+15550001111');
    await clock.advanceAsync(1_000);
    await handed;
    expect(calls.continuation(atTwilio('CA1'))).toEqual({ next: 'transfer', to: '+15550001111', seconds: 2_999 });
    await call.done;
    clock.advance(100_000);
    expect(calls.continuation(atTwilio('CA1'))).toEqual({ next: 'transfer', to: '+15550001111', seconds: 2_899 });
  });

  it('is a minute of it at least', async () => {
    const { call } = begin();
    clock.advance(3_590_000);
    expect(calls.transferSeconds('c1')).toBe(60);
    await call.end(termination('caller-hangup'));
  });

  it('is not shortened by what a prompt allows its agent', async () => {
    const { call } = begin(300_000);
    clock.advance(200_000);
    expect(calls.transferSeconds('c1')).toBe(3_400);
    await call.end(termination('caller-hangup'));
  });

  it('is the same call again where the line broke, which knows how its audio comes now', async () => {
    const { agent, call, caller } = begin();
    caller.ctx?.emit({ type: 'ended', end: termination('media-lost') });
    expect(calls.continuation(atTwilio('CA1'))).toEqual({ next: 'reattach', callId: 'c1' });
    expect(call.pace).toBe('burst');
    agent.emit({ type: 'ready', transport: 'webrtc', pace: 'live', sessionId: 'sess_2', resumed: true });
    expect(calls.continuation(atTwilio('CA1'))).toEqual({ next: 'reattach', callId: 'c1' });
    expect(call.pace).toBe('live');
    await call.end(termination('caller-hangup'));
  });
});

describe('a line that breaks again and again', () => {
  it('is taken up three times in a run, and every time where it held for minutes', async () => {
    const { call, caller } = begin();
    let line = caller;
    for (let n = 0; n < 8; n++) {
      line.ctx?.emit({ type: 'ended', end: termination('media-lost') });
      expect(calls.continuation(atTwilio('CA1')).next, `break ${n}`).toBe('reattach');
      line = new FakeCaller();
      calls.join('c1', line);
      clock.advance(301_000);
    }
    for (let n = 0; n < 3; n++) calls.continuation(atTwilio('CA1'));
    expect(calls.continuation(atTwilio('CA1'))).toEqual({ next: 'apology' });
    await call.end(termination('caller-hangup'));
  });
});

describe('a call that everybody ends at once', () => {
  it('ends once, with one record, and frees all of it', async () => {
    const told: string[] = [];
    const ticker = new Ticker(clock);
    const all = new Calls({
      clock,
      ticker,
      log: fakeLog(),
      observers: [{ onEvent: (_id, event) => told.push(event.type === 'call_ended' ? event.end.reason : event.type) }],
      apology: undefined,
      limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
    });
    const agent = new FakeAgent();
    const caller = new FakeCaller();
    const made = all.create({ id: 'c1', direction: 'inbound', ...atTwilio('CA1') }, agent);
    made.join(caller);
    agent.ready();
    // The caller hangs up, the carrier says so, the agent's session ends, an operator and the drain end it: in one turn of the loop.
    caller.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    agent.emit({ type: 'ended', end: termination('model-session-lost') });
    all.carrierEnded(atTwilio('CA1'));
    void made.end(termination('operator-hangup'));
    void made.end(termination('drained'));
    caller.ctx?.emit({ type: 'ended', end: termination('media-lost') });
    expect(await made.done).toEqual(termination('caller-hangup'));
    await clock.advanceAsync(30_000, 1_000);
    expect(told.filter((one) => one.includes('-'))).toEqual(['caller-hangup']);
    expect(caller.closedWith).toEqual([termination('caller-hangup')]);
    expect(agent.closedWith).toEqual([termination('caller-hangup')]);
    expect([all.size, ticker.size, clock.pending]).toEqual([0, 0, 0]);
    expect(all.continuation(atTwilio('CA1'))).toEqual({ next: 'hangup' });
  });
});
