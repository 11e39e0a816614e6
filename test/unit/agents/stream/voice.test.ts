import { describe, expect, it } from 'vitest';
import { SteadyFrames } from '../../../../src/agents/stream/steady-frames.ts';
import { AgentVoice } from '../../../../src/agents/stream/voice.ts';
import type { Counter } from '../../../../src/call/counters.ts';
import type { AgentEvent, Pace } from '../../../../src/call/events.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeSink } from '../../../fakes/legs.ts';

function voiceOf(pace: Pace) {
  const clock = new FakeClock();
  const peer = new FakeSink(8_000);
  const events: AgentEvent[] = [];
  const counted = new Map<Counter, number>();
  const voice = new AgentVoice({
    pace,
    peer,
    clock,
    count: (counter, n = 1) => counted.set(counter, (counted.get(counter) ?? 0) + n),
    emit: (event) => events.push(event),
    ended: () => {},
  });
  const frame = (level: number) => voice.audio(new Int16Array(160).fill(level));
  /** In real time, frames of one level, or (undefined) none. */
  const run = (ms: number, level: number | undefined) => {
    for (let at = 0; at < ms; at += 20) {
      clock.advance(20);
      if (level !== undefined) frame(level);
      voice.tick(clock.now());
    }
  };
  const types = () => events.map(({ type }) => type);
  return { clock, peer, events, counted, voice, frame, run, types };
}

const WHOLE = ['response_started', 'audio_started', 'audio_done', 'response_done'];

describe('an agent that tells nothing of its answers', () => {
  it('answers while it sounds: silence between answers is the line, and passes', () => {
    const v = voiceOf('live');
    v.run(1_000, 0);
    expect(v.events).toEqual([]);
    expect(v.peer.heard.length).toBe(8_000);
    v.run(400, 900);
    // A pause between two sentences is no end.
    v.run(300, 0);
    v.run(400, 900);
    v.run(480, 0);
    expect(v.types()).toEqual(WHOLE.slice(0, 2));
    v.run(40, 0);
    expect(v.types()).toEqual(WHOLE);
  });

  it('is not speaking while it sends silence: a caller who speaks then speaks over nothing', () => {
    const v = voiceOf('live');
    v.run(200, 0);
    expect(v.voice.playing).toBe(false);
    v.run(200, 900);
    expect(v.voice.playing).toBe(true);
    v.run(600, 0);
    expect(v.voice.playing).toBe(false);
  });

  it('has answered when it sends nothing any more', () => {
    const v = voiceOf('live');
    v.run(400, 900);
    v.run(480, undefined);
    expect(v.types()).toEqual(WHOLE.slice(0, 2));
    v.run(40, undefined);
    expect(v.types()).toEqual(WHOLE);
  });

  it('has answered, if it sends in bursts, when what it sent has been heard', () => {
    const v = voiceOf('burst');
    for (let i = 0; i < 100; i++) v.frame(900);
    expect(v.voice.playing).toBe(true);
    v.run(2_000, undefined);
    expect(v.voice.playing).toBe(true);
    v.run(460, undefined);
    expect(v.types()).toEqual(WHOLE.slice(0, 2));
    v.run(40, undefined);
    expect(v.types()).toEqual(WHOLE);
    expect(v.voice.playing).toBe(false);
  });

  it('is dropped from an interruption on until it pauses', () => {
    const v = voiceOf('live');
    v.run(400, 900);
    v.voice.interrupt();
    v.run(400, 900);
    expect(v.counted.get('ms_dropped_interrupted')).toBe(400);
    expect(v.peer.heard.length).toBe(3_200);
    v.run(500, 0);
    v.run(200, 900);
    expect(v.types()).toEqual(['response_started', 'audio_started', 'response_done', ...WHOLE.slice(0, 2)]);
    expect(v.events[2]).toMatchObject({ status: 'cancelled' });
    expect(v.peer.heard.length).toBe(4_800);
  });

  it('is heard from the middle of a sentence on when somebody listens again, and not of what it gave way in', () => {
    const v = voiceOf('live');
    v.run(400, 900);
    v.voice.interrupt();
    v.run(400, 900);
    v.voice.heardAgain();
    v.run(400, 900);
    expect(v.peer.heard.length).toBe(6_400);
    expect(v.types()).toEqual(['response_started', 'audio_started', 'response_done', ...WHOLE.slice(0, 2)]);
    v.voice.gaveWay();
    v.voice.heardAgain();
    v.run(100, 900);
    expect(v.peer.heard.length).toBe(6_400);
  });

  it('that gave way is heard again soon after', () => {
    const v = voiceOf('burst');
    for (let i = 0; i < 100; i++) v.frame(900);
    v.voice.gaveWay();
    expect(v.voice.playing).toBe(false);
    // What was on its way.
    v.frame(900);
    v.run(120, undefined);
    expect(v.types().at(-1)).toBe('response_done');
    v.frame(900);
    expect(v.peer.heard.length).toBe(101 * 160);
  });
});

describe('an agent that tells where its answers end', () => {
  it('has said nothing more of one that was cut off, whoever listens again', () => {
    const v = voiceOf('live');
    v.voice.begin('one');
    v.run(400, 900);
    v.voice.interrupt();
    v.voice.heardAgain();
    v.run(400, 900);
    expect(v.peer.heard.length).toBe(3_200);
    v.voice.begin('two');
    v.run(400, 900);
    expect(v.peer.heard.length).toBe(6_400);
  });
});

describe('a live agent that is never silent, for the noise of its line or an office behind it,', () => {
  /** About -45 dBFS. */
  const NOISE = 130;

  it('answers where it is louder than that, and ends there', () => {
    const v = voiceOf('live');
    v.run(12_000, NOISE);
    const before = v.events.length;
    v.run(1_000, 4_000);
    v.run(600, NOISE);
    expect(v.types().slice(before)).toEqual(WHOLE);
    expect(v.voice.playing).toBe(false);
  });

  it.for(['told', 'untold'] as const)('is heard again soon after it gave way, its answers being %s', (answers) => {
    const v = voiceOf('live');
    if (answers === 'told') v.voice.begin();
    v.run(1_000, 900);
    v.voice.gaveWay();
    v.run(460, NOISE);
    expect(v.counted.get('ms_dropped_interrupted')).toBe(460);
    v.run(1_000, 900);
    expect(v.counted.get('ms_dropped_interrupted')).toBeLessThanOrEqual(520);
    expect(v.types().slice(-2)).toEqual(WHOLE.slice(0, 2));
  });

  it('has ended what it says to have ended', () => {
    const v = voiceOf('live');
    v.voice.begin('a');
    v.run(1_000, 900);
    v.voice.end();
    v.run(520, NOISE);
    expect(v.events.filter((event) => event.type === 'response_done')).toMatchObject([{ responseId: 'a' }]);
  });
});

describe('an agent that tells of its answers', () => {
  it('answers from its word to its word, however it pauses', () => {
    const v = voiceOf('live');
    v.voice.begin('a');
    v.run(400, 900);
    v.run(1_500, 0);
    v.run(400, 900);
    v.voice.end();
    expect(v.types()).toEqual(WHOLE.slice(0, 2));
    // What was on its way behind the word.
    v.run(40, 900);
    v.run(100, 0);
    expect(v.types()).toEqual(WHOLE);
    expect(v.events.every((event) => !('responseId' in event) || event.responseId === 'a')).toBe(true);
  });

  it('whose word of the end is lost has an end all the same', () => {
    const v = voiceOf('live');
    v.voice.begin();
    v.run(400, 900);
    v.run(2_980, 0);
    expect(v.types()).toEqual(WHOLE.slice(0, 2));
    v.run(40, 0);
    expect(v.types()).toEqual(WHOLE);
  });

  it('which announces an answer and makes no sound has answered nothing, after a while', () => {
    const v = voiceOf('live');
    v.voice.begin('a');
    v.run(15_000, undefined);
    expect(v.types()).toEqual(['response_started', 'response_done']);
  });

  it('may send no more ahead than a call bears', () => {
    const v = voiceOf('burst');
    for (let i = 0; i < 10_000; i++) v.frame(900);
    expect(v.counted.get('ms_dropped_flood')).toBeGreaterThan(0);
    expect(v.peer.heard.length / 8).toBeLessThanOrEqual(180_040);
  });
});

describe('frames for an agent that listens to a stream', () => {
  function steady(sampleRate = 8_000) {
    const clock = new FakeClock();
    const frames: Int16Array[] = [];
    const counted = new Map<Counter, number>();
    const frames20 = new SteadyFrames({
      sampleRate,
      frameMs: 20,
      clock,
      count: (counter, n = 1) => counted.set(counter, (counted.get(counter) ?? 0) + n),
      push: (frame) => frames.push(frame.slice()),
    });
    const run = (ms: number, write?: () => void) => {
      for (let at = 0; at < ms; at += 20) {
        clock.advance(20);
        write?.();
        frames20.tick(clock.now());
      }
    };
    return { clock, frames, counted, steady: frames20, run };
  }
  const loud = (frames: readonly Int16Array[]) => frames.filter((frame) => frame.some((sample) => sample !== 0)).length;

  it('are of one length, however they came', () => {
    const { frames, steady: one } = steady();
    for (const length of [1, 159, 400, 80]) one.write(new Int16Array(length).fill(5));
    expect(frames.map(({ length }) => length)).toEqual([160, 160, 160, 160]);
  });

  it('are silence where nothing comes, as long as it does not', () => {
    const s = steady();
    s.run(1_000, () => s.steady.write(new Int16Array(160).fill(5)));
    s.run(2_000);
    expect(loud(s.frames)).toBe(50);
    expect(s.frames.length).toBeGreaterThanOrEqual(50 + 96);
    expect(s.frames.length).toBeLessThanOrEqual(50 + 100);
    expect(s.counted.get('ms_uplink_silence')).toBe((s.frames.length - 50) * 20);
  });

  it('are silence from the first moment, where the caller has said nothing yet', () => {
    const s = steady();
    s.run(500);
    expect(s.frames.length).toBeGreaterThanOrEqual(21);
  });

  it('are silence soon after a burst, too: what came early is no credit', () => {
    const s = steady();
    s.clock.advance(20);
    s.steady.tick(s.clock.now());
    s.steady.write(new Int16Array(16_000).fill(5));
    expect(s.frames).toHaveLength(100);
    s.run(500);
    expect(s.frames.length - 100).toBeGreaterThanOrEqual(18);
  });

  it('are no silence where only this process stood still: what came meanwhile is read next', () => {
    const s = steady();
    s.run(200, () => s.steady.write(new Int16Array(160).fill(5)));
    s.clock.stall(400);
    s.steady.tick(s.clock.now());
    for (let i = 0; i < 20; i++) s.steady.write(new Int16Array(160).fill(5));
    s.run(200, () => s.steady.write(new Int16Array(160).fill(5)));
    expect(s.frames.length).toBe(40);
    expect(loud(s.frames)).toBe(40);
  });
});
