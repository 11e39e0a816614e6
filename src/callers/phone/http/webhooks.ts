import type { FastifyPluginAsync } from 'fastify';
import type { CountHttp } from '../../../http/counters.ts';
import { type AnswerOptions, Answers } from './answers.ts';
import { callContinueRoute } from './call-continue.ts';
import type { CallMemory } from './call-memory.ts';
import { type CallDesk, incomingCall, incomingCallRoute } from './incoming-call.ts';
import { streamStatusRoute } from './stream-status.ts';
import { transferEndedRoute } from './transfer-ended.ts';
import { readWebhookBodies } from './webhook.ts';
import type { WebhookRoutes } from './webhook-routes.ts';

export interface PhoneOptions extends AnswerOptions {
  readonly desk: CallDesk;
  /** Where their addresses are served, those of the daemon's other parts as well. */
  readonly webhooks: WebhookRoutes;
  /** Tell it with `ended` when a call is over; the replay of its webhook then starts no other for ten minutes more. */
  readonly memory: CallMemory;
  readonly count: CountHttp;
}

/** All that carriers ask over HTTP: /incoming-call, /call-continue, /transfer-ended, /stream-status. Its body parsers reach no other route. */
export const phoneWebhooks: FastifyPluginAsync<PhoneOptions> = async (app, options) => {
  const { desk, carriers, webhooks, memory, count } = options;
  await readWebhookBodies(app);
  const routes = {
    desk,
    memory,
    count,
    carriers,
    webhooks,
    answers: new Answers({
      ends: (webhook) => incomingCall(carriers, webhook),
      words: desk.words && ((webhook) => desk.words!(incomingCall(carriers, webhook))),
      ...options,
    }),
  };
  await app.register(incomingCallRoute, routes);
  await app.register(callContinueRoute, routes);
  await app.register(streamStatusRoute, routes);
  await app.register(transferEndedRoute, routes);
};
