import type { FastifyPluginCallback } from 'fastify';
import { isTransferFailure, type TransferEnd } from '../../../call/transfer.ts';
import { hangUp } from '../carriers/laml/document.ts';
import { type CallStatus, isFinal } from '../control/index.ts';
import { PATHS } from './answers.ts';
import { sendDocument, type WebhookRouteOptions } from './incoming-call.ts';

/**
 * `POST /transfer-ended?transfer=N`: the `action` of the `<Dial>` that connects a caller to another number. The carrier tells how that ended, and
 * asks what comes next for a caller who is still there. `transfer` says which of the call's it is: the signature covers it, so that an old
 * message that is sent again is no news of a later transfer. https://www.twilio.com/docs/voice/twiml/dial#action
 */
export const transferEndedRoute: FastifyPluginCallback<WebhookRouteOptions> = (app, options, done) => {
  const { desk, guard, answers, memory, count } = options;
  app.post(PATHS.transferEnded, async (request, reply) => {
    const webhook = guard.check(request);
    const { carrier, carrierCallId, params, query } = webhook;
    const { how, seconds } = dialOutcome(params);
    const what = desk.transferEnded?.(webhook, {
      n: Number(query['transfer']),
      how,
      gone: isFinal(word(params['CallStatus']) as CallStatus),
      ...(seconds === 0 ? {} : { seconds }),
    }) ?? { next: 'hangup' };
    request.log.info({ carrier, carrierCallId, how, next: what.next }, 'a transfer has ended');
    count(how === 'completed' ? 'transfer_completed' : 'transfer_failed');
    if (what.next === 'reattach')
      return sendDocument(reply, answers.connect(request, { carrier, carrierCallId, callId: what.callId }));
    memory.ended(webhook);
    return sendDocument(reply, what.next === 'apology' ? answers.apology(webhook) : hangUp());
  });
  done();
};

/** A word of the carriers', in one spelling: "No Answer", "no_answer" and "no-answer" are one, as are "cancelled" and "canceled". */
const word = (text = '') =>
  text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-')
    .replace('cancelled', 'canceled')
    .replace('noanswer', 'no-answer');

/**
 * How it ended, and how long the talk was, s. Whoever answered is not dialled again, however that ended and is told; what is not known did not
 * come about.
 */
export function dialOutcome(params: Readonly<Record<string, string>>): { how: TransferEnd; seconds: number } {
  const { DialCallStatus, DialCallDuration = '', DialBridged } = params;
  const seconds = /^\d{1,6}(?:\.\d*)?$/.test(DialCallDuration.trim()) ? Math.ceil(Number(DialCallDuration)) : 0;
  const status = word(DialCallStatus);
  if (status === 'completed' || status === 'answered' || seconds > 0 || word(DialBridged) === 'true')
    return { how: 'completed', seconds };
  return { how: isTransferFailure(status) ? status : 'failed', seconds };
}
