import type { RefusalReason } from '../admission/admission.ts';
import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { memoryKey } from '../call/party.ts';
import type { CallFacts } from '../dispatch.ts';
import { errorCode } from '../errors.ts';
import { HELD_MS, HeldLeases } from '../memory/held-leases.ts';
import type { MemoryLeases, WantedLease } from '../memory/memory.ts';

/** How many calls at once; undefined: it is not counted. */
export interface FleetMost {
  /** In all. */
  readonly calls?: number | undefined;
  /** That come in to one number. */
  readonly number?: number | undefined;
  /** That come in from one caller. */
  readonly caller?: number | undefined;
  /** Of one account at a carrier. */
  readonly account?: number | undefined;
}

export interface FleetLimitsOptions {
  /** The value of each is the instance that has the call. */
  readonly leases: MemoryLeases<string>;
  readonly instance: string;
  readonly most: FleetMost;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'warn'>;
}

/** The places of one call. */
export interface FleetPlace {
  /** The call is over, or never came about. Idempotent. */
  free(): void;
  /** Another instance has the call from now on, under the same id, and counts it. Idempotent. */
  leave(): void;
}

/** A call that was admitted by another instance. `from`: its id there, where it gets another one. */
export interface Continued {
  readonly from?: string | undefined;
}

export type FleetRefusal = Extract<RefusalReason, 'fleet' | 'number' | 'caller' | 'account'>;

/**
 * Limits that hold over all instances which share the memory. A call's places are leases: they end with the call, and with an instance that dies. A call
 * is counted in all of its groups by one command, and all calls of an instance are renewed by one.
 */
export class FleetLimits {
  readonly #o: FleetLimitsOptions;
  /** Of each call that is counted, by our id. */
  readonly #held: HeldLeases<string>;

  constructor(options: FleetLimitsOptions) {
    this.#o = options;
    this.#held = new HeldLeases(options.leases, options.clock);
  }

  /**
   * Counts a call, or says for what it is refused. Where it cannot be counted it is taken all the same: a caller is worth more than a limit. A call that
   * we placed is counted and never refused: somebody has answered it. So is one that another instance admitted (`continued`); it is counted in place of
   * what it was there, whose lease may outlive the other by half a minute. Never rejects.
   */
  async take(id: string, facts: CallFacts, continued?: Continued): Promise<FleetPlace | FleetRefusal> {
    const wanted = this.#wanted(id, facts);
    if (wanted.length === 0) return { free: () => {}, leave: () => {} };
    const { leases, log } = this.#o;
    const { from } = continued ?? {};
    try {
      if (facts.direction === 'outbound' || continued !== undefined) await leases.renewAll(wanted, HELD_MS);
      else {
        const taken = await leases.takeAll(wanted, HELD_MS);
        if (!taken.ok) return reasonOf(taken.full);
      }
      if (from !== undefined && from !== id) await leases.freeAll(wanted.map(({ group }) => ({ group, id: from })));
    } catch (error) {
      log.warn({ callId: id, code: errorCode(error) }, 'a call cannot be counted for the limits of the fleet');
    }
    this.#held.hold(id, wanted);
    return { leave: () => void this.#held.leave(id, wanted), free: () => this.#held.free(id, wanted) };
  }

  /** Nothing is renewed any more. */
  close(): void {
    this.#held.close();
  }

  #wanted(id: string, { direction, carrier, accountId, from, to }: CallFacts): ReadonlyArray<WantedLease<string>> {
    const { most, instance } = this.#o;
    const isIn = direction === 'inbound';
    const groups: ReadonlyArray<readonly [kind: FleetRefusal, of: string | undefined, most: number | undefined]> = [
      ['fleet', '', most.calls],
      ['number', isIn && to !== undefined ? memoryKey(to) : undefined, most.number],
      ['caller', isIn ? memoryKey(from) : undefined, most.caller],
      ['account', accountId === undefined || accountId === '' ? undefined : `${carrier} ${accountId}`, most.account],
    ];
    return groups.flatMap(([kind, of, limit]) =>
      of === undefined || limit === undefined ? [] : [{ group: `${kind} ${of}`, id, value: instance, most: limit }],
    );
  }
}

const reasonOf = (group: string): FleetRefusal => group.split(' ', 1)[0] as FleetRefusal;
