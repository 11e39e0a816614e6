import type { FastifyPluginAsync } from 'fastify';
import type { CarrierCall } from '../../../call/carrier-call.ts';
import { numberOf } from '../../../call/party.ts';
import { parseParty } from '../../../numbering/party.ts';
import { CALL_STATUSES, type CallStatus } from '../control/index.ts';
import { readWebhookBodies, type WebhookGuard } from './webhook.ts';

/** What a carrier tells of a call that it was asked to place. */
export interface StatusUpdate extends CarrierCall {
  /** Missing in what machine detection tells. */
  readonly status?: CallStatus;
  /** human, machine_start, machine_end_beep, …, unknown: the carrier's word. */
  readonly answeredBy?: string;
  /** The number that was called, E.164. */
  readonly to?: string;
}

export const CALL_STATUS_PATH = '/call-status';

const KNOWN: ReadonlySet<string> = new Set(CALL_STATUSES);

/** `POST /call-status`: how a call that was placed fares, and who answered it. 204. */
export const callStatusRoute: FastifyPluginAsync<{
  guard: WebhookGuard;
  /** Must not throw. */
  onStatus: (update: StatusUpdate) => void;
}> = async (app, { guard, onStatus }) => {
  await readWebhookBodies(app);
  app.post(CALL_STATUS_PATH, async (request, reply) => {
    const { carrier, accountId, carrierCallId, params } = guard.check(request);
    const { CallStatus: text = '', AnsweredBy = '', To = '' } = params;
    // SignalWire says "answered" where Twilio says "in-progress".
    const status = text === 'answered' ? 'in-progress' : text;
    const to = numberOf(parseParty(To));
    const answeredBy = /^[a-z_]{1,40}$/.test(AnsweredBy) ? AnsweredBy : undefined;
    request.log.debug(
      { carrier, carrierCallId, status: status.slice(0, 40), answeredBy },
      'carrier tells how a call fares',
    );
    onStatus({
      carrier,
      accountId,
      carrierCallId,
      ...(KNOWN.has(status) ? { status: status as CallStatus } : {}),
      ...(answeredBy === undefined ? {} : { answeredBy }),
      ...(to === undefined ? {} : { to }),
    });
    return reply.code(204).send();
  });
};
