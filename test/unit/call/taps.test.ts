import { beforeEach, describe, expect, it } from 'vitest';
import type { CallerEvent, TapEvent } from '../../../src/call/events.ts';
import type { CallerLeg, LegContext, Pace } from '../../../src/call/leg.ts';
import type { CallTap, TapHooks } from '../../../src/call/tap.ts';
import { Taps } from '../../../src/call/taps.ts';
import type { PcmFrame } from '../../../src/media/frame.ts';
import { FakeCaller, FakeSink, fakeLog } from '../../fakes/legs.ts';

/** A caller's leg whose positions are set by hand, and that can refuse audio. */
class HandLeg extends FakeCaller {
  written = 0;
  refuses = false;
  override readonly playout = { writtenMs: () => this.written, playedMs: () => this.played };

  constructor() {
    super(8000);
    const { audio } = this;
    audio.write = ({ samples }) => {
      if (!this.refuses) this.written += samples.length / 8;
    };
    audio.clear = () => {
      this.written = this.played;
    };
  }
}

const frame = (ms: number): PcmFrame => ({ samples: new Int16Array(ms * 8).fill(7), sampleRate: 8000 });

let told: string[];
let events: TapEvent[];
let said: string[];
let counted: string[];
let hooks: TapHooks;

beforeEach(() => {
  told = [];
  events = [];
  said = [];
  counted = [];
  hooks = {
    tell: (event) => events.push(event),
    announce: ({ words, heard }) => {
      said.push(words);
      heard();
    },
    count: (name) => counted.push(name),
  };
});

const recording = (name = ''): CallTap => ({
  connected: () => told.push(`${name}connected`),
  caller: ({ samples }) => told.push(`${name}caller ${samples.length / 8}`),
  agent: ({ samples }, fromMs) => told.push(`${name}agent ${samples.length / 8} from ${fromMs}`),
  cleared: (playedMs) => told.push(`${name}cleared ${playedMs}`),
  tick: (playedMs, now) => told.push(`${name}tick ${playedMs} at ${now}`),
  ended: () => told.push(`${name}ended`),
});

const NOTICE = { heard: () => undefined, givenUp: () => undefined };

const tapsOf = (...all: CallTap[]) => new Taps(() => all, hooks, fakeLog());

function start(leg: CallerLeg): { peer: FakeSink; events: CallerEvent[] } {
  const peer = new FakeSink();
  const got: CallerEvent[] = [];
  const ctx = { peer, emit: (event: CallerEvent) => got.push(event) } as unknown as LegContext<CallerEvent>;
  void leg.start(ctx);
  return { peer, events: got };
}

describe('Taps', () => {
  it('leave the leg alone when nobody listens', () => {
    const leg = new HandLeg();
    const taps = tapsOf();
    expect(taps.listen(leg)).toBe(leg);
    taps.tick(0);
    taps.ended();
  });

  it('tell both directions, with where the agent’s audio lies, and pass everything on', () => {
    const taps = tapsOf(recording());
    const leg = new HandLeg();
    const tapped = taps.listen(leg);
    const { peer } = start(tapped);
    tapped.audio.write(frame(20));
    leg.played = 15;
    tapped.audio.write(frame(40));
    leg.say([1, 2, 3, 4, 5, 6, 7, 8]);
    taps.tick(100);
    expect(told).toEqual(['agent 20 from 0', 'agent 40 from 20', 'caller 1', 'tick 15 at 100']);
    expect(leg.written).toBe(60);
    expect(peer.heard).toHaveLength(8);
  });

  it('tell what was cut, and go on from there', () => {
    const taps = tapsOf(recording());
    const leg = new HandLeg();
    const tapped = taps.listen(leg);
    tapped.audio.write(frame(100));
    leg.played = 30;
    tapped.audio.clear();
    tapped.audio.write(frame(20));
    expect(told).toEqual(['agent 100 from 0', 'cleared 30', 'agent 20 from 30']);
  });

  it('tell a discard that the leg made by itself, and nothing of a frame that it dropped', () => {
    const taps = tapsOf(recording());
    const leg = new HandLeg();
    const tapped = taps.listen(leg);
    tapped.audio.write(frame(100));
    leg.played = 40;
    leg.written = 40;
    leg.refuses = true;
    tapped.audio.write(frame(20));
    leg.refuses = false;
    tapped.audio.write(frame(20));
    expect(told).toEqual(['agent 100 from 0', 'cleared 40', 'agent 20 from 40']);
  });

  it('let positions go on when the stream begins anew and when another leg comes', () => {
    const taps = tapsOf(recording());
    const first = new HandLeg();
    const tapped = taps.listen(first);
    const seen = start(tapped);
    tapped.audio.write(frame(100));
    first.played = 60;
    taps.tick(1);
    first.written = 0;
    first.played = 0;
    first.ctx?.emit({ type: 'stream_restarted' });
    tapped.audio.write(frame(20));
    first.played = 20;
    first.ctx?.emit({ type: 'ended', end: { result: 'failure', reason: 'media-lost' } as never });
    const second = taps.listen(new HandLeg());
    second.audio.write(frame(10));
    expect(told).toEqual([
      'agent 100 from 0',
      'tick 60 at 1',
      'cleared 60',
      'agent 20 from 60',
      'cleared 80',
      'agent 10 from 80',
    ]);
    expect(seen.events.map((event) => event.type)).toEqual(['stream_restarted', 'ended']);
  });

  it('ask how far playing has come only while something is unplayed and somebody wants to know', () => {
    const leg = new HandLeg();
    let asked = 0;
    const playedMs = () => {
      asked++;
      return leg.played;
    };
    Object.assign(leg, { playout: { writtenMs: () => leg.written, playedMs } });
    let ticking = true;
    const tap = Object.defineProperty(recording(), 'ticking', { get: () => ticking });
    const taps = tapsOf(tap);
    const caller = taps.listen(leg);
    // As the call does: a tick for those who have use for it.
    const looks = (ticks: number) => {
      asked = 0;
      for (let i = 0; i < ticks; i++) if (taps.ticking) taps.tick(i);
      return asked;
    };
    looks(1);
    expect(looks(5)).toBe(0);
    caller.audio.write(frame(100));
    expect(looks(5)).toBe(5);
    leg.played = 100;
    expect(looks(5)).toBe(1);
    expect(told.at(-1)).toBe('tick 100 at 4');
    caller.audio.write(frame(100));
    ticking = false;
    told = [];
    expect(looks(5)).toBe(0);
    expect(told).toEqual([]);
    ticking = true;
    leg.played = 150;
    expect(looks(1)).toBe(1);
    expect(told).toEqual(['tick 150 at 0']);
  });

  it('carry audio to those alone who have use for it, as they said at the last look', () => {
    const wanting = { deaf: false, idle: false };
    const deaf = Object.defineProperty(recording('a '), 'hearing', { get: () => wanting.deaf });
    const idle = Object.defineProperty(recording('b '), 'hearing', { get: () => wanting.idle });
    const leg = new HandLeg();
    const taps = tapsOf(deaf, recording('c '), idle);
    const caller = taps.listen(leg);
    const ticker = { subscribe: () => () => {} };
    const heard = () => {
      told = [];
      caller.audio.write(frame(20));
      taps.caller(frame(20));
      return [...new Set(told.map((line) => line[0]))].join('');
    };
    // Nothing of a call's beginning is missed.
    expect(heard()).toBe('acb');
    taps.look(ticker);
    expect(heard()).toBe('c');
    wanting.idle = true;
    expect(heard()).toBe('c');
    taps.look(ticker);
    expect(heard()).toBe('cb');
    wanting.deaf = true;
    wanting.idle = false;
    taps.look(ticker);
    expect(heard()).toBe('ac');
    taps.ended();
    expect(heard()).toBe('');
  });

  it('survive a tap that throws: it is counted once, the others and the call go on, and it is told the end', () => {
    const broken: CallTap = {
      ...recording('broken '),
      agent: () => {
        throw new Error('no');
      },
    };
    const taps = tapsOf(broken, recording());
    const leg = new HandLeg();
    const tapped = taps.listen(leg);
    tapped.audio.write(frame(20));
    tapped.audio.write(frame(20));
    taps.tick(5);
    taps.ended();
    expect(counted).toEqual(['tap_failed']);
    expect(told).toEqual(['agent 20 from 0', 'agent 20 from 20', 'tick 0 at 5', 'cleared 0', 'broken ended', 'ended']);
    expect(leg.written).toBe(40);
  });

  it('are none when making them fails', () => {
    const taps = new Taps(
      () => {
        throw new Error('no');
      },
      hooks,
      fakeLog(),
    );
    const leg = new HandLeg();
    expect(taps.listen(leg)).toBe(leg);
    expect(counted).toEqual(['tap_failed']);
  });

  it('let a tap tell and speak until the end was told, not after it', () => {
    let given: TapHooks | undefined;
    const stopped: TapEvent = { type: 'recording_stopped', reason: 'call-ended', durationMs: 1 };
    const taps = new Taps(
      (h) => {
        given = h;
        return [{ ...recording(), ended: () => h.tell(stopped) }];
      },
      hooks,
      fakeLog(),
    );
    taps.connected();
    given?.announce({ ...NOTICE, words: 'hello' });
    taps.ended();
    taps.ended();
    given?.announce({ ...NOTICE, words: 'too late' });
    given?.tell(stopped);
    expect(said).toEqual(['hello']);
    expect(events).toEqual([stopped]);
    expect(told).toEqual(['connected']);
  });

  it('survive one whose notice was heard and who breaks of it', () => {
    const bug = () => {
      throw new Error('a bug');
    };
    const taps = new Taps(
      (h) => [{ ...recording(), connected: () => h.announce({ ...NOTICE, words: 'hello', heard: bug }) }],
      hooks,
      fakeLog(),
    );
    taps.connected();
    expect([said, counted]).toEqual([['hello'], ['tap_failed']]);
  });

  it('tell a leg in which pace the agent speaks, where it makes a difference', () => {
    const taps = tapsOf(recording());
    const plain = new HandLeg();
    taps.listen(plain).setPace?.('live');
    const caring = Object.assign(new HandLeg(), {
      paces: [] as Pace[],
      setPace: (pace: Pace) => caring.paces.push(pace),
    });
    taps.listen(caring).setPace?.('live');
    expect(caring.paces).toEqual(['live']);
  });
});
