/**
 * What a recording shows of a conversation's rhythm: where both spoke at once, and where the caller waited.
 * @typedef {{ durationMs: number, caller: number[], agent: number[] }} Peaks 0 to 1 each, over equal parts of the time
 * @typedef {{ kind: 'talk-over' | 'waiting', fromMs: number, toMs: number }} Span times in the recording
 */

/** Below this a side is silent: about -40 dBFS, above what a quiet line hisses. */
const SPEECH = 0.01;
/** Pauses within speech, ms: shorter ones end nobody's turn. */
const PAUSE_MS = 300;
/** Shorter than this two voices do not count as at once, ms: an "mhm", or the end of a word. */
const TALK_OVER_MS = 300;
/** A silence after the caller's words from which on he waits, ms. */
const WAITING_MS = 1_500;

/**
 * In order of time.
 * @param {Peaks} peaks
 * @returns {Span[]}
 */
export function spansOf({ durationMs, caller, agent }) {
  const parts = Math.min(caller.length, agent.length);
  if (parts === 0 || durationMs <= 0) return [];
  const ms = durationMs / parts;
  const [theirs, ours] = [turnsOf(caller, ms), turnsOf(agent, ms)];
  /** @type {Span[]} */
  const spans = [];
  for (const turn of theirs) {
    for (const other of ours) {
      const [fromMs, toMs] = [Math.max(turn.fromMs, other.fromMs), Math.min(turn.toMs, other.toMs)];
      if (toMs - fromMs >= TALK_OVER_MS) spans.push({ kind: 'talk-over', fromMs, toMs });
    }
    // Until the agent speaks; where the caller goes on first, nobody was waited for.
    const next = Math.min(
      ...[...theirs, ...ours].filter(({ fromMs }) => fromMs >= turn.toMs).map(({ fromMs }) => fromMs),
    );
    const isAnswered = ours.some(({ fromMs }) => fromMs === next);
    const isSpokenOver = ours.some(({ fromMs, toMs }) => fromMs < turn.toMs && toMs > turn.toMs);
    if (isAnswered && !isSpokenOver && next - turn.toMs >= WAITING_MS)
      spans.push({ kind: 'waiting', fromMs: turn.toMs, toMs: next });
  }
  return spans.sort((a, b) => a.fromMs - b.fromMs);
}

/** When a side spoke, pauses within its speech included. @param {number[]} values @param {number} ms of one part */
function turnsOf(values, ms) {
  /** @type {Array<{ fromMs: number, toMs: number }>} */
  const turns = [];
  for (const [i, value] of values.entries()) {
    if (value < SPEECH) continue;
    const last = turns.at(-1);
    if (last !== undefined && i * ms - last.toMs <= PAUSE_MS) last.toMs = (i + 1) * ms;
    else turns.push({ fromMs: i * ms, toMs: (i + 1) * ms });
  }
  return turns;
}

/** Steps between the ticks of a time axis, ms. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600].map((s) => s * 1_000);

/** Where the ticks of a time axis stand, ms: as many as are told apart, none so near the end that its words would be cut off. @param {number} durationMs @param {number} most */
export function ticksOf(durationMs, most) {
  const step = STEPS.find((one) => durationMs / one <= most) ?? 7_200_000;
  const all = Array.from({ length: Math.floor(durationMs / step) + 1 }, (_, i) => i * step);
  return all.filter((ms) => durationMs - ms >= durationMs / most / 2);
}
