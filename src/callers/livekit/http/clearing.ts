import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { BridgeError, errorCode } from '../../../errors.ts';
import type { Person, PersonKind } from '../../../rooms/room.ts';
import { patience, withRetry } from '../../../transport/retry.ts';
import type { RoomServer } from '../../../transport/room-server.ts';
import type { LivekitMetrics } from '../metrics.ts';
import { isPerson } from '../people.ts';

export interface ClearingOptions {
  readonly server: Pick<RoomServer, 'find' | 'remove' | 'participants' | 'removeParticipant'>;
  /** The connection whose agent is in this room now, whichever process has it; undefined where none is. Must not reject. */
  readonly agentIn: (roomName: string) => Promise<string | undefined>;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Pick<Log, 'warn'>;
  readonly metrics: Pick<LivekitMetrics, 'count'>;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** A room that is over, of the call `callId`. */
export interface OverRoom {
  readonly roomName: string;
  /** The server's id of it, where it is known. */
  readonly sid?: string | undefined;
  /** Others make rooms of such names, too: it is looked for by its id, and left to the server where that is not known. */
  readonly isOthers?: boolean;
  readonly callId?: string | undefined;
}

interface Task extends OverRoom {
  readonly what: 'delete' | 'put_out';
  /** Whether it is tried again where it fails. */
  readonly isRepeated: boolean;
  /** `again`: time has passed, and the name may be another's now. */
  readonly once: (again: boolean) => Promise<unknown>;
  /** What kept it from being done the last time. */
  error?: unknown;
}

/** How what could not be done in a room is tried again: for as long as a server, or the way to it, may take to be there again. */
export const TRIES = { firstMs: 1_000, mostMs: 30_000, giveUpMs: 300_000 } as const;
/** What is tried for at a time: whatever is beyond it is tried once. */
const TASKS_MOST = 1_000;

const SAYS = {
  delete: 'a room could not be deleted; the server does it when it is empty',
  put_out: 'a telephone could not be put out of a room; it stays on the line, and hears nothing',
} as const;

/**
 * Leaves nothing behind in rooms that are over. Where the server cannot be reached just then, as when the way to it broke and the call ended of it, deleting the
 * room and hanging up its telephones is tried again, ever more seldom, for five minutes; not once the agent is there again, or the name is another room's.
 */
export class Clearing {
  readonly #o: ClearingOptions;
  readonly #going = new Map<Task, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: ClearingOptions) {
    this.#o = options;
  }

  /** Removes a room, and everybody from it. Resolves after the first try; never rejects. `isEmpty`: nobody was ever let into it, and it is tried once. */
  deleteRoom(room: OverRoom, { isEmpty = false } = {}): Promise<void> {
    const { server } = this.#o;
    const { roomName, sid, isOthers = false } = room;
    const once = async (again: boolean) => {
      if (again && sid !== undefined && (await server.find(roomName))?.sid !== sid) return;
      await server.remove(roomName);
    };
    return this.#do({ ...room, what: 'delete', isRepeated: !isEmpty && (sid !== undefined || !isOthers), once });
  }

  /** Hangs up a telephone, by putting it out of a room. Resolves after the first try; never rejects. */
  hangUp(room: OverRoom, { identity, sid }: Pick<Person, 'identity' | 'sid'>): Promise<void> {
    const { server } = this.#o;
    const { roomName } = room;
    const once = async (again: boolean) => {
      // The same telephone may have called anew.
      const isThere = async () =>
        (await server.participants(roomName)).some((one) => one.identity === identity && one.sid === sid);
      if (!again || (await isThere())) await server.removeParticipant(roomName, identity);
    };
    return this.#do({ ...room, what: 'put_out', isRepeated: true, once });
  }

  /**
   * Hangs up the telephones in a room that the agent does not come to, unless somebody is there whom they can talk to. Resolves with whether there were any.
   * Rejects where it cannot be known who is there.
   */
  async hangUpStranded(roomName: string): Promise<boolean> {
    const { server, metrics, log } = this.#o;
    const there = await server.participants(roomName);
    const people = there.filter(
      ({ kind, attributes, observes }) => !observes && isPerson({ kind: kind as PersonKind, attributes }),
    );
    if (people.length === 0 || people.some(({ kind }) => kind !== 'sip')) return false;
    if (there.some(({ kind }) => kind === 'agent')) return false;
    log.warn({ telephones: people.length }, 'the agent does not come to a room: the telephones in it are hung up');
    const hungUp = people.map((phone) => {
      metrics.count('phone_stranded');
      return this.hangUp({ roomName }, phone);
    });
    await Promise.all(hungUp);
    return true;
  }

  /** Throws LIVEKIT_UNREACHABLE (503) or LIVEKIT_REFUSED (502) while the room of a call that has ended is there, and is tried to be deleted. */
  check(callId: string): void {
    for (const { what, callId: of, error } of this.#going.keys()) {
      if (what !== 'delete' || of !== callId) continue;
      const isRefused = errorCode(error) === 'LIVEKIT_REFUSED';
      throw new BridgeError(
        isRefused ? 'LIVEKIT_REFUSED' : 'LIVEKIT_UNREACHABLE',
        'the call has ended; its room could not be deleted yet, which is tried again',
        { cause: error, retryable: true, status: isRefused ? 502 : 503 },
      );
    }
  }

  /** What is not done is tried once more, and so is whatever comes after it. Resolves when that was tried. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#going.values());
  }

  /** Resolves when it was tried once. */
  #do(task: Task): Promise<void> {
    const { promise: tried, resolve } = Promise.withResolvers<void>();
    this.#going.set(task, this.#untilDone(task, resolve));
    return tried;
  }

  async #untilDone(task: Task, tried: () => void): Promise<void> {
    const { clock, log, metrics, random = Math.random } = this.#o;
    const { signal } = this.#stop;
    const { what, callId } = task;
    const pauseMs = patience({ ...TRIES, clock, random });
    const waitMs = (error: unknown, tries: number): number | undefined => {
      task.error = error;
      const wait = pauseMs(tries);
      if (wait === undefined || !task.isRepeated || signal.aborted || this.#going.size > TASKS_MOST) return undefined;
      if (tries === 1) log.warn({ err: error, callId }, `${SAYS[what]}; it is tried again`);
      metrics.count(`${what}_retried`);
      tried();
      return wait;
    };
    try {
      await withRetry((tries) => this.#once(task, tries > 1), { clock, signal, waitMs }).catch((error: unknown) => {
        // It waited when the daemon began to close.
        if (error !== signal.reason) throw error;
        return this.#once(task, true);
      });
    } catch (err) {
      metrics.count(`${what}_failed`);
      log.warn({ err, callId }, SAYS[what]);
    }
    this.#going.delete(task);
    tried();
  }

  async #once({ roomName, callId, once }: Task, again: boolean): Promise<void> {
    if (again) {
      const there = await this.#o.agentIn(roomName);
      if (there !== undefined && there !== callId) return;
    }
    await once(again);
  }
}
