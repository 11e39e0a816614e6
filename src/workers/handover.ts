import type { Socket } from 'node:net';
import type { Clock } from '../call/clock.ts';

/** A connection that is to be handed over. */
export interface Connection {
  readonly socket: Socket;
  /** What was read of it. */
  readonly read: Buffer;
  /** Of its request; undefined where there is none. */
  readonly path: string | undefined;
  /** How many workers were given it and did not take it. */
  readonly missed?: number;
}

export interface HandoverOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Sends it, and leaves it open here. */
  readonly send: (connection: Connection) => void;
  /** Asks the worker how many it has taken; the answer (`answered`) has to come behind what was sent before. */
  readonly ask: () => void;
  /** Another is to have these. */
  readonly back: (connections: readonly Connection[]) => void;
}

/** A process that told of itself and not of a connection it was given so long ago is asked whether it got it, ms. */
const LOST_MS = 3_000;

/**
 * The connections on their way to one worker. One goes at a time: the worker says when it has it, and until then it stays open here, so that one which the
 * worker did not take, because it ended or was closing, is given to another, and its client notices nothing.
 */
export class Handover {
  readonly #o: HandoverOptions;
  readonly #waiting: Connection[] = [];
  #onTheWay: Connection | undefined;
  #isAsked = false;
  #given = 0;
  #givenAt = 0;
  #taken = 0;
  /** Given, and never taken: the process had no file descriptor for it. */
  #lost = 0;
  #isOpen = false;

  constructor(options: HandoverOptions) {
    this.#o = options;
  }

  /** Those that the worker has not told of. */
  get pending(): number {
    return this.#waiting.length + Math.max(0, this.#given - this.#lost - this.#taken);
  }

  /** The worker is there: what waits goes to it. */
  open(): void {
    this.#isOpen = true;
    this.#next();
  }

  hand(connection: Connection): void {
    this.#waiting.push(connection);
    this.#next();
  }

  /** Those that wait, which the worker does not get any more. */
  takeBack(): Connection[] {
    return this.#waiting.splice(0);
  }

  /** The worker told of itself, and that it has taken so many so far. */
  told(taken: number): void {
    this.#taken = taken;
    const { clock, ask } = this.#o;
    if (this.#given <= this.#lost + taken) {
      // It is the worker's: closed here alone it goes on there.
      this.#onTheWay?.socket.destroy();
      this.#onTheWay = undefined;
      this.#next();
    } else if (!this.#isAsked && clock.now() - this.#givenAt > LOST_MS) {
      // What it told may be older than what it was given: after a stall its timers come before its messages.
      this.#isAsked = true;
      ask();
    }
  }

  /** Its answer. */
  answered(taken: number): void {
    if (!this.#isAsked || this.#onTheWay === undefined) return;
    this.#taken = taken;
    this.#lost = Math.max(0, this.#given - taken);
    this.#o.back(this.#missed());
    this.#next();
  }

  /** The worker has no use for the one it was given last; it counts as taken. */
  refused(): void {
    this.#o.back(this.#missed());
  }

  /** The worker is gone. */
  close(): void {
    this.#isOpen = false;
    this.#o.back([...this.#missed(), ...this.takeBack()]);
  }

  #next(): void {
    if (!this.#isOpen || this.#given > this.#lost + this.#taken) return;
    let next = this.#waiting.shift();
    // Closed by its client meanwhile.
    while (next?.socket.destroyed === true) next = this.#waiting.shift();
    if (next === undefined) return;
    this.#given++;
    this.#givenAt = this.#o.clock.now();
    this.#onTheWay = next;
    this.#isAsked = false;
    this.#o.send(next);
  }

  /** What was given and will not be taken. Whom its path named is not there for it. */
  #missed(): Connection[] {
    const connection = this.#onTheWay;
    this.#onTheWay = undefined;
    return connection === undefined ? [] : [{ ...connection, path: undefined, missed: (connection.missed ?? 0) + 1 }];
  }
}
