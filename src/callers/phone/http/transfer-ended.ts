import type { FastifyPluginCallback } from 'fastify';
import type { PhoneRouteOptions } from './incoming-call.ts';

/**
 * `POST /transfer-ended?transfer=N`: where a caller was connected to another number, the carrier tells how that ended, and asks what comes next
 * for a caller who is still there. `transfer` says which of the call's it is: the signature covers it, so that an old message that is sent again
 * is no news of a later transfer.
 */
export const transferEndedRoute: FastifyPluginCallback<PhoneRouteOptions> = (app, options, done) => {
  const { desk, carriers, webhooks, answers, memory, count } = options;
  webhooks.serve(app, 'transfer-ended', async (request, webhook) => {
    const { carrier, carrierCallId, query } = webhook;
    const { how, seconds, gone, n = Number(query['transfer']) } = carriers.of(webhook).webhook.transferEnded(webhook);
    const report = { n, how, gone, ...(seconds === 0 ? {} : { seconds }) };
    const what = (await desk.transferEnded?.(webhook, report)) ?? { next: 'hangup' };
    request.log.info({ carrier, carrierCallId, how, next: what.next }, 'a transfer has ended');
    count(how === 'completed' ? 'transfer_completed' : 'transfer_failed');
    if (what.next === 'reattach') return answers.connect(request, webhook, what.callId);
    void memory.ended(webhook);
    return what.next === 'apology' ? answers.apology(webhook) : answers.hangUp(webhook);
  });
  done();
};
