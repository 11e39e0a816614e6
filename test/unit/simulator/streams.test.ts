import { describe, expect, it } from 'vitest';
import { convertRate } from '../../../src/media/convert.ts';
import { Effects } from '../../../src/media/effects/chain.ts';
import { makeTone, toneLevel } from '../../../src/media/tone.ts';
import { heardToneWords, toneWords } from '../../../src/simulator/openai-http/tone-words.ts';
import { CallerEar } from '../../../src/simulator/streams/caller-ear.ts';
import { Utterances, wordsToSay } from '../../../src/simulator/streams/voice.ts';
import { Talker, USUAL_SCRIPT } from '../../../src/simulator/talker/talker.ts';
import { TurnTruths } from '../../../src/simulator/talker/turn-truth.ts';

const RATE = 24_000;
const FRAME = RATE / 50;
const FRAME_MS = 20;

/** What an ear makes of a call of 9 s with words from 3 s on, in this noise, and when it thinks that they ended, ms. */
function heardIn(noise: { readonly snr_db: number } | undefined, words: Int16Array) {
  let now = 0;
  const ear = new CallerEar(RATE);
  const truth = new TurnTruths(() => now);
  const effects = new Effects(noise === undefined ? {} : { noise: { ...noise, colour: 'pink' } }, {
    sampleRate: RATE,
    seed: 7,
    speechDbfs: -20,
  });
  const changes: Array<[string, number]> = [];
  const from = 3_000;
  for (; now < 9_000; now += FRAME_MS) {
    const frame = new Int16Array(FRAME);
    const at = ((now - from) * RATE) / 1_000;
    if (at >= 0) frame.set(words.subarray(at, at + FRAME));
    const [said = frame] = effects.next(frame, new Int16Array(FRAME));
    const change = ear.hear(said);
    truth.heard(said, RATE, ear.noiseDbfs);
    if (change !== undefined) changes.push([change, now]);
  }
  truth.answers();
  return { changes, endedMs: truth.turns[0]!.callerToMs, trueMs: from + (words.length * 1_000) / RATE };
}

describe('how an agent that stands in hears', () => {
  const words = toneWords('an appointment next tuesday at nine.');

  it.each([undefined, { snr_db: 12 }])('takes words for a turn and noise for none: %o', (noise) => {
    const { changes, endedMs, trueMs } = heardIn(noise, words);
    expect(changes.map(([what]) => what)).toEqual(['started', 'stopped']);
    expect(changes[0]![1]).toBeGreaterThanOrEqual(3_000);
    expect(changes[0]![1]).toBeLessThan(3_140);
    expect(Math.abs(endedMs - trueMs)).toBeLessThan(15);
    expect(Math.abs(changes[1]![1] - trueMs - 400)).toBeLessThan(60);
  });

  it('takes a tone for speech for as long as it is there', () => {
    const { changes } = heardIn(undefined, makeTone(440, RATE, 4_000, -15));
    expect(changes.map(([what]) => what)).toEqual(['started', 'stopped']);
  });
});

describe('what an agent that stands in says', () => {
  it('says its words in their order, the last again and again, so that they can be read', async () => {
    const voice = new Utterances({ tone: 620, dbfs: -15, say: ['Hello!', 'For Ann Miller, at nine?'] }, 16_000);
    const read = async () => {
      const { samples, text } = voice.next(1_000, 'none');
      const words = await heardToneWords(convertRate(samples, 16_000, RATE));
      return [text, words.map((word) => word.text).join(' ')];
    };
    expect(await read()).toEqual(['Hello!', 'hello!']);
    expect(await read()).toEqual(['For Ann Miller, at nine?', 'for ann miller, at nine?']);
    expect(await read()).toEqual(['For Ann Miller, at nine?', 'for ann miller, at nine?']);
  });

  it('says them as a talker, too, for as long as they take', async () => {
    const told: string[] = [];
    const talker = new Talker({ ...USUAL_SCRIPT, say: ['Hello there.'] }, RATE, {
      said: (_role, text) => told.push(text),
    });
    const heard = new Int16Array(RATE * 2);
    for (let at = 0; at < heard.length; at += FRAME) talker.pull(heard.subarray(at, at + FRAME));
    expect((await heardToneWords(heard)).map(({ text }) => text)).toEqual(['hello', 'there.']);
    expect(told).toEqual(['Hello there.']);
  });

  it('is a tone of the length that is asked for without words', () => {
    const { samples, text } = new Utterances({ tone: 620, dbfs: -15 }, 16_000).next(1_500, 'none');
    expect([samples.length, text]).toEqual([24_000, 'none']);
    expect(toneLevel(samples, 16_000, 620)).toBeCloseTo(-15, 0);
  });

  it('names words that cannot be said', () => {
    expect(wordsToSay([])).toBeUndefined();
    expect(wordsToSay(['Hello'])).toEqual(['Hello']);
    expect(() => wordsToSay(['Hello', '你好'])).toThrow('nothing of "你好" can be said');
  });
});
