import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Call } from '../../../src/call/call.ts';
import { comfortTone } from '../../../src/call/comfort.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import type { CallHooks } from '../../../src/call/tools.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../../fakes/legs.ts';

/** Whatever an agent can and cannot do: what it cannot is never asked of it, and nothing waits for what never comes. */

const ABILITIES = [
  'greet',
  'heard',
  'listened',
  'waitedFor',
  'submitToolResult',
  'sendText',
  'note',
  'respond',
] as const;
const STEPS = [
  'agent speaks',
  'caller speaks',
  'caller stops',
  'key',
  'typed',
  'another speaks',
  'said',
  'filler',
  'tool',
  'hang up',
  'hand over',
  'line breaks',
  'line back',
  'session breaks',
  'session back',
  'wait',
  'long wait',
] as const;
/** Longer than the longest wait for words, for a line that broke and for a transfer, ms. */
const SETTLED_MS = 90_000;

it('a call does without each ability of an agent, and with any of them left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.subarray([...ABILITIES]),
      fc.array(fc.constantFrom(...STEPS), { maxLength: 12 }),
      fc.boolean(),
      async (missing, steps, dismissed) => {
        const clock = new FakeClock();
        const events: CallEvent[] = [];
        const agent = new FakeAgent();
        for (const ability of missing) Object.defineProperty(agent, ability, { value: undefined });
        let caller = new FakeCaller();
        const given: { hooks?: CallHooks } = {};
        const tone = comfortTone();
        const log = fakeLog();
        const call = new Call(
          { id: 'c1', direction: 'inbound', carrierCallId: 'CA1' },
          agent,
          {
            clock,
            ticker: new Ticker(clock),
            log,
            observers: [{ onEvent: (_id, event) => events.push(event) }],
            apology: { samples: new Int16Array(800).fill(500), sampleRate: 8000 },
            comfort: { model: tone, limits: tone },
            patience: { longestMs: 5_000, asks: 1 },
            limits: { joinMs: 20_000, reclaimMs: 15_000, ringMs: 10_000, maxMs: 3_600_000 },
          },
          (hooks) => {
            given.hooks = hooks;
            return { run: async () => '{}' };
          },
        );
        call.start();
        call.join(caller);
        agent.ready();
        const waiting: Array<Promise<unknown>> = [];
        let items = 0;
        const take: Record<(typeof STEPS)[number], () => unknown> = {
          'agent speaks': () => agent.speak(`i${items++}`, 200),
          'caller speaks': () => agent.emit({ type: 'speech_started' }),
          'caller stops': () => agent.emit({ type: 'speech_stopped' }),
          key: () => caller.ctx?.emit({ type: 'dtmf', digit: '1' }),
          'another speaks': () => caller.ctx?.emit({ type: 'speaker', by: { identity: 'b', name: 'Ben' }, told: true }),
          typed: () => expect(call.text('hello')).toBe(!missing.includes('sendText')),
          said: () => expect(call.say('hello')).toBe(!missing.includes('respond')),
          filler: () => given.hooks?.fill('one moment'),
          tool: () =>
            agent.emit({ type: 'tool_call', toolCallId: `t${items++}`, name: 'x', arguments: '{}', responseId: 'r' }),
          'hang up': () => waiting.push(given.hooks!.line.hangupAfterPlayout().catch(() => {})),
          'hand over': () => waiting.push(call.handOver('+12025550143')),
          'line breaks': () => caller.ctx?.emit({ type: 'ended', end: termination('media-lost') }),
          'line back': () => {
            caller = new FakeCaller();
            call.join(caller);
          },
          'session breaks': () => agent.emit({ type: 'reconnecting', reason: 'MODEL_SESSION_LOST' }),
          'session back': () => agent.ready(),
          wait: () => clock.advanceAsync(400, 20),
          'long wait': () => clock.advanceAsync(6_000, 100),
        };
        for (const step of steps) if (call.ended === undefined) await take[step]();
        if (dismissed) waiting.push(call.dismiss(termination('drained'), 'goodbye', 12_000));
        let settled = false;
        void Promise.all(waiting).then(() => {
          settled = true;
        });
        await clock.advanceAsync(SETTLED_MS, 200);
        expect(settled, 'all that waited').toBe(true);
        const ending = call.end(termination('caller-hangup'));
        await clock.advanceAsync(6_000, 200);
        await ending;
        const end = events.at(-1);
        expect(end).toMatchObject({ type: 'call_ended' });
        expect(end).not.toMatchObject({ counters: { call_bug: expect.anything() } });
        expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});
