import { CLOSE, type Socket } from '../../../transport/socket.ts';
import type { HandlerSocket } from './handed-call.ts';
import type { SocketEnd } from './metrics.ts';

/** The part of the buffer beyond which what can be missed is left out. */
const FULL = 1 / 16;

export interface OutletOptions {
  readonly socket: Pick<Socket, 'send' | 'close' | 'bufferedBytes'>;
  /** A reader that lets more lie than this is dropped, bytes. */
  readonly bufferBytes: number;
  /** It is closed in mid-call; told once. */
  readonly dropped: (why: SocketEnd) => void;
}

/** What goes out on one socket of a call: bounded, since a handler that does not read must harm nobody. */
export class Outlet implements HandlerSocket {
  readonly #o: OutletOptions;
  #isOver = false;

  constructor(options: OutletOptions) {
    this.#o = options;
  }

  tell(json: string, transient: boolean): void {
    const { socket, bufferBytes } = this.#o;
    if (this.#isOver || (transient && socket.bufferedBytes > bufferBytes * FULL)) return;
    socket.send(json);
    if (socket.bufferedBytes > bufferBytes) this.drop('slow');
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#o.socket.close(CLOSE.normal, 'the call is over');
  }

  /** Closes it while its call goes on. Idempotent. */
  drop(why: SocketEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#o.dropped(why);
    if (why === 'slow') this.#o.socket.close(CLOSE.tryLater, 'the reader is too slow');
    else this.#o.socket.close(CLOSE.policy, 'too many messages');
  }
}
