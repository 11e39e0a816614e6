import { describe, expect, it } from 'vitest';
import type { AgentEvent, CallEvent } from '../../../src/call/events.ts';
import { askForReport, PathWatch, ProviderEvents } from '../../../src/suites/provider.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

/** What the agent's side says of a call beside what is heard of it. */

describe("figures of the agent's own events", () => {
  const rig = () => {
    const clock = new FakeClock();
    const events = new ProviderEvents(clock);
    const agent = (event: object) => events.onEvent({ type: 'agent', event: event as AgentEvent });
    return { clock, events, agent };
  };
  const audio = { type: 'audio_started', responseId: 'r', itemId: 'i', contentIndex: 0 };

  it('has a latency of each turn that was answered, without the silence that was waited for, and no greeting', async () => {
    const { clock, events, agent } = rig();
    agent({ type: 'ready', transport: 'x', pace: 'live', sessionId: 's', resumed: false });
    agent(audio);
    for (const latency of [400, 600, 500]) {
      agent({ type: 'speech_started' });
      await clock.advanceAsync(1_000);
      agent({ type: 'speech_stopped', silenceMs: 200 });
      await clock.advanceAsync(latency);
      agent(audio);
      agent(audio);
    }
    // One that the caller went on behind was not answered there.
    agent({ type: 'speech_started' });
    agent({ type: 'speech_stopped' });
    agent({ type: 'speech_started' });
    agent(audio);
    events.onEvent({ type: 'barge_in', heard: [], clearMs: 0 });
    await clock.advanceAsync(500);
    agent({ type: 'ended', end: { result: 'completed', reason: 'agent-hangup' } });
    await clock.advanceAsync(9_000);
    events.onEvent({ type: 'call_ended' } as CallEvent);
    expect(events.figures()).toEqual({
      latencyMs: { mean: 700, p50: 700, max: 800 },
      interruptions: 1,
      durationMs: 5_000,
    });
  });

  it('has none where nothing was told that it could be of', () => {
    const { events } = rig();
    events.onEvent({ type: 'barge_in', heard: [], clearMs: 0 });
    expect(events.figures()).toEqual({});
  });
});

describe('the way to the agent', () => {
  it('is looked at while the call goes on, and left out where nothing is known', async () => {
    const clock = new FakeClock();
    const seen = [undefined, {}, { roundTripMs: 20 }, { roundTripMs: 30, jitterBufferMs: 40 }, { roundTripMs: 99 }];
    const begun = clock.now();
    const watch = new PathWatch(clock, async () => seen.shift());
    await clock.advanceAsync(4_500, 100);
    watch.stop();
    await clock.advanceAsync(5_000, 100);
    expect(watch.samples).toEqual([
      { roundTripMs: 20, at: begun + 3_000 },
      { roundTripMs: 30, jitterBufferMs: 40, at: begun + 4_000 },
    ]);
    expect(seen).toHaveLength(1);
  });
});

describe("a provider's report", () => {
  const ask = async (answers: Array<object | undefined | Error>, signal = new AbortController().signal) => {
    const clock = new FakeClock();
    const log = fakeLog();
    let asked = 0;
    const report = async () => {
      const answer = answers[asked++];
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const answer = askForReport(report, clock, log, signal);
    await clock.advanceAsync(60_000, 500);
    return { answer: await answer, asked };
  };

  it('is asked for until it is there, for a while', async () => {
    expect(await ask([undefined, undefined, { callId: 'c', durationMs: 9 }])).toEqual({
      answer: { callId: 'c', durationMs: 9 },
      asked: 3,
    });
    const never = await ask([]);
    expect(never.answer).toBeUndefined();
    expect(never.asked).toBe(8);
  });

  it('is done without where it cannot be had, or the run was stopped', async () => {
    expect(await ask([new Error('no')])).toEqual({ answer: undefined, asked: 1 });
    expect(await ask([{}], AbortSignal.abort())).toEqual({ answer: undefined, asked: 0 });
  });
});
