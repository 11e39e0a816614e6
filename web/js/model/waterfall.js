/**
 * The parts of an agent's answer, from the caller's last word to the first sound the caller hears.
 * @typedef {import('./call-state.js').Turn} Turn
 * @typedef {{ name: 'detect' | 'think' | 'deliver', fromMs: number, ms: number }} Segment times from the caller's last word
 * @typedef {{ index: number, atMs: number, segments: Segment[], totalMs: number | undefined }} Bar
 */

/** What each part is, for the legend. @type {ReadonlyArray<readonly [Segment['name'], string]>} */
export const PARTS = [
  ['detect', 'Turn detected'],
  ['think', 'First model audio'],
  ['deliver', 'First audio heard'],
];

/**
 * A turn's bar; undefined where the beginning is not known. What is missing in the middle is left out, not guessed.
 * @param {Turn} turn
 * @returns {Bar | undefined}
 */
export function barOf({ index, callerStoppedMs, detectedMs, firstAudioMs, heardMs }) {
  const start = callerStoppedMs ?? detectedMs;
  if (start === undefined || start === null) return undefined;
  /** @type {Segment[]} */
  const segments = [];
  let from = start;
  const part = (/** @type {Segment['name']} */ name, /** @type {number | null | undefined} */ to) => {
    if (to === undefined || to === null) return;
    const ms = Math.max(0, to - from);
    segments.push({ name, fromMs: from - start, ms });
    from = Math.max(from, to);
  };
  if (callerStoppedMs !== undefined && callerStoppedMs !== null) part('detect', detectedMs);
  part('think', firstAudioMs);
  part('deliver', heardMs);
  return {
    index,
    atMs: start,
    segments,
    totalMs: heardMs === undefined || heardMs === null ? undefined : from - start,
  };
}

/** A round length that holds all bars, ms: it grows in few steps, so that bars rarely change their scale. @param {ReadonlyArray<Bar>} bars */
export function scaleOf(bars) {
  const longest = Math.max(0, ...bars.map((bar) => bar.segments.reduce((end, s) => Math.max(end, s.fromMs + s.ms), 0)));
  return (
    [1_000, 2_000, 3_000, 5_000, 10_000, 20_000].find((ms) => ms >= longest) ?? Math.ceil(longest / 10_000) * 10_000
  );
}

/** The value below which a share of the values lies, by nearest rank. @param {ReadonlyArray<number>} values @param {number} share */
export function quantile(values, share) {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}
