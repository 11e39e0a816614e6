import type { NativeChannel } from './wrtc.ts';

/** What a channel tells. None may throw; `open` and `close` are told once. */
export interface ChannelHandlers {
  open?(): void;
  text(data: string): void;
  close?(): void;
}

/** A data channel. */
export interface PeerChannel {
  readonly label: string;
  readonly isOpen: boolean;
  /** Bytes not yet sent. */
  readonly bufferedBytes: number;
  /** Sends one text message; false when the channel is not open. */
  send(text: string): boolean;
  /** Sets the handlers; called once, right after the channel was made or announced. */
  attach(handlers: ChannelHandlers): void;
  close(): void;
}

/** The peer a channel belongs to: after its close nothing may be told, and the native channel must not be touched. */
export interface ChannelOwner {
  isClosed(): boolean;
  forget(channel: NativeChannel): void;
}

export class NativePeerChannel implements PeerChannel {
  readonly label: string;
  readonly #channel: NativeChannel;
  readonly #owner: ChannelOwner;

  constructor(channel: NativeChannel, owner: ChannelOwner) {
    this.label = channel.label;
    this.#channel = channel;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return !this.#owner.isClosed() && this.#channel.readyState === 'open';
  }

  get bufferedBytes(): number {
    return this.#owner.isClosed() ? 0 : this.#channel.bufferedAmount;
  }

  send(text: string): boolean {
    if (!this.isOpen) return false;
    try {
      this.#channel.send(text);
      return true;
    } catch {
      // The state changes on another thread: it may have closed since it was read, or its queue may be full.
      return false;
    }
  }

  attach(handlers: ChannelHandlers): void {
    const channel = this.#channel;
    const owner = this.#owner;
    let opened = false;
    let closed = false;
    const onOpen = () => {
      if (opened || owner.isClosed()) return;
      opened = true;
      handlers.open?.();
    };
    channel.onmessage = (event) => {
      if (owner.isClosed()) return;
      // A message may overtake the news that the channel is open.
      onOpen();
      handlers.text(typeof event.data === 'string' ? event.data : Buffer.from(event.data).toString());
    };
    channel.onclose = () => {
      owner.forget(channel);
      if (closed || owner.isClosed()) return;
      closed = true;
      handlers.close?.();
    };
    channel.onopen = onOpen;
    // A channel that the far end opened may be open already when it is announced.
    if (channel.readyState === 'open') queueMicrotask(onOpen);
  }

  close(): void {
    if (!this.#owner.isClosed()) this.#channel.close();
  }
}
