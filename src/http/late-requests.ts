import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../call/clock.ts';

/** How long a request may still take of which something came at the last moment, ms: where this process stood still, its rest is under way. */
const REST_MS = 500;

export interface LateRequestsOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** How long a whole request may take to arrive, ms. */
  readonly withinMs: number;
  /** Nothing was said in time. */
  silent(socket: Socket): void;
  /** The request that was begun did not arrive in time. */
  late(socket: Socket): void;
}

/** A request, as far as it is known whether all of it is there. */
type Arriving = Pick<IncomingMessage, 'complete'>;

const UPGRADED: Arriving = { complete: true };

/**
 * Looks once more at a connection whose time is over, for what is due by time comes before what there is to read: where this process itself was late, the request
 * may be there already and not have been read. Node looks at a connection no more once it called a request of it late, so what is spared is cut from here.
 */
export class LateRequests {
  readonly #o: LateRequestsOptions;
  /** The request of each connection that came last. */
  readonly #last = new WeakMap<Duplex, Arriving>();
  /** The request that each connection is waited for with, once it has a head. */
  readonly #awaited = new WeakMap<Duplex, { request: Arriving | undefined }>();

  constructor(options: LateRequestsOptions) {
    this.#o = options;
  }

  /** The head of a request is there; without one, that of an upgrade, which is whole. */
  begun(socket: Duplex, request: Arriving = UPGRADED): void {
    this.#last.set(socket, request);
    const awaited = this.#awaited.get(socket);
    if (awaited !== undefined) awaited.request ??= request;
  }

  /** The time of a connection is over. `isSilent`: not a byte of it was read. */
  over(socket: Socket, isSilent: boolean): void {
    const last = this.#last.get(socket);
    const awaited = { request: last?.complete === false ? last : undefined };
    this.#awaited.set(socket, awaited);
    const { bytesRead } = socket;
    // After what has come is read.
    setImmediate(() => {
      if (socket.destroyed || awaited.request?.complete === true) return;
      if (socket.bytesRead === bytesRead) {
        if (isSilent) this.#o.silent(socket);
        else this.#o.late(socket);
        return;
      }
      const timer = this.#o.clock.after(isSilent ? this.#o.withinMs : REST_MS, () => {
        if (awaited.request?.complete !== true) this.#o.late(socket);
      });
      socket.once('close', () => timer.cancel());
    });
  }
}
