import type { Clock } from '../call/clock.ts';
import type { RecordingConsent, RecordingStop } from '../call/events.ts';
import type { Log } from '../call/leg.ts';
import type { CallTap, TapHooks } from '../call/tap.ts';
import type { PcmFrame } from '../media/frame.ts';
import type { Format } from './files.ts';
import type { Reel, Studio } from './studio.ts';
import { Timeline } from './timeline.ts';

export interface RecorderOptions {
  readonly callId: string;
  readonly format: Format;
  /** Hz; `auto`: that of the caller's line, as far as the formats go. */
  readonly rate: 'auto' | number;
  readonly consent: RecordingConsent;
  /** The words of the notice, where that is the consent. */
  readonly notice: string;
  readonly studio: Pick<Studio, 'record'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly hooks: TapHooks;
  /** For the daemon's own count of how recordings end. */
  readonly stopped?: (reason: RecordingStop) => void;
}

/** Rates that all formats have, Hz. */
const RATES = [8_000, 16_000, 24_000] as const;

/**
 * Records one call. It listens from the beginning, because what the agent says may be heard only later; but nothing of a call is kept before
 * the consent is there and told.
 */
export class Recorder implements CallTap {
  readonly #options: RecorderOptions;
  #timeline: Timeline | undefined;
  #reel: Reel | undefined;
  #over = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  connected(): void {
    const { consent, notice: words, hooks, clock } = this.#options;
    if (consent !== 'notice') return;
    const heard = () => this.#begin(clock.now());
    hooks.announce({ words, heard, givenUp: () => this.#stop('notice-not-heard') });
  }

  caller(frame: PcmFrame): void {
    if (this.#over) return;
    const now = this.#options.clock.now();
    const timeline = this.#made(frame.sampleRate);
    if (this.#options.consent === 'operator' && this.#reel === undefined) this.#begin(now);
    timeline.caller(frame, now);
  }

  agent(frame: PcmFrame, fromMs: number): void {
    if (this.#over) return;
    this.#made(frame.sampleRate).agent(frame, fromMs);
  }

  cleared(playedMs: number): void {
    if (!this.#over) this.#timeline?.cleared(playedMs, this.#options.clock.now());
  }

  tick(playedMs: number, now: number): void {
    if (this.#over) return;
    // The notice is told heard behind this, so that its own end is not in the recording.
    this.#timeline?.tick(playedMs, now);
  }

  ended(): void {
    if (this.#reel !== undefined) this.#stop('call-ended');
    this.#over = true;
  }

  #made(lineRate: number): Timeline {
    if (this.#timeline !== undefined) return this.#timeline;
    const { rate } = this.#options;
    const sampleRate = rate === 'auto' ? (RATES.find((known) => known >= lineRate) ?? RATES[2]) : rate;
    this.#timeline = new Timeline({ sampleRate, write: (stereo) => this.#reel?.write(stereo) });
    return this.#timeline;
  }

  #begin(now: number): void {
    const { callId, format, consent, studio, clock, hooks } = this.#options;
    const timeline = this.#timeline;
    if (timeline === undefined || this.#reel !== undefined || this.#over) return;
    const { sampleRate } = timeline;
    hooks.tell({ type: 'recording_started', consent, format, sampleRate });
    this.#reel = studio.record({
      callId,
      format,
      sampleRate,
      consent,
      startedAt: clock.wall(),
      failed: (reason, message) => {
        this.#options.log.error({ reason, detail: message }, 'the recording stops; the call goes on');
        this.#stop(reason);
      },
    });
    timeline.start(now);
  }

  #stop(reason: RecordingStop): void {
    if (this.#over) return;
    const { clock, hooks, stopped } = this.#options;
    this.#timeline?.finish(clock.now());
    this.#over = true;
    hooks.tell({ type: 'recording_stopped', reason, durationMs: Math.round(this.#timeline?.durationMs ?? 0) });
    stopped?.(reason);
    void this.#reel?.close(reason);
    this.#timeline = undefined;
  }
}
