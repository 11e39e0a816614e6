import { samplesToMs } from '../../media/frame.ts';
import { rmsDbfs, SILENCE_DBFS } from '../../media/level.ts';
import { SpeechGate } from '../../media/speech-gate.ts';
import { type Utterance, Utterances } from '../streams/voice.ts';

/**
 * A deployed agent as far as a caller can tell: it greets, listens, answers when the caller has spoken, and gives way when it is spoken over. It has one
 * voice, a tone or words in tones, so that each end of a path can be told from the other. Its only clock is the audio that is taken from it.
 */

/** How it behaves. Times are ms. */
export interface TalkerScript {
  /** Its voice, Hz. */
  readonly hz: number;
  /** Words in place of a plain tone, as long as they are: as `StandInVoice` has them. */
  readonly say?: readonly string[] | undefined;
  /** Length of its greeting, after so long; 0: it waits for the caller. */
  readonly greetingMs: number;
  readonly greetAfterMs: number;
  /** Length of its answers, and how long after the caller's last sound they begin; never sooner than after 60. */
  readonly replyMs: number;
  readonly replyAfterMs: number;
  /** How long after the caller began to speak over it it falls silent; undefined: never. */
  readonly yieldAfterMs: number | undefined;
}

export const USUAL_SCRIPT: TalkerScript = {
  hz: 700,
  greetingMs: 1_200,
  greetAfterMs: 200,
  replyMs: 1_500,
  replyAfterMs: 600,
  yieldAfterMs: 200,
};

/** What it tells; none may throw. */
export interface TalkerTold {
  /** It begins to speak, or ends. */
  speaks?(on: boolean): void;
  /** It gives way to the caller: what it said and nobody has heard yet is void. */
  gaveWay?(): void;
  /** Who said what, complete: its own words when it begins with them, the caller's when it understood them. */
  said?(role: 'agent' | 'user', words: string): void;
}

/** Louder than this the caller speaks, dBFS. */
const LOUD_DBFS = -45;
/** Shorter sounds are none that anybody gives way to, ms. */
const ONSET_MS = 60;

export class Talker {
  readonly #o: TalkerScript;
  readonly #told: TalkerTold;
  readonly #rate: number;
  readonly #utterances: Utterances;
  #gate: { readonly rate: number; readonly of: SpeechGate } | undefined;
  #saying: Utterance | undefined;
  /** Samples of it that were taken. */
  #taken = 0;
  /** Audio taken so far, ms. */
  #now = 0;
  #speaksUntil = 0;
  /** It is to speak from then on, for so long. */
  #due: { at: number; ms: number } | undefined;
  #isSpeaking = false;
  /** The caller: how long he has sounded, and been silent, ms. */
  #soundMs = 0;
  #silentMs = 0;
  #callerSpoke = false;
  #turns = 0;
  #cut = 0;
  /**
   * How long audio waits at this end on its way in and out together, ms, as far as is known. It answers so much sooner: at the other end of the wire its answers come
   * when the script has them.
   */
  heldMs = 0;

  /** `rate`: Hz of what is taken from it. */
  constructor(script: TalkerScript, rate: number, told: TalkerTold = {}) {
    this.#o = script;
    this.#rate = rate;
    this.#told = told;
    this.#utterances = new Utterances({ tone: script.hz, dbfs: -15, say: script.say }, rate);
    if (script.greetingMs > 0) this.#due = { at: script.greetAfterMs, ms: script.greetingMs };
  }

  /** Answers that it began, the greeting among them, and those that it was cut off in. */
  get turns(): number {
    return this.#turns;
  }
  get cut(): number {
    return this.#cut;
  }

  /** The noise around the caller, dBFS. */
  get noiseDbfs(): number {
    return this.#gate?.of.noiseDbfs ?? SILENCE_DBFS;
  }

  /** Takes what the caller says, as it comes. Noise around him, however loud, is nothing that is said, nor keeps a turn from its end. */
  hear(samples: Int16Array, rate: number): void {
    const ms = (samples.length * 1000) / rate;
    if (this.#gate?.rate !== rate) this.#gate = { rate, of: new SpeechGate(rate) };
    if (this.#gate.of.hear(samples) && rmsDbfs(samples) > LOUD_DBFS) {
      this.#soundMs += ms;
      this.#silentMs = 0;
    } else {
      this.#silentMs += ms;
      if (this.#silentMs > ONSET_MS * 2) this.#soundMs = 0;
    }
    const { yieldAfterMs, replyAfterMs, replyMs } = this.#o;
    if (this.#soundMs >= ONSET_MS) this.#callerSpoke = true;
    const isOn = this.#now < this.#speaksUntil;
    if (isOn && yieldAfterMs !== undefined && this.#soundMs >= Math.max(ONSET_MS, yieldAfterMs)) {
      this.#cut++;
      this.#speaksUntil = this.#now;
      this.#told.gaveWay?.();
    }
    if (!this.#callerSpoke || this.#silentMs < Math.max(ONSET_MS, replyAfterMs - this.heldMs)) return;
    this.#callerSpoke = false;
    this.#told.said?.('user', `turn ${this.#turns} of the caller`);
    if (!this.#isSpeaking) this.#due = { at: this.#now, ms: replyMs };
  }

  /** Says something now, whatever else there is. */
  speak(ms: number): void {
    this.#due = { at: this.#now, ms };
  }

  /** Fills `out` with what it says next; silence where it says nothing. */
  pull(out: Int16Array): void {
    this.#now += (out.length * 1000) / this.#rate;
    if (this.#due !== undefined && this.#now >= this.#due.at) {
      this.#saying = this.#utterances.next(this.#due.ms, `turn ${++this.#turns} of the agent`);
      this.#taken = 0;
      this.#speaksUntil = this.#now + samplesToMs(this.#saying.samples.length, this.#rate);
      this.#due = undefined;
      this.#told.said?.('agent', this.#saying.text);
    }
    const speaks = this.#now < this.#speaksUntil;
    if (speaks !== this.#isSpeaking) {
      this.#isSpeaking = speaks;
      this.#told.speaks?.(speaks);
    }
    out.fill(0);
    if (!speaks || this.#saying === undefined) return;
    out.set(this.#saying.samples.subarray(this.#taken, this.#taken + out.length));
    this.#taken += out.length;
  }
}
