import { TICK_MS } from '../../call/ticker.ts';
import { VoiceActivity } from '../../media/active-speaker.ts';
import { rmsDbfs, SILENCE_DBFS } from '../../media/level.ts';
import { SpeechGate } from '../../media/speech-gate.ts';
import { TEST_RATE } from './kind.ts';

/** A pause up to this, ms, is one between two words: who spoke before it still has the word. */
const WORD_PAUSE_MS = 200;
/** Silence of so long, ms, ends a stretch of speech: as it is measured, too. */
const STRETCH_PAUSE_MS = 250;

/**
 * What a test caller hears of the agent, frame by frame: whether it speaks, since when, and for how long it has been silent. Noise behind it is silence,
 * however loud. Counts frames, not time.
 */
export class Ear {
  readonly #gate = new SpeechGate(TEST_RATE);
  readonly #voice = new VoiceActivity();
  #speechMs = 0;
  #quietMs = 0;
  #spoke = false;
  /** What it says was begun before `forget`. */
  #isOld = false;
  /** It gave way: the rest of what it was saying will never come. */
  #isCut = false;

  /** Whether it is speaking, pauses between two words included. */
  get hasWord(): boolean {
    return this.#voice.speaking && this.#quietMs < WORD_PAUSE_MS;
  }

  /** For how long it has been speaking, pauses between its sentences included, ms; 0 while it does not. */
  get speechMs(): number {
    return this.#voice.speaking ? this.#speechMs : 0;
  }

  /** For how long nothing of it has been heard, ms. */
  get quietMs(): number {
    return this.#quietMs;
  }

  /** Whether it has said something that began after `forget`, and not only while we spoke. */
  get spoke(): boolean {
    return this.#spoke;
  }

  /** From now on only speech that begins later counts as having spoken: the rest of what it is saying is no answer. */
  forget(): void {
    this.#spoke = false;
    this.#isOld = this.#voice.speaking;
    this.#isCut = false;
  }

  /** What it was saying is over, however soon it speaks again. */
  cut(): void {
    this.#isCut = true;
  }

  /** `weSpeak`: we are saying something in the same frame. */
  push(frame: Int16Array, weSpeak = false): void {
    const before = this.#voice.speaking;
    this.#voice.next(this.#gate.hear(frame) ? rmsDbfs(frame) : SILENCE_DBFS);
    this.#quietMs = this.#voice.sounding ? 0 : this.#quietMs + TICK_MS;
    // It is known only at its second frame that somebody speaks.
    if (this.#voice.speaking) this.#speechMs = before ? this.#speechMs + TICK_MS : 2 * TICK_MS;
    if (this.#quietMs >= (this.#isCut ? TICK_MS : STRETCH_PAUSE_MS)) this.#isOld = false;
    if (this.#voice.speaking && this.#voice.sounding && !this.#isOld && !weSpeak) this.#spoke = true;
  }
}
