import { describe, expect, it } from 'vitest';
import { Voice } from '../../../src/rooms/worker/voice.ts';
import { Voices } from '../../../src/rooms/worker/voices.ts';

const RATE = 24_000;
const frame = (value: number) => new Int16Array(480).fill(value);
const now = () => 0;

describe('one voice', () => {
  const values = (voice: Voice, times: number) => Array.from({ length: times }, () => voice.next()?.[0]);

  it('begins with a frame in hand, and is taken in order', () => {
    const voice = new Voice('ann', 'TR_1', now);
    voice.push(frame(1));
    expect(values(voice, 2)).toEqual([undefined, undefined]);
    voice.push(frame(2));
    expect(values(voice, 1)).toEqual([1]);
    voice.push(frame(3));
    expect(values(voice, 2)).toEqual([2, 3]);
  });

  it('is silence when it is late, counted once, and begins again with a frame in hand', () => {
    const voice = new Voice('ann', 'TR_1', now);
    for (const value of [1, 2]) voice.push(frame(value));
    expect(values(voice, 5)).toEqual([1, 2, undefined, undefined, undefined]);
    expect(voice.missing).toBe(1);
    voice.push(frame(3));
    expect(values(voice, 1)).toEqual([undefined]);
    voice.push(frame(4));
    expect(values(voice, 2)).toEqual([3, 4]);
  });

  it('keeps 200 ms at most from tick to tick, and the newest of it', () => {
    const voice = new Voice('ann', 'TR_1', now);
    for (let value = 1; value <= 25; value++) voice.push(frame(value * 200));
    voice.settle();
    expect(values(voice, 11).map((value) => value && value / 200)).toEqual([
      ...[16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
      undefined,
    ]);
  });

  it('gets shorter again, a frame a second, when a burst has left it long', () => {
    const voice = new Voice('ann', 'TR_1', now);
    for (let i = 0; i < 8; i++) voice.push(frame(200));
    let waited = 0;
    for (let i = 0; i < 1_000; i++) {
      voice.push(frame(200 + i));
      waited = 200 + i - voice.next()![0]!;
    }
    expect(waited).toBeLessThanOrEqual(3);
    expect(voice.missing).toBe(0);
  });

  it('that was longer than its way needs for a second gets shorter where it is quiet, and leaves out no speech', () => {
    const voice = new Voice('ann', 'TR_1', now);
    for (let i = 0; i < 9; i++) voice.push(frame(1_000));
    const heard: Array<number | undefined> = [];
    for (let i = 0; i < 100; i++) {
      // Speech for 1.2 s, a pause, and speech again.
      voice.push(frame(i < 60 || i >= 80 ? 2_000 + i : 0));
      heard.push(voice.next()?.[0]);
    }
    // A frame went after the second, as it does from any speech.
    expect(heard.slice(9, 67)).toEqual(Array.from({ length: 58 }, (_, i) => 2_000 + i + (i >= 41 ? 1 : 0)));
    expect(heard.filter((value) => value === 0).length).toBeLessThan(20);
    expect(heard.at(-1)).toBeGreaterThanOrEqual(2_097);
    expect(voice.missing).toBe(0);
  });

  it('keeps the queue that its way needs through pauses: no word has a hole for it', () => {
    const voice = new Voice('ann', 'TR_1', now);
    let said = 0;
    for (let tick = 0; tick < 3_000; tick++) {
      // Each 800 ms nothing comes for 80 ms, and then all of it.
      if (tick % 40 >= 4) for (; said <= tick; said++) voice.push(frame(said % 150 < 75 ? 900 : 0));
      voice.next();
    }
    expect(voice.missing).toBeLessThanOrEqual(3);
  });

  it('is whole where the process stood still: what is made up for in one tick is not long, and no silence of it goes', () => {
    const voice = new Voice('ann', 'TR_1', now);
    for (let i = 0; i < 31; i++) voice.push(frame(i < 20 ? i : 900 + i));
    const taken = Array.from({ length: 30 }, (_, i) => voice.next(29 - i)?.[0]);
    expect(taken).toEqual(Array.from({ length: 30 }, (_, i) => (i < 20 ? i : 900 + i)));
  });

  it('tells how long its frames wait, in the mean', () => {
    let at = 0;
    const voice = new Voice('ann', 'TR_1', () => at);
    expect(voice.wait.ms).toBeUndefined();
    // They come 5 ms before each tick, and one is in hand.
    for (let tick = 1; tick <= 20; tick++) {
      at = tick * 20 - 5;
      voice.push(frame(tick));
      at = tick * 20;
      voice.next();
    }
    expect(voice.wait.ms).toBe(25);
  });

  it('is silence while it is muted, and what came meanwhile is not heard later', () => {
    const voice = new Voice('ann', 'TR_1', now);
    for (const value of [1, 2, 3]) voice.push(frame(value));
    voice.muted = true;
    voice.push(frame(4));
    expect(values(voice, 2)).toEqual([undefined, undefined]);
    voice.muted = false;
    for (const value of [5, 6]) voice.push(frame(value));
    expect(values(voice, 2)).toEqual([5, 6]);
    expect(voice.missing).toBe(0);
  });
});

describe('the voices of a room, mixed', () => {
  it('are their sum, and wait for nobody: who is late is silence and the others are heard', () => {
    const voices = new Voices('mix', RATE, now);
    voices.open('ann', 'TR_a', false);
    voices.open('bob', 'TR_b', false);
    for (const value of [1_000, 1_000]) voices.push('TR_a', frame(value));
    for (const value of [-200, -200, -200, -200]) voices.push('TR_b', frame(value));
    expect(Array.from({ length: 4 }, () => voices.next().samples[0])).toEqual([800, 800, -200, -200]);
    expect(voices.missing).toBe(1);
  });

  it('tell the longest wait of those that are heard', () => {
    let at = 0;
    const voices = new Voices('mix', RATE, () => at);
    expect(voices.waitMs).toBeUndefined();
    for (const [name, early] of [
      ['ann', 15],
      ['bob', 3],
    ] as const) {
      voices.open(name, `TR_${name}`, false);
      at = 100 - early;
      for (let i = 0; i < 2; i++) voices.push(`TR_${name}`, frame(1));
    }
    at = 100;
    voices.next();
    expect(voices.waitMs).toBe(15);
  });

  it('say who is heard, loudest first, and leave out who is not', () => {
    const voices = new Voices('mix', RATE, now);
    for (const [name, level] of [
      ['quiet', 4],
      ['ann', 3_000],
      ['bob', 9_000],
    ] as const) {
      voices.open(name, `TR_${name}`, false);
      for (let i = 0; i < 3; i++) voices.push(`TR_${name}`, frame(level));
    }
    voices.next();
    expect(voices.next().by.map(({ identity }) => identity)).toEqual(['bob', 'ann']);
  });

  it('are a silent frame when nobody is there, when all are muted, and after the last has gone', () => {
    const voices = new Voices('mix', RATE, now);
    expect(voices.next()).toMatchObject({ silent: true, by: [] });
    voices.open('ann', 'TR_a', true);
    voices.push('TR_a', frame(1_000));
    expect(voices.next().silent).toBe(true);
    voices.close('TR_a');
    voices.push('TR_a', frame(1_000));
    expect(voices.next().silent).toBe(true);
  });
});

describe('the voices of a room, one picked', () => {
  /** A room in which each frame's value tells who it is of and which it was; quiet frames are of value 0 to 9. */
  function room() {
    const voices = new Voices('pick', RATE, now);
    for (const name of ['a', 'b']) {
      voices.open(name, `TR_${name}`, false);
      voices.push(`TR_${name}`, frame(0));
    }
    return {
      voices,
      step(a: number, b: number) {
        voices.push('TR_a', frame(a));
        voices.push('TR_b', frame(b));
        return voices.next();
      },
    };
  }

  it('are the one who speaks alone', () => {
    const { step } = room();
    for (let i = 0; i < 20; i++) step(0, 1);
    for (let i = 0; i < 10; i++) step(5_000, 1);
    for (let i = 0; i < 30; i++) {
      const { samples, by } = step(5_000, 1);
      expect(samples[479]).toBe(5_000);
      expect(by.map(({ identity }) => identity)).toEqual(['a']);
    }
  });

  it('begin with what was said before it was known who speaks: not a frame of the first syllable is lost', () => {
    const { step } = room();
    for (let i = 0; i < 20; i++) step(0, 1);
    const heard: number[] = [];
    for (let i = 0; i < 30; i++) heard.push(step(i < 12 ? 5_000 + i : 0, 1).samples[479]!);
    const spoken = heard.filter((value) => value >= 5_000);
    expect(spoken).toEqual(Array.from({ length: 12 }, (_, i) => 5_000 + i));
  });

  it.each([
    ['in the pause after another', 8, 0],
    ['while another speaks, who then stops', -3, 0],
    ['and is clearly louder than who goes on', -30, 100],
  ])('begin with the first syllable, too, where somebody begins %s', (_, after, goesOn) => {
    const { step } = room();
    for (let i = 0; i < 20; i++) step(0, 1);
    const heard: number[] = [];
    for (let i = 0; i < 160; i++) {
      const b = i - 40 - after;
      const a = i < 40 + goesOn ? 500 : 0;
      heard.push(step(a, b >= 0 && b < 50 ? 5_000 + b : 1).samples[479]!);
    }
    expect(heard.filter((value) => value >= 5_000)).toEqual(Array.from({ length: 50 }, (_, i) => 5_000 + i));
  });

  it('are not cut off by the next while what they said is not all sent', () => {
    const { step } = room();
    for (let i = 0; i < 20; i++) step(0, 1);
    const heard: number[] = [];
    for (let i = 0; i < 200; i++) {
      // B begins before a ends, and waits for the word; then a begins when b ends, louder than that is.
      const a = i < 40 ? 500 : i >= 90 && i < 140 ? 6_000 + i - 90 : 0;
      const b = i >= 38 && i < 90 ? 5_000 + i - 38 : 1;
      heard.push(step(a, b).samples[479]!);
    }
    expect(heard.filter((value) => value >= 5_000 && value < 6_000)).toHaveLength(52);
    expect(heard.filter((value) => value >= 6_000)).toEqual(Array.from({ length: 50 }, (_, i) => 6_000 + i));
  });

  it('catch up in the pause: what is behind at the beginning of a turn is not behind after it', () => {
    const { step } = room();
    for (let i = 0; i < 20; i++) step(0, 1);
    for (let i = 0; i < 20; i++) step(5_000, 1);
    for (let i = 0; i < 15; i++) step(0, 1);
    const heard = Array.from({ length: 4 }, (_, i) => step(6_000 + i, 1).samples[479]!);
    // One frame in hand of the voice itself, and none of the beginning that was made up for.
    expect(heard.slice(2)).toEqual([6_001, 6_002]);
  });

  it.each([
    ['muted', 60],
    ['muted for a moment', 2],
    ['of whom nothing came', 60],
  ] as const)('begin with nothing from before the pause of one who was %s', (how, frames) => {
    const { voices, step } = room();
    // What is heard of b where he is no louder than his noise, and may not be heard later.
    for (let i = 0; i < 20; i++) step(500, 9);
    voices.open('b', 'TR_b', how !== 'of whom nothing came');
    for (let i = 0; i < frames; i++) {
      voices.push('TR_a', frame(0));
      voices.next();
    }
    voices.open('b', 'TR_b', false);
    const heard: number[] = [];
    for (let i = 0; i < 60; i++) heard.push(step(0, i < 30 ? 5_000 + i : 1).samples[479]!);
    expect(heard).not.toContain(9);
    expect(heard.filter((value) => value >= 5_000)).toEqual(Array.from({ length: 30 }, (_, i) => 5_000 + i));
  });

  it.each([
    ['while he waits for the word', 50],
    ['while he is behind, since he had to wait for it', 75],
  ])('are whole where somebody mutes with his last word, %s', (_, muted) => {
    const { voices, step } = room();
    for (let i = 0; i < 20; i++) step(0, 1);
    const heard: number[] = [];
    for (let i = 0; i < 100; i++) {
      // B begins while a is still taken to speak.
      voices.push('TR_a', frame(i < 40 ? 500 : 0));
      if (i >= 42 && i < muted) voices.push('TR_b', frame(5_000 + i));
      else voices.open('b', 'TR_b', i >= muted);
      heard.push(voices.next().samples[479]!);
    }
    // The frame that the voice itself has in hand when he mutes goes with it.
    expect(heard.filter((value) => value >= 5_000)).toEqual(Array.from({ length: muted - 43 }, (_, i) => 5_042 + i));
  });

  it('are the only one there, whether he speaks or not', () => {
    const voices = new Voices('pick', RATE, now);
    voices.open('a', 'TR_a', false);
    for (let i = 0; i < 4; i++) voices.push('TR_a', frame(2));
    voices.next();
    expect(voices.next().samples[479]).toBe(2);
  });
});
