import { isSlow } from './slow.js';

/**
 * The parts of an agent's answer, from the caller's last word to the first sound the caller hears.
 * @typedef {import('./call-state.js').Turn} Turn
 * @typedef {{ name: 'detect' | 'think' | 'deliver', fromMs: number, ms: number }} Segment times from the caller's last word
 * @typedef {import('./call-state.js').ToolRun} ToolRun
 * @typedef {object} Bar
 * @property {number} index
 * @property {number} atMs since the call began
 * @property {Segment[]} segments
 * @property {ToolRun[]} tools that ran while the caller waited; `fromMs` from the caller's last word
 * @property {number | undefined} totalMs
 * @property {number} [cushionMs]
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
 * @param {ReadonlyArray<ToolRun>} [tools] of the whole call
 * @returns {Bar | undefined}
 */
export function barOf({ index, callerStoppedMs, detectedMs, firstAudioMs, heardMs, cushionMs }, tools = []) {
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
    tools: tools
      .filter((run) => run.fromMs < (heardMs ?? Number.POSITIVE_INFINITY) && run.fromMs + run.ms > start)
      .map((run) => ({ ...run, fromMs: Math.max(0, run.fromMs - start) })),
    totalMs: heardMs === undefined || heardMs === null ? undefined : from - start,
    ...(cushionMs == null ? {} : { cushionMs }),
  };
}

/** Bars in the order that is wanted; those whose end is not known yet come first of the slow ones. @param {ReadonlyArray<Bar>} bars @param {'order' | 'slowest'} by */
export function sorted(bars, by) {
  if (by === 'order') return [...bars];
  const length = (/** @type {Bar} */ bar) => bar.totalMs ?? Number.POSITIVE_INFINITY;
  return bars.toSorted((a, b) => length(b) - length(a) || a.index - b.index);
}

/** A round length that holds all bars, ms: it grows in few steps, so that bars rarely change their scale. @param {ReadonlyArray<Bar>} bars */
export function scaleOf(bars) {
  const longest = Math.max(0, ...bars.map((bar) => bar.segments.reduce((end, s) => Math.max(end, s.fromMs + s.ms), 0)));
  return (
    [1_000, 2_000, 3_000, 5_000, 10_000, 20_000].find((ms) => ms >= longest) ?? Math.ceil(longest / 10_000) * 10_000
  );
}

/**
 * What a call's answers come to.
 * @typedef {{ answers: number, lastMs: number, medianMs: number, slowMs: number, longestMs: number, above: number }} Figures ms; `slowMs`: 95 of
 *   100 are within it; `above`: how many were slow
 * @param {ReadonlyArray<Bar>} bars in their order
 * @returns {Figures | undefined} undefined before the first answer
 */
export function figuresOf(bars) {
  const totals = bars.flatMap((bar) => bar.totalMs ?? []);
  const [medianMs, slowMs, longestMs] = [0.5, 0.95, 1].map((share) => quantile(totals, share));
  const lastMs = totals.at(-1);
  if (medianMs === undefined || slowMs === undefined || longestMs === undefined || lastMs === undefined)
    return undefined;
  const above = totals.filter(isSlow).length;
  return { answers: totals.length, lastMs, medianMs, slowMs, longestMs, above };
}

/** The bars of a call. @param {Pick<import('./call-state.js').CallState, 'turns' | 'tools'>} call */
export const barsOf = ({ turns, tools }) => turns.flatMap((turn) => barOf(turn, tools) ?? []);

/** The value below which a share of the values lies, by nearest rank. @param {ReadonlyArray<number>} values @param {number} share */
export function quantile(values, share) {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}
