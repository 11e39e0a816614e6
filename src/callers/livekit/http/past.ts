import type { ConnectionStatus } from './routes.ts';

/** How long a connection is told of after its end, ms, and of how many. */
const REMEMBER_MS = 600_000;
const REMEMBER_MOST = 10_000;

export interface PastConnection {
  readonly status: ConnectionStatus;
  /** Whether an operator, or a webhook, wanted it. */
  readonly operator: boolean;
}

/** Connections that are over, for whoever asks what became of them. What is too old goes when something comes or is asked for: no timer is kept. */
export class PastConnections {
  readonly #now: () => number;
  readonly #all = new Map<string, PastConnection & { readonly at: number }>();

  /** `now`: monotonic ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  add({ status, operator }: PastConnection): void {
    this.#all.set(status.connectionId, { status, operator, at: this.#now() });
    this.#trim();
  }

  get(id: string): PastConnection | undefined {
    this.#trim();
    return this.#all.get(id);
  }

  get size(): number {
    this.#trim();
    return this.#all.size;
  }

  #trim(): void {
    for (const [id, { at }] of this.#all) {
      if (this.#all.size <= REMEMBER_MOST && this.#now() - at < REMEMBER_MS) return;
      this.#all.delete(id);
    }
  }
}
