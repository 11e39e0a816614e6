import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import type { Continuation, DialReport } from '../../../call/calls.ts';
import type { CarrierCall } from '../../../call/carrier-call.ts';
import type { Party } from '../../../call/party.ts';
import { errorCode, errorMessage } from '../../../errors.ts';
import type { CountHttp } from '../../../http/counters.ts';
import type { Carriers } from '../carriers/index.ts';
import type { Spoken } from '../carriers/webhook.ts';
import type { Answers } from './answers.ts';
import type { CallMemory, Made } from './call-memory.ts';
import type { Webhook } from './webhook.ts';
import type { WebhookRoutes } from './webhook-routes.ts';

/** A call that a carrier offers. */
export interface IncomingCall extends CarrierCall {
  /** Who dialled, and who was dialled. */
  readonly from: Party;
  readonly to: Party;
  /** Whether `from` is a number that the carrier wrote as something else; see `Ends`. */
  readonly wrapped?: boolean;
  readonly direction: 'inbound' | 'outbound';
  /** All parameters of the webhook. */
  readonly params: Readonly<Record<string, string>>;
  /** The query of the webhook's address: values for a prompt's own variables. */
  readonly custom: Readonly<Record<string, string>>;
}

/** `busy`: no room for one more call; `draining`: this process takes none any more; `model`: the model refuses all of them. */
export type Refusal = 'busy' | 'draining' | 'model';
export type Preparation =
  /** `at`: the instance that is to have its stream, where that need not be this one. */
  | { readonly callId: string; readonly at?: string }
  /** `reason`: what it was refused for, by admission's list, for the log. */
  | { readonly refused: Refusal; readonly reason?: string };

/** Who makes calls out of webhooks. */
export interface CallDesk {
  /**
   * Makes the call and begins to prepare the model's session, without waiting for it: the carrier gives up on an answer after some
   * seconds. Asked once for each of the carrier's calls. For one that still lives it gives the same `callId`.
   */
  prepare(incoming: IncomingCall): Preparation | Promise<Preparation>;
  continuation(call: CarrierCall): Continuation | Promise<Continuation>;
  /** What a carrier means that brings a call again whose stream was open before. Left out: it repeats itself. */
  again?(call: CarrierCall): Promise<Continuation | { readonly next: 'new' | 'repeat' }>;
  /** What this caller is told where no agent can. Left out: what all are told. */
  words?(incoming: IncomingCall): { readonly fallback: Spoken; readonly busy: Spoken | undefined };
  /** What comes next for a caller who was connected to another number. */
  transferEnded?(call: CarrierCall, report: DialReport): Continuation | Promise<Continuation>;
}

/** What the webhook routes share. */
export interface PhoneRouteOptions {
  readonly desk: CallDesk;
  readonly carriers: Carriers;
  readonly webhooks: WebhookRoutes;
  readonly answers: Answers;
  readonly memory: CallMemory;
  readonly count: CountHttp;
}

/** The call that a webhook is about. */
export function incomingCall(carriers: Carriers, webhook: Webhook): IncomingCall {
  const { carrier, accountId, carrierCallId, params, query } = webhook;
  const origin = { provenScope: webhook.proven && accountId !== '' ? `${carrier}/${accountId}` : undefined };
  const { from, to, wrapped, direction } = carriers.of(webhook).webhook.offered(webhook, origin);
  return { carrier, carrierCallId, from, wrapped, to, accountId, direction, params, custom: query };
}

/** A call can be brought so often; then it is a loop, or somebody replays what he saw. */
const VISITS_MOST = 10;

/**
 * `GET|POST /incoming-call`: what to do with a caller. A repetition gets the first answer again and starts nothing; a call that comes again after
 * its stream was open (a menu in front of us has the caller back) goes on where it was, or begins anew.
 */
export const incomingCallRoute: FastifyPluginCallback<PhoneRouteOptions> = (app, options, done) => {
  const { desk, carriers, webhooks, answers, memory, count } = options;

  /** A refusal starts nothing that a second webhook could double: the carrier may try again. */
  const prepare = async (request: FastifyRequest, webhook: Webhook): Promise<Made> => {
    try {
      const preparation = await desk.prepare(incomingCall(carriers, webhook));
      if ('refused' in preparation) {
        count('call_refused');
        request.log.info({ refused: preparation.refused, reason: preparation.reason }, 'call refused');
        const document = preparation.refused === 'busy' ? answers.busy(webhook) : answers.apology(webhook);
        return { document, started: false };
      }
      const { carrier, carrierCallId } = webhook;
      const { callId, at } = preparation;
      const document = answers.connect(request, webhook, callId, at);
      count('call_prepared');
      request.log.info({ callId, carrier, carrierCallId }, 'call prepared');
      return { document, started: true };
    } catch (error) {
      // An HTTP error would make the carrier read its own words to the caller.
      count('call_prepare_failed');
      request.log.error({ code: errorCode(error), detail: errorMessage(error) }, 'call could not be prepared');
      return { document: answers.apology(webhook), started: false };
    }
  };

  const reattach = (request: FastifyRequest, webhook: Webhook, callId: string): Made => {
    const { carrier, carrierCallId } = webhook;
    const document = answers.connect(request, webhook, callId);
    count('call_returned');
    request.log.info({ callId, carrier, carrierCallId }, 'the carrier brings a call back');
    return { document, started: true };
  };

  const meant = async (webhook: Webhook, before: { readonly visits: number; readonly opened: boolean }) => {
    // A call that rings has not been anywhere yet: what says so can only be the first webhook again.
    const { rings } = carriers.of(webhook).webhook.offered(webhook);
    if (!before.opened || rings || before.visits >= VISITS_MOST) return undefined;
    return desk.again?.(webhook);
  };

  webhooks.serve(
    app,
    'incoming-call',
    async (request, webhook) => {
      let before = await memory.recall(webhook);
      const again = before && ((await meant(webhook, before)) ?? { next: 'repeat' as const });
      if (again?.next === 'apology') {
        count('webhook_repeated');
        return answers.apology(webhook);
      }
      if (before !== undefined && again?.next !== 'new' && again?.next !== 'reattach') {
        before = (await memory.recall(webhook)) ?? before;
        const told = await before.answer();
        if (told !== undefined) {
          count('webhook_repeated');
          return told.document ?? answers.hangUp(webhook);
        }
      }
      // Where another repetition of the same was quicker, this one gets its answer.
      const { document, first } = await memory.answer(webhook, before, async () =>
        again?.next === 'reattach' ? reattach(request, webhook, again.callId) : prepare(request, webhook),
      );
      if (!first) count('webhook_repeated');
      return document ?? answers.hangUp(webhook);
    },
    ['GET', 'POST'],
  );
  done();
};
