import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { BridgeError } from '../../../errors.ts';
import { ApiError } from '../../../http/api-error.ts';
import { patience, withRetry } from '../../../transport/retry.ts';
import type { ServerRoom } from '../../../transport/room-server.ts';
import type { LivekitMetrics } from '../metrics.ts';
import { type Clearing, TRIES } from './clearing.ts';
import type { RoomOrder } from './room-order.ts';
import type { LivekitRooms } from './rooms.ts';

export interface BringingOptions {
  readonly rooms: Pick<LivekitRooms, 'join' | 'inRoom' | 'entered' | 'left' | 'hasLeft'>;
  readonly clearing: Pick<Clearing, 'hangUpStranded'>;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Pick<Log, 'warn'>;
  readonly metrics: LivekitMetrics;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** What passes: places come back when calls end, servers and processes are there again. */
const PASSES: ReadonlySet<string> = new Set([
  'NO_MORE_CALLS',
  'LIVEKIT_TENANT_FULL',
  'LIVEKIT_CLOSING',
  'LIVEKIT_UNREACHABLE',
  'LIVEKIT_WORKER_FAILED',
]);
/**
 * How long a telephone waits for the agent, ms: it hears nothing, and nothing tells it why. A try that is under way then is waited for: it may bring the agent yet.
 */
const PHONE_WAITS_MS = 5_000;
/** Rooms that are tried for at a time: those beyond them are tried once. */
const ROOMS_MOST = 1_000;

/**
 * Brings the agent into rooms that a webhook told of. Nobody tells twice of a room, and people wait in it: where the agent cannot come just now it is tried again,
 * until it can, the room is gone, or five minutes are over. A telephone hears nothing until then, and is hung up after some seconds.
 */
export class Bringing {
  readonly #o: BringingOptions;
  /** By the room's name: what ends the pauses of its tries. */
  readonly #trying = new Map<string, AbortController>();

  constructor(options: BringingOptions) {
    this.#o = options;
  }

  /**
   * Resolves when the agent is there, or is not needed; never rejects. What is told of a room that is being tried for is a new beginning: it is tried at once, or what is
   * on its way is waited for.
   */
  async bring(room: ServerRoom, order: RoomOrder): Promise<void> {
    const { clearing, clock, metrics, log, random = Math.random } = this.#o;
    const stop = new AbortController();
    this.#trying.get(room.name)?.abort();
    this.#trying.set(room.name, stop);
    const startedAt = clock.now();
    const pauseMs = patience({ ...TRIES, clock, random });
    let again = false;
    let hungUp = false;
    const once = async () => {
      try {
        await this.#once(room, { ...order, again });
      } catch (error) {
        if (passes(error) && clock.now() - startedAt >= PHONE_WAITS_MS && !stop.signal.aborted)
          hungUp = await clearing.hangUpStranded(room.name).catch(() => false);
        throw error;
      }
    };
    const waitMs = (error: unknown, tries: number): number | undefined => {
      // Where the telephones are hung up nobody is left who waits.
      if (!passes(error) || hungUp || stop.signal.aborted) return undefined;
      const code = codeOf(error);
      const phoneWaits = startedAt + PHONE_WAITS_MS - clock.now();
      const wait = pauseMs(tries, phoneWaits > 0 ? phoneWaits : undefined);
      if (wait === undefined || this.#trying.size > ROOMS_MOST) return undefined;
      if (tries === 1)
        log.warn({ code }, 'a webhook told of a room that the agent cannot be brought into now; it is tried again');
      metrics.count('webhook_retried');
      again ||= code === 'NO_MORE_CALLS';
      return wait;
    };
    try {
      await withRetry(once, { clock, signal: stop.signal, waitMs });
    } catch (err) {
      // Whoever stopped it tries in its place, or the daemon closes.
      if (stop.signal.aborted) return;
      metrics.count('webhook_failed');
      const code = codeOf(err);
      log.warn(
        code === undefined ? { err } : { code },
        'a webhook told of a room that the agent could not be brought into',
      );
      if (!hungUp) await this.#hangUp(room, stop.signal);
    } finally {
      if (this.#trying.get(room.name) === stop) this.#trying.delete(room.name);
    }
  }

  async #once({ name, sid }: ServerRoom, order: RoomOrder): Promise<void> {
    const { rooms } = this.#o;
    if (rooms.inRoom(name)?.isClosed === false) {
      // On its way it is not there yet: where it fails, whoever was told last is the only one that tries again.
      await rooms.entered(name);
      return;
    }
    // Whoever comes while the agent is just leaving would be alone, and no other event might tell of him.
    await rooms.left(name);
    if (await rooms.hasLeft(sid)) return;
    await rooms.join(name, order);
  }

  /** Hangs up the telephones in a room that the agent does not come to any more, as soon as it can be known who is there. Never rejects. */
  async #hangUp({ name }: ServerRoom, signal: AbortSignal): Promise<void> {
    const { clearing, clock, random = Math.random } = this.#o;
    const pauseMs = patience({ ...TRIES, clock, random });
    const waitMs = (_error: unknown, tries: number) => (signal.aborted ? undefined : pauseMs(tries));
    await withRetry(() => clearing.hangUpStranded(name), { clock, signal, waitMs }).catch(() => {});
  }

  /** Nothing is tried any more. */
  close(): void {
    for (const stop of this.#trying.values()) stop.abort();
    this.#trying.clear();
  }
}

/** Whether what failed may be otherwise in a moment. */
function passes(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && PASSES.has(code);
}

/** The code of what was foreseen. */
function codeOf(error: unknown): string | undefined {
  return error instanceof ApiError || error instanceof BridgeError ? error.code : undefined;
}
