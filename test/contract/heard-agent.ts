import { describe, expect, it } from 'vitest';
import type { StreamLeg } from '../../src/agents/stream/leg.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { startStream } from '../unit/agents/stream-run.ts';
import type { AgentLegHarness } from './agent-leg.ts';

/** Agents that are heard alone, who tell nothing of their turns: what their harnesses have in common. */

const RATE = 24_000;

/** `heardMs`: what the far end heard of the caller; of what only tells that he speaks it takes none. */
export const farEnd = () => ({ far: 'opens' as 'opens' | 'waits' | 'refuses', heardMs: 0, open: 0 });

export interface HeardAgent {
  readonly leg: StreamLeg;
  readonly clock: FakeClock;
  readonly state: ReturnType<typeof farEnd>;
  confirm(): void;
  /** The agent's voice, at this level. */
  speak(ms: number, level?: number): void;
}

export interface HeardHarness extends AgentLegHarness {
  readonly leg: StreamLeg;
  /** Both sides at once, in real time, each at its level. */
  pass(ms: number, agent: number, caller: number): void;
}

export function heardAgent({ leg, clock, state, confirm, speak }: HeardAgent) {
  const caller = (ms: number, level: number) => {
    for (let at = 0; at < ms; at += 20)
      leg.audio.write({ samples: new Int16Array((RATE * 20) / 1000).fill(level), sampleRate: RATE });
  };
  return {
    leg,
    clock,
    reconnects: false,
    async settle() {
      for (let i = 0; i < 200; i++) await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      for (let i = 0; i < 200; i++) await Promise.resolve();
    },
    refuse() {
      state.far = 'refuses';
    },
    holdBack() {
      state.far = 'waits';
    },
    confirm,
    begin() {},
    speak: (ms: number) => speak(ms),
    finish: () => speak(600, 0),
    callerSpeaks: () => caller(100, 4000),
    callerStops: () => caller(600, 0),
    open: () => state.open,
    pass(ms: number, agentLevel: number, callerLevel: number) {
      for (let at = 0; at < ms; at += 20) {
        caller(20, callerLevel);
        speak(20, agentLevel);
        clock.advance(20);
      }
    },
  };
}

/** What every agent has to do that decides itself when it gives way: nothing that it says is lost for the caller's sake. */
export function describeHeardAgent(name: string, make: () => HeardHarness): void {
  describe(`an agent that decides itself when it gives way: ${name}`, () => {
    const LOUD = 4_000;
    /** What a line sounds like on which nobody speaks, far above digital silence: about -45 dBFS. */
    const NOISE = 130;

    async function started() {
      const harness = make();
      const run = startStream(harness.leg, harness.clock);
      await harness.settle();
      const loudMs = () => (run.peer.heard.filter((sample) => Math.abs(sample) > 1_000).length * 1_000) / RATE;
      return { ...harness, ...run, loudMs };
    }

    it.for([
      ['silent', 0],
      ['noisy', NOISE],
    ] as const)(
      'is heard to the end where it draws breath while the caller says a word, on a %s line',
      async ([_, quiet]) => {
        const s = await started();
        s.pass(12_000, quiet, 0);
        s.pass(1_000, LOUD, 0);
        s.pass(200, LOUD, LOUD);
        // A breath, and on: he was no interruption to it.
        s.pass(160, quiet, LOUD);
        s.pass(2_000, LOUD, 0);
        expect(s.loudMs()).toBeGreaterThan(3_100);
        expect(s.counted.get('ms_dropped_interrupted')).toBeUndefined();
        expect(s.of('speech_started').every(({ keeps }) => keeps)).toBe(true);
      },
    );

    it('has given way when it falls silent, and what it says then is another answer', async () => {
      const s = await started();
      s.pass(1_000, LOUD, 0);
      s.pass(300, LOUD, LOUD);
      s.pass(600, 0, LOUD);
      expect(s.of('speech_started')).toEqual([{ type: 'speech_started', keeps: true }]);
      expect(s.of('response_done')).toMatchObject([{ status: 'cancelled' }]);
      s.pass(600, 0, 0);
      expect(s.of('speech_stopped')).toHaveLength(1);
      s.pass(1_000, LOUD, 0);
      expect(s.of('audio_started')).toHaveLength(2);
    });

    it('ends its answers on a line that is never silent, and has turns with the caller there', async () => {
      const s = await started();
      s.pass(12_000, NOISE, 0);
      s.pass(1_000, LOUD, 0);
      s.pass(1_000, NOISE, 0);
      expect(s.of('response_done').length).toBe(s.of('response_started').length);
      const before = s.of('speech_started').length;
      s.pass(800, NOISE, LOUD);
      s.pass(800, NOISE, 0);
      expect(s.of('speech_started').length).toBe(before + 1);
      expect(s.of('speech_stopped').length).toBe(before + 1);
    });

    it('is heard again after something of ours was in its way, on a line that is never silent', async () => {
      const s = await started();
      s.pass(12_000, NOISE, 0);
      s.pass(1_000, LOUD, 0);
      // An operator spoke with the caller, or the line to him broke.
      s.leg.interrupt([]);
      s.pass(1_000, LOUD, 0);
      const before = s.loudMs();
      s.pass(600, NOISE, 0);
      s.pass(1_000, LOUD, 0);
      expect(s.loudMs() - before).toBeGreaterThan(950);
    });
  });
}
