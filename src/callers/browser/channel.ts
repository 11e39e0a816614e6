import { MAX_MESSAGE } from '../../transport/channel-message.ts';
import { MessageLimit } from '../../transport/message-limit.ts';
import type { PeerChannel } from '../../transport/peer.ts';
import type { CallMessage } from './page.ts';

/** Bytes that wait in the channel beyond which what can be missed is left out, and beyond which everything is. */
const FULL_BYTES = 64 * 1024;
const MOST_BYTES = 512 * 1024;
/** The way to the page: bounded in both directions, since a page that does not read, or never stops, must harm nobody. */
export class PageChannel {
  #channel: PeerChannel | undefined;
  readonly #limit = new MessageLimit(MAX_MESSAGE);
  /** Each key counts as a message of its own would: a page can put many into one. */
  readonly #keys = new MessageLimit(1);
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

  /** As `MessageLimit.admit`. */
  admit(now: number, characters = 0): 'taken' | 'refused' | 'flood' {
    return this.#limit.admit(now, characters);
  }

  /** Whether so many keys more are taken: as many in a run, and a second, as messages are. */
  admitKeys(now: number, keys: number): boolean {
    return this.#keys.admit(now, keys) === 'taken';
  }

  /** As `MessageLimit.firstRefusal`. */
  get firstRefusal(): boolean {
    return this.#limit.firstRefusal;
  }
}
