import type { FastifyPluginCallback } from 'fastify';
import { hangUp } from '../carriers/laml/document.ts';
import { PATHS } from './answers.ts';
import { sendDocument, type WebhookRouteOptions } from './incoming-call.ts';

/**
 * `POST /call-continue`: the `<Redirect>` after `</Connect>`. The carrier asks when the media stream is gone and the caller is not: the
 * bridge closed it (the call is over), or it broke (the call may go on where it was).
 */
export const callContinueRoute: FastifyPluginCallback<WebhookRouteOptions> = (app, options, done) => {
  const { desk, guard, answers, memory, count } = options;
  app.post(PATHS.callContinue, async (request, reply) => {
    const webhook = guard.check(request);
    const { carrier, carrierCallId } = webhook;
    const what = desk.continuation(webhook);
    request.log.info({ carrier, carrierCallId, next: what.next }, 'call continues');
    count(`continue_${what.next}`);
    if (what.next === 'reattach')
      return sendDocument(reply, answers.connect(request, { carrier, carrierCallId, callId: what.callId }));
    memory.ended(webhook);
    if (what.next === 'transfer')
      return sendDocument(reply, answers.transfer(request, webhook, what.to, what.seconds, what.n));
    return sendDocument(reply, what.next === 'hangup' ? hangUp() : answers.apology(webhook));
  });
  done();
};
