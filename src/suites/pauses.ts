import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { ProviderLimits } from './provider-limits.ts';

/** The longest that a provider is waited for because it asks for it, ms: what asks for more has no place today. */
const MOST_MS = 10 * 60_000;

export interface PausesDeps {
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
  readonly limits: ProviderLimits;
  /** No agent of the kind is called for so long, ms. Must not throw. */
  waits(kind: string, forMs: number): void;
}

/** What a run makes of providers that have no place: it stands still for a while and says so, or it waits for them no more. */
export class Pauses {
  readonly #deps: PausesDeps;
  /** Pauses that were told of, by kind: their ends by the clock, and as they were told. */
  readonly #told = new Map<string, { readonly untilMs: number; readonly untilAt: string }>();
  /** Kinds whose provider is not waited for, until when by the clock, and why. */
  readonly #shut = new Map<string, { readonly until: number; readonly why: string }>();

  constructor(deps: PausesDeps) {
    this.#deps = deps;
  }

  /** Kinds of which none is called at the moment, and until when. */
  get waiting(): Array<{ kind: string; untilAt: string }> {
    return [...this.#told].flatMap(([kind, { untilAt }]) =>
      this.#deps.limits.restOf(kind).leftMs > 0 ? [{ kind, untilAt }] : [],
    );
  }

  /** Tells, once for each pause, that nobody of the kind is called for a while. */
  tell(kind: string): void {
    const { limits, clock, log, waits } = this.#deps;
    const { untilMs, leftMs } = limits.restOf(kind);
    if (leftMs === 0 || untilMs <= (this.#told.get(kind)?.untilMs ?? Number.NEGATIVE_INFINITY)) return;
    const forMs = Math.round(leftMs);
    this.#told.set(kind, { untilMs, untilAt: new Date(clock.wall() + forMs).toISOString() });
    log.info({ kind, forMs }, 'a run of tests waits for a place');
    waits(kind, forMs);
  }

  /** Asked to leave the provider alone for `ms`: why it is not waited for, in words; undefined where it is. `reason`: what it said. */
  shut(kind: string, ms: number, reason: string): string | undefined {
    if (ms <= MOST_MS) return undefined;
    const [asked, most] = [ms, MOST_MS].map((one) => Math.ceil(one / 60_000));
    const why = `${reason}: its provider asks to be left alone for ${asked} minutes, and ${most} are waited at the most`;
    this.#shut.set(kind, { until: this.#deps.clock.now() + ms, why });
    return why;
  }

  /** Why nobody of the kind is to be called, where its provider is not waited for. */
  shutFor(kind: string): string | undefined {
    const shut = this.#shut.get(kind);
    return shut !== undefined && this.#deps.clock.now() < shut.until ? shut.why : undefined;
  }
}
