/**
 * What a person's library gave out of the agent's track, as it came: every sample, and when each frame of it arrived. The recording of the ear beside it is laid on
 * the clock by when frames were read, so a moment in which the person's own process stood still is in it; from this the moment itself can be told.
 */

/** Samples of the agent's track in order, and of each frame of it how many samples came with it and when, ms since the call began. */
export interface Tape {
  readonly samples: Int16Array;
  readonly frames: ReadonlyArray<{ readonly atMs: number; readonly count: number }>;
  /** As the library counts it; undefined where it does not say. */
  readonly jitterBuffer?: JitterBuffer | undefined;
}

/** A stretch of sound on a tape. */
export interface Sound {
  /** Its first sample, and the one behind its last. */
  readonly from: number;
  readonly to: number;
  /** When those were given out, ms since the call began. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Lengths of what is missing inside it, ms. */
  readonly holes: readonly number[];
}

/** Sound is looked at in windows of so many ms: the resolution of what is found. */
const WINDOW_MS = 2.5;
/** Silence that parts one sound from the next, ms. */
const PAUSE_MS = 200;
/** Sound shorter than this is a click, ms. */
const CLICK_MS = 40;
/** Silence inside a sound that is no more the waveform's own, ms. */
const HOLE_MS = 10;
/** Frames through which the steady pace is looked for, before a moment and behind it, 2 s each: the library's clock drifts from ours by less than can be seen in that time. */
const NEAR_FRAMES = 100;

export interface JitterBuffer {
  /** How long a sample was in it, the mean of all, ms. */
  readonly meanMs: number;
  /** What it made up in the place of what was not there in time, ms, and how often; silence is not counted. */
  readonly concealedMs: number;
  readonly concealments: number;
}

export class TapeRecorder {
  #samples = new Int16Array(65_536);
  #length = 0;
  readonly #frames: Array<{ atMs: number; count: number }> = [];

  add(samples: Int16Array, count: number, atMs: number): void {
    if (this.#length + count > this.#samples.length) {
      const grown = new Int16Array(Math.max(this.#length + count, this.#samples.length * 2));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    this.#samples.set(samples.subarray(0, count), this.#length);
    this.#length += count;
    this.#frames.push({ atMs, count });
  }

  read(): Tape {
    return { samples: this.#samples.slice(0, this.#length), frames: [...this.#frames] };
  }
}

/** An entry of the library's statistics. https://www.w3.org/TR/webrtc-stats/#inboundrtpstats-dict* */
interface Entry {
  readonly stats: { readonly case?: string | undefined; readonly value?: unknown };
}
interface Inbound {
  readonly inbound?: {
    readonly jitterBufferDelay?: number;
    readonly jitterBufferEmittedCount?: bigint;
    readonly concealedSamples?: bigint;
    readonly silentConcealedSamples?: bigint;
    readonly concealmentEvents?: bigint;
  };
}
/** Rate in which samples are counted there, Hz. */
const COUNTED_RATE = 48_000;

/** What the library says of the jitter buffer of the one track that is heard. */
export function jitterBufferOf(entries: readonly Entry[]): JitterBuffer | undefined {
  for (const { stats } of entries) {
    if (stats.case !== 'inboundRtp') continue;
    const { inbound = {} } = stats.value as Inbound;
    const { jitterBufferDelay = 0, jitterBufferEmittedCount = 0n } = inbound;
    if (jitterBufferEmittedCount === 0n) continue;
    const concealed = Number(inbound.concealedSamples ?? 0n) - Number(inbound.silentConcealedSamples ?? 0n);
    return {
      meanMs: (jitterBufferDelay * 1000) / Number(jitterBufferEmittedCount),
      concealedMs: (concealed * 1000) / COUNTED_RATE,
      concealments: Number(inbound.concealmentEvents ?? 0n),
    };
  }
  return undefined;
}

/**
 * The sounds on a tape of `rate`, each from the first to the last window that is at least half as loud as its loudest. The library gives frames out at the pace of its
 * samples: when a sample was given out is known by the frames around it that were read soonest, whatever held up the reading of its own.
 */
export function soundsOn({ samples, frames }: Tape, rate: number): Sound[] {
  const window = Math.round((rate * WINDOW_MS) / 1000);
  const levels = Array.from({ length: Math.floor(samples.length / window) }, (_, i) => {
    let sum = 0;
    for (let at = i * window; at < (i + 1) * window; at++) sum += samples[at]! * samples[at]!;
    return Math.sqrt(sum / window);
  });
  const timeOf = paced(frames, rate);
  const sounds: Sound[] = [];
  let begin = -1;
  let last = -1;
  const close = () => {
    if (begin >= 0 && (last + 1 - begin) * WINDOW_MS >= CLICK_MS) {
      let loudest = 0;
      for (let i = begin; i <= last; i++) loudest = Math.max(loudest, levels[i]!);
      const half = loudest / 2;
      let first = begin;
      while (levels[first]! < half) first++;
      while (levels[last]! < half) last--;
      const [from, to] = [first * window, (last + 1) * window];
      const holes = holesIn(levels.slice(first, last + 1), half);
      sounds.push({ from, to, fromMs: timeOf(from), toMs: timeOf(to), holes });
    }
    begin = -1;
  };
  for (const [i, level] of levels.entries()) {
    // Some -40 dB of full scale.
    if (level < 330) continue;
    if (begin >= 0 && (i - last) * WINDOW_MS > PAUSE_MS) close();
    if (begin < 0) begin = i;
    last = i;
  }
  close();
  return sounds;
}

/** Stretches of windows below `least` that are no beat of the waveform, ms. */
function holesIn(levels: readonly number[], least: number): number[] {
  const holes: number[] = [];
  let quiet = 0;
  for (const level of levels) {
    if (level < least) quiet++;
    else {
      if (quiet * WINDOW_MS >= HOLE_MS) holes.push(quiet * WINDOW_MS);
      quiet = 0;
    }
  }
  return holes;
}

/** How much later than given out each frame was read, ms: what the reading process itself stood still. */
export function latenessOf(tape: Tape, rate: number): number[] {
  const timeOf = paced(tape.frames, rate);
  let end = 0;
  return tape.frames.map(({ atMs, count }) => {
    end += count;
    return atMs - timeOf(end);
  });
}

/** When the sample before `index` was given out: by the soonest of the frames around it, all put on one pace. */
function paced(frames: Tape['frames'], rate: number): (index: number) => number {
  const ends: number[] = [];
  let end = 0;
  for (const { count } of frames) {
    end += count;
    ends.push(end);
  }
  return (index) => {
    const at = frameOf(ends, index);
    if (at === ends.length) return frames.at(-1)?.atMs ?? Number.NaN;
    let soonest = Number.POSITIVE_INFINITY;
    for (let i = Math.max(0, at - NEAR_FRAMES); i < Math.min(frames.length, at + NEAR_FRAMES); i++) {
      soonest = Math.min(soonest, frames[i]!.atMs + ((index - ends[i]!) * 1000) / rate);
    }
    return soonest;
  };
}

/** The first of these ends, which rise, that is not before `index`; their number where none is. */
function frameOf(ends: readonly number[], index: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! < index) low = middle + 1;
    else high = middle;
  }
  return low;
}
