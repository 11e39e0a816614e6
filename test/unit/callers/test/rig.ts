import { Call } from '../../../../src/call/call.ts';
import type { CallEvent } from '../../../../src/call/events.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { createTestCaller } from '../../../../src/callers/test/create.ts';
import type { CallerOutcome, TestCallerDeps } from '../../../../src/callers/test/kind.ts';
import { callerSpec } from '../../../../src/callers/test/spec.ts';
import { TapeWriter } from '../../../../src/measure/tape.ts';
import { makeTone } from '../../../../src/media/tone.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../../fakes/legs.ts';

export const PER_MS = 24;

/** Speech that needs no service: each letter is 50 ms of a tone. */
export const fakeSpeech = {
  asked: [] as string[],
  async say({ text }: { text: string }) {
    fakeSpeech.asked.push(text);
    return makeTone(700, 24_000, text.length * 50, -18);
  },
};

/** A test caller in an ordinary call, whose agent is driven by hand and speaks in real time. */
export async function rig(spec: Record<string, unknown>, more: Partial<TestCallerDeps> = {}) {
  const clock = new FakeClock();
  const ticker = new Ticker(clock);
  const log = fakeLog();
  const tape = new TapeWriter({ clock });
  const deps: TestCallerDeps = { clock, ticker, log, speech: fakeSpeech, tape, seed: 1, ...more };
  const caller = await createTestCaller(callerSpec.parse(spec), deps);
  const agent = new FakeAgent(24_000);
  const events: CallEvent[] = [];
  const call = new Call({ id: 'test', direction: 'inbound', carrier: 'test' }, agent, {
    clock,
    ticker,
    log,
    observers: [{ onEvent: (_, event) => events.push(event) }],
    apology: undefined,
    limits: { joinMs: 5_000, reclaimMs: 0, maxMs: 3_600_000 },
  });
  call.start();
  agent.ready();
  call.join(caller.leg);
  let outcome: CallerOutcome | undefined;
  void caller.outcome.then((known) => {
    outcome = known;
  });
  let items = 0;
  /** Lets `ms` go by; the agent speaks while `hz` is given, in frames of 20 ms as they come. */
  const pass = async (ms: number, hz?: number): Promise<void> => {
    const tone = hz === undefined ? undefined : makeTone(hz, 24_000, ms, -12);
    for (let at = 0; at < ms; at += 20) {
      if (tone !== undefined)
        agent.ctx?.peer.write({ samples: tone.slice(at * PER_MS, (at + 20) * PER_MS), sampleRate: 24_000 });
      await clock.advanceAsync(20, 20);
    }
  };
  return {
    ...{ clock, ticker, tape, caller, agent, call, events },
    pass,
    get outcome() {
      return outcome;
    },
    /** The agent speaks an item of so many ms. */
    async speak(ms: number, words?: string) {
      const itemId = `item_${items++}`;
      agent.emit({ type: 'audio_started', responseId: 'r', itemId, contentIndex: 0 });
      if (words !== undefined) agent.emit({ type: 'transcript', role: 'agent', itemId, text: words, final: true });
      await pass(ms, 1_500);
      agent.emit({ type: 'audio_done', responseId: 'r', itemId });
    },
    /** What the caller did, each with its time, ms. */
    get marks() {
      return caller.leg as unknown as { marks: Array<{ at: number; kind: string; text?: string; step?: number }> };
    },
  };
}
