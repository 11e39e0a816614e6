import type { PcmFrame } from '../media/frame.ts';
import type { AgentEvent, CallEvent } from './events.ts';
import { SpeechEnd } from './speech-end.ts';
import type { CallTap } from './tap.ts';

/** The model tells late that somebody began to speak: speech that ended this long before it was told may still be the turn's own, ms. */
const DETECTION_LAG_MS = 1_000;

export type TurnEvent = Extract<CallEvent, { type: 'turn' }>;

export interface TurnTimingOptions {
  readonly clock: { now(): number };
  /** Told once for each turn whose answer was heard. */
  readonly tell: (turn: TurnEvent) => void;
  /** Silence that goes before the answer on its way to the caller, ms; undefined where none does. */
  readonly cushionMs?: () => number | undefined;
}

interface Turn {
  readonly stoppedAt: number | undefined;
  readonly detectedAt: number;
  /** Responses that went on by then: their audio is not this turn's answer. */
  readonly before: ReadonlySet<string>;
  responseAt: number | undefined;
  audioAt: number | undefined;
  /** Where the answer's first sample lies in the caller's playout, ms. */
  fromMs: number | undefined;
  /** What went before it. */
  cushionMs: number | undefined;
}

/**
 * How long each turn of a call took, step by step: the caller stopped, the model noticed, a response began, its first audio came, the
 * caller heard it. It hears the call's audio as a tap and is told the agent's events. A turn that the caller takes up again, or whose answer
 * is discarded unheard, is none: its caller waits from the next stop on.
 */
export class TurnTiming implements CallTap {
  readonly #o: TurnTimingOptions;
  readonly #startedAt: number;
  readonly #speech = new SpeechEnd();
  /** Responses that are not done. */
  readonly #open = new Set<string>();
  /** When the model told that the caller began to speak, until it tells the end. */
  #speaksSince: number | undefined;
  #turn: Turn | undefined;
  /** Audio of the turn's answer was announced; its first frame is the next. */
  #announced = false;
  #index = 0;

  /** Times count from the making: the call's start. */
  constructor(options: TurnTimingOptions) {
    this.#o = options;
    this.#startedAt = options.clock.now();
  }

  onAgent(event: AgentEvent): void {
    const now = this.#o.clock.now();
    const turn = this.#turn;
    switch (event.type) {
      case 'speech_started':
        this.#drop();
        this.#speaksSince ??= now;
        return;
      case 'speech_stopped':
        this.#detected(now, event.silenceMs);
        return;
      case 'response_started':
        this.#open.add(event.responseId);
        if (turn !== undefined) turn.responseAt ??= now;
        return;
      case 'response_done':
        this.#open.delete(event.responseId);
        return;
      case 'audio_started':
        if (turn === undefined || turn.audioAt !== undefined || turn.before.has(event.responseId)) return;
        turn.audioAt = now;
        this.#announced = true;
        return;
      case 'ready':
        // A new session knows nothing of the responses of the one before.
        this.#open.clear();
        this.#speaksSince = undefined;
        this.#drop();
        return;
      default:
    }
  }

  caller(frame: PcmFrame): void {
    this.#speech.push(frame, this.#o.clock.now());
  }

  agent(_frame: PcmFrame, fromMs: number): void {
    if (!this.#announced || this.#turn === undefined) return;
    this.#announced = false;
    this.#turn.fromMs = fromMs;
    this.#turn.cushionMs = this.#o.cushionMs?.();
  }

  cleared(playedMs: number): void {
    this.#look(playedMs, this.#o.clock.now());
    if (this.#turn?.fromMs !== undefined) this.#drop();
  }

  /** Only an answer that is on its way to be heard is waited for. */
  get ticking(): boolean {
    return this.#turn?.fromMs !== undefined;
  }

  tick(playedMs: number, now: number): void {
    this.#look(playedMs, now);
  }

  ended(): void {
    this.#drop();
  }

  #detected(now: number, silenceMs: number | undefined): void {
    const since = this.#speaksSince === undefined ? Number.NEGATIVE_INFINITY : this.#speaksSince - DETECTION_LAG_MS;
    const byLevel = this.#speech.stoppedAt(since, now);
    // Speech too quiet for our own measure: it ended at the latest when the silence that the model waited for began.
    const byModel = silenceMs === undefined ? undefined : now - silenceMs;
    this.#drop();
    this.#speaksSince = undefined;
    this.#turn = {
      stoppedAt: byLevel ?? byModel,
      detectedAt: now,
      before: new Set(this.#open),
      responseAt: undefined,
      audioAt: undefined,
      fromMs: undefined,
      cushionMs: undefined,
    };
  }

  /** Whether the answer is being heard by now, and since when. */
  #look(playedMs: number, now: number): void {
    const turn = this.#turn;
    if (turn?.fromMs === undefined || turn.audioAt === undefined || playedMs <= turn.fromMs) return;
    const { stoppedAt, detectedAt, responseAt, audioAt, fromMs, cushionMs } = turn;
    this.#drop();
    // Playing went on since it passed the first sample; no sample is heard before it came.
    const heardAt = Math.max(audioAt, now - (playedMs - fromMs));
    this.#o.tell({
      type: 'turn',
      index: this.#index++,
      ...(stoppedAt === undefined ? {} : { callerStoppedMs: this.#since(stoppedAt) }),
      detectedMs: this.#since(detectedAt),
      ...(responseAt === undefined ? {} : { responseMs: this.#since(responseAt) }),
      firstAudioMs: this.#since(audioAt),
      heardMs: this.#since(heardAt),
      ...(cushionMs === undefined ? {} : { cushionMs: Math.round(cushionMs) }),
    });
  }

  #drop(): void {
    this.#turn = undefined;
    this.#announced = false;
  }

  /** Ms since the call began, never negative, in tenths: what is finer is noise. */
  #since(at: number): number {
    return Math.max(0, Math.round((at - this.#startedAt) * 10) / 10);
  }
}
