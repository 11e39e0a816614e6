import { KEY_MS } from '../../call/dtmf-tones.ts';
import type { Termination } from '../../call/termination.ts';
import { l16Decode, l16Encode } from '../../media/l16.ts';
import { Resampler } from '../../media/resample.ts';
import { SampleFifo } from '../../media/sample-fifo.ts';
import { TEST_RATE } from './kind.ts';
import type { Line, Party } from './party.ts';

/** Where a test agent is that somebody else built. */
export interface FarAgent {
  /** 20 ms of what the other side says, PCM16 little endian at the test agent's rate; silence where it says nothing. The bytes are the receiver's. */
  audio(bytes: Uint8Array): void;
  /** What of the other side's speech was not heard by now never will be. */
  cleared(): void;
  /** The call is over. Told once. */
  over(end: Termination): void;
}

/** Most that it may say ahead of its being heard, s: an answer of a model that speaks at once. */
const MOST_AHEAD_S = 120;

/** What became of audio that came: taken; no whole samples; more ahead of time than anybody says. */
export type Taken = 'taken' | 'odd' | 'full';

/** A test agent of somebody else's as the caller: it sends audio as fast as it likes, which is heard at the pace of speech, and gets a frame every 20 ms. */
export class External implements Party {
  readonly #far: FarAgent;
  readonly #rate: number;
  readonly #waiting = new SampleFifo();
  readonly #in: Resampler | undefined;
  readonly #out: Resampler | undefined;
  #line: Line | undefined;
  #samples = new Int16Array(0);

  /** `rate`: that of its audio both ways, Hz, one of the resampler's. */
  constructor(rate: number, far: FarAgent) {
    this.#rate = rate;
    this.#far = far;
    if (rate === TEST_RATE) return;
    this.#in = new Resampler(rate, TEST_RATE);
    this.#out = new Resampler(TEST_RATE, rate);
  }

  begin(line: Line): void {
    this.#line = line;
  }

  /** It says this, PCM16 little endian. */
  say(bytes: Uint8Array): Taken {
    if (bytes.length % 2 !== 0) return 'odd';
    const count = bytes.length / 2;
    if (this.#waiting.length + (count * TEST_RATE) / this.#rate > MOST_AHEAD_S * TEST_RATE) return 'full';
    if (this.#samples.length < count) this.#samples = new Int16Array(count);
    l16Decode(bytes, this.#samples, 'le');
    const samples = this.#samples.subarray(0, count);
    this.#waiting.push(this.#in?.process(samples) ?? samples);
    return 'taken';
  }

  /** What it said and that was not heard yet is not to be heard. */
  clear(): void {
    this.#waiting.clear();
    this.#in?.reset();
  }

  /** It presses keys. */
  press(digits: string): void {
    for (const digit of digits) this.#line?.emit({ type: 'dtmf', digit, durationMs: KEY_MS.tone });
  }

  frame(heard: Int16Array, said: Int16Array): void {
    const samples = this.#out?.process(heard) ?? heard;
    const bytes = new Uint8Array(samples.length * 2);
    l16Encode(samples, bytes, 'le');
    this.#far.audio(bytes);
    this.#waiting.pull(said);
  }

  cleared(): void {
    this.#far.cleared();
  }

  over(end: Termination): void {
    this.#far.over(end);
  }
}
