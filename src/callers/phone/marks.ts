/**
 * Marks: questions to the carrier, each answered when all audio before it has been played, or at once when that audio was discarded.
 * So an echo is proof of playing only if no `clear` came between, and every mark carries the generation in which it was set.
 */

/** What an echo turned out to be. */
export type Echo =
  /** Played up to `position`. */
  | { readonly kind: 'heard'; readonly position: number }
  /** Set before a clear, expired, or echoed twice: says nothing. */
  | { readonly kind: 'void' }
  /** Never set by us. */
  | { readonly kind: 'unknown' };

interface Outstanding {
  readonly serial: number;
  readonly position: number;
  readonly expiresAt: number;
}

/** How long an echo may take beyond the playing of what was queued before the mark, ms. */
const GRACE_MS = 5_000;
const NAME = /^(\d{1,9})\.(\d{1,9})$/;
const VOID: Echo = { kind: 'void' };
const UNKNOWN: Echo = { kind: 'unknown' };

export class Marks {
  #generation = 0;
  #serial = 0;
  #outstanding: Outstanding[] = [];
  /** The carrier seems to answer no marks at all: they expired, and none has come back since. */
  #deaf = false;

  /** Grows with every clear and every new stream. */
  get generation(): number {
    return this.#generation;
  }

  get size(): number {
    return this.#outstanding.length;
  }

  /** Position of the oldest mark that has not come back, undefined when that means nothing: none is out, or none is ever answered. */
  get next(): number | undefined {
    return this.#deaf ? undefined : this.#outstanding[0]?.position;
  }

  /** A mark at `position`, to be sent now behind `queuedMs` of unplayed audio. Returns its name. */
  set(position: number, queuedMs: number, now: number): string {
    this.#serial++;
    this.#outstanding.push({ serial: this.#serial, position, expiresAt: now + queuedMs + GRACE_MS });
    return `${this.#generation}.${this.#serial}`;
  }

  /** Reads an echo. One that overtook older marks answers them too: audio is played in order. */
  echo(name: string): Echo {
    const match = NAME.exec(name);
    if (match === null) return UNKNOWN;
    const generation = Number(match[1]);
    const serial = Number(match[2]);
    if (generation > this.#generation || serial === 0 || serial > this.#serial) return UNKNOWN;
    if (generation < this.#generation) return VOID;
    const index = this.#outstanding.findIndex((mark) => mark.serial === serial);
    if (index < 0) return VOID;
    this.#deaf = false;
    const { position } = this.#outstanding[index]!;
    this.#outstanding.splice(0, index + 1);
    return { kind: 'heard', position };
  }

  /** All that is out is void: its audio will not be played. */
  clear(): void {
    this.#generation++;
    this.#outstanding = [];
  }

  /** Gives up marks that never came back; returns how many. */
  expire(now: number): number {
    let expired = 0;
    while (expired < this.#outstanding.length && this.#outstanding[expired]!.expiresAt <= now) expired++;
    if (expired > 0) {
      this.#outstanding.splice(0, expired);
      this.#deaf = true;
    }
    return expired;
  }
}
