import { thinned } from '../lib/thin.js';

/**
 * @typedef {import('../model/axis.js').AxisMark} AxisMark
 * @typedef {{ fromMs: number, toMs: number }} Span
 * @typedef {object} Measured
 * @property {number} durationMs
 * @property {number | null} [greetingDelayMs]
 * @property {Array<Span & { outcome: string, answer?: Span, latencyMs?: number, timing?: string }>} [turns]
 * @property {Array<{ atMs: number, overlapMs: number }>} [agentInterruptions]
 * @property {Array<{ atMs: number, yielded: boolean, yieldMs?: number }>} [callerInterruptions]
 * @property {Array<{ kind: string, atMs: number, held: boolean }>} [distractions]
 * @property {Span[]} [deadAir]
 * @property {{ caller: { dropouts: Span[] }, agent: { dropouts: Span[] } }} [sound]
 */

/** Marks shown at most: more could not be told apart. */
const MOST = 300;
const ms = (/** @type {number} */ value) => `${Math.round(value)} ms`;

/**
 * Every moment of a tested call that was measured, on the time axis of its tape.
 * @param {Measured} measured
 * @returns {{ marks: AxisMark[], all: number }} `all`: how many there are, of which no more than can be told apart are in `marks`
 */
export function momentsOf(measured) {
  const { durationMs, greetingDelayMs, turns = [], agentInterruptions = [], callerInterruptions = [] } = measured;
  const { distractions = [], deadAir = [], sound } = measured;
  if (!(durationMs > 0)) return { marks: [], all: 0 };
  /** @type {Array<{ atMs: number, kind: string, text: string }>} */
  const found = [];
  if (typeof greetingDelayMs === 'number')
    found.push({ atMs: greetingDelayMs, kind: 'answer', text: `greets after ${ms(greetingDelayMs)}` });
  for (const { toMs, outcome, answer, latencyMs, timing } of turns) {
    if (outcome === 'answered' && answer !== undefined)
      found.push({
        atMs: answer.fromMs,
        kind: timing === 'on-time' ? 'answer' : 'warning',
        text: `answers after ${ms(latencyMs ?? 0)}${timing === 'on-time' || timing === undefined ? '' : `, ${timing}`}`,
      });
    else found.push({ atMs: toMs, kind: outcome === 'missed' ? 'error' : 'info', text: `turn ${outcome}` });
  }
  for (const { atMs, overlapMs } of agentInterruptions)
    found.push({ atMs, kind: 'error', text: `the agent speaks over the caller for ${ms(overlapMs)}` });
  for (const { atMs, yielded, yieldMs } of callerInterruptions)
    found.push({
      atMs,
      kind: yielded ? 'barge-in' : 'error',
      text: yielded ? `the agent yields after ${ms(yieldMs ?? 0)}` : 'the agent does not yield',
    });
  for (const { kind, atMs, held } of distractions)
    found.push({
      atMs,
      kind: held ? 'info' : 'error',
      text: held ? `not disturbed by ${kind}` : `disturbed by ${kind}`,
    });
  for (const { fromMs, toMs } of deadAir)
    found.push({ atMs: fromMs, kind: 'error', text: `nothing is heard for ${ms(toMs - fromMs)}` });
  for (const { fromMs, toMs } of sound?.agent.dropouts ?? [])
    found.push({ atMs: fromMs, kind: 'error', text: `a hole of ${ms(toMs - fromMs)} in the agent’s words` });
  for (const { fromMs, toMs } of sound?.caller.dropouts ?? [])
    found.push({ atMs: fromMs, kind: 'warning', text: `a hole of ${ms(toMs - fromMs)} in the caller’s words` });
  found.sort((a, b) => a.atMs - b.atMs);
  // What went wrong is never left out for what went well.
  const marks = thinned(found, MOST, ({ kind }) => kind === 'error' || kind === 'warning').map((one, i) => ({
    ...one,
    key: `${i}`,
    share: Math.min(1, Math.max(0, one.atMs / durationMs)),
  }));
  return { marks, all: found.length };
}
