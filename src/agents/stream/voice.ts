import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { AgentEvent, Pace, ResponseStatus } from '../../call/events.ts';
import { VoiceActivity } from '../../media/active-speaker.ts';
import { type AudioSink, samplesToMs } from '../../media/frame.ts';
import { Framer } from '../../media/framer.ts';
import { rmsDbfs, SILENT_PEAK, staysWithin } from '../../media/level.ts';

/** An answer that nobody tells the end of is over after so much silence, ms: a pause between two sentences is shorter. */
const END_MS = 500;
/** Behind an end that was told comes no more than what was on its way, ms. */
const TAIL_MS = 100;
/** Of a live far end no more than this was on its way, ms: what still sounds then is another answer, or it did not give way. */
const LATE_MS = 500;
/** Frames by which the noise of a line is learnt, ms. */
const HEARD_MS = 20;
/** An answer whose end is going to be told, and is not, ends after so long without a sound, ms. */
const LOST_END_MS = 3_000;
/** Announced, and not a sound of it came, ms. */
const NO_SOUND_MS = 15_000;
/** Audio that comes faster than it can be heard is kept this far ahead, ms; what is beyond is nobody's answer. */
const MOST_AHEAD_MS = 180_000;

export interface AgentVoiceOptions {
  readonly pace: Pace;
  readonly peer: AudioSink;
  readonly clock: Pick<Clock, 'now'>;
  readonly count: Count;
  readonly emit: (event: AgentEvent) => void;
  /** An answer is over, however it ended. */
  readonly ended: () => void;
}

interface Answer {
  readonly id: string;
  /** Its beginning was told, not heard: its end will be, too. */
  readonly told: boolean;
  /** A frame of it was written. */
  begun: boolean;
  cut: boolean;
  /** When its end was told, ms of the clock. */
  endedAt: number | undefined;
  /** Silence since its last sound, as far as it came in frames, ms. */
  quietMs: number;
}

/**
 * What the agent says on its way to the caller: which of it is an answer, from when to when, and what of an answer that was cut off is dropped. A far
 * end may tell its answers; one that does not is heard. Of bursts a playout clock knows how long they are heard.
 */
export class AgentVoice {
  readonly #o: AgentVoiceOptions;
  #answer: Answer | undefined;
  #answers = 0;
  /** When the last audio came, ms of the clock. */
  #lastAt = 0;
  /** When all that came will have been heard, had it been played from its coming on. */
  #playsUntil = 0;
  readonly #frame: { samples: Int16Array; readonly sampleRate: number };
  /** Of a live far end: a line has a noise of its own, an agent perhaps an office behind it, and neither is ever silent. */
  readonly #activity = new VoiceActivity();
  readonly #heard: Framer;

  constructor(options: AgentVoiceOptions) {
    this.#o = options;
    this.#heard = new Framer((options.peer.sampleRate * HEARD_MS) / 1000);
    this.#frame = { samples: new Int16Array(0), sampleRate: options.peer.sampleRate };
  }

  /** Whether an answer goes on that was not cut off. */
  get answering(): boolean {
    return this.#answer !== undefined && !this.#answer.cut;
  }

  /** Whether any of it is being said, or was sent and is not heard yet. */
  get playing(): boolean {
    return this.answering || this.#o.clock.now() < this.#playsUntil;
  }

  /** The answer that goes on, or the last one: whose words are told. */
  get lastId(): string {
    return this.#answer?.id ?? `answer-${this.#answers}`;
  }

  /** The far end tells that an answer begins. */
  begin(id?: string): void {
    if (this.#answer !== undefined) {
      if (this.#answer.id === id) return;
      this.#finish(this.#answer, 'completed');
    }
    this.#open(id, true);
  }

  /** The far end tells that there is an answer, and will not tell its end. It may have begun already. */
  comes(): void {
    if (this.answering) return;
    if (this.#answer !== undefined) this.#finish(this.#answer, 'cancelled');
    this.#open(undefined, false);
  }

  /** The far end tells that it sent all of it. */
  end(): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    answer.endedAt ??= this.#o.clock.now();
    if (this.#o.pace === 'burst' || answer.quietMs >= TAIL_MS) this.#finish(answer, 'completed');
  }

  audio(samples: Int16Array): void {
    const { pace, clock, count } = this.#o;
    const now = clock.now();
    const ms = samplesToMs(samples.length, this.#o.peer.sampleRate);
    const silent = this.#isSilent(samples);
    const isLine = silent && pace === 'live';
    // Between its answers a live far end sends silence, which belongs to the line.
    const answer = this.#answer ?? (isLine ? undefined : this.#open(undefined, false));
    this.#lastAt = now;
    if (answer?.cut === true) {
      count('ms_dropped_interrupted', ms);
    } else if (this.#playsUntil - now > MOST_AHEAD_MS) {
      count('ms_dropped_flood', ms);
    } else {
      if (answer !== undefined && !answer.begun && !isLine) this.#start(answer);
      if (!isLine) this.#playsUntil = Math.max(now, this.#playsUntil) + ms;
      this.#frame.samples = samples;
      this.#o.peer.write(this.#frame);
    }
    if (answer === undefined) return;
    answer.quietMs = silent ? answer.quietMs + ms : 0;
    if (pace !== 'live') return;
    const isLate = now - (answer.endedAt ?? now) >= LATE_MS;
    if (isLate || answer.quietMs >= this.#patienceMs(answer)) this.#finish(answer, 'completed');
  }

  /** To be called every 20 ms: an answer is over when nothing comes of it any more. */
  tick(now: number): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    const from = this.#o.pace === 'live' ? this.#lastAt : Math.max(this.#lastAt, this.#playsUntil);
    if (now - from >= this.#patienceMs(answer)) this.#finish(answer, 'completed');
  }

  /** The caller cut in: nothing of what goes on is written any more. */
  interrupt(): void {
    if (this.#answer !== undefined) this.#answer.cut = true;
    this.#playsUntil = Math.min(this.#playsUntil, this.#o.clock.now());
  }

  /**
   * The caller hears it again, after a time in which nobody did. Whoever is in the middle of a sentence, and does not tell where his answers end, is heard from here on: a person at a
   * telephone pauses when he likes. Of an answer whose end is told, or was, nothing more is heard; the next one has a beginning of its own.
   */
  heardAgain(): void {
    const answer = this.#answer;
    if (answer?.cut === true && !answer.told && answer.endedAt === undefined) this.#finish(answer, 'cancelled');
  }

  /** The far end gave way: of the answer comes no more than what was on its way. */
  gaveWay(): void {
    this.interrupt();
    if (this.#answer !== undefined) this.#answer.endedAt ??= this.#o.clock.now();
  }

  /** The far end fell silent by itself for the caller's sake: that was the end of its answer, and what it says next is another one. */
  yielded(): void {
    if (this.#answer !== undefined) this.#finish(this.#answer, 'cancelled');
  }

  /** The session is over: what was begun ends here. */
  stop(): void {
    if (this.#answer !== undefined) this.#finish(this.#answer, 'incomplete');
  }

  #open(id: string | undefined, told: boolean): Answer {
    const number = ++this.#answers;
    const fresh = { begun: false, cut: false, endedAt: undefined, quietMs: 0 };
    const answer: Answer = { id: id ?? `answer-${number}`, told, ...fresh };
    this.#answer = answer;
    this.#lastAt = this.#o.clock.now();
    this.#o.emit({ type: 'response_started', responseId: answer.id });
    return answer;
  }

  #isSilent(samples: Int16Array): boolean {
    const silent = staysWithin(samples, SILENT_PEAK);
    if (this.#o.pace !== 'live') return silent;
    const isNoise = silent || rmsDbfs(samples) <= this.#activity.threshold;
    this.#heard.push(samples, this.#onHeard);
    return isNoise;
  }

  readonly #onHeard = (frame: Int16Array) => this.#activity.hear(frame);

  #start(answer: Answer): void {
    answer.begun = true;
    this.#o.emit({ type: 'audio_started', responseId: answer.id, itemId: answer.id, contentIndex: 0 });
  }

  /** How long nothing may come until it is over, ms. */
  #patienceMs({ begun, cut, told, endedAt }: Answer): number {
    if (endedAt !== undefined) return TAIL_MS;
    if (!begun && !cut) return told ? NO_SOUND_MS : LOST_END_MS;
    return told ? LOST_END_MS : END_MS;
  }

  #finish(answer: Answer, status: ResponseStatus): void {
    this.#answer = undefined;
    const { emit, ended } = this.#o;
    const { id, begun, cut } = answer;
    if (begun && !cut) emit({ type: 'audio_done', responseId: id, itemId: id });
    emit({ type: 'response_done', responseId: id, status: cut ? 'cancelled' : status });
    ended();
  }
}
