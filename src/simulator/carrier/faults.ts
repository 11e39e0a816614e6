/** What a stand-in does wrong, on purpose: the next request that fits gets the first fault that is left. */

export type RestFault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string; readonly body?: unknown }
  /** Reads the request and never answers. */
  | { readonly kind: 'hang' }
  /** Cuts the connection without an answer. */
  | { readonly kind: 'reset' }
  /** Does what is asked and then answers something that is no JSON. */
  | { readonly kind: 'malformed' }
  /** Does what is asked and then cuts the connection. */
  | { readonly kind: 'lost-answer' }
  /** Sends the client to another address. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** Answers with more than anybody should read. */
  | { readonly kind: 'flood' };

export type RelayFault = { readonly method?: string } & (
  | { readonly kind: 'error'; readonly code: string; readonly message?: string }
  /** Never answers the request. */
  | { readonly kind: 'hang' }
  /** Answers with something that is no JSON-RPC, and then not at all. */
  | { readonly kind: 'malformed' }
  /** Cuts the connection. */
  | { readonly kind: 'drop' }
);

/** Faults that wait for their request, in order. */
export class Faults<F> {
  readonly #queue: F[] = [];

  add(...faults: F[]): void {
    this.#queue.push(...faults);
  }

  /** Removes and gives the first fault that fits. */
  take(fits: (fault: F) => boolean = () => true): F | undefined {
    const index = this.#queue.findIndex(fits);
    return index < 0 ? undefined : this.#queue.splice(index, 1)[0];
  }

  get left(): number {
    return this.#queue.length;
  }
}
