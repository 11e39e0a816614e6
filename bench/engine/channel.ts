import type { ChannelHandlers, PeerChannel } from '../../src/transport/peer-channel.ts';
import type { LibraryChannel } from './library.ts';

/** A data channel of the library's. */
export class LightChannel implements PeerChannel {
  readonly label: string;
  readonly #channel: LibraryChannel;
  readonly #isOver: () => boolean;

  /** `isOver`: whether its peer was closed, after which nothing may be told. */
  constructor(channel: LibraryChannel, isOver: () => boolean) {
    this.label = channel.getLabel();
    this.#channel = channel;
    this.#isOver = isOver;
  }

  get isOpen(): boolean {
    return !this.#isOver() && this.#channel.isOpen();
  }

  get bufferedBytes(): number {
    return this.#isOver() ? 0 : this.#channel.bufferedAmount();
  }

  send(text: string): boolean {
    if (!this.isOpen) return false;
    try {
      // False stands for "queued": a message that cannot be taken throws.
      this.#channel.sendMessage(text);
      return true;
    } catch {
      return false;
    }
  }

  attach(handlers: ChannelHandlers): void {
    let opened = false;
    let closed = false;
    const onOpen = () => {
      if (opened || this.#isOver()) return;
      opened = true;
      handlers.open?.();
    };
    this.#channel.onOpen(onOpen);
    this.#channel.onMessage((message) => {
      if (this.#isOver()) return;
      onOpen();
      handlers.text(typeof message === 'string' ? message : Buffer.from(message as Buffer).toString());
    });
    this.#channel.onClosed(() => {
      if (closed || this.#isOver()) return;
      closed = true;
      handlers.close?.();
    });
    if (this.#channel.isOpen()) queueMicrotask(onOpen);
  }

  close(): void {
    this.#channel.close();
  }
}
