import { isSlow } from './slow.js';

/**
 * Which of the calls that go on somebody should look at, and why: what is wrong first, then callers who are left waiting.
 */

/** @typedef {import('./call-shape.js').CallState} CallState */
/** @typedef {{ rank: number, words: string, tone: 'bad' | 'warning' | 'good' | 'neutral' }} Attention `rank`: the higher, the sooner */

/** How long something that went wrong is news, ms. */
const ERROR_MS = 60_000;
/** A line on which nobody is heard for so long, ms: longer than anybody thinks. */
const SILENT_MS = 10_000;

/** @type {Attention} */
const CALM = { rank: 0, words: '', tone: 'good' };

/**
 * @param {CallState} call
 * @param {number} now the daemon's clock, ms since 1970
 * @returns {Attention}
 */
export function attentionOf(call, now) {
  if (call.phase === 'ended') return { rank: -1, words: '', tone: 'neutral' };
  const offset = now - call.startedAt;
  if (call.lastErrorMs !== undefined && offset - call.lastErrorMs < ERROR_MS)
    return { rank: 5, words: 'Error', tone: 'bad' };
  if (call.phase === 'held') return { rank: 4, words: 'On hold', tone: 'warning' };
  if (call.operator !== undefined) return { rank: 0, words: `${call.operator} speaks`, tone: 'good' };
  if (call.phase !== 'talking') return CALM;
  const quiet = now - Math.max(call.heardAt ?? 0, call.startedAt + (call.talkingFromMs ?? 0));
  if (quiet >= SILENT_MS) return { rank: 3, words: `Silent for ${Math.floor(quiet / 1_000)} s`, tone: 'warning' };
  const { slowMs } = call;
  if (slowMs !== undefined && isSlow(slowMs))
    return { rank: 2, words: `Slow answer, ${(slowMs / 1_000).toFixed(1)} s`, tone: 'warning' };
  return CALM;
}

/**
 * Those that need attention first, then the newest; those that are over last.
 * @param {readonly CallState[]} calls
 * @param {number} now
 */
export function byAttention(calls, now) {
  const ranks = new Map(calls.map((call) => [call, attentionOf(call, now).rank]));
  return calls.toSorted(
    (a, b) => (ranks.get(b) ?? 0) - (ranks.get(a) ?? 0) || b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1),
  );
}

/** How long a turn's answer took to be heard, ms; undefined where that is not known. @param {import('./call-shape.js').Turn} turn */
export function answerMs({ callerStoppedMs, detectedMs, heardMs }) {
  const from = callerStoppedMs ?? detectedMs;
  return from == null || heardMs == null ? undefined : heardMs - from;
}

/**
 * Whether a call has all of these words in what its line in the list says.
 * @param {string} wanted
 * @param {ReadonlyArray<string | undefined>} said
 */
export function matches(wanted, said) {
  const text = said.filter(Boolean).join(' ').toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
