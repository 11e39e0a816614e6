import { carrierCallKey } from '../../../call/carrier-call.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { errorCode } from '../../../errors.ts';
import type { Alias, Fleet, Owned } from '../../../fleet/fleet.ts';
import type { ConnectEvent, StatusEvent, TerminateEvent } from '../events.ts';
import type { Claims } from './claims.ts';

/** What Meta tells of one call. */
export type CallEvent = ConnectEvent | StatusEvent | TerminateEvent;

export interface MetaElsewhereOptions {
  readonly fleet: Fleet;
  readonly claims: Pick<Claims, 'ownerOf'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'warn'>;
  /** Sees to an event that another instance was told. Must not throw. */
  readonly take: (event: CallEvent) => void;
}

/** How long the instance that has the call may take, ms, and how often, and when, one is looked for that is not known yet. */
const TELL_MS = 3_000;
const LOOK_AGAIN_MS = [200, 1_000, 3_000];

/**
 * Meta's webhooks come to any instance, and what they tell is of a call that may be another's: one that it has taken on, as the claims have it, or
 * one that it places. They overtake the answer that names a call which is placed, so one that nobody has is looked for some seconds.
 */
export class MetaElsewhere {
  readonly #o: MetaElsewhereOptions;

  constructor(options: MetaElsewhereOptions) {
    this.#o = options;
    const { fleet, take } = options;
    if (!fleet.isAlone) fleet.serve<CallEvent, void>('whatsapp.event', async (event) => take(event));
  }

  /** A call that this instance places has got its id of Meta's. */
  placed(id: string, callId: string): Pick<Owned, 'release'> | undefined {
    const { fleet } = this.#o;
    return fleet.isAlone ? undefined : fleet.own(callId, [nameOf(id)]);
  }

  /** What is told of a call that is not here goes to the instance that has it. Never rejects. */
  tell(event: CallEvent): Promise<void> {
    return this.#o.fleet.isAlone ? Promise.resolve() : this.#tell(event, LOOK_AGAIN_MS);
  }

  async #tell(event: CallEvent, [wait, ...rest]: readonly number[]): Promise<void> {
    const { fleet, clock, log } = this.#o;
    const instance = await this.#instanceOf(event);
    if (instance === fleet.self) return;
    try {
      if (instance !== undefined) {
        await fleet.ask<CallEvent, void>(instance, 'whatsapp.event', event, { withinMs: TELL_MS });
        return;
      }
    } catch (error) {
      log.warn({ instance, code: errorCode(error) }, 'the instance that has a WhatsApp call cannot be told of it');
    }
    if (wait !== undefined) clock.after(wait, () => void this.#tell(event, rest));
  }

  async #instanceOf({ id, opaque }: CallEvent): Promise<string | undefined> {
    const { claims, fleet } = this.#o;
    const claimed = await claims.ownerOf(id);
    if (claimed !== undefined) return claimed;
    const names: Alias[] = [...(opaque === undefined ? [] : [{ kind: 'order', id: opaque } as const]), nameOf(id)];
    for (const name of names) {
      const owner = await fleet.ownerOf(name);
      if (owner !== undefined) return owner.instance;
    }
    return undefined;
  }
}

/** By Meta's id alone: which of our numbers it is, is not told with all that is told of a call. */
const nameOf = (id: string): Alias => ({
  kind: 'carrier',
  id: carrierCallKey({ carrier: 'whatsapp', accountId: '', carrierCallId: id }),
});
