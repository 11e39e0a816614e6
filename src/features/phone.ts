import { randomBytes } from 'node:crypto';
import { openControls } from '../callers/phone/control/controls.ts';
import { isFinal } from '../callers/phone/control/index.ts';
import { transferEndedPath } from '../callers/phone/http/answers.ts';
import { CallMemory } from '../callers/phone/http/call-memory.ts';
import { callStatusRoute, type StatusUpdate } from '../callers/phone/http/call-status.ts';
import { callerIdFor } from '../callers/phone/http/caller-id.ts';
import { phoneDesk, phoneStreams } from '../callers/phone/http/desk.ts';
import { HostedDocuments, hostedDocumentRoute } from '../callers/phone/http/hosted-documents.ts';
import { serveMediaStream } from '../callers/phone/http/media-stream.ts';
import { StreamTokens } from '../callers/phone/http/stream-token.ts';
import { WebhookRoutes } from '../callers/phone/http/webhook-routes.ts';
import { phoneWebhooks } from '../callers/phone/http/webhooks.ts';
import { errorCode, errorMessage } from '../errors.ts';
import { pendingLimits } from '../http/pending.ts';
import { parseParty } from '../numbering/party.ts';
import type { Lines } from '../orders/lines.ts';
import type { Base, Feature, Parts } from './feature.ts';

/** Calls by phone: what carriers ask and tell, their media streams, and what can be asked of them. */
export function openPhone({ config, carriers, clock, log, memory, metrics, urls }: Base): Feature {
  const count = metrics.countHttp;
  const webhooks = new WebhookRoutes({ carriers, urls, count });
  const ownSecrets = () => [config.STREAM_TOKEN_SECRET ?? randomBytes(32).toString('base64url')];
  const wall = () => clock.wall();
  const documents = new HostedDocuments({ secrets: ownSecrets(), urls, wall });
  let parts: Parts | undefined;

  /** Orders are told first: what becomes of one is known when its call ends. */
  const news = (update: StatusUpdate) => {
    parts?.carrierNews(update);
    if (update.status !== undefined && isFinal(update.status)) parts?.calls.carrierEnded(update);
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
    lines: {
      forOrders: controls.forOrders,
      controlOf: ({ id }) => controls.of(parts?.calls.get(id)?.info ?? {}),
      transferOptions,
      // A carrier that is given an address without being asked for one is given the configured one.
      comesBack: config.PUBLIC_URL !== undefined,
    },
    install(joined) {
      parts = joined;
      const { http, calls, dispatch, intake, claim } = joined;
      const callMemory = new CallMemory({ memory, clock });
      const tokens = new StreamTokens({ secrets: ownSecrets(), memory, wall });
      http.app.register(phoneWebhooks, {
        desk: phoneDesk({ intake, calls, dispatch, memory: callMemory, claim }),
        carriers,
        webhooks,
        urls,
        memory: callMemory,
        tokens,
        count,
        paceOf: (callId) => calls.get(callId)?.pace,
        apology: { text: config.FALLBACK_SAY },
        transferTo: config.FALLBACK_DIAL,
        transferSeconds: config.MAX_CALL_MINUTES * 60,
        callerId: config.TRANSFER_CALLER_ID,
        ringSeconds: config.TRANSFER_RING_SECONDS,
        noCallerId: ({ carrier, carrierCallId }) => noNumberToShow({ carrier, carrierCallId }),
        notTold: ({ carrier, carrierCallId }, error) =>
          log.error(
            { carrier, carrierCallId, code: errorCode(error), detail: errorMessage(error) },
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
        onStream: phoneStreams({ carriers, calls, memory: callMemory, config, log, clock, count: metrics.count }),
      });
      http.app.register(callStatusRoute, { carriers, webhooks, onStatus: news });
      http.app.register(hostedDocumentRoute, { documents, webhooks });
    },
    close: () => controls.close(),
  };
}
