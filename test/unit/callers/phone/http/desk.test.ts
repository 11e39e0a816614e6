import { describe, expect, it } from 'vitest';
import { Admission } from '../../../../../src/admission/admission.ts';
import { Calls } from '../../../../../src/call/calls.ts';
import type { CallEvent } from '../../../../../src/call/events.ts';
import { termination } from '../../../../../src/call/termination.ts';
import { Ticker } from '../../../../../src/call/ticker.ts';
import { noTools } from '../../../../../src/call/tools.ts';
import { CallMemory } from '../../../../../src/callers/phone/http/call-memory.ts';
import { phoneDesk } from '../../../../../src/callers/phone/http/desk.ts';
import type { IncomingCall } from '../../../../../src/callers/phone/http/incoming-call.ts';
import { PhoneCalls } from '../../../../../src/callers/phone/http/phone-calls.ts';
import type { Assignment, Dispatch } from '../../../../../src/dispatch.ts';
import { Intake } from '../../../../../src/intake/intake.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import type { OutboundPlan } from '../../../../../src/orders/outbound-call.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../../../fakes/legs.ts';

const incoming = (over: Partial<IncomingCall> = {}): IncomingCall => ({
  carrier: 'signalwire',
  carrierCallId: 'CA1',
  from: { kind: 'number', number: '+15550001111' },
  to: { kind: 'number', number: '+15550002222' },
  accountId: 'AC1',
  direction: 'inbound',
  params: {},
  custom: {},
  ...over,
});

function rig(assigned: Partial<Assignment> = {}, maxCalls = 10) {
  const clock = new FakeClock();
  const events: CallEvent[] = [];
  const claimed: string[] = [];
  const calls: Calls = new Calls({
    clock,
    ticker: new Ticker(clock),
    log: fakeLog(),
    observers: [{ onEvent: (_id, event) => void events.push(event) }],
    apology: undefined,
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  });
  const dispatch = {
    assign: async (): Promise<Assignment> => ({
      agent: new FakeAgent(),
      tools: noTools,
      route: 'default',
      prompt: 'default',
      model: 'gpt-realtime-mini',
      maxMs: undefined,
      silenceMs: undefined,
      silenceAsks: undefined,
      recording: undefined,
      ...assigned,
    }),
  } as unknown as Dispatch;
  const admission = new Admission({
    clock,
    calls: () => calls.size,
    isDraining: () => false,
    loopDelayMs: () => 0,
    maxCalls,
    maxPages: 0,
    callsPerSecond: 0,
    maxLoopDelayMs: 0,
  });
  const claim = async ({ carrierCallId }: { carrierCallId: string }): Promise<OutboundPlan> => {
    claimed.push(carrierCallId);
    return { callId: 'ordered', variables: {} };
  };
  const memory = new CallMemory({ memory: new LocalMemory({ clock }), clock });
  const desk = phoneDesk({
    phone: new PhoneCalls({ memory, self: 'one' }),
    intake: new Intake({ calls, dispatch, admission }),
    calls,
    dispatch,
    memory,
    claim,
  });
  return { desk, calls, events, claimed, end: () => calls.endAll(termination('drained')) };
}

describe('a webhook becomes a call', () => {
  it("that tells the model it is really on, the prompt's own as well", async () => {
    const { desk, events, end } = rig();
    await desk.prepare(incoming());
    const [started] = events.filter((event) => event.type === 'call_started');
    expect(started?.info).toMatchObject({ model: 'gpt-realtime-mini', prompt: 'default', carrierCallId: 'CA1' });
    await end();
  });

  it.each(['live', 'burst'] as const)(
    'and the carrier learns in which pace its audio is expected: %s',
    async (pace) => {
      const { desk, calls, end } = rig({ agent: Object.assign(new FakeAgent(), { pace }) });
      const prepared = await desk.prepare(incoming());
      expect('callId' in prepared && calls.get(prepared.callId)?.pace).toBe(pace);
      await end();
    },
  );

  it('unless there is no room, also for one that was ordered and is answered now', async () => {
    const { desk, claimed, end } = rig({}, 1);
    await desk.prepare(incoming());
    expect(await desk.prepare(incoming({ carrierCallId: 'CA2', direction: 'outbound' }))).toEqual({
      refused: 'busy',
      reason: 'calls',
    });
    expect(claimed).toEqual([]);
    await end();
    expect(await desk.prepare(incoming({ carrierCallId: 'CA3', direction: 'outbound' }))).toMatchObject({
      callId: 'ordered',
    });
    await end();
  });
});
