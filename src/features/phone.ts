import { hkdfSync, randomBytes } from 'node:crypto';
import { openControls } from '../callers/phone/control/controls.ts';
import { controlCode, isFinal } from '../callers/phone/control/index.ts';
import { PATHS, transferEndedPath } from '../callers/phone/http/answers.ts';
import { CallMemory } from '../callers/phone/http/call-memory.ts';
import { callStatusRoute, type StatusUpdate } from '../callers/phone/http/call-status.ts';
import { callerIdFor } from '../callers/phone/http/caller-id.ts';
import { CarrierNotes } from '../callers/phone/http/carrier-notes.ts';
import { phoneDesk, phoneStreams } from '../callers/phone/http/desk.ts';
import { DialledRelay } from '../callers/phone/http/dialled-relay.ts';
import { DialledStreams } from '../callers/phone/http/dialled-streams.ts';
import { HostedDocuments, hostedDocumentRoute } from '../callers/phone/http/hosted-documents.ts';
import { serveMediaStream } from '../callers/phone/http/media-stream.ts';
import { OwnedElsewhere } from '../callers/phone/http/owned-elsewhere.ts';
import { type Brought, PhoneCalls } from '../callers/phone/http/phone-calls.ts';
import { PreparedCalls } from '../callers/phone/http/prepared-calls.ts';
import { ResumedCalls } from '../callers/phone/http/resumed-calls.ts';
import { StreamTokens } from '../callers/phone/http/stream-token.ts';
import { TakenCalls } from '../callers/phone/http/taken-calls.ts';
import { WebhookRoutes } from '../callers/phone/http/webhook-routes.ts';
import { phoneWebhooks } from '../callers/phone/http/webhooks.ts';
import { Continuity } from '../continuity/continuity.ts';
import { errorCode, errorMessage } from '../errors.ts';
import { pendingLimits } from '../http/pending.ts';
import { parseParty } from '../numbering/party.ts';
import type { Lines } from '../orders/lines.ts';
import type { Base, Feature, Parts } from './feature.ts';

/** Calls by phone: what carriers ask and tell, their media streams, and what can be asked of them. */
export function openPhone(base: Base): Feature {
  const { config, carriers, clock, log, memory, metrics, urls, instance, machine, fleet } = base;
  const count = metrics.countHttp;
  const notes = fleet.isAlone
    ? undefined
    : new CarrierNotes({ channel: memory.channel({ name: 'carrier-notes' }), self: fleet.self, carriers });
  const webhooks = new WebhookRoutes({ carriers, urls, count, noted: notes && ((webhook) => notes.tell(webhook)) });
  const ownSecrets = () => streamSecrets(config);
  const wall = () => clock.wall();
  const documents = new HostedDocuments({ secrets: ownSecrets(), urls, wall });
  const prepared = new PreparedCalls(memory, !fleet.isAlone);
  let parts: Parts | undefined;
  const continuity = fleet.isAlone
    ? undefined
    : new Continuity<Brought>({
        memory,
        self: fleet.self,
        clock,
        said: (callId) => parts?.calls.get(callId)?.said,
        failed: (error) => log.debug({ code: errorCode(error) }, 'what is said in a call could not be kept for others'),
      });
  let elsewhere: OwnedElsewhere | undefined;
  let relay: DialledRelay | undefined;
  const dialled = new DialledStreams({
    memory,
    fleet,
    claim: async (call, to) => parts?.claimLeg(call, to),
    relay: { pass: async (...line) => (await relay?.pass(...line)) ?? false },
  });

  /** Orders are told first: what becomes of one is known when its call ends. */
  const news = (update: StatusUpdate) => {
    parts?.carrierNews(update);
    if (update.status !== undefined && isFinal(update.status)) elsewhere?.ended(update);
  };
  const controls = openControls(carriers.all, config.OUTBOUND_CARRIER, {
    clock,
    log,
    host: (document) => documents.url(document),
    onStatus: (call, status) => news({ ...call, status }),
  });
  const noNumberToShow = (call: object) =>
    log.warn(call, 'a caller without a number is connected on, and none can be shown: set TRANSFER_CALLER_ID');

  const transferOptions: Lines['transferOptions'] = (call, n) => {
    const ends = { from: parseParty(call.from ?? ''), to: parseParty(call.to ?? '') };
    const { shown, missing } = callerIdFor({ ...ends, wrapped: call.fromWrapped }, config.TRANSFER_CALLER_ID);
    if (missing) noNumberToShow({ callId: call.id });
    const carrier = carriers.get(parts?.calls.get(call.id)?.info.carrier ?? '');
    const action = n === undefined ? undefined : urls.http({ headers: {} }, transferEndedPath(n, carrier));
    const { language, voice } = parts?.dispatch.words({ ...ends, direction: call.direction }).fallback ?? {};
    return {
      language,
      voice: voice === undefined ? undefined : (carrier?.webhook.voice(voice) ?? voice),
      callerId: shown,
      action,
      ...(n === undefined ? {} : { timeoutSeconds: config.TRANSFER_RING_SECONDS }),
    };
  };

  return {
    observers: continuity === undefined ? [] : [continuity],
    ended({ info: { id, carrier = '', accountId = '', carrierCallId } }) {
      if (continuity === undefined || carrierCallId === undefined || parts === undefined) return;
      const { next } = parts.calls.continuation({ carrier, accountId, carrierCallId });
      continuity.ended(id, next === 'apology' ? 'apology' : 'hangup');
    },
    lines: {
      forOrders: controls.forOrders,
      controls: controls.all,
      dialled: { expect: (id, take) => dialled.expect(id, take) },
      controlOf: ({ id }) => controls.of(parts?.calls.get(id)?.info ?? {}),
      transferOptions,
      // A carrier that is given an address without being asked for one is given the configured one.
      comesBack: config.PUBLIC_URL !== undefined,
    },
    install(joined) {
      parts = joined;
      const { http, calls, dispatch, intake, claim } = joined;
      const callMemory = new CallMemory({ memory, clock });
      const phone = new PhoneCalls({
        ...{ memory: callMemory, prepared, continuity, self: fleet.self },
        known: (incoming) => carriers.get(incoming.carrier)?.webhook.known?.(incoming),
      });
      const hasRoom = () => calls.size < config.MAX_CALLS;
      const resumed =
        continuity && new ResumedCalls({ continuity, phone, prepared, intake, hasRoom, fleet, clock, log });
      elsewhere = new OwnedElsewhere({ calls, fleet, prepared, resumed, clock, log });
      const said = async (callId: string) => (await continuity?.said(callId)) ?? [];
      const taken = new TakenCalls({ calls, phone, prepared, intake, fleet, said, clock, log });
      if (!fleet.isAlone)
        relay = new DialledRelay({
          ...{ fleet, clock, log, ticker: base.ticker, upgrades: http.upgrades, count: metrics.count },
          expects: (id) => dialled.expects(id),
          join: (id, leg) => dialled.join(id, leg),
        });
      const tokens = new StreamTokens({
        ...{ secrets: ownSecrets(), memory, wall },
        isFresh: async (callId) =>
          (await prepared.find(callId).catch(() => undefined)) !== undefined || dialled.isNew(callId),
      });
      http.app.register(phoneWebhooks, {
        desk: phoneDesk({ intake, calls, phone, dispatch, memory: callMemory, claim, elsewhere, dialled }),
        carriers,
        webhooks,
        urls,
        memory: callMemory,
        tokens,
        count,
        issued: (callId) => prepared.publish(callId),
        // Whoever owns the port gives the stream to the process whose name stands in its path.
        ...(machine === undefined ? {} : { mediaStream: `${PATHS.mediaStream}/${instance}` }),
        paceOf: (callId) => calls.get(callId)?.pace ?? (dialled.expects(callId) ? 'live' : undefined),
        apology: { text: config.FALLBACK_SAY },
        transferTo: config.FALLBACK_DIAL,
        transferSeconds: config.MAX_CALL_MINUTES * 60,
        callerId: config.TRANSFER_CALLER_ID,
        ringSeconds: config.TRANSFER_RING_SECONDS,
        noCallerId: ({ carrier, carrierCallId }) => noNumberToShow({ carrier, carrierCallId }),
        notTold: ({ carrier, carrierCallId }, error) =>
          log.error(
            { carrier, carrierCallId, code: controlCode(error), detail: errorMessage(error) },
            'a carrier does not take what it is answered',
          ),
      });
      const provenMost = Math.max(config.MAX_CALLS, config.MAX_PENDING_STREAMS);
      serveMediaStream({
        upgrades: http.upgrades,
        urls,
        carriers,
        tokens,
        count,
        log,
        clock,
        pending: pendingLimits(config.MAX_PENDING_STREAMS),
        proven: { total: provenMost, perAddress: provenMost },
        onStream: phoneStreams({
          carriers,
          calls,
          taken,
          dialled,
          memory: callMemory,
          config,
          log,
          clock,
          count: metrics.count,
        }),
      });
      http.app.register(callStatusRoute, { carriers, webhooks, onStatus: news });
      http.app.register(hostedDocumentRoute, { documents, webhooks });
    },
    close() {
      relay?.close();
      notes?.close();
      return controls.close();
    },
  };
}

/** What signs stream tokens and seals documents. Instances of a fleet have the same without being told one more secret. */
function streamSecrets({ STREAM_TOKEN_SECRET, FLEET_SECRET }: Base['config']): string[] {
  if (STREAM_TOKEN_SECRET !== undefined) return [STREAM_TOKEN_SECRET];
  if (FLEET_SECRET.length === 0) return [randomBytes(32).toString('base64url')];
  return FLEET_SECRET.map((secret) =>
    Buffer.from(hkdfSync('sha256', secret, 'voicebridge', 'stream tokens', 32)).toString('base64url'),
  );
}
