/** Louder than this, some -36 dBFS, is sound. */
const LOUD = 500;
/** Pauses up to so long belong to it, ms. */
const PAUSE_MS = 240;
/** Shorter is a click, ms. */
const CLICK_MS = 20;

/** Where a side of a recording is loud, ms from its beginning: a ruler that knows nothing of what measures otherwise. */
export function loudness(samples: Int16Array, rate: number): Array<{ from: number; to: number }> {
  const loud: Array<{ from: number; to: number }> = [];
  for (const [at, sample] of samples.entries()) {
    if (Math.abs(sample) < LOUD) continue;
    const ms = (at * 1000) / rate;
    const last = loud.at(-1);
    if (last !== undefined && ms - last.to <= PAUSE_MS) last.to = ms;
    else loud.push({ from: ms, to: ms });
  }
  return loud.filter(({ from, to }) => to - from > CLICK_MS);
}
