import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Clock } from '../call/clock.ts';
import { isFinal, type TransferOptions } from '../callers/phone/control/index.ts';
import { type AdminOptions, adminGuard } from '../http/admin.ts';
import { ApiError, answerErrors, type ErrorAnswer } from '../http/api-error.ts';
import { checked } from '../http/checked.ts';
import { Idempotency, idempotencyKey } from '../http/idempotency.ts';
import type { RouteDefinition } from '../http/route.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import { type CallOrder, type CallView, routes } from './calls-api-routes.ts';
import { controlAnswer } from './errors.ts';
import type { MayDial } from './outbound-guard.ts';
import { mayRing } from './placer.ts';

/** Who knows the calls and can do something about them. Each rejects with an ApiError or a ControlError. */
export interface CallsDesk {
  /** Calls somebody. The order's number has been normalised and allowed. `request` is where the bridge's own address may come from. */
  place(order: CallOrder, request: FastifyRequest): Promise<CallView>;
  /** All that are known, the newest first. */
  list(): Iterable<CallView>;
  find(id: string): CallView | undefined;
  hangup(id: string): Promise<void>;
  transfer(id: string, to: string, options: Pick<TransferOptions, 'callerId' | 'say'>): Promise<void>;
  sendDigits(id: string, digits: string): Promise<void>;
  /** The agent says this, in its own voice. */
  say(id: string, text: string): void;
  /** A typed turn of the caller. */
  text(id: string, text: string): void;
}

export interface CallsApiOptions {
  readonly admin: AdminOptions;
  readonly desk: CallsDesk;
  readonly mayDial: MayDial;
  readonly clock: Pick<Clock, 'after'>;
  /** Where requests are remembered that may be sent again. */
  readonly memory: ProcessMemory;
  /** What is told of errors of those who place orders; undefined for any other. */
  readonly told?: ((error: unknown) => ErrorAnswer | undefined) | undefined;
}

/** `/calls`, for operators; nothing that is logged holds a number or what is said. */
export const callsApi: FastifyPluginAsync<CallsApiOptions> = async (app, options) => {
  const { desk, mayDial, clock, memory } = options;
  const guard = adminGuard(options.admin);
  const told = (error: unknown) => controlAnswer(error) ?? options.told?.(error);
  const answers = new Idempotency<CallView>({ memory, clock, told });
  answerErrors(app, told);

  /** Registers a route: operators alone, with what it takes checked. */
  const serve = <D extends RouteDefinition>(
    definition: D,
    handler: (input: Input<D>, request: FastifyRequest) => Output<D>,
  ) => {
    const { method, url, success } = definition;
    app.route({
      method,
      url,
      exposeHeadRoute: false,
      config: { describes: definition },
      onRequest: guard,
      handler: async (request, reply) => {
        const input = {
          params: definition.params === undefined ? undefined : checked(definition.params, request.params, 'path'),
          query: definition.query === undefined ? undefined : checked(definition.query, request.query, 'query'),
          body: definition.body === undefined ? undefined : checked(definition.body, request.body, 'body'),
        };
        const output = await handler(input as Input<D>, request);
        reply.code(success.status);
        if (output === undefined) return reply.send();
        const { body, headers } = output as { body: unknown; headers?: Record<string, string> };
        return reply.headers({ 'cache-control': 'no-store', ...headers }).send(body);
      },
    });
  };

  /** The call, of which `state` is wanted: any, one that is not over, or one that was answered and is not over. */
  const callOf = (id: string, state: 'any' | 'active' | 'answered'): CallView => {
    const call = desk.find(id);
    if (call === undefined) throw new ApiError(404, 'CALL_UNKNOWN', 'there is no such call');
    if (state !== 'any' && isFinal(call.status)) throw new ApiError(409, 'CALL_ENDED', 'the call is over');
    if (state === 'answered' && call.status !== 'in-progress')
      throw new ApiError(409, 'CALL_NOT_ANSWERED', 'nobody has answered yet');
    return call;
  };

  const allowed = (to: string): string => {
    const decision = mayDial(to);
    if (decision.ok) return decision.number;
    throw new ApiError(403, 'DESTINATION_REFUSED', decision.reason, { details: { reason: decision.code } });
  };

  serve(routes.place, async ({ body }, request) => {
    const key = idempotencyKey(request.headers['idempotency-key']);
    const work = async () => {
      const view = await desk.place({ ...body, to: allowed(body.to) }, request);
      request.log.info({ callId: view.id, carrierCallId: view.carrierCallId }, 'call placed');
      return view;
    };
    const { answer, replayed } =
      key === undefined ? { answer: await work(), replayed: false } : await answers.run(key, body, work, mayBeDone);
    return {
      body: answer,
      headers: { location: `/calls/${answer.id}`, ...(replayed ? { 'idempotency-replayed': 'true' } : {}) },
    };
  });

  serve(routes.list, async ({ query }) => {
    const calls: CallView[] = [];
    for (const call of desk.list()) {
      if (calls.length >= query.limit) break;
      if (query.state === 'all' || isFinal(call.status) === (query.state === 'ended')) calls.push(call);
    }
    return { body: { calls } };
  });

  serve(routes.get, async ({ params }) => ({ body: callOf(params.id, 'any') }));

  serve(routes.hangup, async ({ params: { id } }, request) => {
    // A call that is over is as it should be: the request may be repeated.
    if (isFinal(callOf(id, 'any').status)) return;
    await desk.hangup(id);
    request.log.info({ callId: id }, 'call hung up by an operator');
  });

  serve(routes.transfer, async ({ params: { id }, body: { to, callerId, say } }, request) => {
    callOf(id, 'answered');
    await desk.transfer(id, allowed(to), { callerId, say });
    request.log.info({ callId: id }, 'call transferred by an operator');
  });

  serve(routes.digits, async ({ params: { id }, body }) => {
    callOf(id, 'answered');
    await desk.sendDigits(id, body.digits);
  });

  serve(routes.say, async ({ params: { id }, body }) => {
    callOf(id, 'answered');
    desk.say(id, body.text);
  });

  serve(routes.text, async ({ params: { id }, body }) => {
    callOf(id, 'answered');
    desk.text(id, body.text);
  });
};

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;
type Input<D extends RouteDefinition> = {
  readonly params: Parsed<D['params']>;
  readonly query: Parsed<D['query']>;
  readonly body: Parsed<D['body']>;
};
type Output<D extends RouteDefinition> = D['success'] extends { readonly body: z.ZodType }
  ? Promise<{ readonly body: z.input<D['success']['body']>; readonly headers?: Record<string, string> }>
  : Promise<void>;

/** Whether a failed order may have rung somebody all the same: then its key must never ring him again. */
function mayBeDone(error: unknown): boolean {
  if (error instanceof ApiError) return false;
  return !(error instanceof Error && 'uncertain' in error) || mayRing(error);
}
