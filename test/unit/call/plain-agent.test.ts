import { beforeEach, describe, expect, it } from 'vitest';
import { Call } from '../../../src/call/call.ts';
import { comfortTone } from '../../../src/call/comfort.ts';
import type { Counter } from '../../../src/call/counters.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import type { CallHooks } from '../../../src/call/tools.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeCaller, fakeLog, PlainAgent } from '../../fakes/legs.ts';

/** A call whose agent can be asked for nothing: it is not waited for, and what it cannot take is not sent. */

let clock: FakeClock;
let events: CallEvent[];
let ran: string[];

beforeEach(() => {
  clock = new FakeClock();
  events = [];
  ran = [];
});

function begin({ silenceMs = 0, agent = new PlainAgent(), caller = new FakeCaller() } = {}) {
  const given: { hooks?: CallHooks } = {};
  const tone = comfortTone();
  const call = new Call(
    { id: 'c1', direction: 'inbound', carrierCallId: 'CA1' },
    agent,
    {
      clock,
      ticker: new Ticker(clock),
      log: fakeLog(),
      observers: [{ onEvent: (_id, event) => events.push(event) }],
      apology: { samples: new Int16Array(800).fill(500), sampleRate: 8000 },
      comfort: { model: tone, limits: tone },
      patience: { longestMs: silenceMs, asks: 3 },
      limits: { joinMs: 20_000, reclaimMs: 15_000, ringMs: 10_000, maxMs: 3_600_000 },
    },
    (hooks) => {
      given.hooks = hooks;
      return {
        async run({ name }) {
          ran.push(name);
          return '{}';
        },
      };
    },
  );
  call.start();
  call.join(caller);
  agent.ready();
  return { call, agent, caller, hooks: given.hooks! };
}

const counted = (counter: Counter) =>
  events.flatMap((event) => (event.type === 'call_ended' ? [event.counters[counter] ?? 0] : []))[0];
const hangUp = (call: Call) => call.end(termination('caller-hangup'));

describe('a call whose agent can be asked for nothing', () => {
  it('flows both ways, and goes on when a broken line is back', () => {
    const { call, agent, caller } = begin();
    caller.say([1, 2]);
    agent.speak('a', 20);
    expect([agent.audio.heard, caller.audio.heard.length]).toEqual([[1, 2], 160]);
    caller.ctx?.emit({ type: 'ended', end: termination('media-lost') });
    const again = new FakeCaller();
    call.join(again);
    again.say([3]);
    expect([agent.audio.heard, call.state]).toEqual([[1, 2, 3], 'joined']);
  });

  it('ends after what is playing, without a goodbye that nobody would say', async () => {
    const { caller, agent, hooks } = begin();
    caller.playsAtOnce = false;
    agent.speak('a', 1_000);
    const ending = hooks.line.hangupAfterPlayout();
    await clock.advanceAsync(500, 20);
    expect(events.some(({ type }) => type === 'call_ended')).toBe(false);
    caller.played = 1_000;
    await clock.advanceAsync(200, 20);
    expect(await ending).toBe('ended');
    expect(events.at(-1)).toMatchObject({ type: 'call_ended', end: { reason: 'agent-hangup' } });
  });

  it('ends in the first silence that is too long, since nobody can ask', async () => {
    begin({ silenceMs: 5_000 });
    await clock.advanceAsync(4_500, 100);
    expect(events.some(({ type }) => type === 'call_ended')).toBe(false);
    await clock.advanceAsync(1_500, 100);
    expect(events.at(-1)).toMatchObject({ type: 'call_ended', end: { reason: 'caller-silent' } });
  });

  it('counts keys and typed turns as not taken, and they cut nobody off', async () => {
    const { call, agent, caller } = begin();
    caller.playsAtOnce = false;
    agent.speak('a', 1_000);
    caller.ctx?.emit({ type: 'dtmf', digit: '1' });
    expect(call.text('hello')).toBe(false);
    await clock.advanceAsync(3_000, 100);
    expect(agent.interruptions).toEqual([]);
    await hangUp(call);
    expect(counted('turn_not_taken')).toBe(2);
  });

  it('still lets the caller interrupt', () => {
    const { agent, caller } = begin();
    caller.playsAtOnce = false;
    agent.speak('a', 1_000);
    agent.emit({ type: 'speech_started' });
    expect(agent.interruptions).toMatchObject([[{ itemId: 'a' }]]);
  });

  it('plays a sound to who is back on a broken line, or from a transfer that failed, since nobody can tell him that it lives', async () => {
    const { call, caller } = begin();
    const isHeard = ({ audio }: FakeCaller) => audio.heard.some((sample) => sample !== 0);
    caller.ctx?.emit({ type: 'ended', end: termination('media-lost') });
    const again = new FakeCaller();
    call.join(again);
    expect(isHeard(again)).toBe(true);
    call.connecting('+12025550143');
    call.connected();
    call.transferEnded(1, 'no-answer', false);
    const back = new FakeCaller();
    call.join(back);
    expect(isHeard(back)).toBe(true);
  });

  it('says so to who wants it to say something', () => {
    expect(begin().call.say('Hello')).toBe(false);
  });

  it('plays a sound in place of words while a tool takes long', () => {
    const { caller, hooks } = begin();
    hooks.fill('One moment.');
    expect(caller.audio.heard.some((sample) => sample !== 0)).toBe(true);
  });

  it('runs no tool whose result nobody could be told', async () => {
    const { call, agent } = begin();
    agent.emit({ type: 'tool_call', toolCallId: 't', name: 'book', arguments: '{}', responseId: 'r' });
    await clock.advanceAsync(100);
    await hangUp(call);
    expect([ran, counted('tool_call_dropped')]).toEqual([[], 1]);
  });

  it('plays the apology to who is dismissed, and waits for no word of the agent', async () => {
    const { call, caller } = begin();
    const ending = call.dismiss(termination('drained'), 'Say goodbye.', 12_000);
    await clock.advanceAsync(300, 20);
    expect((await ending).reason).toBe('drained');
    expect(caller.audio.heard.filter((sample) => sample === 500)).toHaveLength(800);
    expect(call.saidGoodbye).toBe(false);
  });
});

describe('an agent that may have spoken before anybody was on the line', () => {
  it('is told that somebody listens when his line plays what it is given, and not before', async () => {
    const told: Array<{ there: boolean; plays: boolean }> = [];
    const agent = Object.assign(new PlainAgent(), {
      listened: (there: boolean) => void told.push({ there, plays: caller.ctx !== undefined }),
    });
    const { call, caller } = begin({ agent });
    await Promise.resolve();
    await Promise.resolve();
    expect(told).toEqual([{ there: true, plays: true }]);
    await hangUp(call);
  });

  it('is not told so of a line that could not be started', async () => {
    const told: boolean[] = [];
    const agent = Object.assign(new PlainAgent(), { listened: (there: boolean) => void told.push(there) });
    const other = new FakeCaller();
    other.startError = new Error('no line');
    const { call } = begin({ agent, caller: other });
    await hangUp(call);
    expect(told).not.toContain(true);
  });
});
