/**
 * RTP packets between the network, which loses, doubles, delays and overtakes them, and a playout that wants one after the other (RFC 3550 section
 * 6.4.1 and appendix A.1). Pure: it knows neither socket nor codec, and is told the time.
 *
 * It keeps no model of the network's delay. What it watches is how much audio lay ready whenever some was taken: the least of that within the last
 * seconds was never needed, and is delay that may be won back. A packet that comes after its turn asks for as much more. So the delay follows jitter,
 * bursts and the drift of the far clock alike.
 */

export interface JitterPacket {
  /** 16 bits; wraps. */
  readonly sequence: number;
  /** 32 bits, in units of the clock rate; wraps. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

export interface JitterOptions {
  /** Units of the timestamp in a second: 48,000 for Opus (RFC 7587 section 4.1), 8,000 for G.711. */
  readonly clockRate: number;
  /** How long the first packet waits for others, ms. */
  readonly firstMs?: number;
  /** Most audio that is kept, ms; the oldest gives way. */
  readonly mostMs?: number;
}

/** What became of a packet that came. */
export type Taken = 'kept' | 'late' | 'double' | 'refused';

/**
 * What is to be played next: a packet; `units`, 120 ms at most at a time, of a packet that did not come in time, or that the sender left out on purpose (`still`: no packet is
 * missing, as in discontinuous transmission); or nothing, because nothing came yet (`waiting`) or nothing more did (`dry`).
 */
export type Next =
  | { readonly kind: 'packet'; readonly packet: JitterPacket }
  | { readonly kind: 'lost'; readonly units: number }
  | { readonly kind: 'still'; readonly units: number }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'dry' };

const FIRST_MS = 30;
const MOST_MS = 1_000;
/** The longest packet of Opus (RFC 7587 section 4.2), ms. */
const LONGEST_MS = 120;
/** A packet further ahead, or further behind, than this is of another stream, or none at all (RFC 3550 appendix A.1). */
const MAX_DROPOUT = 3_000;
const MAX_MISORDER = 100;
/** Slack is the least of the last one to two of these, ms. */
const WINDOW_MS = 4_000;
/** Slack that is never won back, ms: half a packet, by which a timer and a packet miss one another. */
const MARGIN_MS = 10;
/** One late packet asks for no more than this, ms. */
const MOST_GROWTH_MS = 120;

const WAITING = { kind: 'waiting' } as const;
const DRY = { kind: 'dry' } as const;

interface Kept extends JitterPacket {
  /** Without wrapping. */
  readonly at: number;
  readonly units: number;
}

export class JitterBuffer {
  readonly #perMs: number;
  readonly #firstMs: number;
  readonly #mostUnits: number;
  /** Units of the longest packet. */
  readonly #longest: number;
  /** In the order of their sequence. */
  readonly #kept: Kept[] = [];
  /** The next sequence number and timestamp to be played, without wrapping; undefined before the first packet is. */
  #nextSequence: number | undefined;
  #nextUnits = 0;
  /** The highest seen. */
  #highest: number | undefined;
  #units = 0;
  #firstAt = 0;
  #started = false;
  /** The sequence number that would show that the sender has begun anew (RFC 3550 appendix A.1). */
  #anew: number | undefined;
  /** Units of a packet, by the last two that followed one another. */
  #packetUnits: number;
  #leastNow = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #windowFrom: number | undefined;
  #growthMs = 0;
  /** Played in place of audio since there was none, units. */
  #dryUnits = 0;

  constructor({ clockRate, firstMs = FIRST_MS, mostMs = MOST_MS }: JitterOptions) {
    this.#perMs = clockRate / 1_000;
    this.#firstMs = firstMs;
    this.#mostUnits = mostMs * this.#perMs;
    this.#packetUnits = 20 * this.#perMs;
    this.#longest = LONGEST_MS * this.#perMs;
  }

  /** Takes a packet. What it holds is kept as it is: the caller must not change it. */
  push(packet: JitterPacket, now: number): Taken {
    const at = this.#place(packet.sequence);
    if (at === undefined) return 'refused';
    const units = this.#unitsOf(packet.timestamp);
    if (this.#nextSequence !== undefined && at < this.#nextSequence) {
      // It was given up: the next one that is as late shall be in time.
      this.#growthMs = Math.min(
        MOST_GROWTH_MS,
        Math.max(this.#growthMs, (this.#nextUnits - units) / this.#perMs + this.#readyMs()),
      );
      return 'late';
    }
    let place = this.#kept.length;
    while (place > 0 && this.#kept[place - 1]!.at > at) place--;
    if (place > 0 && this.#kept[place - 1]!.at === at) return 'double';
    const { sequence, timestamp, payload } = packet;
    this.#kept.splice(place, 0, { sequence, timestamp, payload, at, units });
    if (this.#kept.length === 1 && !this.#started) this.#firstAt = now;
    this.#bound();
    return 'kept';
  }

  /** What is to be played now. Each answer but `waiting` and `dry` moves on. */
  next(now: number): Next {
    const head = this.#kept[0];
    if (head === undefined) return this.#started ? DRY : WAITING;
    if (!this.#started) {
      const waited = now - this.#firstAt;
      if (waited < this.#firstMs && this.#spanMs() < this.#firstMs) return WAITING;
      this.#started = true;
    }
    if (this.#nextSequence === undefined) {
      this.#nextSequence = head.at;
      this.#nextUnits = head.units;
    }
    // What was played while nothing was there stands for as much of what was not sent, or was lost.
    const stood = Math.max(0, Math.min(this.#dryUnits, head.units - this.#nextUnits));
    this.#nextUnits += stood;
    this.#dryUnits = 0;
    const gap = head.units - this.#nextUnits;
    if (head.at > this.#nextSequence && gap > 0) {
      const missing = head.at - this.#nextSequence;
      // What is told at once is a packet's: one that is only late may still come before the next.
      const units = Math.min(gap, Math.max(1, Math.round(gap / missing)), this.#longest);
      this.#nextSequence++;
      this.#nextUnits += units;
      return { kind: 'lost', units };
    }
    if (gap > 0) {
      const units = Math.min(gap, this.#longest);
      this.#nextUnits += units;
      return { kind: 'still', units };
    }
    this.#kept.shift();
    const following = this.#kept[0];
    if (following !== undefined && following.at === head.at + 1 && following.units > head.units)
      this.#packetUnits = Math.min(following.units - head.units, this.#longest);
    this.#nextSequence = head.at + 1;
    this.#nextUnits = head.units + this.#packetUnits;
    return { kind: 'packet', packet: head };
  }

  /** Something else was played while `next` said `dry`, ms. */
  dried(ms: number): void {
    this.#dryUnits += ms * this.#perMs;
  }

  /** The packet taken last was so long: what follows it begins there. To be told where the codec knows better than the timestamps do. */
  lasted(units: number): void {
    this.#nextUnits += units - this.#packetUnits;
    this.#packetUnits = units;
  }

  /** Whether the packet whose turn it is has come. */
  get isReady(): boolean {
    const head = this.#kept[0];
    return this.#started && head !== undefined && head.at === (this.#nextSequence ?? head.at);
  }

  /** To be told whenever audio was taken: `heldMs` is what was decoded and not taken yet. */
  taken(now: number, heldMs: number): void {
    this.#windowFrom ??= now;
    if (now - this.#windowFrom > WINDOW_MS) {
      this.#windowFrom = now;
      this.#leastBefore = this.#leastNow;
      this.#leastNow = Number.POSITIVE_INFINITY;
    }
    this.#leastNow = Math.min(this.#leastNow, this.#readyMs() + heldMs);
  }

  /** Delay that nothing of the last seconds needed, ms; 0 before so much time has passed that it is known. */
  get spareMs(): number {
    const least = Math.min(this.#leastNow, this.#leastBefore);
    return this.#leastBefore === Number.POSITIVE_INFINITY ? 0 : Math.max(0, least - MARGIN_MS);
  }

  /** Delay was won back by leaving out, ms. */
  leftOut(ms: number): void {
    this.#leastNow -= ms;
    this.#leastBefore -= ms;
  }

  /** Delay that late packets ask for, ms. */
  get wantedMs(): number {
    return this.#growthMs;
  }

  /** Delay was made by putting in, ms. */
  putIn(ms: number): void {
    this.#growthMs = Math.max(0, this.#growthMs - ms);
    this.#leastNow += ms;
    this.#leastBefore += ms;
  }

  /** Audio that lies ready, ms, holes within it included. */
  get levelMs(): number {
    return this.#readyMs();
  }

  #readyMs(): number {
    const last = this.#kept.at(-1);
    if (last === undefined) return 0;
    const from = this.#nextSequence === undefined ? this.#kept[0]!.units : this.#nextUnits;
    return Math.max(0, last.units + this.#packetUnits - from) / this.#perMs;
  }

  #spanMs(): number {
    return (this.#kept.at(-1)!.units + this.#packetUnits - this.#kept[0]!.units) / this.#perMs;
  }

  /** The sequence number without wrapping; undefined for a packet that does not belong here. */
  #place(sequence: number): number | undefined {
    if (this.#highest === undefined) {
      this.#highest = sequence;
      return sequence;
    }
    const ahead = ((sequence - this.#highest) << 16) >> 16;
    if (ahead > -MAX_MISORDER && ahead < MAX_DROPOUT) {
      this.#anew = undefined;
      const at = this.#highest + ahead;
      if (ahead > 0) this.#highest = at;
      return at;
    }
    // Two in a row that follow one another: the sender has begun anew, and says so in no other way.
    if (this.#anew !== sequence) {
      this.#anew = (sequence + 1) & 0xffff;
      return undefined;
    }
    this.#restart();
    this.#highest = sequence;
    return sequence;
  }

  #unitsOf(timestamp: number): number {
    // Before anything was seen the timestamp itself is the place.
    if (this.#units === 0) this.#units = timestamp + 2 ** 32;
    else this.#units += (timestamp - this.#units) | 0;
    return this.#units;
  }

  #restart(): void {
    this.#kept.length = 0;
    this.#nextSequence = undefined;
    this.#units = 0;
    this.#anew = undefined;
    this.#started = false;
  }

  #bound(): void {
    const last = this.#kept.at(-1)!;
    while (this.#kept.length > 1 && last.units - this.#kept[0]!.units > this.#mostUnits) {
      this.#kept.shift();
      this.#nextSequence = this.#kept[0]!.at;
      this.#nextUnits = this.#kept[0]!.units;
    }
  }
}
