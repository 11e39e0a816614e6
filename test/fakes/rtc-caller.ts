import type { CallerPeer } from '../../src/callers/webrtc/leg.ts';
import { type PeerHandlers, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';

/** Somebody at the far end of a peer, with no network between: what is sent is heard. */
export class FakeRtcCaller implements CallerPeer {
  handlers: PeerHandlers | undefined;
  /** Samples heard that were not silence. */
  samples = 0;
  /** All frames, silence included. */
  readonly heard: Int16Array[] = [];
  closed = 0;
  /** Whether no packet of any kind comes from it. */
  silent = false;
  #packets = 0;
  /** Of them audio. */
  #rtp = 0;

  answer(handlers: PeerHandlers): CallerPeer {
    this.handlers = handlers;
    return this;
  }

  /** Media is up. */
  connect(): void {
    this.handlers?.state?.('connected');
  }

  /** Says these samples in frames of 10 ms. */
  say(samples: Int16Array, rate = 48_000): void {
    if (this.closed > 0) return;
    this.#rtp++;
    this.idle(samples, rate);
  }

  /** The library gives these samples, of which none came in a packet. */
  idle(samples: Int16Array, rate = 48_000): void {
    for (let at = 0; at < samples.length; at += rate / 100)
      this.handlers?.audio?.(samples.slice(at, at + rate / 100), rate);
  }

  sendAudio(samples: Int16Array, offset = 0): void {
    if (this.closed > 0) return;
    const frame = samples.slice(offset, offset + RTC_FRAME_SAMPLES);
    this.heard.push(frame);
    if (frame.some((sample) => sample !== 0)) this.samples += RTC_FRAME_SAMPLES;
  }

  async stats(): Promise<Array<Record<string, unknown>>> {
    if (!this.silent) this.#packets++;
    return [
      { type: 'transport', dtlsState: 'connected', packetsReceived: this.#packets },
      { type: 'inbound-rtp', packetsReceived: this.#rtp },
    ];
  }

  async quality(): Promise<Record<string, never>> {
    return {};
  }

  close(): void {
    this.closed++;
  }
}
