import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { BridgeError } from '../../../errors.ts';
import { type MetaEvent, readMetaEvents } from '../events.ts';
import type { CountWhatsapp } from '../metrics.ts';
import { isSame, isSignedByMeta } from '../signature.ts';

export interface WhatsappWebhookOptions {
  /** The app's secrets: one of them has signed whatever is believed. */
  readonly secrets: readonly string[];
  /** What Meta shows when the address is entered in the app dashboard. */
  readonly verifyToken: string;
  /** Sees to the events of one webhook, after it was answered. Must not throw. */
  readonly take: (events: readonly MetaEvent[]) => void;
  readonly count: CountWhatsapp;
}

/** Where Meta is to post webhooks. */
export const WHATSAPP_WEBHOOK_PATH = '/whatsapp/webhook';
const PATH = WHATSAPP_WEBHOOK_PATH;
/** Meta puts many events into one webhook; a call's has 2 to 4 kB, and the other fields of the same app come here, too. */
const BODY_MOST = 1024 * 1024;

/**
 * `GET|POST /whatsapp/webhook`: Meta's question whether the address is ours, and what it tells. The signature over the body's bytes comes before
 * anything that is in it; after that the answer is 200 whatever it is, at once: Meta waits for 20 s, then tells it again.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference
 */
export const whatsappWebhook: FastifyPluginCallback<WhatsappWebhookOptions> = (app, options, done) => {
  const { secrets, verifyToken, take, count } = options;

  app.addHook('onRoute', (route) => {
    // Who proved himself is not limited: a burst of Meta's is calls.
    route.config = { ...route.config, limit: 'webhook' };
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));

  app.get<{ Querystring: Record<string, unknown> }>(PATH, { exposeHeadRoute: false }, async (request, reply) => {
    const { 'hub.mode': mode, 'hub.verify_token': token, 'hub.challenge': challenge } = request.query;
    if (mode !== 'subscribe' || typeof token !== 'string' || !isSame(token, verifyToken)) {
      request.server.charge?.(request, 'webhook');
      count('verify_refused');
      throw new BridgeError(
        'WEBHOOK_VERIFY_TOKEN_INVALID',
        'the verify token is not the one of WHATSAPP_VERIFY_TOKEN',
        {
          status: 403,
        },
      );
    }
    count('verified');
    // It is echoed to whoever knows the token; as plain text no browser makes more of it.
    return reply
      .type('text/plain')
      .header('x-content-type-options', 'nosniff')
      .send(String(challenge ?? ''));
  });

  app.post(PATH, { bodyLimit: BODY_MOST }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const header = request.headers['x-hub-signature-256'];
    if (!secrets.some((secret) => isSignedByMeta(secret, body, header))) refuse(request);
    const events = readMetaEvents(jsonOf(body));
    setImmediate(() => take(events));
    return reply.code(200).send();
  });

  function refuse(request: FastifyRequest): never {
    request.server.charge?.(request, 'webhook');
    count('signature_invalid');
    request.log.warn(
      { remoteAddress: request.server.addressOf?.(request) ?? request.ip, route: PATH },
      'webhook signature is invalid',
    );
    throw new BridgeError('WEBHOOK_SIGNATURE_INVALID', 'the webhook is not signed with WHATSAPP_APP_SECRET', {
      status: 401,
    });
  }
  done();
};

/** What a body says, signed as it may be; undefined where it is no JSON. */
function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
