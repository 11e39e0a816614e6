import type { Operator } from './operators.ts';

/** Sockets of operators that are open: what was allowed when one began ends when its token is revoked. */
export class OperatorSessions {
  readonly #ends = new Map<string, Set<() => void>>();

  /** A socket of this operator is open; `end` closes it. Returns how to tell that it is closed. */
  begin({ id }: Operator, end: () => void): () => void {
    const own = () => end();
    const all = this.#ends.get(id) ?? new Set();
    all.add(own);
    this.#ends.set(id, all);
    return () => {
      all.delete(own);
      if (all.size === 0 && this.#ends.get(id) === all) this.#ends.delete(id);
    };
  }

  /** Whose sockets are open. */
  get open(): readonly string[] {
    return [...this.#ends.keys()];
  }

  /** Closes all of this operator's. */
  end(id: string): void {
    for (const end of this.#ends.get(id) ?? []) end();
  }
}
