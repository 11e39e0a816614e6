import { describe, expect, it } from 'vitest';
import { makeTone } from '../../../src/media/tone.ts';
import { Talker } from '../../../src/simulator/talker/talker.ts';
import { TurnTruths } from '../../../src/simulator/talker/turn-truth.ts';

const RATE = 24_000;
const FRAME_MS = 20;
const FRAME = (RATE * FRAME_MS) / 1_000;

/** How long after the caller's last sound it answers, at its own end, ms; the caller speaks for a second. */
function answersAfter(replyAfterMs: number, heldMs: number): number {
  let now = 0;
  const truth = new TurnTruths(() => now);
  const script = { hz: 700, greetingMs: 0, greetAfterMs: 0, replyMs: 900, replyAfterMs, yieldAfterMs: undefined };
  const talker = new Talker(script, RATE, { speaks: (on) => on && truth.answers() });
  talker.heldMs = heldMs;
  const tone = makeTone(440, RATE, 1_000, -15);
  for (; now < 4_000; now += FRAME_MS) {
    const samples = now < 1_000 ? tone.slice(now * 24, now * 24 + FRAME) : new Int16Array(FRAME);
    truth.heard(samples, RATE);
    talker.hear(samples, RATE);
    talker.pull(new Int16Array(FRAME));
  }
  expect(truth.turns.length).toBe(1);
  return truth.turns[0]!.answerFromMs - truth.turns[0]!.callerToMs;
}

describe('an agent that stands in', () => {
  it('answers when its script says, to a frame', () => {
    expect(Math.abs(answersAfter(800, 0) - 800)).toBeLessThanOrEqual(FRAME_MS);
  });

  it('answers so much sooner as waits at its own end, so that the answer is in time on the wire', () => {
    expect(Math.abs(answersAfter(800, 160) - 640)).toBeLessThanOrEqual(FRAME_MS);
  });

  it('answers nobody who has hardly ended, however much waits', () => {
    expect(answersAfter(200, 500)).toBeGreaterThanOrEqual(40);
  });
});
