import { Admission, type AdmissionOptions } from '../../../../../src/admission/admission.ts';
import { Calls } from '../../../../../src/call/calls.ts';
import type { CallEvent } from '../../../../../src/call/events.ts';
import type { CallInfo } from '../../../../../src/call/info.ts';
import type { Termination } from '../../../../../src/call/termination.ts';
import { Ticker } from '../../../../../src/call/ticker.ts';
import { noTools } from '../../../../../src/call/tools.ts';
import { readMetaEvents } from '../../../../../src/callers/whatsapp/events.ts';
import { GraphError, type GraphErrorCode } from '../../../../../src/callers/whatsapp/graph/errors.ts';
import { Farewells } from '../../../../../src/callers/whatsapp/graph/farewells.ts';
import { Claims } from '../../../../../src/callers/whatsapp/http/claims.ts';
import { type PlacedCalls, WhatsappDesk } from '../../../../../src/callers/whatsapp/http/desk.ts';
import { Incoming } from '../../../../../src/callers/whatsapp/http/incoming.ts';
import { WhatsAppLeg } from '../../../../../src/callers/whatsapp/leg.ts';
import type { WhatsappCounter } from '../../../../../src/callers/whatsapp/metrics.ts';
import type { Assignment, CallFacts } from '../../../../../src/dispatch.ts';
import { Intake } from '../../../../../src/intake/intake.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../../../src/memory/memory.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../../../fakes/legs.ts';
import { metaBody, NUMBER_ID } from '../../../../fakes/meta.ts';
import { FakeRtcCaller } from '../../../../fakes/rtc-caller.ts';

export const ANSWER = 'v=0\r\ns=answer\r\n';

type Action = 'pre_accept' | 'accept' | 'reject' | 'terminate';

/** A record as it would be stored: what its call was, and how it ended. */
export interface Kept {
  readonly info: CallInfo;
  end: Termination | undefined;
  starts: number;
  ends: number;
}

export interface RigOptions {
  readonly preAccept?: boolean;
  readonly admission?: Partial<AdmissionOptions>;
  readonly memory?: ProcessMemory;
  readonly clock?: FakeClock;
  readonly instance?: string;
  readonly placed?: PlacedCalls;
  /** Whether there are words for who loses his agent: half a second of them. */
  readonly apology?: boolean;
}

/** A user's phone whose packets are counted, with no network between. */
class FakePhone extends FakeRtcCaller {
  readonly #packet: () => void;

  constructor(packet: () => void) {
    super();
    this.#packet = packet;
  }

  override sendAudio(samples: Int16Array, offset = 0): void {
    if (this.closed > 0) return;
    this.#packet();
    super.sendAudio(samples, offset);
  }
}

/** The desk with everything behind it real but Meta, the media and the model. */
export function rig(options: RigOptions = {}) {
  const clock = options.clock ?? new FakeClock();
  const log = fakeLog();
  const ticker = new Ticker(clock);
  /** What happened, in its order; requests with the time at which they were made, ms. */
  const order: string[] = [];
  const requests: Array<{ at: number; action: Action; id: string; sdp?: string }> = [];
  const counts: Partial<Record<WhatsappCounter, number>> = {};
  const records = new Map<string, Kept>();
  const phones: FakePhone[] = [];
  const agents: FakeAgent[] = [];
  const state = {
    draining: false,
    /** How each request fails; undefined: it does not. */
    failures: {} as Partial<Record<Action, GraphErrorCode>>,
    uncertain: false,
    /** Requests of these wait until `go` is called for them. */
    held: new Set<Action>(),
    answer: async (): Promise<string> => ANSWER,
    prompt: true,
    setUp: [] as string[],
  };
  const waiting = new Map<Action, Array<() => void>>();
  const go = (action: Action) => {
    state.held.delete(action);
    for (const resume of waiting.get(action) ?? []) resume();
    waiting.delete(action);
  };

  const ask = async (action: Action, id: string, sdp: string | undefined, signal: AbortSignal | undefined) => {
    requests.push({ at: clock.now(), action, id, ...(sdp === undefined ? {} : { sdp }) });
    order.push(action);
    if (state.held.has(action)) {
      const aborted = () => new GraphError('GRAPH_ABORTED', 'given up', { uncertain: true });
      await new Promise<void>((resolve, reject) => {
        waiting.set(action, [...(waiting.get(action) ?? []), resolve]);
        signal?.addEventListener('abort', () => reject(aborted()));
        if (signal?.aborted) reject(aborted());
      });
    }
    const failure = state.failures[action];
    if (failure !== undefined) throw new GraphError(failure, `${action} failed`, { uncertain: state.uncertain });
    order.push(`${action} 200`);
  };
  const graph = {
    phoneNumberId: NUMBER_ID,
    preAccept: (id: string, sdp: string, call?: { signal?: AbortSignal | undefined }) =>
      ask('pre_accept', id, sdp, call?.signal),
    accept: (id: string, sdp: string, call?: { signal?: AbortSignal | undefined }) =>
      ask('accept', id, sdp, call?.signal),
    reject: (id: string, call?: { signal?: AbortSignal | undefined }) => ask('reject', id, undefined, call?.signal),
    terminate: (id: string, call?: { signal?: AbortSignal | undefined }) =>
      ask('terminate', id, undefined, call?.signal),
  };

  const desk = new WhatsappDesk();
  const recorder = {
    onEvent(callId: string, event: CallEvent) {
      if (event.type === 'call_started') {
        const before = records.get(callId);
        if (before === undefined) records.set(callId, { info: event.info, end: undefined, starts: 1, ends: 0 });
        else before.starts++;
      }
      const kept = records.get(callId);
      if (event.type !== 'call_ended' || kept === undefined) return;
      kept.end = event.end;
      kept.ends++;
    },
  };
  const calls: Calls = new Calls({
    clock,
    ticker,
    log,
    observers: [recorder, desk],
    apology: options.apology === true ? { samples: new Int16Array(24_000).fill(3_000), sampleRate: 48_000 } : undefined,
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  });
  const admission = new Admission({
    clock,
    calls: () => calls.size,
    isDraining: () => state.draining,
    loopDelayMs: () => 0,
    maxLoopDelayMs: 0,
    maxCalls: 100,
    maxPages: 3,
    callsPerSecond: 0,
    ...options.admission,
  });
  const assigned: CallFacts[] = [];
  const assign = async (facts: CallFacts): Promise<Assignment> => {
    assigned.push(facts);
    await undefined;
    if (!state.prompt) throw new Error('the prompt is gone');
    const agent = new FakeAgent();
    agents.push(agent);
    const chosen = { route: 'r', prompt: 'p', model: 'mini', recording: undefined };
    return { agent, tools: noTools, ...chosen, maxMs: undefined, silenceMs: undefined, silenceAsks: undefined };
  };
  const count = (name: WhatsappCounter) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  const memory = options.memory ?? new LocalMemory({ clock });
  const claims = new Claims({ memory, instance: options.instance ?? 'one', log });
  const farewells = new Farewells({ clock, log, random: () => 1, lost: () => count('farewell_lost') });
  const intake = new Intake({ calls, admission, dispatch: { assign } });
  const incoming = new Incoming({
    intake,
    calls,
    claims,
    farewells,
    metrics: { count, setUp: (until) => void state.setUp.push(until) },
    media: (callId) => {
      const phone = new FakePhone(() => order.push('packet'));
      phones.push(phone);
      const leg = new WhatsAppLeg({ peer: (handlers) => phone.answer(handlers), clock, log: log.child({ callId }) });
      return { leg, answer: () => state.answer() };
    },
    preAccept: options.preAccept ?? true,
    clock,
    log,
  });
  const numbers = new Map([[NUMBER_ID, graph]]);
  desk.connect({ numbers, incoming, claims, farewells, placed: options.placed, count, clock, log });

  return {
    clock,
    log,
    desk,
    calls,
    claims,
    memory,
    farewells,
    admission,
    state,
    go,
    order,
    requests,
    counts,
    phones,
    agents,
    assigned,
    /** The records, by Meta's id where there is one of each. */
    records: () => [...records.values()],
    ends: () => [...records.values()].map(({ end }) => end?.reason),
    actions: () => requests.map(({ action }) => action),
    /** Takes a webhook with these calls. */
    webhook: (...told: readonly unknown[]) => desk.take(readMetaEvents(metaBody(...told))),
    /** Lets all that waits for nothing but promises run, and so much time pass. */
    settle: async (ms = 0) => {
      for (let i = 0; i < 50; i++) await Promise.resolve();
      await clock.advanceAsync(ms, 20);
      for (let i = 0; i < 50; i++) await Promise.resolve();
    },
  };
}
