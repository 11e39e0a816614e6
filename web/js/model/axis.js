import { thinned } from '../lib/thin.js';

/** @typedef {import('./call-state.js').CallState} CallState */

/** @typedef {{ key: string, share: number, kind: string, text: string, atMs: number }} AxisMark `share`: 0 to 1 of the recording; `atMs`: in it */

/** Marks shown at most: more could not be told apart. */
const MOST = 200;

/**
 * What happened in a call, on the time axis of its recording.
 * @param {CallState} call
 * @param {number} fromMs the recording's beginning, since the call's
 * @param {number} durationMs of the recording
 * @returns {{ marks: AxisMark[], all: number }} `all`: how many there are, of which no more than can be told apart are in `marks`
 */
export function eventsOnAxis(call, fromMs, durationMs) {
  if (durationMs <= 0) return { marks: [], all: 0 };
  /** @type {AxisMark[]} */
  const marks = [];
  for (const entry of call.entries) {
    const atMs = entry.atMs - fromMs;
    if (entry.kind === 'speech' || atMs < 0 || atMs > durationMs) continue;
    const kind = entry.kind === 'tool' ? 'tool' : (entry.mark ?? 'info');
    if (kind === 'info' || kind === 'record') continue;
    const text = entry.kind === 'tool' ? `Tool ${entry.name}` : (entry.text ?? '');
    marks.push({ key: entry.key, share: atMs / durationMs, kind, text, atMs });
  }
  // What went wrong is never left out for what went well.
  return { marks: thinned(marks, MOST, ({ kind }) => kind === 'error' || kind === 'warning'), all: marks.length };
}
