import type { BrowserPeer } from '../../src/callers/browser/leg.ts';
import { type PeerChannel, type PeerHandlers, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import type { ChannelHandlers } from '../../src/transport/peer-channel.ts';

/** A page at the far end of a peer, with no network between: what it is sent it has. */
export class FakePage implements BrowserPeer {
  handlers: PeerHandlers | undefined;
  channelHandlers: ChannelHandlers | undefined;
  readonly messages: Array<Record<string, unknown>> = [];
  /** Samples heard that were not silence. */
  samples = 0;
  /** All frames, silence included. */
  readonly heard: Int16Array[] = [];
  closed = 0;
  channelClosed = 0;
  bufferedBytes = 0;
  #open = false;
  #packets = 0;

  answer(handlers: PeerHandlers): BrowserPeer {
    this.handlers = handlers;
    return this;
  }

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
  connect(channel: 'events' | 'none' = 'events'): void {
    this.handlers?.reached?.();
    if (channel !== 'none') this.handlers?.channel?.(this.channel(channel));
    this.#open = true;
    this.channelHandlers?.open?.();
    this.handlers?.state?.('connected');
  }

  /** Says these samples, 48 kHz, in frames of 10 ms. */
  say(samples: Int16Array): void {
    if (this.closed > 0) return;
    for (let at = 0; at < samples.length; at += RTC_FRAME_SAMPLES)
      this.handlers?.audio?.(samples.slice(at, at + RTC_FRAME_SAMPLES), 48_000);
  }

  send(message: unknown): void {
    if (this.closed > 0) return;
    this.channelHandlers?.text(typeof message === 'string' ? message : JSON.stringify(message));
  }

  sendAudio(samples: Int16Array, offset = 0): void {
    if (this.closed > 0) return;
    const frame = samples.slice(offset, offset + RTC_FRAME_SAMPLES);
    this.heard.push(frame);
    if (frame.some((sample) => sample !== 0)) this.samples += RTC_FRAME_SAMPLES;
  }

  async stats(): Promise<Array<Record<string, unknown>>> {
    return [{ type: 'transport', packetsReceived: this.#packets++ }];
  }

  async quality(): Promise<Record<string, never>> {
    return {};
  }

  close(): void {
    this.closed++;
  }
}
