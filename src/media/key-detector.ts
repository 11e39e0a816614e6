import { HIGH_HZ, KEYS, LOW_HZ } from './keys.ts';

/**
 * Keys in decoded audio. A far end that sends a key as a telephone event (RFC 4733) sends no speech meanwhile, and libwebrtc, which hands out no such
 * event, plays the key's two tones in place of the speech: exact in frequency, their levels 3.1 dB apart, -9.2 and -6.1 dBFS less the event's volume, and
 * for 30 to 100 ms whatever the length of the key. So what is looked for is audio that is those two tones and next to nothing else.
 */

const RATE = 48_000;
/** Samples of one block: 10 ms, in which libwebrtc decodes. Two blocks are a window, 20 ms. */
const BLOCK = 480;
/** Each sum of so many samples is one sample of 8 kHz. */
const DECIMATION = 6;
const STEPS = BLOCK / DECIMATION;
const TONES = LOW_HZ.length + HIGH_HZ.length;

/**
 * What the two tones must be of a window's energy, of all of it up to 24 kHz. Speech that comes near is rare, and does not stay for a second window. Of two
 * windows in a row one may have less: where the next event is late, libwebrtc goes on with what it last played, joined as well as it can. One window that is
 * the tones and nothing else is a key by itself: of a key in a burst of packets that is all that is played.
 */
const SHARE = { least: 0.75, sure: 0.9, alone: 0.97 } as const;
/** How much louder the higher tone may be, dB: libwebrtc makes it 3.1 dB. */
const TWIST_DB = { least: 0, most: 6.5 } as const;
const OWN_TWIST_DB = { least: 1.6, most: 4.6 } as const;
/** Quietest block that is looked at, dBFS (0 being a full-scale sine): a key of volume 36 has -40 in all, and the sound of a room costs nothing. */
const QUIET_DBFS = -50;
/** A fragment may follow its key: the same one counts again only when it was not there for so long, ms. */
const HOLD_OFF_MS = 250;

const QUIET_ENERGY = (BLOCK * 32_768 ** 2 * 10 ** (QUIET_DBFS / 10)) / 2;
const ratios = ({ least, most }: { least: number; most: number }) => ({
  least: 10 ** (least / 10),
  most: 10 ** (most / 10),
});
const TWIST = ratios(TWIST_DB);
const OWN_TWIST = ratios(OWN_TWIST_DB);
const HOLD_OFF = HOLD_OFF_MS / 10;
const NONE = -1;

/** For Goertzel's recursion at 8 kHz, by tone: 2 cos w, and cos w and sin w. */
const COEFFICIENT = new Float64Array(TONES);
const COS = new Float64Array(TONES);
const SIN = new Float64Array(TONES);
/** By how much a tone's phase moves on within a block: what turns one block's sum to the next one's. */
const TURN_RE = new Float64Array(TONES);
const TURN_IM = new Float64Array(TONES);
/** From a window's squared sum to the tone's energy in it, as the samples of 48 kHz have it. */
const GAIN = new Float64Array(TONES);

for (const [tone, hz] of [...LOW_HZ, ...HIGH_HZ].entries()) {
  const w = (2 * Math.PI * hz * DECIMATION) / RATE;
  COEFFICIENT[tone] = 2 * Math.cos(w);
  COS[tone] = Math.cos(w);
  SIN[tone] = Math.sin(w);
  TURN_RE[tone] = Math.cos(w * STEPS);
  TURN_IM[tone] = Math.sin(w * STEPS);
  // A sum of six samples weakens a tone by this much, the highest by half a decibel.
  const half = (Math.PI * hz) / RATE;
  const sum = Math.sin(DECIMATION * half) / Math.sin(half);
  // A sine of amplitude a sums up to a N / 2 over N steps, and its energy over the 6 N samples is a^2 6 N / 2.
  const steps = 2 * STEPS;
  GAIN[tone] = (DECIMATION * steps) / 2 / ((steps / 2) * sum) ** 2;
}

/** Working memory: `push` runs to its end before any other can begin. */
const decimated = new Float64Array(STEPS);
const energies = new Float64Array(TONES);
/** What the window of a key was like. */
const shown = { share: 0, alone: false };

/** One line's keys. Nothing is allocated after its making. */
export class KeyDetector {
  /** The sums of the block before, by tone: real parts, then imaginary ones. */
  readonly #before = new Float64Array(2 * TONES);
  /** Energy of the block before; 0 when it was too quiet to be looked at. */
  #energy = 0;
  /** The key of the window before, whether one of that row was sure, and whether the last one made it a key; the blocks since each was last seen. */
  #key = NONE;
  #sure = false;
  #found = false;
  readonly #since = new Uint32Array(LOW_HZ.length * HIGH_HZ.length).fill(HOLD_OFF);

  /** Whether the audio of just now is a key's sound and no speech, as far as can be told. */
  get sounding(): boolean {
    return this.#found;
  }

  /** Takes audio at 48 kHz in frames of 10 ms, or several of them; returns the key that was pressed, once, when there was one. */
  push(samples: Int16Array): string | undefined {
    let pressed: string | undefined;
    for (let at = 0; at + BLOCK <= samples.length; at += BLOCK) pressed = this.#block(samples, at) ?? pressed;
    return pressed;
  }

  #block(samples: Int16Array, at: number): string | undefined {
    const since = this.#since;
    for (let key = 0; key < since.length; key++) since[key]!++;
    let energy = 0;
    for (let step = 0, i = at; step < STEPS; step++) {
      let sum = 0;
      for (let n = 0; n < DECIMATION; n++, i++) {
        const sample = samples[i]!;
        sum += sample;
        energy += sample * sample;
      }
      decimated[step] = sum;
    }
    const before = this.#energy;
    this.#energy = energy < QUIET_ENERGY ? 0 : energy;
    const key = this.#energy === 0 ? NONE : this.#windowKey(before);
    const second = key !== NONE && key === this.#key;
    const sure = shown.share >= SHARE.sure || (second && this.#sure);
    this.#key = key;
    this.#sure = key !== NONE && sure;
    this.#found = key !== NONE && ((second && sure) || shown.alone);
    if (key === NONE) return undefined;
    const rested = since[key]! > HOLD_OFF;
    // A fragment puts the next one off as its key did.
    if (!rested || this.#found) since[key] = 0;
    if (!rested || !this.#found) return undefined;
    return KEYS[Math.floor(key / HIGH_HZ.length)]![key % HIGH_HZ.length];
  }

  /** The key that the last block and the one before it show together, and in `shown` how well: an index of rows and columns, or NONE. */
  #windowKey(energyBefore: number): number {
    const before = this.#before;
    for (let tone = 0; tone < TONES; tone++) {
      const coefficient = COEFFICIENT[tone]!;
      let s1 = 0;
      let s2 = 0;
      for (let step = 0; step < STEPS; step++) {
        const s = decimated[step]! + coefficient * s1 - s2;
        s2 = s1;
        s1 = s;
      }
      const re = s1 - COS[tone]! * s2;
      const im = SIN[tone]! * s2;
      const turnedRe = before[tone]! * TURN_RE[tone]! - before[TONES + tone]! * TURN_IM[tone]!;
      const turnedIm = before[tone]! * TURN_IM[tone]! + before[TONES + tone]! * TURN_RE[tone]!;
      energies[tone] = ((re + turnedRe) ** 2 + (im + turnedIm) ** 2) * GAIN[tone]!;
      before[tone] = re;
      before[TONES + tone] = im;
    }
    if (energyBefore === 0) return NONE;
    let low = 0;
    let high: number = LOW_HZ.length;
    for (let tone = 1; tone < LOW_HZ.length; tone++) if (energies[tone]! > energies[low]!) low = tone;
    for (let tone = high + 1; tone < TONES; tone++) if (energies[tone]! > energies[high]!) high = tone;
    const twist = energies[high]! / energies[low]!;
    if (!(twist >= TWIST.least && twist <= TWIST.most)) return NONE;
    const share = (energies[low]! + energies[high]!) / (energyBefore + this.#energy);
    if (share < SHARE.least) return NONE;
    shown.share = share;
    shown.alone = share >= SHARE.alone && twist >= OWN_TWIST.least && twist <= OWN_TWIST.most;
    return low * HIGH_HZ.length + high - LOW_HZ.length;
  }
}
