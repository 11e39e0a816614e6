import { expect, it } from 'vitest';
import { momentsOf } from '../../../web/js/tests/moments.js';

it('each measured moment of a tested call is marked where it was, holes in either side’s words among them', () => {
  const sound = {
    caller: { dropouts: [{ fromMs: 8_000, toMs: 8_040 }] },
    agent: { dropouts: [{ fromMs: 4_000, toMs: 4_100 }] },
  };
  const { marks, all } = momentsOf({
    durationMs: 10_000,
    greetingDelayMs: 500,
    turns: [
      {
        fromMs: 1_000,
        toMs: 2_000,
        outcome: 'answered',
        answer: { fromMs: 2_700, toMs: 5_000 },
        latencyMs: 700,
        timing: 'on-time',
      },
    ],
    agentInterruptions: [{ atMs: 6_000, overlapMs: 300 }],
    deadAir: [{ fromMs: 9_000, toMs: 9_900 }],
    sound,
  });
  expect(marks.map(({ share, kind, text }) => [share, kind, text])).toEqual([
    [0.05, 'answer', 'greets after 500 ms'],
    [0.27, 'answer', 'answers after 700 ms'],
    [0.4, 'error', 'a hole of 100 ms in the agent’s words'],
    [0.6, 'error', 'the agent speaks over the caller for 300 ms'],
    [0.8, 'warning', 'a hole of 40 ms in the caller’s words'],
    [0.9, 'error', 'nothing is heard for 900 ms'],
  ]);
  // A case that an earlier version measured.
  expect(momentsOf({ durationMs: 10_000 })).toEqual({ marks: [], all: 0 });
  expect(all).toBe(marks.length);
});
