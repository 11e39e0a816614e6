import type { MemoryChannel } from '../../../memory/memory.ts';
import { jsonObject } from '../../../transport/http.ts';
import type { Carriers } from '../carriers/index.ts';
import type { Webhook } from './webhook.ts';

export interface CarrierNotesOptions {
  readonly channel: MemoryChannel;
  /** This process among those that listen. */
  readonly self: string;
  readonly carriers: Pick<Carriers, 'get'>;
}

/** What was told, and where. */
interface Note {
  readonly by: string;
  readonly webhook: Webhook;
}

/**
 * What carriers tell that asks for nothing is what some process waits for: that a call was answered, which it asked for. It may come to any of them, so
 * all hear it. Where it is lost on the way whoever waits goes on when his time is over.
 */
export class CarrierNotes {
  readonly #o: CarrierNotesOptions;
  readonly #leave: () => void;

  constructor(options: CarrierNotesOptions) {
    this.#o = options;
    this.#leave = options.channel.subscribe((text) => this.#heard(text));
  }

  /** It came here, and the carrier has been told here. Never throws. */
  tell(webhook: Webhook): void {
    const { channel, self, carriers } = this.#o;
    if (carriers.get(webhook.carrier)?.webhook.noted === undefined) return;
    channel.publish(JSON.stringify({ by: self, webhook } satisfies Note));
  }

  close(): void {
    this.#leave();
  }

  #heard(text: string): void {
    const { by, webhook }: Partial<Note> = jsonObject(text) ?? {};
    if (webhook !== undefined && by !== this.#o.self) this.#o.carriers.get(webhook.carrier)?.webhook.noted?.(webhook);
  }
}
