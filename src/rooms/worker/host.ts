import type { Clock } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import { errorMessage } from '../../errors.ts';
import type { RoomConnector } from '../../transport/room-link.ts';
import { ROOM_FRAME_MS } from '../room.ts';
import { HostedRoom } from './hosted-room.ts';
import {
  encodeJson,
  encodeUp,
  type News,
  type Order,
  samplesOf,
  type UpAudio,
  WireReader,
  WireWriter,
} from './wire.ts';

/** Frames that are made up for after a stall of the process, a second; what is older nobody waits for. */
const MOST_DUE = 50;
/** How much may wait in the pipe until audio is dropped, bytes: several seconds of a full worker, so the daemon stands still. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** How long the daemon may take for a token, ms. */
const TOKEN_MS = 5_000;

export interface HostInit {
  readonly library: RoomConnector;
  readonly clock: Clock;
  /** See `machine-clock.ts`. */
  readonly machineNow: () => number;
  readonly ticker: Ticker;
  write(bytes: Buffer): void;
  /** Bytes that wait in the pipe. */
  waiting(): number;
  /** Calls `fn` when the event loop has read what came in until now. */
  afterInput(fn: () => void): void;
}

/** The rooms of a worker, on one clock: each tick all of them are played and heard, and what comes of it is one write. */
export class Host {
  readonly #o: HostInit;
  readonly #rooms = new Map<number, HostedRoom>();
  readonly #tokens = new Map<string, (token: string | undefined) => void>();
  readonly #reader: WireReader;
  readonly #writer: WireWriter;
  #unsubscribe: (() => void) | undefined;
  /** When frames began to be counted, ms, and how many were made since. */
  #since = 0;
  #made = 0;
  #asked = 0;

  constructor(init: HostInit) {
    this.#o = init;
    this.#writer = new WireWriter((bytes) => init.write(bytes));
    this.#reader = new WireReader({
      audio: (room, content) => this.#rooms.get(room)?.write(samplesOf(content)),
      json: (room, content) => this.#order(room, content as Order),
    });
  }

  get rooms(): number {
    return this.#rooms.size;
  }

  /** What came by the pipe. Throws where it is no message. */
  read(bytes: Buffer): void {
    this.#reader.read(bytes);
  }

  /** Leaves all rooms. */
  async close(): Promise<void> {
    await Promise.all([...this.#rooms.keys()].map((room) => this.#close(room)));
  }

  #order(room: number, order: Order): void {
    if (order.t === 'join') this.#join(room, order);
    else if (order.t === 'close') void this.#close(room);
    else if (order.t === 'token') this.#tokens.get(`${room} ${order.id}`)?.(order.token);
    else this.#rooms.get(room)?.order(order);
  }

  #join(room: number, order: Extract<Order, { t: 'join' }>): void {
    const { library, clock, machineNow } = this.#o;
    const hosted = new HostedRoom({
      library,
      clock,
      machineNow,
      order,
      tell: (news) => this.#tell(room, news),
      freshToken: () => this.#freshToken(room),
    });
    this.#rooms.set(room, hosted);
    this.#tick();
    void hosted.join();
  }

  async #close(room: number): Promise<void> {
    const hosted = this.#rooms.get(room);
    if (hosted === undefined) return;
    this.#rooms.delete(room);
    this.#tick();
    // One that cannot be left ends with the process, which the daemon sees to when it misses this.
    if (await hosted.close()) this.#tell(room, { t: 'closed' });
  }

  #tell(room: number, news: News): void {
    this.#writer.push(encodeJson(room, news));
  }

  #freshToken(room: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const id = this.#asked++;
      const key = `${room} ${id}`;
      const over = (token: string | undefined) => {
        late.cancel();
        this.#tokens.delete(key);
        if (token === undefined) reject(new Error('no token came'));
        else resolve(token);
      };
      const late = this.#o.clock.after(TOKEN_MS, () => over(undefined));
      this.#tokens.set(key, over);
      this.#tell(room, { t: 'wants-token', id });
    });
  }

  /** Ticks while there are rooms. */
  #tick(): void {
    if (this.#rooms.size === 0) {
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    } else if (this.#unsubscribe === undefined) {
      this.#since = this.#o.clock.now();
      this.#made = 0;
      this.#unsubscribe = this.#o.ticker.subscribe((now) => {
        if (this.#due(now) <= 1) this.#frames(now);
        // The process stood still, and what was said meanwhile waits behind this tick: silence would go in its place.
        else this.#o.afterInput(() => this.#frames(this.#o.clock.now()));
      });
    }
  }

  #due(now: number): number {
    // Half a frame of grace, so that a tick that is early by a fraction is not skipped and made up for by the next.
    return Math.floor((now - this.#since) / ROOM_FRAME_MS + 0.5) - this.#made;
  }

  #frames(now: number): void {
    const due = this.#due(now);
    this.#made += Math.max(0, due);
    const frames = Math.min(MOST_DUE, Math.max(0, due));
    const isFull = this.#o.waiting() > MOST_WAITING_BYTES;
    for (const [room, hosted] of this.#rooms) {
      try {
        hosted.tick(frames, (audio: UpAudio) => {
          if (!isFull) this.#writer.push(encodeUp(room, audio));
        });
      } catch (error) {
        // All rooms have one clock, which would not tick again.
        hosted.broke(errorMessage(error));
      }
    }
    this.#writer.flush();
  }
}
