import { describe, expect, it } from 'vitest';
import { Call } from '../../../src/call/call.ts';
import { ringingTone } from '../../../src/call/comfort.ts';
import type { CallDeps } from '../../../src/call/deps.ts';
import type { AgentEvent, CallEvent } from '../../../src/call/events.ts';
import type { CallInfo } from '../../../src/call/info.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { toneLevel } from '../../../src/media/tone.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog, PlainAgent } from '../../fakes/legs.ts';

describe('the ringing tone', () => {
  it('is the one of where it rings, far below speech', () => {
    const na = ringingTone('north-america');
    expect(na.samples.length / na.sampleRate).toBe(6);
    const ring = na.samples.subarray(0, na.sampleRate);
    expect(toneLevel(ring, na.sampleRate, 440)).toBeCloseTo(-26, 0);
    expect(toneLevel(ring, na.sampleRate, 480)).toBeCloseTo(-26, 0);
    expect(na.samples.subarray(2 * na.sampleRate).every((sample) => sample === 0)).toBe(true);
    const eu = ringingTone('europe');
    expect(eu.samples.length / eu.sampleRate).toBe(5);
    expect(toneLevel(eu.samples.subarray(0, eu.sampleRate), eu.sampleRate, 425)).toBeCloseTo(-26, 0);
  });
});

const calling: AgentEvent = { type: 'calling', state: 'ringing', tone: 'europe' };

function newCall(agent: PlainAgent = new PlainAgent(), info: Partial<CallInfo> = {}) {
  const clock = new FakeClock();
  const events: CallEvent[] = [];
  const deps: CallDeps = {
    clock,
    ticker: new Ticker(clock),
    log: fakeLog(),
    observers: [{ onEvent: (_id, event) => void events.push(event) }],
    apology: { samples: new Int16Array(800).fill(500), sampleRate: 8000 },
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
    patience: { longestMs: 15_000, asks: 1 },
  };
  const call = new Call({ id: 'c1', direction: 'inbound', ...info }, agent, deps);
  call.start();
  const caller = new FakeCaller();
  // Played in real time.
  let now = 0;
  caller.playsAtOnce = false;
  const pass = (ms: number) => {
    for (let at = 0; at < ms; at += 20) {
      clock.advance(20);
      now += 20;
      caller.played = Math.min(caller.playout.writtenMs(), now);
    }
  };
  const heard = () => Int16Array.from(caller.audio.heard);
  return { call, agent, caller, events, pass, heard, clock };
}

describe('a caller for whom somebody is called', () => {
  it.for(['before', 'after'] as const)('hears ringing, again and again, when he comes %s it is told', (when) => {
    const { call, agent, caller, pass, heard } = newCall();
    if (when === 'before') call.join(caller);
    agent.emit(calling);
    if (when === 'after') call.join(caller);
    pass(11_000);
    const seconds = heard();
    expect(seconds.length / 8_000).toBeGreaterThan(11);
    for (const [from, rings] of [
      [0, true],
      [2, false],
      [5, true],
      [7, false],
      [10, true],
    ] as const)
      expect(toneLevel(seconds.subarray(from * 8_000 + 1_000, from * 8_000 + 7_000), 8_000, 425) > -40).toBe(rings);
  });

  it('hears it no more when somebody has answered, and nothing of it lies before his first word', () => {
    const { call, agent, caller, pass } = newCall();
    call.join(caller);
    agent.emit(calling);
    pass(500);
    agent.ready();
    expect(caller.audio.cleared).toBe(1);
    pass(500);
    expect(caller.audio.heard).toEqual([]);
    agent.ctx?.peer.write({ samples: new Int16Array(160).fill(7), sampleRate: 8000 });
    expect(caller.audio.heard).toEqual(new Array(160).fill(7));
  });

  it('has said to nobody what he said meanwhile: whoever answers hears him as he speaks, and not seconds late', () => {
    const { call, agent, caller, pass } = newCall();
    call.join(caller);
    agent.emit(calling);
    for (let at = 0; at < 5_000; at += 20) {
      caller.say(new Array(160).fill(3));
      pass(20);
    }
    agent.ready();
    expect(agent.audio.heard).toEqual([]);
    caller.say(new Array(160).fill(4));
    expect(agent.audio.heard).toEqual(new Array(160).fill(4));
  });

  it('hears the apology in its place when nobody does', async () => {
    const { call, agent, caller, pass, clock } = newCall();
    call.join(caller);
    agent.emit(calling);
    pass(500);
    agent.emit({ type: 'ended', end: termination('dial-busy') });
    await clock.advanceAsync(0);
    expect(caller.audio.heard.slice(0, 10)).toEqual(new Array(10).fill(500));
  });
});

describe('two who speak at once', () => {
  it('lose nothing of each other: what was heard is told, and nothing is cleared', () => {
    const { call, agent, caller, events } = newCall();
    call.join(caller);
    agent.ready();
    agent.speak('item-1', 1_000);
    agent.emit({ type: 'speech_started', keeps: true });
    expect(events.at(-1)).toMatchObject({ type: 'barge_in', clearMs: 0, heard: [{ itemId: 'item-1', heardMs: 0 }] });
    expect([caller.audio.cleared, agent.interruptions]).toEqual([0, []]);
    expect(caller.audio.heard).toHaveLength(8_000);
  });
});

describe('two who are silent together', () => {
  const ended = async (agent: PlainAgent, info: Partial<CallInfo> = {}) => {
    const { call, caller, pass, clock } = newCall(agent, info);
    call.join(caller);
    agent.ready();
    pass(40_000);
    await clock.advanceAsync(5_000);
    return call.ended?.reason;
  };
  const person = () => Object.assign(new PlainAgent(), { mayBeSilent: true });

  it('are left alone where both may be people, and not where one is a machine that cannot ask', async () => {
    expect(await ended(new PlainAgent())).toBe('caller-silent');
    expect(await ended(person())).toBeUndefined();
  });

  it('are so no longer than was set for the call', async () => {
    expect(await ended(person(), { silenceMs: 30_000 })).toBe('caller-silent');
  });
});

describe('keys between two lines', () => {
  it('go to an agent that takes them as keys, and become no turn', () => {
    const keys: string[] = [];
    const agent = Object.assign(new FakeAgent(), { key: (digit: string) => void keys.push(digit) });
    const { call, caller, pass } = newCall(agent);
    call.join(caller);
    agent.ready();
    for (const digit of '12#') caller.ctx?.emit({ type: 'dtmf', digit });
    pass(3_000);
    expect(keys).toEqual(['1', '2', '#']);
    expect(agent.did.filter((what) => what.startsWith('text'))).toEqual([]);
  });

  it('come from it to the caller, one after the other, by the wire or as tones', async () => {
    const { call, agent, caller, clock } = newCall();
    const sent: string[] = [];
    Object.assign(caller, { sendDigit: (digit: string) => sent.push(digit) > 0 });
    call.join(caller);
    agent.ready();
    agent.emit({ type: 'dtmf', digit: '4' });
    agent.emit({ type: 'dtmf', digit: '2' });
    await clock.advanceAsync(1_000);
    expect(sent).toEqual(['4', '2']);
    Object.assign(caller, { sendDigit: () => false });
    agent.emit({ type: 'dtmf', digit: '7' });
    await clock.advanceAsync(20);
    expect(caller.audio.heard.some((sample) => sample !== 0)).toBe(true);
  });
});
