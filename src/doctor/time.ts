import type { Clock } from '../call/clock.ts';
import { type Check, fail, pass, skip, warn } from './check.ts';

/** How far this machine's clock is from others': by the Date of their answers (RFC 9110 section 6.6.1). */

const WARN_MS = 5_000;
/** Tokens and signed times live for about a minute. */
const FAIL_MS = 60_000;
/** Date has whole seconds. */
const RESOLUTION_MS = 1_000;

interface Sample {
  readonly host: string;
  /** Theirs minus ours, ms. */
  readonly skewMs: number;
  /** How much of it the exchange itself may be, ms. */
  readonly doubtMs: number;
}

/** Watches answers on their way and keeps the surest sample of each host. */
export class SkewWatch {
  readonly #clock: Clock;
  readonly #samples = new Map<string, Sample>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A `fetch` whose answers are looked at. */
  watching(inner: typeof fetch): typeof fetch {
    return async (input, init) => {
      const start = this.#clock.now();
      const response = await inner(input, init);
      const took = this.#clock.now() - start;
      const date = Date.parse(response.headers.get('date') ?? '');
      if (!Number.isNaN(date)) {
        const middle = this.#clock.wall() - took / 2;
        const url = input instanceof Request ? input.url : String(input);
        this.#note({
          host: new URL(url).host,
          skewMs: date + RESOLUTION_MS / 2 - middle,
          doubtMs: (took + RESOLUTION_MS) / 2,
        });
      }
      return response;
    };
  }

  get samples(): readonly Sample[] {
    return [...this.#samples.values()];
  }

  #note(sample: Sample): void {
    const before = this.#samples.get(sample.host);
    if (before === undefined || sample.doubtMs < before.doubtMs) this.#samples.set(sample.host, sample);
  }
}

/** Comes after the checks that speak with the model and the carrier. */
export function clockCheck(watch: SkewWatch): Check {
  return {
    name: 'clock',
    async run() {
      const [surest] = watch.samples.toSorted((a, b) => a.doubtMs - b.doubtMs);
      if (surest === undefined) return skip('no server outside answered whose time could be compared');
      const beyond = Math.max(0, Math.abs(surest.skewMs) - surest.doubtMs);
      const seconds = (Math.abs(surest.skewMs) / 1000).toFixed(1);
      const seen = `${seconds} s ${surest.skewMs > 0 ? 'behind' : 'ahead of'} ${surest.host}`;
      const advice = 'Set the clock (chrony or systemd-timesyncd): short-lived keys and signed times fail otherwise.';
      if (beyond >= FAIL_MS) return fail(seen, advice);
      if (beyond >= WARN_MS) return warn(seen, advice);
      return pass(`within ${((surest.doubtMs + beyond) / 1000).toFixed(1)} s of ${surest.host}`);
    },
  };
}
