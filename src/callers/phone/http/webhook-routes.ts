import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Carrier } from '../carriers/carrier.ts';
import type { Carriers } from '../carriers/index.ts';
import type { WebhookEvent } from '../carriers/webhook.ts';
import { COMMON_ADDRESSES } from './answers.ts';
import { type Webhook, WebhookGuard, type WebhookGuardOptions } from './webhook.ts';

/** Sees to one event: the text that the carrier is answered, undefined where it waits for none. */
export type WebhookHandler = (request: FastifyRequest, webhook: Webhook) => Promise<string | undefined>;

export interface WebhookRoutesOptions extends WebhookGuardOptions {
  /** Told of what asks for nothing, when its carrier has been told. Must not throw. */
  readonly noted?: ((webhook: Webhook) => void) | undefined;
}

/** The addresses of the carriers' webhooks, and who sees to each event. One address may get several of them, whoever serves those. */
export class WebhookRoutes {
  readonly guard: WebhookGuard;
  readonly #carriers: Carriers;
  readonly #handlers = new Map<WebhookEvent, WebhookHandler>();
  readonly #own = new Set<string>();
  readonly #noted: WebhookRoutesOptions['noted'];

  constructor(options: WebhookRoutesOptions) {
    this.guard = new WebhookGuard(options);
    this.#noted = options.noted;
    this.#carriers = options.carriers;
  }

  /** Serves an event at the common address and at those of carriers that have their own. `scope` reads webhooks' bodies. */
  serve(
    scope: FastifyInstance,
    event: WebhookEvent,
    handler: WebhookHandler,
    method: Array<'GET' | 'POST'> = ['POST'],
  ): void {
    this.#handlers.set(event, handler);
    const route = (url: string, whose: readonly Carrier[]) =>
      scope.route({
        method,
        url,
        // A HEAD would run the handler.
        exposeHeadRoute: false,
        handler: async (request, reply) => {
          const webhook = this.guard.check(request, whose);
          const about = webhook.event ?? event;
          if (webhook.also !== undefined) await this.#handlers.get(webhook.also)?.(request, webhook);
          if (about === 'other') {
            this.#carriers.of(webhook).webhook.noted?.(webhook);
            this.#noted?.(webhook);
          }
          const text = about === 'other' ? undefined : await this.#handlers.get(about)?.(request, webhook);
          return text === undefined ? reply.code(204).send() : this.send(reply, webhook, text);
        },
      });
    const { all } = this.#carriers;
    route(COMMON_ADDRESSES[event], all);
    for (const { webhook } of all) {
      const own = webhook.addresses?.[event];
      if (own === undefined || this.#own.has(own)) continue;
      this.#own.add(own);
      route(
        own,
        all.filter(({ webhook: { addresses = {} } }) => Object.values(addresses).includes(own)),
      );
    }
  }

  /** Sends a text in the carrier's language. It may hold a token, so nothing on the way may keep it. */
  send(reply: FastifyReply, webhook: Webhook, text: string): FastifyReply {
    const { documentType } = this.#carriers.of(webhook).webhook;
    return reply.header('cache-control', 'no-store').type(documentType).send(text);
  }
}
