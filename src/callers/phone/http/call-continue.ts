import type { FastifyPluginCallback } from 'fastify';
import type { PhoneRouteOptions } from './incoming-call.ts';

/**
 * `POST /call-continue`: the carrier asks when the media stream is gone and the caller is not: the bridge closed it (the call is over), or it
 * broke (the call may go on where it was).
 */
export const callContinueRoute: FastifyPluginCallback<PhoneRouteOptions> = (app, options, done) => {
  const { desk, webhooks, answers, memory, count } = options;
  webhooks.serve(app, 'call-continue', async (request, webhook) => {
    const { carrier, carrierCallId } = webhook;
    const what = await desk.continuation(webhook);
    request.log.info({ carrier, carrierCallId, next: what.next }, 'call continues');
    count(`continue_${what.next}`);
    if (what.next === 'reattach') return answers.connect(request, webhook, what.callId);
    void memory.ended(webhook);
    if (what.next === 'transfer') return answers.transfer(request, webhook, what.to, what.seconds, what.n);
    return what.next === 'hangup' ? answers.hangUp(webhook) : answers.apology(webhook);
  });
  done();
};
