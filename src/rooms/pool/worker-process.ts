import type { Clock, Timer } from '../../call/clock.ts';
import type { Log } from '../../call/leg.ts';
import { Child } from '../../process/child.ts';
import { type Usage, usageOf } from '../../process/usage.ts';
import type { JoinRoom, Replaced, RoomHandlers, RoomWorker } from '../room.ts';
import type { Fault } from '../worker/main.ts';
import { encodeDown, encodeJson, type News, WireReader, WireWriter } from '../worker/wire.ts';
import { Connection } from './connection.ts';
import { DUMB_MS, SignsOfLife } from './signs-of-life.ts';

/** How long it may take until it serves, ms: the library is loaded, on a machine that may be busy. */
const START_MS = 20_000;
/** How long it may take to end, ms: it leaves its rooms. */
const END_MS = 6_000;
/** How often it is looked at, ms; what it holds of the machine is asked for every fifth time. */
const LOOK_MS = 1_000;
/** Such looks in a row, 30 s, until threads are too many: a room that is joined has a dozen for some seconds, which look names up. */
const OVER_LOOKS = 6;
/** How much may wait in its pipe until audio is dropped, bytes: minutes of one agent's speech. */
const MOST_WAITING_BYTES = 32 * 1024 * 1024;

export interface WorkerLimits {
  /** Rooms at a time, and in all until it is replaced. */
  readonly rooms: number;
  readonly served: number;
  /** Bytes and threads from which it gets no more rooms. */
  readonly rss: number;
  readonly threads: number;
}

export interface WorkerProcessInit {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: WorkerLimits;
  /** It was replaced: gets no more rooms, or is gone. Told once. */
  replaced(why: Replaced): void;
  /** It is gone, after all its rooms were told. `served`: it had begun to serve. */
  gone(served: boolean): void;
}

/** One process that holds rooms, from its start to its end. */
export class WorkerProcess {
  readonly ready: Promise<void>;
  readonly #o: WorkerProcessInit;
  readonly #child: Child;
  readonly #connections = new Map<number, Connection>();
  readonly #writer: WireWriter;
  #state: RoomWorker['state'] = 'starting';
  #served = 0;
  #next = 0;
  /** Places that were taken for rooms which are not joined yet. */
  #reserved = 0;
  #usage: Usage | undefined;
  readonly #life: SignsOfLife;
  #looks = 0;
  #overThreads = 0;
  #timer: Timer;
  #ending: Promise<unknown> | undefined;
  #isReplaced = false;

  constructor(init: WorkerProcessInit) {
    this.#o = init;
    const { clock, log } = init;
    this.#child = new Child({
      module: new URL('../worker/main.ts', import.meta.url),
      // It is told all that it has to know; nothing of the daemon's own, its secrets least of all. In production the library says less. Its many
      // short threads would each take a heap of their own from glibc. https://man7.org/linux/man-pages/man3/mallopt.3.html
      // Its garbage is frames, thousands a second, which die young: V8 lets tens of megabytes of them gather in each process, and has no need to.
      flags: ['--optimize-for-size'],
      env: { NODE_ENV: 'production', MALLOC_ARENA_MAX: '2' },
      what: 'a process for rooms',
      clock,
      startMs: START_MS,
      pipes: 1,
      quiet: true,
      said: (message) => {
        log.warn({ pid: this.#child.pid, fault: (message as Fault).fault }, 'a process for rooms has a fault');
        this.drain('faulty');
      },
    });
    const pipe = this.#child.pipes[0]!;
    this.#writer = new WireWriter((bytes) => pipe.write(bytes));
    this.#life = new SignsOfLife(clock.now());
    const reader = new WireReader({
      audio: (room, content) => this.#connections.get(room)?.audio(content),
      json: (room, content) => this.#connections.get(room)?.news(content as News),
    });
    pipe.on('data', (bytes: Buffer) => {
      this.#life.heard(clock.now());
      try {
        reader.read(bytes);
      } catch (error) {
        log.error({ err: error, pid: this.#child.pid }, 'a process for rooms cannot be understood');
        this.#child.kill('it could not be understood');
      }
    });
    this.ready = this.#child.ready.then(() => {
      if (this.#state === 'starting') this.#state = 'serving';
    });
    this.ready.catch(() => {});
    this.#timer = clock.after(LOOK_MS, () => this.#look());
    void this.#child.ended.then((ending) => {
      this.#timer.cancel();
      const served = this.#state !== 'starting';
      const expected = this.#ending !== undefined && ending.kind === 'finished';
      if (!expected) {
        log.warn({ pid: this.#child.pid, ending: ending.kind, detail: ending.detail }, 'a process for rooms ended');
        this.#replaced(ending.kind === 'killed' ? 'killed' : 'died');
      }
      this.#state = 'draining';
      for (const connection of [...this.#connections.values()]) connection.lost(ending.detail);
      this.#connections.clear();
      init.gone(served);
    });
  }

  get info(): RoomWorker {
    return {
      pid: this.#child.pid ?? 0,
      state: this.#state,
      rooms: this.rooms,
      served: this.#served,
      rss: this.#usage?.rss,
      threads: this.#usage?.threads,
    };
  }

  get rooms(): number {
    return this.#connections.size + this.#reserved;
  }

  get hasPlace(): boolean {
    const { rooms, served } = this.#o.limits;
    return this.#state !== 'draining' && this.rooms < rooms && this.#served < served;
  }

  /** Whether it spoke lately, or has no rooms of which it could. */
  get answers(): boolean {
    return this.#life.answers;
  }

  /** Takes a place for a room; `open` or `release` follows. */
  reserve(): void {
    this.#reserved++;
    this.#served++;
  }

  release(): void {
    this.#reserved--;
    this.#afterRoom();
  }

  /** Has a room joined in the place that was reserved. */
  open(options: JoinRoom, token: string, handlers: RoomHandlers): Connection {
    const number = this.#next++;
    const connection = new Connection({
      options,
      handlers,
      clock: this.#o.clock,
      send: (order) => this.#writer.push(encodeJson(number, order)),
      sendAudio: (samples) => {
        if (this.#child.pipes[0]!.writableLength < MOST_WAITING_BYTES) this.#writer.push(encodeDown(number, samples));
      },
      freed: (inTime) => {
        this.#connections.delete(number);
        if (!inTime) this.drain('faulty');
        this.#afterRoom();
      },
    });
    this.#connections.set(number, connection);
    this.#reserved--;
    // Whoever holds the room asks for tokens, and is told when it ends.
    const { token: _, signal: __, ...order } = options;
    this.#writer.push(encodeJson(number, { t: 'join', token, ...order }));
    return connection;
  }

  /** It gets no more rooms, and ends when it has none. */
  drain(why?: Replaced): void {
    if (this.#state === 'draining') return;
    this.#state = 'draining';
    if (why !== undefined) this.#replaced(why);
    this.#afterRoom();
  }

  /** Ends it within 6 s, with its rooms. */
  async end(): Promise<void> {
    this.#state = 'draining';
    this.#writer.flush();
    this.#ending ??= this.#child.end(END_MS);
    await this.#ending;
  }

  #replaced(why: Replaced): void {
    if (this.#isReplaced) return;
    this.#isReplaced = true;
    this.#o.replaced(why);
  }

  #afterRoom(): void {
    const { limits } = this.#o;
    if (this.#served >= limits.served) this.drain('served');
    if (this.#state === 'draining' && this.rooms === 0) void this.end();
  }

  #look(): void {
    const { clock, limits } = this.#o;
    this.#timer = clock.after(LOOK_MS, () => this.#look());
    if (this.#life.look(clock.now(), this.#hasJoined)) this.#child.kill(`it said nothing for ${DUMB_MS} ms`);
    if (this.#looks++ % 5 !== 0 || this.#child.pid === undefined) return;
    void usageOf(this.#child.pid).then((usage) => {
      this.#usage = usage ?? this.#usage;
      if (usage === undefined || this.#state !== 'serving') return;
      this.#overThreads = usage.threads > limits.threads ? this.#overThreads + 1 : 0;
      if (usage.rss > limits.rss) this.drain('memory');
      else if (this.#overThreads >= OVER_LOOKS) this.drain('threads');
    });
  }

  get #hasJoined(): boolean {
    for (const { sid } of this.#connections.values()) if (sid !== '') return true;
    return false;
  }
}
