import type { PeerChannel } from '../../transport/peer.ts';
import { type CallMessage, MAX_MESSAGE } from './page.ts';

/** Bytes that wait in the channel beyond which what can be missed is left out, and beyond which everything is. */
const FULL_BYTES = 64 * 1024;
const MOST_BYTES = 512 * 1024;
/** Messages a page may send in a run, and a second after it; one that is too long counts as several. */
const BURST = 40;
const PER_SECOND = 10;
/** A page of which so many messages were refused is none of ours. As many as these a second are forgiven, and no good message forgives more. */
const FLOOD_END = 1_000;
const FORGIVEN_PER_SECOND = 5;

/** The way to the page: bounded in both directions, since a page that does not read, or never stops, must harm nobody. */
export class PageChannel {
  #channel: PeerChannel | undefined;
  #tokens = BURST;
  #at: number | undefined;
  #refused = 0;
  #first = false;
  #dropped = 0;

  /** The page's channel; one of the proper name takes the place of another. */
  use(channel: PeerChannel): void {
    const before = this.#channel;
    this.#channel = channel;
    before?.close();
  }

  /** Whether this is the channel in use. */
  uses(channel: PeerChannel): boolean {
    return this.#channel === channel;
  }

  /** Name of the channel in use. */
  get label(): string | undefined {
    return this.#channel?.label;
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
  admit(now: number, characters = 0): 'taken' | 'refused' | 'flood' {
    const seconds = (now - (this.#at ?? now)) / 1_000;
    this.#at = now;
    this.#tokens = Math.min(BURST, this.#tokens + seconds * PER_SECOND);
    this.#refused = Math.max(0, this.#refused - seconds * FORGIVEN_PER_SECOND);
    const cost = Math.max(1, characters / MAX_MESSAGE);
    if (this.#tokens >= cost) {
      this.#tokens -= cost;
      return 'taken';
    }
    this.#first = this.#refused === 0;
    this.#refused += cost;
    return this.#refused > FLOOD_END ? 'flood' : 'refused';
  }

  /** Whether the last refusal was the first since all earlier ones were forgiven: only that one is answered. */
  get firstRefusal(): boolean {
    return this.#first;
  }
}
