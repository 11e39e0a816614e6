import { describe, expect, it } from 'vitest';
import { Ear } from '../../../../src/callers/test/ear.ts';
import { Noise } from '../../../../src/media/effects/noise.ts';
import { dbfsToAmplitude } from '../../../../src/media/level.ts';
import { Random } from '../../../../src/media/random.ts';
import { Talker, USUAL_SCRIPT } from '../../../../src/simulator/talker/talker.ts';
import { RATE, random, speak, type Truth } from '../../measure/conversations.ts';

/** Who listens in noise: a caller to its agent, and an agent that stands in to its caller. */

const FRAME = RATE / 50;
const MS = RATE / 1_000;
const LEVELS = [-60, -45, -35, -25, -15];

const noise = (samples: Int16Array, colour: 'white' | 'pink', dbfs: number, seed: number): Int16Array => {
  new Noise(colour, dbfs, new Random(seed, colour)).apply(samples);
  return samples;
};
function* framesOf(samples: Int16Array): Generator<Int16Array> {
  for (let at = 0; at + FRAME <= samples.length; at += FRAME) yield samples.subarray(at, at + FRAME);
}

/** Somebody who speaks four times, with the noise so far below. */
function conversation(seed: number, colour: 'white' | 'pink', snrDb: number): { samples: Int16Array; truth: Truth[] } {
  const r = random(seed);
  const dbfs = -24 + r() * 10;
  const channel = new Float32Array(10 * RATE);
  const truth: Truth[] = [];
  let at = Math.round((700 + r() * 300) * MS);
  for (let i = 0; i < 4; i++) {
    const to = speak(channel, at, 300 + r() * 600, (32_768 * dbfsToAmplitude(dbfs)) / Math.SQRT2, r);
    truth.push({ from: at, to });
    at = to + Math.round((1_100 + r() * 200) * MS);
  }
  const samples = Int16Array.from(channel, (x) => Math.max(-32_768, Math.min(32_767, x)));
  return { samples: noise(samples, colour, dbfs - snrDb, seed), truth };
}

describe('a caller in noise', () => {
  it.each(['white', 'pink'] as const)(
    'takes no %s noise for speech, however loud, from the beginning or later',
    (colour) => {
      for (const dbfs of LEVELS) {
        const quiet = new Int16Array(2 * RATE);
        for (const samples of [noise(new Int16Array(6 * RATE), colour, dbfs, 1), quiet]) {
          const ear = new Ear();
          let words = 0;
          // What begins in silence, and comes up in the middle of it.
          const parts = samples === quiet ? [quiet, noise(new Int16Array(4 * RATE), colour, dbfs, 2)] : [samples];
          for (const part of parts)
            for (const frame of framesOf(part)) {
              ear.push(frame);
              if (ear.hasWord) words++;
            }
          expect([words, ear.spoke], `${colour} at ${dbfs}`).toEqual([0, false]);
          expect(ear.quietMs, `${colour} at ${dbfs}`).toBeGreaterThan(1_000);
        }
      }
    },
  );

  it.each([
    ['white', 10],
    ['white', 15],
    ['pink', 10],
    ['white', 25],
  ] as const)('hears all that is said in %s noise %i dB below it, and that it is over', (colour, snrDb) => {
    let heard = 0;
    let words = 0;
    const ends: number[] = [];
    for (let seed = 1; seed <= 10; seed++) {
      const { samples, truth } = conversation(seed, colour, snrDb);
      const ear = new Ear();
      const frames = [...framesOf(samples)].map((frame) => {
        ear.push(frame);
        return { hasWord: ear.hasWord, quietMs: ear.quietMs };
      });
      for (const [i, { from, to }] of truth.entries()) {
        words++;
        const [first, last] = [Math.floor(from / FRAME), Math.ceil(to / FRAME)];
        const begins = frames.findIndex(({ hasWord }, at) => at >= first && at <= first + 10 && hasWord);
        if (begins >= 0) heard++;
        // 700 ms of silence end a turn: within so much more it is known, before anybody speaks again.
        const next = Math.floor((truth[i + 1]?.from ?? samples.length) / FRAME);
        const over = frames.findIndex(({ quietMs }, at) => at >= last && at < next && quietMs >= 700);
        ends.push(over < 0 ? Number.POSITIVE_INFINITY : (over + 1) * 20 - to / MS - 700);
      }
    }
    expect(heard).toBe(words);
    ends.sort((a, b) => a - b);
    expect(ends.at(-1)).toBeLessThanOrEqual(400);
    expect(ends[ends.length >> 1]).toBeLessThanOrEqual(60);
  });

  it('knows of speech at its second frame, where it is quiet', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const r = random(seed);
      const channel = new Float32Array(2 * RATE);
      speak(channel, RATE, 600, 4_000, r);
      // A sibilant in front is none yet: what it belongs to is.
      const ear = new Ear();
      const at = [...framesOf(Int16Array.from(channel))].findIndex((frame) => {
        ear.push(frame);
        return ear.hasWord;
      });
      expect((at + 1) * 20 - 1_000).toBeLessThanOrEqual(150);
    }
  });
});

describe('an agent that stands in, to a caller in noise', () => {
  it.each(LEVELS)('neither answers noise of %i dBFS nor waits for its end', (dbfs) => {
    let spoke = 0;
    const talker = new Talker({ ...USUAL_SCRIPT, greetingMs: 0, replyAfterMs: 400 }, RATE, {
      speaks: (on) => {
        if (on) spoke++;
      },
    });
    const out = new Int16Array(FRAME);
    const hear = (samples: Int16Array) => {
      for (const frame of framesOf(samples)) {
        talker.hear(frame, RATE);
        talker.pull(out);
      }
    };
    hear(noise(new Int16Array(3 * RATE), 'pink', dbfs, 3));
    expect([spoke, talker.cut]).toEqual([0, 0]);
    // Speech can be no louder than full scale.
    const level = Math.max(-30, Math.min(-3, dbfs + 20));
    const channel = new Float32Array(3 * RATE);
    speak(channel, 0, 900, (32_768 * dbfsToAmplitude(level)) / Math.SQRT2, random(5));
    const said = Int16Array.from(channel, (x) => Math.max(-32_768, Math.min(32_767, x)));
    hear(noise(said, 'pink', dbfs, 4));
    expect(spoke).toBe(1);
  });
});
