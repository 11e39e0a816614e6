import { randomBytes } from 'node:crypto';
import type { Calls } from '../call/calls.ts';
import { openControls } from '../callers/phone/control/controls.ts';
import { isFinal } from '../callers/phone/control/index.ts';
import { transferEndedPath } from '../callers/phone/http/answers.ts';
import { callStatusRoute, type StatusUpdate } from '../callers/phone/http/call-status.ts';
import { callerIdFor } from '../callers/phone/http/caller-id.ts';
import { HostedDocuments, hostedDocumentRoute } from '../callers/phone/http/hosted-documents.ts';
import { HourLimit } from '../memory/hour-limit.ts';
import { parseParty } from '../numbering/party.ts';
import { CallCallbacks } from '../orders/call-callbacks.ts';
import { callsApi } from '../orders/calls-api.ts';
import { callsDesk, type WatchedCallsDesk } from '../orders/calls-desk.ts';
import { OutboundCalls } from '../orders/outbound-calls.ts';
import { OutboundGuard } from '../orders/outbound-guard.ts';
import { Destinations } from '../tools/destinations.ts';
import { checkDestination } from '../tools/policy.ts';
import type { Base, Feature } from './feature.ts';

/** Longer than the longest call: a call whose end is never told gives its place back after it, ms. */
const PLACE_SLACK_MS = 600_000;
/** How long reports of calls that ended with the process may take, ms. */
const REPORT_MS = 2_000;

/** Calls that are ordered, and the interface by which calls are seen and operated: `/calls`, and the carriers' news of both. */
export async function openCallsApi(base: Base): Promise<Feature> {
  const { config, carriers, clock, log, memory, webhooks, urls } = base;
  const destinations = new Destinations({
    hosts: config.HTTP_TOOL_HOSTS,
    privateHosts: config.HTTP_TOOL_PRIVATE_HOSTS,
  });
  const callbacks = new CallCallbacks({
    clock,
    log,
    secret: config.CALLBACK_SECRET,
    dispatcherFor: (url) => destinations.dispatcherFor(url),
  });
  const documents = new HostedDocuments({
    secrets: [config.STREAM_TOKEN_SECRET ?? randomBytes(32).toString('base64url')],
    urls,
    wall: () => clock.wall(),
  });
  const controls = openControls(carriers.all, config.OUTBOUND_CARRIER, {
    clock,
    log,
    host: (document) => documents.url(document),
    onStatus: (call, status) => news({ ...call, status }),
  });
  const mayDial = (number: string) => {
    const decision = checkDestination(number, { allow: config.DIAL_ALLOW, deny: config.DIAL_DENY });
    return decision.allowed
      ? ({ ok: true, number: decision.number } as const)
      : ({ ok: false, code: decision.code, reason: decision.reason } as const);
  };
  const guard = new OutboundGuard({
    clock,
    mayDial,
    hourly: new HourLimit(config.OUTBOUND_PER_HOUR, memory, 'orders-hour'),
    concurrent: config.OUTBOUND_CONCURRENT,
    longestMs: config.MAX_CALL_MINUTES * 60_000 + PLACE_SLACK_MS,
  });
  let outbound: OutboundCalls | undefined;
  let desk: WatchedCallsDesk | undefined;
  let running: Calls | undefined;

  const news = (update: StatusUpdate) => {
    outbound?.onStatus(update);
    if (update.status !== undefined && isFinal(update.status)) running?.carrierEnded(update);
  };

  return {
    claim: async (call, to) => outbound?.claim(call, to),
    ended: (call, end) => desk?.ended(call, end),
    forget: async (callIds) => desk?.forget(callIds),
    install({ http, calls, dispatch, admin, admission }) {
      outbound = new OutboundCalls({
        guard,
        control: controls.forOrders,
        carrier: carriers.get(controls.forOrders?.account.carrier ?? ''),
        from: config.OUTBOUND_FROM,
        urls,
        clock,
        log,
        callbacks,
        hasPrompt: (name) => dispatch.hasPrompt(name),
        admit: () => admission.admitOrder(config.OPENAI_REALTIME_MODEL),
      });
      const orders = outbound;
      running = calls;
      desk = callsDesk({
        calls,
        outbound: orders,
        transfers: dispatch.transfers,
        clock,
        transferOptions: (call, n) => {
          const ends = { from: parseParty(call.from ?? ''), to: parseParty(call.to ?? '') };
          const { shown, missing } = callerIdFor({ ...ends, wrapped: call.fromWrapped }, config.TRANSFER_CALLER_ID);
          if (missing)
            log.warn(
              { callId: call.id },
              'a caller without a number is connected on, and none can be shown: set TRANSFER_CALLER_ID',
            );
          const carrier = carriers.get(calls.get(call.id)?.info.carrier ?? '');
          const action = n === undefined ? undefined : urls.http({ headers: {} }, transferEndedPath(n, carrier));
          const { language, voice } = dispatch.words({ ...ends, direction: call.direction }).fallback;
          return {
            language,
            voice: voice === undefined ? undefined : (carrier?.webhook.voice(voice) ?? voice),
            callerId: shown,
            action,
            ...(n === undefined ? {} : { timeoutSeconds: config.TRANSFER_RING_SECONDS }),
          };
        },
        // A carrier that is given an address without being asked for one is given the configured one.
        comesBack: config.PUBLIC_URL !== undefined,
        controlOf: ({ id }) => controls.of(calls.get(id)?.info ?? {}),
      });
      http.app.register(callStatusRoute, { carriers, webhooks, onStatus: news });
      http.app.register(hostedDocumentRoute, { documents, webhooks });
      http.app.register(callsApi, { admin, desk, mayDial, clock });
    },
    async close() {
      // What is to be reported is with the callbacks as soon as the first call returns.
      await Promise.all([outbound?.close(), callbacks.close(REPORT_MS)]);
      await controls.close();
      await destinations.close();
    },
  };
}
