import { samplesToMs } from '../../media/frame.ts';
import { newId } from './ids.ts';
import { InputBuffer } from './input-buffer.ts';
import type { TurnDetection } from './session-config.ts';
import { VAD_RATE, VoiceActivityDetector } from './vad.ts';

/** What the caller's audio amounts to. All times are ms of audio since the session began. */
export interface InputAudioHandlers {
  speechStarted(audioStartMs: number, itemId: string): void;
  speechStopped(audioEndMs: number, itemId: string): void;
  /** A turn is complete: `audio` (24 kHz) from the prefix padding to the end of the closing silence, owned by the receiver. */
  turn(itemId: string, audio: Int16Array): void;
}

/** Audio kept of one turn at most. The service takes 15 MiB an event; the test line does not need to remember an hour. */
const MAX_TURN_SAMPLES = 60 * VAD_RATE;
/** What is kept before speech beyond the prefix padding: the time that recognising it takes. */
const ONSET_RESERVE_MS = 300;
/** Semantic detection waits by its eagerness, at most 8, 4 and 2 s; a turn that sounds finished is taken much sooner. */
const EAGERNESS_SILENCE_MS = { low: 1_200, medium: 800, auto: 800, high: 400 } as const;
const SEMANTIC_PREFIX_MS = 300;

/** The input audio buffer with turn detection: server VAD, semantic VAD (as a longer silence), or none. */
export class InputAudio {
  readonly #handlers: InputAudioHandlers;
  readonly #buffer = new InputBuffer(MAX_TURN_SAMPLES);
  #detection: TurnDetection | null = null;
  #vad: VoiceActivityDetector | undefined;
  /** Absolute sample at which the detector's own count began. */
  #vadBase = 0;
  #turnStart = 0;
  #itemId: string | undefined;

  constructor(detection: TurnDetection | null, handlers: InputAudioHandlers) {
    this.#handlers = handlers;
    this.configure(detection);
  }

  /** Ms of audio since the session began. */
  get positionMs(): number {
    return Math.round(samplesToMs(this.#buffer.end, VAD_RATE));
  }

  /** Ms of audio that a commit would take. */
  get bufferedMs(): number {
    return samplesToMs(this.#buffer.length, VAD_RATE);
  }

  get speaking(): boolean {
    return this.#itemId !== undefined;
  }

  configure(detection: TurnDetection | null): void {
    this.#detection = detection;
    if (detection === null) {
      this.#vad = undefined;
      this.#itemId = undefined;
      return;
    }
    const settings = {
      threshold: detection.type === 'server_vad' ? detection.threshold : 0.5,
      silenceDurationMs:
        detection.type === 'server_vad' ? detection.silence_duration_ms : EAGERNESS_SILENCE_MS[detection.eagerness],
    };
    if (this.#vad !== undefined) {
      this.#vad.configure(settings);
      return;
    }
    this.#vadBase = this.#buffer.end;
    this.#vad = new VoiceActivityDetector(settings, { started: this.#onStarted, stopped: this.#onStopped });
  }

  /** Takes audio at 24 kHz, any number of samples. Handlers are called from within. */
  append(samples: Int16Array): void {
    this.#buffer.append(samples);
    if (this.#vad === undefined) return;
    this.#vad.process(samples);
    if (this.#itemId !== undefined) return;
    // Silence is forgotten in steps of a second: moving the memory with every packet would cost more than it saves.
    const keep = ((this.#prefixMs() + ONSET_RESERVE_MS) * VAD_RATE) / 1000;
    if (this.#buffer.length > keep + VAD_RATE) this.#buffer.discardBefore(this.#buffer.end - keep);
  }

  /** Takes what is buffered as a turn, at the client's word. The item id is that of the turn in progress, if one was detected. */
  commit(): { itemId: string; audio: Int16Array } {
    const itemId = this.#itemId ?? newId('item');
    const audio = this.#itemId === undefined ? this.#buffer.take() : this.#buffer.take(this.#turnStart);
    this.#endTurn();
    return { itemId, audio };
  }

  clear(): void {
    this.#buffer.clear();
    this.#endTurn();
  }

  #endTurn(): void {
    this.#itemId = undefined;
    this.#vad?.reset();
  }

  #prefixMs(): number {
    return this.#detection?.type === 'server_vad' ? this.#detection.prefix_padding_ms : SEMANTIC_PREFIX_MS;
  }

  readonly #onStarted = (sample: number): void => {
    const padding = (this.#prefixMs() * VAD_RATE) / 1000;
    this.#turnStart = Math.max(this.#buffer.start, this.#vadBase + sample - padding, 0);
    const itemId = newId('item');
    this.#itemId = itemId;
    this.#handlers.speechStarted(Math.round(samplesToMs(this.#turnStart, VAD_RATE)), itemId);
  };

  readonly #onStopped = (sample: number): void => {
    const itemId = this.#itemId;
    // The turn may have been committed or cleared from within the handler that told of its start.
    if (itemId === undefined) return;
    const audio = this.#buffer.take(this.#turnStart);
    this.#itemId = undefined;
    this.#handlers.speechStopped(Math.round(samplesToMs(this.#vadBase + sample, VAD_RATE)), itemId);
    this.#handlers.turn(itemId, audio);
  };
}
