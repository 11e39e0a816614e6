/**
 * Turns and their response times, out of who really spoke when. Pure: two lists of spurts in, turns out.
 *
 * A caller's turn is one or more spurts without an answer between them. It is answered by the first spurt of the agent that begins after
 * the caller's last sound; the response time is the silence between the two as the caller hears it.
 */

import type { Spurt } from './speech.ts';

export interface Turn {
  /** First and last sound of the caller's turn. */
  readonly callerFromMs: number;
  readonly callerToMs: number;
  /** First sound of the answer heard; undefined when none came before the call ended or the caller went on. */
  readonly answerMs: number | undefined;
  /** `answerMs - callerToMs`. */
  readonly responseMs: number | undefined;
}

/** Both lists in order of time, in ms on the same clock. */
export function findTurns(caller: readonly Spurt[], agent: readonly Spurt[]): Turn[] {
  const turns: Turn[] = [];
  let from: number | undefined;
  let next = 0;
  for (let i = 0; i < caller.length; i++) {
    const spurt = caller[i]!;
    from ??= spurt.fromMs;
    // Agent's speech that began while the caller still spoke is no answer to these words.
    while (next < agent.length && agent[next]!.fromMs < spurt.toMs) next++;
    const answer = agent[next];
    const callerGoesOn = caller[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    if (answer !== undefined && answer.fromMs < callerGoesOn) {
      turns.push({
        callerFromMs: from,
        callerToMs: spurt.toMs,
        answerMs: answer.fromMs,
        responseMs: answer.fromMs - spurt.toMs,
      });
      from = undefined;
    } else if (i === caller.length - 1) {
      turns.push({ callerFromMs: from, callerToMs: spurt.toMs, answerMs: undefined, responseMs: undefined });
    }
  }
  return turns;
}
