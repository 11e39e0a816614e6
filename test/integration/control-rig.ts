import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOpenAiAgent } from '../../src/agents/openai/index.ts';
import type { Call } from '../../src/call/call.ts';
import { Calls } from '../../src/call/calls.ts';
import { systemClock } from '../../src/call/clock.ts';
import { playDigits } from '../../src/call/dtmf.ts';
import type { CallerLeg } from '../../src/call/leg.ts';
import { numberOf, partyText } from '../../src/call/party.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { openCarriers } from '../../src/callers/phone/carriers/index.ts';
import { signalWireRest } from '../../src/callers/phone/carriers/signalwire/rest.ts';
import { twilioRest } from '../../src/callers/phone/carriers/twilio/rest.ts';
import { CallMemory } from '../../src/callers/phone/http/call-memory.ts';
import { callStatusRoute } from '../../src/callers/phone/http/call-status.ts';
import { phoneStreams } from '../../src/callers/phone/http/desk.ts';
import { HostedDocuments, hostedDocumentRoute } from '../../src/callers/phone/http/hosted-documents.ts';
import { serveMediaStream } from '../../src/callers/phone/http/media-stream.ts';
import { StreamTokens } from '../../src/callers/phone/http/stream-token.ts';
import { WebhookRoutes } from '../../src/callers/phone/http/webhook-routes.ts';
import { phoneWebhooks } from '../../src/callers/phone/http/webhooks.ts';
import { loadConfig } from '../../src/config.ts';
import { publicUrls } from '../../src/http/public-url.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/log.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import { CallCallbacks } from '../../src/orders/call-callbacks.ts';
import { callsApi } from '../../src/orders/calls-api.ts';
import { callsDesk, type LiveCall } from '../../src/orders/calls-desk.ts';
import type { OutboundPlan } from '../../src/orders/outbound-call.ts';
import { OutboundCalls } from '../../src/orders/outbound-calls.ts';
import { OutboundGuard } from '../../src/orders/outbound-guard.ts';
import { PhonePlacer } from '../../src/orders/phone-placer.ts';
import { type CarrierServerOptions, startCarrier } from '../../src/simulator/carrier/index.ts';
import { scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { checkDestination } from '../../src/tools/policy.ts';
import { hourLimit, orderLimits } from '../fakes/memory.ts';

export const ADMIN = 'admin-token-of-sixteen-and-more';
const PUBLIC = 'https://voice.example.com';
const SECRET = 'signing-secret-of-the-carrier';

/** A conversation as the interface sees it. */
function liveCall(call: Call, leg: () => CallerLeg | undefined): LiveCall {
  return {
    info: call.info,
    startedAt: Date.now(),
    get state() {
      return call.state;
    },
    end: (end) => call.end(end),
    expectEnd: () => {},
    sendDigits: (digits) => {
      const caller = leg();
      return playDigits(digits, caller?.sendDigit?.bind(caller), systemClock);
    },
    handOver: async () => true,
    say: () => true,
    text: () => true,
  };
}

/** A carrier on one side, a model on the other, and between them the bridge's parts that place and control calls. */
export async function controlRig(name: 'twilio' | 'signalwire', options: Partial<CarrierServerOptions> = {}) {
  const ticker = new Ticker(systemClock);
  const model = await startRealtimeServer({ port: 0, ticker, record: true });
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } });
  const config = loadConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'sk-test',
    [name === 'twilio' ? 'TWILIO_AUTH_TOKEN' : 'SIGNALWIRE_SIGNING_KEY']: SECRET,
  });
  const carriers = openCarriers(config);
  const urls = publicUrls({ publicUrl: PUBLIC, signed: true });
  const server = createHttpServer({ log, count: () => {} });
  const calls = new Calls({
    clock: systemClock,
    ticker,
    log,
    observers: [],
    apology: undefined,
    limits: { joinMs: 5_000, reclaimMs: 0, maxMs: 60_000 },
  });
  const legs = new Map<string, CallerLeg>();
  const plans: OutboundPlan[] = [];
  const memory = new CallMemory({ memory: new LocalMemory({ clock: systemClock }), clock: systemClock });
  const tokens = new StreamTokens({
    secrets: ['stream-token-secret'],
    memory: new LocalMemory({ clock: systemClock }),
    wall: Date.now,
  });
  const webhooks = new WebhookRoutes({ carriers, urls, count: () => {} });
  const documents = new HostedDocuments({ secrets: ['hosted-document-secret'], urls, wall: Date.now });
  // Where the bridge is known only when it listens, and the carrier looks it up only when it calls.
  const bridge = { local: '', public: PUBLIC };
  const carrier = await startCarrier({
    carrier: name,
    token: 'rest-token',
    signingSecret: SECRET,
    bridge,
    // Whoever answers lets the agent greet first.
    source: scriptSource([{ pauseMs: 1_000 }, toneSource(440, { ms: 600 })]),
    record: true,
    ticker,
    ...options,
  });
  const { accountSid } = carrier;
  const common = { baseUrl: carrier.url, timeoutMs: 2_000 };
  const control =
    name === 'twilio'
      ? twilioRest({ accountSid, authToken: 'rest-token', ...common })
      : signalWireRest({ projectId: accountSid, token: 'rest-token', host: (d) => documents.url(d), ...common });
  const mayDial = (number: string) => {
    const decision = checkDestination(number, { allow: ['+1202'] });
    return decision.allowed
      ? ({ ok: true, number: decision.number } as const)
      : ({ ok: false, code: decision.code, reason: decision.reason } as const);
  };
  const callbacks = new CallCallbacks({ clock: systemClock, log, secret: 'callback-secret' });
  const outbound = new OutboundCalls({
    guard: new OutboundGuard({
      clock: systemClock,
      mayDial,
      ...orderLimits(20, systemClock),
      concurrent: 5,
      longestMs: 3_600_000,
    }),
    placers: [
      new PhonePlacer({
        control,
        from: '+12025559999',
        urls,
        memory: new LocalMemory({ clock: systemClock }),
        clock: systemClock,
      }),
    ],
    clock: systemClock,
    log,
    callbacks,
  });
  const live = new Map<string, LiveCall>();
  const desk = callsDesk({
    calls: {
      get: (id) => live.get(id),
      [Symbol.iterator]: () => live.values(),
      transferSeconds: (id) => calls.transferSeconds(id),
    },
    transfers: hourLimit(20, systemClock),
    outbound,
    clock: systemClock,
    controlOf: () => control,
  });
  await server.app.register(phoneWebhooks, {
    desk: {
      async prepare(incoming) {
        const { carrier, accountId, carrierCallId, direction, from, to } = incoming;
        const plan = direction === 'outbound' ? await outbound.claim(incoming, numberOf(to) ?? '') : undefined;
        if (plan !== undefined) plans.push(plan);
        const agent = createOpenAiAgent({
          apiKey: 'sk-test',
          baseUrl: model.url,
          model: config.OPENAI_REALTIME_MODEL,
          voice: 'marin',
          instructions: 'Talk.',
          greeting: true,
          format: name === 'twilio' ? 'pcmu' : 'pcm16',
          transport: 'websocket',
        });
        const id = plan?.callId ?? randomUUID();
        const call = calls.create(
          { id, direction, carrier, accountId, carrierCallId, from: partyText(from) ?? '', to: partyText(to) ?? '' },
          agent,
        );
        const shown = liveCall(call, () => legs.get(id));
        live.set(id, shown);
        void call.done.then((end) => {
          live.delete(id);
          desk.ended(shown, end);
          void memory.ended(incoming);
        });
        return { callId: id };
      },
      continuation: (call) => calls.continuation(call),
    },
    carriers,
    webhooks,
    urls,
    memory,
    tokens,
    count: () => {},
    apology: { text: 'We are sorry.' },
  });
  await server.app.register(callStatusRoute, { carriers, webhooks, onStatus: (update) => outbound.onStatus(update) });
  await server.app.register(hostedDocumentRoute, { documents, webhooks });
  await server.app.register(callsApi, {
    admin: { tokens: [ADMIN] },
    desk,
    mayDial,
    clock: systemClock,
    memory: new LocalMemory({ clock: systemClock }),
  });
  serveMediaStream({
    upgrades: server.upgrades,
    urls,
    carriers,
    tokens,
    count: () => {},
    log,
    clock: systemClock,
    onStream: phoneStreams({
      carriers: openCarriers(config),
      calls: {
        join: (id: string, leg: CallerLeg) => {
          legs.set(id, leg);
          return calls.join(id, leg);
        },
      } as unknown as Calls,
      config,
      log,
      clock: systemClock,
      count: () => {},
    }),
  });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  bridge.local = `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
  const { local } = bridge;

  /** A receiver of callbacks. */
  const received: Array<{ body: { type: string; call: Record<string, unknown> }; headers: Record<string, unknown> }> =
    [];
  const receiver = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    received.push({ body: JSON.parse(text), headers: request.headers });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));

  return {
    carrier,
    model,
    lines,
    plans,
    received,
    calls,
    local,
    callbackUrl: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/done`,
    async api(method: 'GET' | 'POST', path: string, body?: unknown, headers: Record<string, string> = {}) {
      const answer = await fetch(local + path, {
        method,
        headers: {
          authorization: `Bearer ${ADMIN}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
    },
    async close() {
      await carrier.close();
      await outbound.close();
      await callbacks.close();
      await control.close();
      await server.close(1_000);
      await model.close();
      receiver.closeAllConnections();
      receiver.close();
    },
  };
}
