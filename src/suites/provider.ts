import { type Clock, delay, type Timer } from '../call/clock.ts';
import type { AgentEvent, CallEvent } from '../call/events.ts';
import type { Log, PathSample } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import type { ProviderFigures } from '../measure/measures.ts';
import { round, spread } from '../measure/statistics.ts';

/** What the agent's side says of a call by itself, to stand beside what was heard: its events, its provider's report, and the statistics of the way. */

/** What can be asked of a call's agent beside its events; left out where there is nobody to ask. */
export interface ProviderSources {
  /** How the way is just now. Never rejects. */
  readonly path?: (() => Promise<PathSample | undefined>) | undefined;
  /** What the provider has of the call once it is over; undefined while it does not know yet. Rejects where it cannot be asked. */
  readonly report?: (() => Promise<ProviderFigures | undefined>) | undefined;
}

/** Answers of which the latency is kept. */
const MOST_ANSWERS = 10_000;

/** Figures of the call's events, by their own times. */
export class ProviderEvents {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #latencies: number[] = [];
  #readyAt: number | undefined;
  #endedAt: number | undefined;
  /** When the caller's turn ended, as the agent's side has it, and was not answered yet. */
  #stoppedAt: number | undefined;
  #tellsTurns = false;
  #interruptions = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  onEvent(event: CallEvent): void {
    if (event.type === 'agent') this.#onAgent(event.event);
    else if (event.type === 'barge_in') this.#interruptions++;
    else if (event.type === 'call_ended') this.#endedAt ??= this.#clock.now();
  }

  /** Figures are left out where nothing was told that they could be of. */
  figures(): Pick<ProviderFigures, 'latencyMs' | 'interruptions' | 'durationMs'> {
    const { n: _, ...figures } = spread(this.#latencies);
    const known = Object.entries(figures).filter(([, value]) => value !== null);
    return {
      ...(known.length === 0 ? {} : { latencyMs: Object.fromEntries(known) }),
      ...(this.#tellsTurns ? { interruptions: this.#interruptions } : {}),
      ...(this.#readyAt === undefined || this.#endedAt === undefined
        ? {}
        : { durationMs: Math.round(this.#endedAt - this.#readyAt) }),
    };
  }

  #onAgent(event: AgentEvent): void {
    const now = this.#clock.now();
    switch (event.type) {
      case 'ready':
        this.#readyAt ??= now;
        return;
      case 'ended':
        this.#endedAt ??= now;
        return;
      case 'speech_started':
        this.#tellsTurns = true;
        this.#stoppedAt = undefined;
        return;
      case 'speech_stopped':
        this.#tellsTurns = true;
        this.#stoppedAt = now - (event.silenceMs ?? 0);
        return;
      case 'audio_started':
        if (this.#stoppedAt !== undefined && this.#latencies.length < MOST_ANSWERS)
          this.#latencies.push(round(now - this.#stoppedAt));
        this.#stoppedAt = undefined;
        return;
      default:
        return;
    }
  }
}

/** How often the way is looked at, ms, and how often in all. */
const LOOK_MS = 1_000;
const MOST_LOOKS = 3_600;

/** How the way was, and when that was seen, as the clock has it. */
export interface SeenPath extends PathSample {
  readonly at: number;
}

/** Looks at the way while the call goes on. */
export class PathWatch {
  readonly samples: SeenPath[] = [];
  readonly #clock: Pick<Clock, 'after' | 'now'>;
  readonly #path: NonNullable<ProviderSources['path']>;
  #next: Timer | undefined;
  #over = false;

  constructor(clock: Pick<Clock, 'after' | 'now'>, path: NonNullable<ProviderSources['path']>) {
    this.#clock = clock;
    this.#path = path;
    this.#wait();
  }

  stop(): void {
    this.#over = true;
    this.#next?.cancel();
  }

  #wait(): void {
    if (this.#over || this.samples.length >= MOST_LOOKS) return;
    this.#next = this.#clock.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const seen = await this.#path();
    if (!this.#over && seen !== undefined && Object.keys(seen).length > 0)
      this.samples.push({ ...seen, at: this.#clock.now() });
    this.#wait();
  }
}

/** How often a provider is asked that does not know yet, and with how long between, ms. */
const ASKS = 8;
const ASK_MS = 1_500;

/** The provider's report; undefined where it has none in time, or cannot be asked. Never rejects. */
export async function askForReport(
  report: ProviderSources['report'],
  clock: Pick<Clock, 'after'>,
  log: Pick<Log, 'warn'>,
  signal: AbortSignal,
): Promise<ProviderFigures | undefined> {
  try {
    for (let n = 1; report !== undefined && n <= ASKS && !signal.aborted; n++) {
      const found = await report();
      if (found !== undefined) return found;
      if (n < ASKS) await delay(clock, ASK_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted)
      log.warn({ reason: errorMessage(error) }, "the provider's report of a tested call could not be had");
  }
  return undefined;
}
