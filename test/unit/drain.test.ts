import { describe, expect, it } from 'vitest';
import { Calls } from '../../src/call/calls.ts';
import type { CallEvent } from '../../src/call/events.ts';
import { termination } from '../../src/call/termination.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { SAY_WE_CLOSE } from '../../src/call/words.ts';
import { Drain } from '../../src/drain.ts';
import { atTwilio } from '../fakes/carrier.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../fakes/legs.ts';

function make(timeoutMs = 60_000, lastWork?: (signal: AbortSignal) => Promise<void>) {
  const clock = new FakeClock();
  const ends: Array<[string, string]> = [];
  const calls = new Calls({
    clock,
    ticker: new Ticker(clock),
    log: fakeLog(),
    observers: [
      {
        onEvent: (id: string, event: CallEvent) => {
          if (event.type === 'call_ended') ends.push([id, event.end.reason]);
        },
      },
    ],
    apology: { samples: new Int16Array(800).fill(500), sampleRate: 8_000 },
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  });
  const drain = new Drain({ calls, clock, timeoutMs, ...(lastWork === undefined ? {} : { lastWork }) });
  let over = false;
  const begin = () => {
    void drain.begin().then(() => {
      over = true;
    });
  };
  /** A call with both ends on the line; `ready` false: the model is not there yet. */
  const call = (id: string, { ready = true, caller = true } = {}) => {
    const agent = new FakeAgent();
    const phone = new FakeCaller();
    const made = calls.create({ id, direction: 'inbound', ...atTwilio(`CA-${id}`) }, agent);
    if (ready) agent.ready();
    if (caller) made.join(phone);
    return { agent, phone, call: made };
  };
  return { clock, calls, drain, begin, call, ends, over: () => over };
}

describe('draining', () => {
  it('is over at once when nobody is on the line', async () => {
    const { clock, drain, begin, over } = make();
    expect(drain.draining).toBe(false);
    begin();
    await clock.advanceAsync(1, 1);
    expect([drain.draining, over(), clock.pending]).toEqual([true, true, 0]);
  });

  it('waits for the last call, and a little longer for its carrier', async () => {
    const { clock, begin, call, ends, over } = make();
    const a = call('a');
    const b = call('b');
    begin();
    await clock.advanceAsync(10_000, 1_000);
    expect([a.call.state, b.call.state, over()]).toEqual(['joined', 'joined', false]);
    void a.call.end(termination('caller-hangup'));
    await clock.advanceAsync(1_000, 100);
    expect(over()).toBe(false);
    void b.call.end(termination('agent-hangup'));
    await clock.advanceAsync(1_900, 100);
    expect(over()).toBe(false);
    await clock.advanceAsync(200, 100);
    expect(over()).toBe(true);
    expect(ends).toEqual([
      ['a', 'caller-hangup'],
      ['b', 'agent-hangup'],
    ]);
    expect(clock.pending).toBe(0);
  });

  it('has the agents say goodbye when the time is up, and waits until that was heard', async () => {
    const { clock, calls, begin, call, ends } = make(5_000);
    const { agent, phone, call: made } = call('a');
    begin();
    await clock.advanceAsync(4_900, 100);
    expect(agent.did).not.toContain(`respond ${SAY_WE_CLOSE}`);
    await clock.advanceAsync(200, 100);
    expect(agent.did).toContain(`respond ${SAY_WE_CLOSE}`);
    agent.emit({ type: 'response_started', responseId: 'resp_bye' });
    phone.playsAtOnce = false;
    agent.speak('bye', 2_000);
    agent.emit({ type: 'response_done', responseId: 'resp_bye', status: 'completed' });
    await clock.advanceAsync(1_000, 100);
    expect(made.state).toBe('joined');
    phone.playsAtOnce = true;
    await clock.advanceAsync(200, 20);
    expect(ends).toEqual([['a', 'drained']]);
    // Who was told goodbye needs no apology of the carrier's.
    expect(calls.continuation(atTwilio('CA-a'))).toEqual({ next: 'hangup' });
  });

  it('is shortened by who is in more of a hurry, and never made longer', async () => {
    const { clock, drain, call, ends } = make(60_000);
    const { agent } = call('a');
    void drain.begin();
    void drain.begin(5_000);
    void drain.begin(50_000);
    await clock.advanceAsync(4_900, 100);
    expect(agent.did).not.toContain(`respond ${SAY_WE_CLOSE}`);
    await clock.advanceAsync(200, 100);
    expect(agent.did.join()).toContain(SAY_WE_CLOSE);
    await clock.advanceAsync(20_000, 100);
    expect(ends).toEqual([['a', 'drained']]);
  });

  it('does not wait for ever for a goodbye that does not come; the carrier apologises then', async () => {
    const { clock, calls, begin, call, ends } = make(1_000);
    call('a');
    begin();
    await clock.advanceAsync(12_500, 500);
    expect(ends).toEqual([]);
    await clock.advanceAsync(2_000, 100);
    expect(ends).toEqual([['a', 'drained']]);
    expect(calls.continuation(atTwilio('CA-a'))).toEqual({ next: 'apology' });
  });

  it('plays the recorded apology where the agent cannot speak, and ends at once where nobody is on the line', async () => {
    const { clock, begin, call, ends } = make(1_000);
    const { phone } = call('a', { ready: false });
    call('b', { caller: false });
    begin();
    await clock.advanceAsync(1_200, 100);
    expect(phone.audio.heard.length).toBeGreaterThan(700);
    expect(ends.toSorted()).toEqual([
      ['a', 'drained'],
      ['b', 'drained'],
    ]);
  });

  it('is over when the calls are cut short, each told once', async () => {
    const { clock, calls, begin, call, ends, over } = make();
    call('a');
    call('b');
    begin();
    await clock.advanceAsync(1_000, 100);
    await calls.endAll(termination('drained'));
    await clock.advanceAsync(2_100, 100);
    expect([ends.length, over()]).toEqual([2, true]);
  });

  it('a caller who hangs up during the goodbye ended the call himself', async () => {
    const { clock, begin, call, ends } = make(1_000);
    const { phone } = call('a');
    begin();
    await clock.advanceAsync(1_100, 100);
    phone.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    await clock.advanceAsync(20_000, 500);
    expect(ends).toEqual([['a', 'caller-hangup']]);
  });

  describe('with something still to be made of the calls', () => {
    const work = () => {
      const signals: AbortSignal[] = [];
      let done = () => {};
      return {
        signals,
        done: () => done(),
        lastWork: (signal: AbortSignal) => {
          signals.push(signal);
          return new Promise<void>((resolve) => {
            done = resolve;
            signal.addEventListener('abort', () => resolve());
          });
        },
      };
    };

    it('waits for it once the calls are over, and no longer than it takes', async () => {
      const { signals, done, lastWork } = work();
      const { clock, begin, call, over } = make(60_000, lastWork);
      const a = call('a');
      begin();
      await clock.advanceAsync(5_000, 500);
      expect(signals).toEqual([]);
      void a.call.end(termination('caller-hangup'));
      await clock.advanceAsync(9_000, 500);
      expect([signals.length, over()]).toEqual([1, false]);
      done();
      await clock.advanceAsync(10, 10);
      expect([over(), signals[0]!.aborted, clock.pending]).toEqual([true, false, 0]);
    });

    it.each([
      ['the time that is left', 10_000, 10_000],
      ['half a minute', 120_000, 30_000],
    ])('waits no longer than %s', async (_, timeoutMs, mostMs) => {
      const { signals, lastWork } = work();
      const { clock, begin, over } = make(timeoutMs, lastWork);
      begin();
      await clock.advanceAsync(mostMs - 100, 100);
      expect(over()).toBe(false);
      await clock.advanceAsync(200, 100);
      expect([over(), signals[0]?.aborted]).toEqual([true, true]);
    });

    it('waits shorter for whoever is in more of a hurry, and not at all where the time is up', async () => {
      const hurried = work();
      const { clock, drain, begin, over } = make(60_000, hurried.lastWork);
      begin();
      await clock.advanceAsync(1_000, 100);
      void drain.begin(2_000);
      await clock.advanceAsync(2_100, 100);
      expect(over()).toBe(true);
      const late = work();
      const other = make(1_000, late.lastWork);
      other.call('a', { ready: false });
      other.begin();
      await other.clock.advanceAsync(30_000, 100);
      expect([other.over(), late.signals]).toEqual([true, []]);
    });
  });
});
