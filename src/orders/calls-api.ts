import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Clock } from '../call/clock.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { type AdminOptions, adminGuard, needsRole, OWN_ADDRESS } from '../http/admin.ts';
import { ApiError, answerErrors, type ErrorAnswer } from '../http/api-error.ts';
import { checked } from '../http/checked.ts';
import { Idempotency, idempotencyKey } from '../http/idempotency.ts';
import { ADMIN } from '../http/operators.ts';
import type { RouteDefinition } from '../http/route.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import { type ActionsDesk, CallActions } from './call-actions.ts';
import { type CallOrder, type CallView, routes } from './calls-api-routes.ts';
import { controlAnswer } from './errors.ts';
import { type CallsOfAll, ownCalls } from './fleet-calls.ts';
import type { MayDial } from './outbound-guard.ts';
import { mayRing } from './placer.ts';

/** Who knows the calls and can do something about them. Each rejects with an ApiError or a ControlError. */
export interface CallsDesk extends ActionsDesk {
  /** Calls somebody. The order's number has been normalised and allowed. `request` is where the bridge's own address may come from. */
  place(order: CallOrder, request: FastifyRequest): Promise<CallView>;
  /** All that are known, the newest first. */
  list(): Iterable<CallView>;
}

export interface CallsApiOptions {
  readonly admin: AdminOptions;
  readonly desk: CallsDesk;
  /** The calls of all instances; left out: the desk has all. */
  readonly all?: CallsOfAll | undefined;
  /** The instances that may have a call; left out: this one has all. */
  readonly fleet?: Fleet | undefined;
  readonly mayDial: MayDial;
  /** As `Dispatch.saysAddress`; left out: no agent can be chosen so. */
  readonly saysAddress?: ((raw: unknown) => boolean) | undefined;
  readonly clock: Pick<Clock, 'after'>;
  /** Where requests are remembered that may be sent again. */
  readonly memory: ProcessMemory;
  /** What is told of errors of those who place orders; undefined for any other. */
  readonly told?: ((error: unknown) => ErrorAnswer | undefined) | undefined;
}

/** `/calls`, for operators; nothing that is logged holds a number or what is said. */
export const callsApi: FastifyPluginAsync<CallsApiOptions> = async (app, options) => {
  const { desk, mayDial, clock, memory } = options;
  const all = options.all ?? ownCalls(desk);
  const guard = adminGuard(options.admin);
  const told = (error: unknown) => controlAnswer(error) ?? options.told?.(error);
  const actions = new CallActions({ desk, fleet: options.fleet, told });
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

  const allowed = (to: string): string => {
    const decision = mayDial(to);
    if (decision.ok) return decision.number;
    throw new ApiError(403, 'DESTINATION_REFUSED', decision.reason, { details: { reason: decision.code } });
  };

  serve(routes.place, async ({ body }, request) => {
    if (options.saysAddress?.(body.agent)) needsRole(request.operator ?? ADMIN, 'admin', OWN_ADDRESS);
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

  serve(routes.list, async ({ query }) => ({ body: await all.list(query) }));

  serve(routes.get, async ({ params }) => {
    const call = desk.find(params.id) ?? (await all.find(params.id));
    if (call === undefined) throw new ApiError(404, 'CALL_UNKNOWN', 'there is no such call');
    return { body: call };
  });

  serve(routes.hangup, async ({ params: { id } }, request) => {
    await actions.carryOut(id, { do: 'hangup' }, whoOf(request));
    request.log.info({ callId: id, operator: request.operator?.id }, 'call hung up by an operator');
  });

  serve(routes.transfer, async ({ params: { id }, body: { to, callerId, say } }, request) => {
    await actions.carryOut(id, { do: 'transfer', to: allowed(to), callerId, say }, whoOf(request));
    request.log.info({ callId: id, operator: request.operator?.id }, 'call transferred by an operator');
  });

  serve(routes.digits, ({ params: { id }, body: { digits } }, request) =>
    actions.carryOut(id, { do: 'digits', digits }, whoOf(request)),
  );
  for (const words of ['say', 'text', 'whisper'] as const)
    serve(routes[words], ({ params: { id }, body: { text } }, request) =>
      actions.carryOut(id, { do: words, text }, whoOf(request)),
    );
};

/** Who asks, in words. */
const whoOf = ({ operator = ADMIN }: FastifyRequest): string => operator.name;

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
