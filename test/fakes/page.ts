import type { PeerChannel } from '../../src/transport/peer.ts';
import type { ChannelHandlers } from '../../src/transport/peer-channel.ts';
import { FakeRtcCaller } from './rtc-caller.ts';

/** A page at the far end of a peer, with no network between: what it is sent it has. */
export class FakePage extends FakeRtcCaller {
  channelHandlers: ChannelHandlers | undefined;
  readonly messages: Array<Record<string, unknown>> = [];
  channelClosed = 0;
  bufferedBytes = 0;
  #open = false;

  channel(label = 'events'): PeerChannel {
    const page = this;
    return {
      label,
      get isOpen() {
        return page.#open && page.closed === 0;
      },
      get bufferedBytes() {
        return page.bufferedBytes;
      },
      send(text) {
        if (!page.#open || page.closed > 0) return false;
        page.messages.push(JSON.parse(text) as Record<string, unknown>);
        return true;
      },
      attach(handlers) {
        page.channelHandlers = handlers;
      },
      close: () => {
        page.channelClosed++;
      },
    };
  }

  /** Media is up and the channel open; `none`: the one that was announced before. */
  override connect(channel: 'events' | 'none' = 'events'): void {
    if (channel !== 'none') this.handlers?.channel?.(this.channel(channel));
    this.#open = true;
    this.channelHandlers?.open?.();
    this.handlers?.state?.('connected');
  }

  send(message: unknown): void {
    if (this.closed > 0) return;
    this.channelHandlers?.text(typeof message === 'string' ? message : JSON.stringify(message));
  }
}
