import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { errorCode, errorMessage } from '../../../errors.ts';
import { withRetry } from '../../../transport/retry.ts';
import type { RoomServer } from '../../../transport/room-server.ts';

export interface ServerCheckOptions {
  readonly server: Pick<RoomServer, 'probe'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
}

/** How long after a failure it is asked again, ms: a server may start later than the daemon, and be given the key later. */
const AGAIN_MS = 60_000;

/** Whether the server takes our key, asked at the start and until it does: nobody should learn from the first caller that it does not. */
export class ServerCheck {
  readonly #o: ServerCheckOptions;
  readonly #stop = new AbortController();
  #problem: string | undefined;

  constructor(options: ServerCheckOptions) {
    this.#o = options;
  }

  /** What an operator has to mend; undefined where nothing is known to be wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves when the server takes the key, true, or was not asked any more, false. Never rejects. */
  async taken(): Promise<boolean> {
    const { server, clock, log } = this.#o;
    let told: string | undefined;
    const waitMs = (error: unknown) => {
      const code = errorCode(error);
      const isRefused = code === 'LIVEKIT_REFUSED';
      this.#problem = isRefused ? `${errorMessage(error)}; no room can be joined` : undefined;
      if (!this.#stop.signal.aborted && code !== told) {
        if (isRefused) log.error({ code, why: errorMessage(error) }, 'no room can be joined with the key that is set');
        else log.warn({ code, why: errorMessage(error) }, 'it is not known yet whether rooms can be joined');
      }
      told = code;
      return AGAIN_MS;
    };
    try {
      await withRetry(() => server.probe(), { clock, signal: this.#stop.signal, waitMs });
    } catch {
      return false;
    }
    this.#problem = undefined;
    return true;
  }

  /** Nothing is asked any more. */
  close(): void {
    this.#stop.abort();
  }
}
