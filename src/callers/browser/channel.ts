import type { PeerChannel } from '../../transport/peer.ts';
import type { CallMessage } from './page.ts';

/** Bytes that wait in the channel beyond which what can be missed is left out, and beyond which everything is. */
const FULL_BYTES = 64 * 1024;
const MOST_BYTES = 512 * 1024;
/** Messages a page may send in a run, and a second after it. */
const BURST = 40;
const PER_SECOND = 10;
/** A page that goes on all the same, so many messages without a pause, is none of ours. */
const FLOOD_END = 1_000;

/** The way to the page: bounded in both directions, since a page that does not read, or never stops, must harm nobody. */
export class PageChannel {
  #channel: PeerChannel | undefined;
  #tokens = BURST;
  #at: number | undefined;
  #refused = 0;
  #dropped = 0;

  /** The page's channel; the first one counts. */
  use(channel: PeerChannel): void {
    this.#channel = channel;
  }

  get inUse(): boolean {
    return this.#channel !== undefined;
  }

  get isOpen(): boolean {
    return this.#channel?.isOpen ?? false;
  }

  /** Messages left out because the page did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  send(message: CallMessage): void {
    this.forward(JSON.stringify(message), false);
  }

  /** Sends a text; one that is `transient` only while the page keeps up. */
  forward(text: string, transient: boolean): void {
    const channel = this.#channel;
    if (channel === undefined || !channel.isOpen) return;
    if (channel.bufferedBytes > (transient ? FULL_BYTES : MOST_BYTES) || !channel.send(text)) this.#dropped++;
  }

  /** Whether one more message of the page is taken at `now`, ms; `flood` when it should not be asked again. */
  admit(now: number): 'taken' | 'refused' | 'flood' {
    this.#tokens = Math.min(BURST, this.#tokens + ((now - (this.#at ?? now)) * PER_SECOND) / 1_000);
    this.#at = now;
    if (this.#tokens >= 1) {
      this.#tokens--;
      this.#refused = 0;
      return 'taken';
    }
    return ++this.#refused > FLOOD_END ? 'flood' : 'refused';
  }

  /** Whether this refusal is the first of its run: only that one is answered. */
  get firstRefusal(): boolean {
    return this.#refused === 1;
  }
}
