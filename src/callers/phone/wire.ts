import type { Socket } from '../../transport/socket.ts';
import type { CarrierMedia } from './carrier-media.ts';

/** What a leg needs of its socket. */
export type PhoneSocket = Pick<
  Socket,
  'isOpen' | 'bufferedBytes' | 'rttMs' | 'send' | 'sendBinary' | 'cork' | 'uncork' | 'flush' | 'probe' | 'close'
>;

/** The way to the carrier: one dialect on one socket, for the stream of the moment. Once shut it sends nothing more. */
export class PhoneWire {
  readonly #socket: PhoneSocket;
  readonly #protocol: CarrierMedia;
  /** The carrier's id of the stream; a second `start` changes it. */
  streamId: string;
  #shut = false;

  constructor(socket: PhoneSocket, protocol: CarrierMedia, streamId: string) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.streamId = streamId;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  get rttMs(): number | undefined {
    return this.#socket.rttMs;
  }

  // Each returns false when nothing was sent.

  /** Audio as base64, where the carrier takes it in text. */
  media(payload: string): boolean {
    return this.#protocol.media !== undefined && this.#send(this.#protocol.media(this.streamId, payload));
  }

  /** Audio as it is; the bytes belong to the socket from then on. */
  binary(payload: Buffer): boolean {
    return !this.#shut && this.#socket.sendBinary(payload);
  }

  mark(name: string): boolean {
    return this.#protocol.mark !== undefined && this.#send(this.#protocol.mark(this.streamId, name));
  }

  /** Leaves before it returns, whatever waits for more. */
  clear(): boolean {
    const sent = this.#send(this.#protocol.clear(this.streamId));
    this.#socket.flush();
    return sent;
  }

  dtmf(digit: string): boolean {
    return this.#protocol.dtmf !== undefined && this.#send(this.#protocol.dtmf(this.streamId, digit));
  }

  /** What is sent until `uncork` leaves together, as `Socket.cork` says. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** Nothing is sent from now on. */
  shut(): void {
    this.#shut = true;
  }

  #send(text: string): boolean {
    return !this.#shut && this.#socket.send(text);
  }
}
