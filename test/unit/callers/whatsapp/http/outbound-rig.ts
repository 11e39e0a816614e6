import { Admission } from '../../../../../src/admission/admission.ts';
import { Calls } from '../../../../../src/call/calls.ts';
import type { CallEvent } from '../../../../../src/call/events.ts';
import { Ticker } from '../../../../../src/call/ticker.ts';
import { noTools } from '../../../../../src/call/tools.ts';
import { readMetaEvents } from '../../../../../src/callers/whatsapp/events.ts';
import type { Addressee } from '../../../../../src/callers/whatsapp/graph/client.ts';
import { GraphError } from '../../../../../src/callers/whatsapp/graph/errors.ts';
import { Farewells } from '../../../../../src/callers/whatsapp/graph/farewells.ts';
import type { Permission } from '../../../../../src/callers/whatsapp/graph/permission.ts';
import { Claims } from '../../../../../src/callers/whatsapp/http/claims.ts';
import { WhatsappDesk } from '../../../../../src/callers/whatsapp/http/desk.ts';
import { OutboundWhatsApp } from '../../../../../src/callers/whatsapp/http/outbound.ts';
import { Permissions } from '../../../../../src/callers/whatsapp/http/permissions.ts';
import { WhatsAppLeg } from '../../../../../src/callers/whatsapp/leg.ts';
import type { Assignment, CallFacts, Overrides } from '../../../../../src/dispatch.ts';
import { Intake } from '../../../../../src/intake/intake.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { OutboundCalls } from '../../../../../src/orders/outbound-calls.ts';
import { mayDialBy, OutboundGuard } from '../../../../../src/orders/outbound-guard.ts';
import { checkWhatsApp } from '../../../../../src/tools/policy.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../../../fakes/legs.ts';
import { orderLimits } from '../../../../fakes/memory.ts';
import { NUMBER_ID } from '../../../../fakes/meta.ts';
import { FakeRtcCaller } from '../../../../fakes/rtc-caller.ts';

export const USER = 'US.13491208655302741918';
export const NUMBER = 'whatsapp:+12025550143';
export const OFFER = 'v=0\r\ns=offer\r\n';
export const ANSWER = 'v=0\r\ns=answer\r\n';
const ORDER = { to: NUMBER, machineDetection: 'off', timeoutSeconds: 30 } as const;
const ALLOW = ['+1202', 'whatsapp:US.'];

export const permitted: Permission = {
  status: 'temporary',
  until: undefined,
  actions: [{ name: 'start_call', allowed: true, limits: [] }],
};

/** Ordered calls by WhatsApp, with everything real but Meta, media and the model. */
export function rig(options: { maxCalls?: number; perHour?: number } = {}) {
  const clock = new FakeClock();
  const log = fakeLog();
  const ticker = new Ticker(clock);
  const asked: string[] = [];
  const sent: Array<{ to: Addressee; sdp: string; opaque: string | undefined }> = [];
  const reports: Array<Record<string, unknown>> = [];
  const agents: FakeAgent[] = [];
  const phones: FakeRtcCaller[] = [];
  const records = new Map<string, { info: Record<string, unknown>; end?: string }>();
  const assigned: Array<{ facts: CallFacts; id: string; overrides: Overrides | undefined }> = [];
  const state = {
    permission: async (): Promise<Permission> => permitted,
    connect: async (): Promise<string> => `wacid.${sent.length}`,
    offer: async (): Promise<string> => OFFER,
    answer: async (_sdp: string): Promise<void> => {},
    terminate: async (): Promise<void> => {},
    isHeard: false,
    answers: [] as string[],
  };
  const graph = {
    phoneNumberId: NUMBER_ID,
    permissions: async () => {
      asked.push('call_permissions');
      return state.permission();
    },
    askPermission: async () => ({ messageId: undefined }),
    connect: async (to: Addressee, sdp: string, opaque?: string) => {
      asked.push('connect');
      sent.push({ to, sdp, opaque });
      return { callId: await state.connect() };
    },
    terminate: async (id: string) => {
      asked.push(`terminate ${id}`);
      await state.terminate();
    },
    reject: async (id: string) => void asked.push(`reject ${id}`),
    preAccept: async () => {},
    accept: async () => {},
  };
  const desk = new WhatsappDesk();
  const calls: Calls = new Calls({
    clock,
    ticker,
    log,
    observers: [
      {
        onEvent(callId: string, event: CallEvent) {
          if (event.type === 'call_started') records.set(callId, { info: { ...event.info } });
          const kept = records.get(callId);
          if (event.type === 'call_ended' && kept !== undefined) kept.end = event.end.reason;
          outbound.onEvent(callId, event);
        },
      },
    ],
    apology: undefined,
    ended: ({ info }, end) => orders.ended(info.id, end),
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  });
  const admission = new Admission({
    clock,
    calls: () => calls.size,
    isDraining: () => false,
    loopDelayMs: () => 0,
    maxLoopDelayMs: 0,
    maxCalls: options.maxCalls ?? 100,
    maxPages: 3,
    callsPerSecond: 0,
  });
  const assign = async (facts: CallFacts, id: string, overrides?: Overrides): Promise<Assignment> => {
    assigned.push({ facts, id, overrides });
    await undefined;
    const agent = new FakeAgent();
    agents.push(agent);
    const chosen = { route: 'r', prompt: 'p', model: 'mini', recording: undefined };
    return { agent, tools: noTools, ...chosen, maxMs: undefined, silenceMs: undefined, silenceAsks: undefined };
  };
  const intake = new Intake({ calls, admission, dispatch: { assign } });
  const memory = new LocalMemory({ clock });
  const claims = new Claims({ memory, instance: 'one', log });
  const farewells = new Farewells({ clock, log, random: () => 1 });
  const replies: unknown[] = [];
  const permissions = new Permissions({ memory, clock, log, told: (_event, reply) => void replies.push(reply) });
  const outbound: OutboundWhatsApp = new OutboundWhatsApp({
    numbers: new Map([[NUMBER_ID, graph]]),
    media: (callId) => {
      const phone = new FakeRtcCaller();
      phones.push(phone);
      return {
        leg: new WhatsAppLeg({ peer: (handlers) => phone.answer(handlers), clock, log: log.child({ callId }) }),
        offer: () => state.offer(),
        async answer(sdp) {
          state.answers.push(sdp);
          await state.answer(sdp);
        },
        isHeard: async () => state.isHeard,
      };
    },
    permissions,
    intake,
    calls,
    farewells,
    metrics: { count: () => {} },
    clock,
    log,
  });
  const numbers = new Map([[NUMBER_ID, graph]]);
  desk.connect({
    numbers,
    incoming: { take: async () => void asked.push('taken for a call that comes in') },
    claims,
    farewells,
    placed: outbound,
    count: () => {},
    clock,
    log,
  });
  const policy = { allow: ALLOW };
  const guard = new OutboundGuard({
    clock,
    mayDial: (to) => mayDialBy(checkWhatsApp(to, policy)),
    ...orderLimits(options.perHour ?? 100, clock),
    concurrent: 10,
    longestMs: 30 * 3_600_000,
  });
  const orders: OutboundCalls = new OutboundCalls({
    guard,
    placers: [outbound],
    clock,
    log,
    callbacks: { check: () => {}, send: (_url, body) => void reports.push((body as { call: never }).call) },
  });
  const settle = async (ms = 0) => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    await clock.advanceAsync(ms, 20);
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  const value = (more: object) =>
    desk.take(
      readMetaEvents({
        object: 'whatsapp_business_account',
        entry: [
          {
            id: '2',
            changes: [
              {
                field: 'calls',
                value: {
                  messaging_product: 'whatsapp',
                  metadata: { display_phone_number: '12025550199', phone_number_id: NUMBER_ID },
                  ...more,
                },
              },
            ],
          },
        ],
      }),
    );
  const about = (id: string) => ({ id, from: '12025550199', to: '12025550143', timestamp: '1700000000' });
  return {
    clock,
    log,
    asked,
    sent,
    reports,
    agents,
    phones,
    records,
    assigned,
    state,
    orders,
    guard,
    calls,
    permissions,
    replies,
    desk,
    outbound,
    settle,
    place: (over: object = {}) =>
      orders.place({ ...ORDER, callbackUrl: 'https://example.com/done', ...over }, { headers: {} }),
    /** The webhooks of a call that we place. */
    answered: (id: string, more: object = {}) =>
      value({
        calls: [
          {
            ...about(id),
            event: 'connect',
            direction: 'BUSINESS_INITIATED',
            session: { sdp_type: 'answer', sdp: ANSWER },
            ...more,
          },
        ],
      }),
    status: (id: string, status: string, more: object = {}) =>
      value({ statuses: [{ id, type: 'call', status, timestamp: '1', recipient_id: '12025550143', ...more }] }),
    terminated: (id: string, more: object = {}, errors: object[] = []) =>
      value({
        calls: [{ ...about(id), event: 'terminate', direction: 'BUSINESS_INITIATED', status: 'COMPLETED', ...more }],
        errors,
      }),
  };
}

export const refused = (
  code: 'GRAPH_UNAVAILABLE' | 'GRAPH_RATE_LIMITED' | 'GRAPH_NOT_CALLABLE' | 'GRAPH_TIMEOUT',
  uncertain = false,
) => Promise.reject(new GraphError(code, 'Meta says no', { uncertain }));
