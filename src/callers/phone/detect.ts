/** Tells the carrier by what it sends, so that one media URL serves them all and nothing has to be configured twice. */

import type { CarrierMedia } from './carrier-media.ts';
import type { ConnectedMessage, FaultReport, PhoneMessage, StartMessage } from './protocol.ts';

/** One grammar, which several carriers may share, and how it read the stream's introduction. */
interface Reader {
  readonly media: CarrierMedia;
  connected: ConnectedMessage | undefined;
  start: StartMessage | undefined;
}

/** How much a message of each kind says of a stream that nobody knows yet: what one carrier's grammar knows another's may not. */
const tells = (message: PhoneMessage | null): number => (message === null ? 0 : message.type === 'unknown' ? 1 : 2);

/** Reads what a stream says until it has begun: in the grammar of every carrier, for it may be anybody's. */
export class Introduction {
  readonly #carriers: readonly CarrierMedia[];
  readonly #readers: readonly Reader[];
  #carrier: CarrierMedia;

  /** `carriers`: the table, one at least; its order decides among equals. */
  constructor(carriers: readonly CarrierMedia[]) {
    const [first] = carriers;
    if (first === undefined) throw new RangeError('phone stream: a table without carriers');
    this.#carrier = first;
    this.#carriers = carriers;
    this.#readers = carriers
      .filter((media, at) => carriers.findIndex((other) => other.parse === media.parse) === at)
      .map((media) => ({ media, connected: undefined, start: undefined }));
  }

  /** Whose stream it is, once `read` gave its `start`. */
  get carrier(): CarrierMedia {
    return this.#carrier;
  }

  /** Reads a text message as `CarrierMedia.parse`. */
  parse(data: Buffer | string, report?: FaultReport): PhoneMessage | null {
    let best: PhoneMessage | null = null;
    for (const reader of this.#readers) {
      // Where nobody can read it the first one's reason stands.
      const message = reader.media.parse(data, best === null && reader === this.#readers[0] ? report : undefined);
      if (message?.type === 'connected') reader.connected = message;
      reader.start = message?.type === 'start' ? message : undefined;
      if (tells(message) > tells(best)) best = message;
    }
    return this.#decide() ?? best;
  }

  /** The carrier with most signs of those that can read the `start`, and how it reads it; undefined where none can. */
  #decide(): StartMessage | undefined {
    let decided: StartMessage | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const carrier of this.#carriers) {
      const reader = this.#readers.find(({ media }) => media.parse === carrier.parse);
      if (reader?.start === undefined) continue;
      const signs = carrier.signs(reader.start, reader.connected);
      if (signs <= most) continue;
      most = signs;
      decided = reader.start;
      this.#carrier = carrier;
    }
    return decided;
  }
}

/**
 * The carriers of a table, each with the L16 of its grammar where it has none of its own; see `CarrierMedia.l16`. To be made once: each message of
 * each stream goes through these objects.
 */
export function withL16(carriers: readonly CarrierMedia[]): readonly CarrierMedia[] {
  return carriers.map((carrier) => {
    if (carrier.l16 !== undefined) return carrier;
    const fellow = carriers.find(({ parse, l16 }) => parse === carrier.parse && l16 !== undefined);
    return fellow?.l16 === undefined ? carrier : { ...carrier, l16: fellow.l16 };
  });
}
