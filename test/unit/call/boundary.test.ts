import { describe, expect, it } from 'vitest';
import { Calls } from '../../../src/call/calls.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import type { LegContext } from '../../../src/call/leg.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { atTwilio } from '../../fakes/carrier.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../../fakes/legs.ts';

function make() {
  const clock = new FakeClock();
  const ticker = new Ticker(clock);
  const log = fakeLog();
  const ends: Array<[id: string, reason: string, bugs: number | undefined]> = [];
  const observer = {
    onEvent(id: string, event: CallEvent) {
      if (event.type === 'call_ended') ends.push([id, event.end.reason, event.counters['call_bug']]);
    },
  };
  const calls = new Calls({
    clock,
    ticker,
    log,
    observers: [observer],
    apology: undefined,
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  });
  const place = (id: string) => {
    const agent = new FakeAgent();
    const caller = new FakeCaller();
    calls.create({ id, direction: 'inbound', ...atTwilio(`CA-${id}`) }, agent);
    calls.join(id, caller);
    agent.ready();
    return { agent, caller };
  };
  return { clock, ticker, log, ends, calls, bad: place('bad'), good: place('good') };
}

const bug = (): never => {
  throw new Error('of ours');
};
const ctxOf = (leg: FakeAgent | FakeCaller): LegContext<never> => leg.ctx as LegContext<never>;

describe('a bug in one call', () => {
  it.each<[string, (rig: ReturnType<typeof make>) => void]>([
    ["in a timer of the caller's leg", ({ bad }) => void ctxOf(bad.caller).clock.after(10, bug)],
    ["in a timer of the agent's leg", ({ bad }) => void ctxOf(bad.agent).clock.after(10, bug)],
    ['on the media clock', ({ bad }) => void ctxOf(bad.caller).ticker.subscribe(bug)],
    ['on the slow look of it', ({ bad }) => void ctxOf(bad.agent).ticker.subscribeSlowly(bug)],
    [
      'where the caller is heard',
      ({ bad }) => {
        bad.agent.audio.write = bug;
        bad.caller.say([1]);
      },
    ],
    [
      'where an event is dealt with',
      ({ bad }) => {
        bad.agent.interrupt = bug;
        bad.agent.sendText = bug;
        bad.caller.ctx?.emit({ type: 'text', text: 'hello' });
      },
    ],
  ])('%s ends that call, once, and no other', async (_, happen) => {
    const rig = make();
    happen(rig);
    await rig.clock.advanceAsync(200, 10);
    expect(rig.ends.map(([id, reason]) => [id, reason])).toEqual([['bad', 'internal']]);
    expect(rig.ends[0]?.[2]).toBeGreaterThanOrEqual(1);
    expect(rig.log.lines.filter(({ level }) => level === 'error')[0]?.message).toContain('a bug in this call');
    expect(rig.calls.continuation(atTwilio('CA-bad'))).toEqual({ next: 'apology' });
    // The other call goes on: heard, ticked and told.
    let ticks = 0;
    ctxOf(rig.good.caller).ticker.subscribe(() => ticks++);
    rig.good.caller.say([5]);
    await rig.clock.advanceAsync(200, 10);
    expect(rig.good.agent.audio.heard).toEqual([5]);
    expect(ticks).toBeGreaterThan(5);
    expect(rig.calls.size).toBe(1);
  });
});
