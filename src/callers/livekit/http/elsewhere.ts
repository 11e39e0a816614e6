import type { Clock, Timer } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { errorCode } from '../../../errors.ts';
import type { Fleet, Owned } from '../../../fleet/fleet.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';
import type { ConnectionStatus, LivekitStats } from './routes.ts';
import { sumOf } from './stats.ts';

export interface ElsewhereOptions {
  readonly fleet: Fleet;
  readonly memory: Pick<ProcessMemory, 'space'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'warn'>;
}

/** What this process is asked by the others. `operator`: whether an operator asks, who may know of all. */
export interface OwnConnections {
  end(id: string, operator: boolean): Promise<ConnectionStatus | undefined>;
  status(id: string, operator: boolean): ConnectionStatus | undefined;
  stats(): LivekitStats;
}

/** A room that some process has. */
export interface RoomClaim {
  readonly connectionId: string;
  /** Whether an operator, or a webhook, wanted it. */
  readonly operator: boolean;
}

interface Asked {
  readonly id: string;
  readonly operator: boolean;
}

interface Claim extends RoomClaim {
  readonly instance: string;
}

/** A room that is this process's. */
export interface ClaimedRoom {
  /** It is free for whoever wants it. Idempotent, never rejects. */
  release(): void;
}

/** How long a claim outlives a process that died, ms, and how often it is renewed. */
const CLAIM_MS = 30_000;
const RENEW_MS = 10_000;
/** How long it is remembered that the agent left a room while people stayed, ms, and of how many rooms. */
const LEFT_MS = 24 * 3_600_000;
const LEFT_MOST = 1_000;
const ROOMS_MOST = 100_000;
/** How long another process may take, ms: an end is answered when the agent has left and the room is deleted. */
const END_MS = 15_000;
const LOOK_MS = 3_000;
/** How often it is looked whether another process has left a room, ms, and how many times. */
const LEAVING_MS = 500;
const LEAVING_LOOKS = 20;

const ENDED = 'livekit.end';
const STATUS = 'livekit.status';
const STATS = 'livekit.stats';

/**
 * Rooms that other processes of the fleet have. One webhook may be told to several, and requests for one room may come to any of them: whoever claims the
 * room's name first brings the agent, and what is asked of a connection goes to the process that has it.
 */
export class RoomsElsewhere {
  readonly #o: ElsewhereOptions;
  readonly #claims: MemorySpace<Claim>;
  readonly #left: MemorySpace<true>;

  constructor(options: ElsewhereOptions, own: OwnConnections) {
    this.#o = options;
    const { memory, fleet } = options;
    this.#claims = memory.space({ name: 'livekit-rooms', most: ROOMS_MOST });
    this.#left = memory.space({ name: 'livekit-left', most: LEFT_MOST });
    if (fleet.isAlone) return;
    fleet.serve<Asked, ConnectionStatus | null>(
      ENDED,
      async ({ id, operator }) => (await own.end(id, operator)) ?? null,
    );
    fleet.serve<Asked, ConnectionStatus | null>(STATUS, async ({ id, operator }) => own.status(id, operator) ?? null);
    fleet.serve<null, LivekitStats>(STATS, async () => own.stats());
  }

  /** The connection that another process has in this room; undefined where none is known of. Never rejects. */
  async inRoom(roomName: string): Promise<RoomClaim | undefined> {
    const { fleet } = this.#o;
    if (fleet.isAlone) return undefined;
    const claim = await this.#claims.get(roomName).catch(() => undefined);
    return claim === undefined || claim.instance === fleet.self ? undefined : claim;
  }

  /** Whether the process that has a room is just leaving it. Never rejects. */
  async isLeaving({ connectionId }: RoomClaim): Promise<boolean> {
    return (await this.status(connectionId, true).catch(() => undefined))?.status === 'ended';
  }

  /** Resolves when the process that is just leaving this room has left, or after 10 s; at once where none is. Never rejects. */
  async left(roomName: string): Promise<void> {
    const claim = await this.inRoom(roomName);
    if (claim === undefined || !(await this.isLeaving(claim))) return;
    for (let look = 0; look < LEAVING_LOOKS; look++) {
      await new Promise<void>((resolve) => this.#o.clock.after(LEAVING_MS, resolve));
      if ((await this.inRoom(roomName))?.connectionId !== claim.connectionId) return;
    }
  }

  /**
   * Makes the room this process's, until it is released or the process dies; undefined where it is another's. Never rejects: where nobody can be asked the
   * agent comes, since two are a lesser evil than none.
   */
  async claim(roomName: string, { connectionId, operator }: RoomClaim): Promise<ClaimedRoom | undefined> {
    const { fleet, clock, log } = this.#o;
    if (fleet.isAlone) return { release: () => {} };
    const claim: Claim = { instance: fleet.self, connectionId, operator };
    const owned: Owned = fleet.own(connectionId, [{ kind: 'room', id: roomName }]);
    const put = await this.#claims.putIfAbsent(roomName, claim, CLAIM_MS).catch((error: unknown) => {
      log.warn({ callId: connectionId, code: errorCode(error) }, 'it is not known whether others have the same room');
      return { put: true } as const;
    });
    if (!put.put && put.there !== undefined) {
      owned.release();
      return undefined;
    }
    let timer: Timer | undefined;
    let isReleased = false;
    const renew = () => {
      timer = clock.after(RENEW_MS, () => {
        // Put anew rather than prolonged: the memory may have forgotten it.
        this.#claims.put(roomName, claim, CLAIM_MS).catch(() => {});
        renew();
      });
    };
    renew();
    return {
      release: () => {
        if (isReleased) return;
        isReleased = true;
        timer?.cancel();
        owned.release();
        this.#claims.delete(roomName, claim).catch(() => {});
      },
    };
  }

  /** Ends a connection that another process has. Undefined: nobody is known to have it. Rejects with PEER_UNREACHABLE and PEER_LATE. */
  end(id: string, operator: boolean): Promise<ConnectionStatus | undefined> {
    return this.#ask(ENDED, { id, operator }, END_MS);
  }

  /** How a connection of another process is. Rejects as `end`. */
  status(id: string, operator: boolean): Promise<ConnectionStatus | undefined> {
    return this.#ask(STATUS, { id, operator }, LOOK_MS);
  }

  /** The sums over all that answer; `own`: of this process. Never rejects. */
  async stats(own: LivekitStats): Promise<LivekitStats> {
    const { fleet } = this.#o;
    if (fleet.isAlone) return own;
    const all = await fleet.askAll<null, LivekitStats>(STATS, null, { withinMs: LOOK_MS });
    return sumOf([own, ...all.flatMap(({ instance, answer }) => (instance === fleet.self || !answer ? [] : [answer]))]);
  }

  /** The agent left this room, by the server's id of it, on purpose and while there were people in it. Never rejects. */
  async leave(sid: string): Promise<void> {
    await this.#left.put(sid, true, LEFT_MS).catch(() => {});
  }

  /** It may come to it again. Never rejects. */
  async welcome(sid: string): Promise<void> {
    await this.#left.delete(sid).catch(() => {});
  }

  /** Whether it left. Never rejects. */
  async hasLeft(sid: string): Promise<boolean> {
    return (await this.#left.get(sid).catch(() => undefined)) ?? false;
  }

  async #ask(name: string, asked: Asked, withinMs: number): Promise<ConnectionStatus | undefined> {
    const { fleet } = this.#o;
    if (fleet.isAlone) return undefined;
    const owner = await fleet.ownerOf({ kind: 'call', id: asked.id });
    if (owner === undefined || owner.instance === fleet.self) return undefined;
    return (await fleet.ask<Asked, ConnectionStatus | null>(owner.instance, name, asked, { withinMs })) ?? undefined;
  }
}
