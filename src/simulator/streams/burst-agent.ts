import type { Clock, Timer } from '../../call/clock.ts';
import { samplesToMs } from '../../media/frame.ts';
import { CallerEar } from './caller-ear.ts';
import { type StandInVoice, Utterances } from './voice.ts';

/** How an agent that stands in speaks and listens. Times are ms. */
export interface BurstVoice extends StandInVoice {
  /** Length of an answer without words, and how long after the caller's turn any begins. */
  readonly ms: number;
  readonly latencyMs: number;
  /** So long the caller speaks over it before it gives way. */
  readonly givesWayMs: number;
}

const VOICE: BurstVoice = { tone: 620, dbfs: -15, ms: 1_500, latencyMs: 300, givesWayMs: 200 };

/** What a protocol is told of its agent; none may throw. */
export interface BurstTold {
  /** An answer of this number and these words, all of it at once. It is being heard from now on, for as long as it is. */
  says(samples: Int16Array, answer: number, text: string): void;
  /** It has been heard to its end. */
  said?(answer: number): void;
  /** It gives way: what was sent and is not heard yet is void. */
  gaveWay(answer: number): void;
  /** The caller's turn is over. */
  understood?(turn: number): void;
}

/** An agent whose answers are sent as fast as they are there: it greets, listens, answers, and gives way to who speaks over it. What carries its audio is a protocol's affair. */
export class BurstAgent {
  answers = 0;
  interruptions = 0;
  readonly #voice: BurstVoice;
  readonly #rate: number;
  readonly #clock: Clock;
  readonly #told: BurstTold;
  readonly #ear: CallerEar;
  readonly #utterances: Utterances;
  #turns = 0;
  #next: Timer | undefined;
  #playing: Timer | undefined;
  #isOver = false;

  /** `rate`: Hz of both directions. */
  constructor(rate: number, clock: Clock, voice: Partial<BurstVoice>, told: BurstTold) {
    this.#rate = rate;
    this.#clock = clock;
    this.#voice = { ...VOICE, ...voice };
    this.#told = told;
    this.#ear = new CallerEar(rate);
    this.#utterances = new Utterances(this.#voice, rate);
  }

  /** All that the caller said, and at which rate. */
  heard(): { readonly samples: Int16Array; readonly rate: number } {
    return { samples: this.#ear.all(), rate: this.#rate };
  }

  hear(samples: Int16Array): void {
    if (this.#isOver) return;
    const change = this.#ear.hear(samples);
    if (this.#playing !== undefined && this.#ear.speaksMs >= this.#voice.givesWayMs) this.#giveWay();
    if (change !== 'stopped') return;
    this.#told.understood?.(++this.#turns);
    // Whoever spoke over all of it was not listened to.
    if (this.#playing === undefined) this.#later();
  }

  /** Says something now: the greeting, or what it was asked for. */
  answer(): void {
    if (this.#isOver) return;
    this.#next?.cancel();
    this.#playing?.cancel();
    const answer = ++this.answers;
    const { samples, text } = this.#utterances.next(this.#voice.ms, `turn ${answer} of the agent`);
    this.#playing = this.#clock.after(samplesToMs(samples.length, this.#rate), () => {
      this.#playing = undefined;
      this.#told.said?.(answer);
    });
    this.#told.says(samples, answer, text);
  }

  close(): void {
    this.#isOver = true;
    this.#next?.cancel();
    this.#playing?.cancel();
  }

  #later(): void {
    this.#next?.cancel();
    this.#next = this.#clock.after(this.#voice.latencyMs, () => this.answer());
  }

  #giveWay(): void {
    this.interruptions++;
    this.#playing?.cancel();
    this.#playing = undefined;
    this.#told.gaveWay(this.answers);
  }
}
