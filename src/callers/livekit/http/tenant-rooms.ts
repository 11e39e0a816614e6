import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { errorCode } from '../../../errors.ts';
import { HELD_MS, HeldLeases } from '../../../memory/held-leases.ts';
import type { MemoryLeases } from '../../../memory/memory.ts';

export interface TenantRoomsOptions {
  /** The value of each is the instance that has the room. */
  readonly leases: MemoryLeases<string>;
  readonly instance: string;
  /** Most rooms of one tenant; 0: they are not counted. */
  readonly most: number;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'warn'>;
}

/** The place of one room among those of its tenant. */
export interface TenantPlace {
  /** The room is over, or never came about. Idempotent. */
  free(): void;
}

const NOT_COUNTED: TenantPlace = { free: () => {} };

/** How many rooms each tenant has, over all instances that share the memory. A place is a lease: it ends with the room, and with an instance that dies. */
export class TenantRooms {
  readonly #o: TenantRoomsOptions;
  readonly #held: HeldLeases<string>;

  constructor(options: TenantRoomsOptions) {
    this.#o = options;
    this.#held = new HeldLeases(options.leases, options.clock);
  }

  /**
   * A place for a room of this tenant; undefined where the tenant has as many as it may have. A room that cannot be counted is taken: people wait in it. Never
   * rejects.
   */
  async take(tenantId: string | undefined): Promise<TenantPlace | undefined> {
    const { leases, instance, most, log } = this.#o;
    if (tenantId === undefined || most === 0) return NOT_COUNTED;
    const id = randomUUID();
    const held = [{ group: tenantId, id, value: instance }];
    try {
      if (!(await leases.take(tenantId, id, instance, most, HELD_MS))) return undefined;
    } catch (error) {
      log.warn({ tenantId, code: errorCode(error) }, 'a room cannot be counted for the limit of its tenant');
    }
    this.#held.hold(id, held);
    return { free: () => this.#held.free(id, held) };
  }

  /** Nothing is renewed any more. */
  close(): void {
    this.#held.close();
  }
}
