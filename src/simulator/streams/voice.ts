import { convertRate } from '../../media/convert.ts';
import { ToneGenerator } from '../../media/tone.ts';
import { sayable, toneWords } from '../openai-http/tone-words.ts';
import { SPEECH_RATE } from '../realtime/speech.ts';

/** What the voice of an agent that stands in is made of. */
export interface StandInVoice {
  /** Hz, and dBFS, of a voice without words. */
  readonly tone: number;
  readonly dbfs: number;
  /** Words, one after the other and the last again and again, in tones that the simulated transcription reads; the greeting is the first. Left out: a plain tone. */
  readonly say?: readonly string[] | undefined;
}

/** Words that can be said. Throws an Error that names those that cannot. */
export function wordsToSay(words: readonly string[]): readonly string[] | undefined {
  for (const one of words)
    if (sayable(one) === '') throw new Error(`nothing of "${one}" can be said: it takes Latin letters or digits`);
  return words.length === 0 ? undefined : words;
}

/** What of words is told while they are being said. */
export const begunWith = (text: string) => text.split(' ').slice(0, 2).join(' ');

/** Something that is said, whole. */
export interface Utterance {
  readonly samples: Int16Array;
  readonly text: string;
}

/** The voice of an agent that stands in, one utterance after the other. */
export class Utterances {
  /** Made before anything is said: nobody waits for it in mid-call. */
  readonly #words: readonly Utterance[];
  readonly #rate: number;
  readonly #tone: ToneGenerator;
  #said = 0;

  /** `rate`: Hz of what it says. */
  constructor({ tone, dbfs, say = [] }: StandInVoice, rate: number) {
    this.#words = say.map((text) => ({
      samples: convertRate(toneWords(sayable(text)), SPEECH_RATE, rate),
      text,
    }));
    this.#rate = rate;
    this.#tone = new ToneGenerator(tone, rate, dbfs);
  }

  /** The next one. Without words it is a tone of `ms`, and says `text`. */
  next(ms: number, text: string): Utterance {
    const words = this.#words[Math.min(this.#said++, this.#words.length - 1)];
    return words ?? { samples: this.#tone.fill(new Int16Array(Math.round((this.#rate * ms) / 1000))), text };
  }
}
