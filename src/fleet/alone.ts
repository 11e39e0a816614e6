import type { Clock } from '../call/clock.ts';
import {
  type Alias,
  type Asked,
  type AskOptions,
  aliasKey,
  type FleetMember,
  type Handler,
  type Instance,
  type Owned,
  type Owner,
  peerUnreachable,
} from './fleet.ts';
import { Handlers } from './handlers.ts';

export interface AloneOptions {
  readonly self: string;
  readonly clock: Pick<Clock, 'after' | 'wall'>;
  /** Calls that there are. */
  readonly calls: () => number;
  readonly maxCalls: number;
  readonly isDraining: () => boolean;
}

/** A fleet of one: asked by itself alone, without a network, and without memory of what others could have. */
export class AloneFleet implements FleetMember {
  readonly self: string;
  readonly isAlone = true;
  readonly problem = undefined;
  readonly #o: AloneOptions;
  readonly #handlers: Handlers;
  readonly #owned = new Map<string, string>();
  readonly #startedAt: number;

  constructor(options: AloneOptions) {
    this.self = options.self;
    this.#o = options;
    this.#handlers = new Handlers(options.clock);
    this.#startedAt = options.clock.wall();
  }

  async instances(): Promise<readonly Instance[]> {
    const { calls, maxCalls, isDraining } = this.#o;
    return [{ id: this.self, calls: calls(), maxCalls, draining: isDraining(), startedAt: this.#startedAt }];
  }

  serve<Q, A>(name: string, handler: Handler<Q, A>): void {
    this.#handlers.serve(name, handler);
  }

  async ask<Q, A>(instance: string, name: string, question: Q, options: AskOptions): Promise<A> {
    if (instance !== this.self) throw peerUnreachable('there is no other than this one');
    return this.#handlers.answer<A>(name, question, options);
  }

  async askAll<Q, A>(name: string, question: Q, options: AskOptions): Promise<ReadonlyArray<Asked<A>>> {
    const instance = this.self;
    return [
      await this.ask<Q, A>(instance, name, question, options).then(
        (answer) => ({ instance, answer }),
        (error: unknown) => ({ instance, error }),
      ),
    ];
  }

  own(callId: string, aliases: readonly Alias[]): Owned {
    const keys = new Set<string>();
    const add = (alias: Alias) => {
      keys.add(aliasKey(alias));
      this.#owned.set(aliasKey(alias), callId);
    };
    for (const alias of [{ kind: 'call', id: callId } as const, ...aliases]) add(alias);
    const release = () => {
      for (const key of keys) if (this.#owned.get(key) === callId) this.#owned.delete(key);
    };
    return { add, leave: (alias) => void this.#owned.delete(aliasKey(alias)), handOver: release, release };
  }

  async ownerOf(alias: Alias): Promise<Owner | undefined> {
    const callId = this.#owned.get(aliasKey(alias));
    return callId === undefined ? undefined : { instance: this.self, callId, reachable: true };
  }

  async begin(): Promise<void> {}

  async drain(): Promise<void> {}

  async close(): Promise<void> {}
}
