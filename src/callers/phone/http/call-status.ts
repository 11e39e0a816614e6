import type { FastifyPluginAsync } from 'fastify';
import type { CarrierCall } from '../../../call/carrier-call.ts';
import { numberOf } from '../../../call/party.ts';
import type { Carriers } from '../carriers/index.ts';
import type { CallStatus } from '../control/index.ts';
import { readWebhookBodies } from './webhook.ts';
import type { WebhookRoutes } from './webhook-routes.ts';

/** What a carrier tells of a call that it was asked to place. */
export interface StatusUpdate extends CarrierCall {
  /** Missing in what machine detection tells. */
  readonly status?: CallStatus;
  /** human, machine_start, machine_end_beep, …, unknown: the carrier's word. */
  readonly answeredBy?: string;
  /** The number that was called, E.164. */
  readonly to?: string;
}

/** `POST /call-status`: how a call that was placed fares, and who answered it. 204. */
export const callStatusRoute: FastifyPluginAsync<{
  carriers: Carriers;
  webhooks: WebhookRoutes;
  /** Must not throw. */
  onStatus: (update: StatusUpdate) => void;
}> = async (app, { carriers, webhooks, onStatus }) => {
  await readWebhookBodies(app);
  webhooks.serve(app, 'call-status', async (request, webhook) => {
    const { carrier, accountId, carrierCallId } = webhook;
    const { status, word, answeredBy, to: called } = carriers.of(webhook).webhook.status(webhook);
    const to = numberOf(called);
    request.log.debug(
      { carrier, carrierCallId, status: word.slice(0, 40), answeredBy },
      'carrier tells how a call fares',
    );
    onStatus({
      carrier,
      accountId,
      carrierCallId,
      ...(status === undefined ? {} : { status }),
      ...(answeredBy === undefined ? {} : { answeredBy }),
      ...(to === undefined ? {} : { to }),
    });
    return undefined;
  });
};
