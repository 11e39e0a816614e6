import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Counter } from '../../src/call/counters.ts';
import type { AgentEvent, Heard } from '../../src/call/events.ts';
import type { AgentLeg, LegContext, ToolResult } from '../../src/call/leg.ts';
import type { Said } from '../../src/call/said.ts';
import { termination } from '../../src/call/termination.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { BridgeError } from '../../src/errors.ts';
import { samplesToMs } from '../../src/media/frame.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';

/** An agent's leg, not yet started and set to greet, with a far end that the suite can play. */
export interface AgentLegHarness {
  readonly leg: AgentLeg;
  readonly clock: FakeClock;
  /** Whether a lost session is built again. */
  readonly reconnects: boolean;
  /** Lets the far end and what waits for it come to rest; no time passes. */
  settle(): Promise<void>;
  /** From now on the far end can be reached by nobody, for good. */
  refuse(): void;
  /** Holds back whatever makes the leg ready, until `confirm`. */
  holdBack(): void;
  confirm(): void;
  /** The agent begins to answer. */
  begin(): void;
  /** It says `ms` milliseconds (a multiple of 100) of loud sound in one go. */
  speak(ms: number): void;
  /** It has said all, and it has been played. */
  finish(): void;
  /** The far end notices that the caller speaks, and later that the caller is done. */
  callerSpeaks(): void;
  callerStops(): void;
  /** It calls a tool, within an answer that says nothing else; left out where the agent has no tools. */
  callTools?(...toolCallIds: string[]): void;
  /** Milliseconds of caller audio that reached the far end. */
  heardMs(): number;
  results?(): ToolResult[];
  /** How often the far end was asked for an answer, over all its sessions; left out where it cannot be asked. */
  asked?(): number;
  /** The session is lost without a word. */
  lose(): void;
  /** Connections that the far end has open. */
  open(): number;
}

/** What every agent's leg has to do, whatever its wire. `make` builds a fresh one for each test. */
export function describeAgentLeg(name: string, make: () => AgentLegHarness): void {
  // What a leg can it can from its making on; what it cannot is asked of it by nobody.
  const can = make().leg;
  const [greets, asks, reads, tools, goesOn] = [
    can.greet,
    can.respond,
    can.sendText,
    can.submitToolResult,
    can.goOnFrom,
  ].map((method) => method !== undefined);

  describe(`the agent leg: ${name}`, () => {
    const end = termination('caller-hangup');

    function starting(harness = make()) {
      const { leg, clock } = harness;
      const events: AgentEvent[] = [];
      /** Types of events, with "audio" where loud frames were written. */
      const order: string[] = [];
      const counted = new Map<Counter, number>();
      const abort = new AbortController();
      const ticker = new Ticker(clock);
      const state = { loud: 0, wrongRate: 0 };
      const context: LegContext<AgentEvent> = {
        callId: 'contract',
        peer: {
          sampleRate: leg.rate,
          write(frame) {
            if (frame.sampleRate !== leg.rate) state.wrongRate++;
            const loud = frame.samples.filter((sample) => Math.abs(sample) > 200).length;
            state.loud += loud;
            if (loud > 0 && order.at(-1) !== 'audio') order.push('audio');
          },
          clear() {},
          toString: () => 'contract',
        },
        emit(event) {
          events.push(event);
          order.push(event.type);
        },
        count: (counter, n = 1) => counted.set(counter, (counted.get(counter) ?? 0) + n),
        log: fakeLog(),
        clock,
        ticker,
        signal: abort.signal,
      };
      const outcome: { error?: unknown; resolved: boolean } = { resolved: false };
      // Somebody is on the line: what an agent says to nobody is kept until then, or is nothing.
      leg.listened?.(true);
      const start = leg.start(context).then(
        () => {
          outcome.resolved = true;
        },
        (error: unknown) => {
          outcome.error = error;
        },
      );
      const loudMs = () => samplesToMs(state.loud, leg.rate);
      return { ...harness, context, events, order, counted, abort, ticker, state, outcome, start, loudMs };
    }

    async function started() {
      const s = starting();
      await s.settle();
      expect(s.outcome).toEqual({ resolved: true });
      return s;
    }

    const say = (leg: AgentLeg, ms: number) => {
      for (let at = 0; at < ms; at += 20) {
        leg.audio.write({
          samples: new Int16Array((leg.audio.sampleRate * 20) / 1000).fill(4000),
          sampleRate: leg.audio.sampleRate,
        });
      }
    };
    const heard = (events: readonly AgentEvent[], heardMs: number): Heard[] =>
      events
        .filter((event) => event.type === 'audio_started')
        .slice(-1)
        .map(({ itemId, contentIndex, responseId }) => ({
          itemId,
          contentIndex,
          responseId,
          heardMs,
          writtenMs: heardMs + 1_000,
        }));
    const only = (events: readonly AgentEvent[], type: AgentEvent['type']) => events.filter((e) => e.type === type);

    it('says what it is and how its audio goes', async () => {
      const s = await started();
      expect(s.leg.kind).toMatch(/^[a-z][a-z0-9_-]*$/);
      expect(s.leg.audio.toString()).toContain(s.leg.kind);
      expect(s.leg.rate).toBeGreaterThanOrEqual(8000);
    });

    it('is ready before its start resolves, and tells nothing before that', async () => {
      const harness = make();
      harness.holdBack();
      const s = starting(harness);
      await s.settle();
      expect(s.outcome).toEqual({ resolved: false });
      expect(s.events).toEqual([]);
      s.confirm();
      await s.settle();
      expect(s.outcome).toEqual({ resolved: true });
      expect(s.events).toMatchObject([{ type: 'ready', resumed: false }]);
    });

    it('starts once, however often it is told to', async () => {
      const s = await started();
      await s.leg.start(s.context);
      expect(s.open()).toBe(1);
      expect(only(s.events, 'ready')).toHaveLength(1);
    });

    it('sends caller audio when it is ready and counts what comes before', async () => {
      const harness = make();
      harness.holdBack();
      const s = starting(harness);
      await s.settle();
      say(s.leg, 100);
      expect(s.heardMs()).toBe(0);
      expect(s.counted.get('ms_uplink_dropped')).toBe(100);
      s.confirm();
      await s.settle();
      say(s.leg, 200);
      expect(s.heardMs()).toBeCloseTo(200, 6);
      s.leg.audio.write({ samples: new Int16Array(441), sampleRate: 44_100 });
      expect(s.heardMs()).toBeCloseTo(200, 6);
      expect(s.counted.get('frames_invalid')).toBe(1);
    });

    it('tells an item before its first frame, writes all of it, and tells its end', async () => {
      const s = await started();
      s.begin();
      s.speak(400);
      s.speak(200);
      s.finish();
      const about = s.order.filter((entry) => entry === 'audio' || entry.startsWith('audio_'));
      expect(about).toEqual(['audio_started', 'audio', 'audio_done']);
      expect(s.loudMs()).toBeGreaterThan(590);
      expect(s.loudMs()).toBeLessThanOrEqual(600);
      expect(s.state.wrongRate).toBe(0);
    });

    it('writes nothing of an interrupted answer after the interruption, and all of the next', async () => {
      const s = await started();
      s.begin();
      s.speak(400);
      s.callerSpeaks();
      s.leg.interrupt(heard(s.events, 100));
      const before = s.loudMs();
      s.speak(600);
      expect(s.loudMs()).toBe(before);
      expect(s.counted.get('ms_dropped_interrupted')).toBeGreaterThan(0);
      s.finish();
      s.callerStops();
      s.clock.advance(1_200);
      s.begin();
      s.speak(400);
      s.finish();
      expect(s.loudMs() - before).toBeGreaterThan(390);
      expect(only(s.events, 'audio_started')).toHaveLength(2);
    });

    it('survives an interruption of nothing', async () => {
      const s = await started();
      s.leg.interrupt([]);
      s.leg.interrupt([{ itemId: 'unknown', contentIndex: 0, responseId: 'unknown', heardMs: 5, writtenMs: 9 }]);
      s.clock.advance(1_200);
      s.begin();
      s.speak(100);
      expect(s.loudMs()).toBeGreaterThan(90);
    });

    it('tells that the caller speaks, and has spoken', async () => {
      const s = await started();
      s.callerSpeaks();
      expect(only(s.events, 'speech_started')).toHaveLength(1);
      s.callerStops();
      expect(only(s.events, 'speech_stopped')).toHaveLength(1);
    });

    it('says how its audio comes, before it is ready as well, and what carries it', async () => {
      const harness = make();
      expect(harness.leg.pace).toMatch(/^(live|burst)$/);
      const s = starting(harness);
      await s.settle();
      const [ready] = only(s.events, 'ready');
      expect(ready).toMatchObject({ pace: s.leg.pace, transport: expect.stringMatching(/^[a-z][a-z0-9_-]*$/) });
    });

    it('offers what its far end can be asked for, and nothing else', () => {
      const harness = make();
      expect(harness.asked !== undefined).toBe(greets || asks || reads || tools);
      expect([harness.callTools !== undefined, harness.results !== undefined]).toEqual([tools, tools]);
    });

    if (greets)
      it('speaks first when it is told to, and only then', async () => {
        const s = await started();
        expect(s.asked?.()).toBe(0);
        s.leg.greet?.();
        expect(s.asked?.()).toBe(1);
      });

    if (goesOn)
      it('goes on from what another said before: knows it, tells it to whoever comes next, and not to the call again', async () => {
        const harness = make();
        const said: Said[] = [
          { kind: 'message', role: 'agent', text: 'Good day.' },
          { kind: 'message', role: 'caller', text: 'A table for two.' },
        ];
        harness.leg.goOnFrom?.(said);
        expect(harness.leg.said?.()).toEqual(said);
        const s = starting(harness);
        await s.settle();
        expect(s.asked?.()).toBe(0);
        s.leg.greet?.();
        expect(s.asked?.()).toBe(1);
        expect(s.leg.said?.()).toEqual(said);
        expect(only(s.events, 'transcript')).toEqual([]);
      });

    if (asks || reads)
      it('asks for one answer at a time', async () => {
        const s = await started();
        s.begin();
        s.leg.sendText?.('1');
        s.leg.respond?.('say goodbye');
        expect(s.asked?.()).toBe(0);
        s.finish();
        expect(s.asked?.()).toBe(1);
      });

    if (tools)
      it('hands results back, and asks for an answer when all are in', async () => {
        const s = await started();
        s.callTools?.('call_a', 'call_b');
        expect(only(s.events, 'tool_call')).toMatchObject([{ toolCallId: 'call_a' }, { toolCallId: 'call_b' }]);
        s.leg.submitToolResult?.({ toolCallId: 'call_b', output: '{"b":1}' });
        expect(s.asked?.()).toBe(0);
        s.leg.submitToolResult?.({ toolCallId: 'call_a', output: '{"a":1}' });
        expect(s.results?.()).toEqual([
          { toolCallId: 'call_b', output: '{"b":1}' },
          { toolCallId: 'call_a', output: '{"a":1}' },
        ]);
        expect(s.asked?.()).toBe(1);
        s.leg.submitToolResult?.({ toolCallId: 'call_a', output: 'again' });
        s.leg.submitToolResult?.({ toolCallId: 'nobody', output: 'x' });
        expect(s.results?.()).toHaveLength(2);
        expect(s.counted.get('tool_result_dropped')).toBe(2);
      });

    it('deals with the loss of its session: back again, or over, and told so', async () => {
      const s = await started();
      s.begin();
      s.speak(200);
      s.lose();
      expect(only(s.events, 'audio_done')).toHaveLength(1);
      await s.settle();
      if (!s.reconnects) {
        expect(s.events.at(-1)).toMatchObject({ type: 'ended', end: { result: 'upstream_error' } });
        expect(s.clock.pending).toBe(0);
        return;
      }
      const told = s.events.filter((event) => event.type === 'reconnecting' || event.type === 'ready');
      expect(told).toMatchObject([{ type: 'ready' }, { type: 'reconnecting' }, { type: 'ready', resumed: true }]);
      expect(s.open()).toBe(1);
      const before = s.heardMs();
      say(s.leg, 100);
      expect(s.heardMs() - before).toBeCloseTo(100, 6);
    });

    it('tells why when no session can be had, once and last', async () => {
      const harness = make();
      harness.refuse();
      const s = starting(harness);
      await s.settle();
      await s.clock.advanceAsync(10_000, 50);
      await s.settle();
      expect(s.outcome.error).toBeInstanceOf(BridgeError);
      expect(only(s.events, 'ended')).toMatchObject([{ end: { result: 'upstream_error' } }]);
      expect(s.events.at(-1)?.type).toBe('ended');
      expect(s.clock.pending).toBe(0);
      expect(s.ticker.size).toBe(0);
      expect(s.open()).toBe(0);
    });

    it('closes for good: again and again, and nothing after it throws, sends or tells', async () => {
      const s = await started();
      s.begin();
      s.speak(200);
      const before = [...s.order];
      const closing = [s.leg.close(end), s.leg.close(termination('internal'))];
      s.clock.advance(5_000);
      await Promise.all(closing);
      const { loud } = s.state;
      const heardMs = s.heardMs();
      say(s.leg, 100);
      s.leg.audio.clear();
      s.leg.greet?.();
      s.leg.sendText?.('x');
      s.leg.respond?.('x');
      s.leg.heard?.({ itemId: 'x', contentIndex: 0, responseId: 'x', heardMs: 1, writtenMs: 2 });
      s.leg.listened?.(true);
      s.leg.interrupt([]);
      s.leg.submitToolResult?.({ toolCallId: 'x', output: 'x' });
      s.speak(200);
      s.finish();
      s.lose();
      s.clock.advance(60_000);
      await s.settle();
      expect(getEventListeners(s.abort.signal, 'abort')).toEqual([]);
      expect(s.order).toEqual(before);
      expect(s.state.loud).toBe(loud);
      expect(s.heardMs()).toBe(heardMs);
      expect(s.asked?.() ?? 0).toBe(0);
      expect(s.open()).toBe(0);
      expect(s.clock.pending).toBe(0);
      expect(s.ticker.size).toBe(0);
    });

    it('closes without ever having been started, and cannot be started then', async () => {
      const harness = make();
      await harness.leg.close(end);
      const s = starting(harness);
      await s.settle();
      expect(s.outcome.error).toMatchObject({ code: 'ABORTED' });
      expect(s.events).toEqual([]);
      expect(s.open()).toBe(0);
    });

    it.each([false, true])('frees everything when the call ends (ready: %s)', async (ready) => {
      const harness = make();
      if (!ready) harness.holdBack();
      const s = starting(harness);
      await s.settle();
      s.abort.abort(end);
      await s.settle();
      if (!ready) expect(s.outcome.error).toMatchObject({ code: 'ABORTED' });
      expect(only(s.events, 'ended')).toEqual([]);
      const closing = s.leg.close(end);
      s.clock.advance(5_000);
      await closing;
      expect(s.open()).toBe(0);
      expect(s.clock.pending).toBe(0);
      expect(s.ticker.size).toBe(0);
    });
  });
}
