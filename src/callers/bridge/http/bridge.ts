import type { FastifyPluginAsync } from 'fastify';
import { ApiError, answerErrors } from '../../../http/api-error.ts';
import { checked } from '../../../http/checked.ts';
import { isOnThisMachine } from '../../../http/client-address.ts';
import type { PublicUrls } from '../../../http/public-url.ts';
import { whatsappParty } from '../../../numbering/party.ts';
import { type HandlerAccess, handlerGuard } from './access.ts';
import type { HandedCalls } from './handed-calls.ts';
import { handedCallRoutes, SOCKET_PATH } from './routes.ts';

/** The routes by which somebody else's webhook handler hands calls on. */

export interface HandedCallsOptions {
  readonly calls: HandedCalls;
  readonly access: HandlerAccess;
  readonly urls: PublicUrls;
}

/** `POST /bridge/start`, `/bridge/accepted` and `/bridge/stop`. */
export const handedCalls: FastifyPluginAsync<HandedCallsOptions> = async (app, { calls, access, urls }) => {
  const { start, accepted, stop, socket } = handedCallRoutes;
  const onRequest = handlerGuard(access);
  answerErrors(app);

  app.post(start.url, { config: { describes: start }, onRequest }, async (request, reply) => {
    const { callId, sdpOffer, from, sessionConfig } = checked(start.body, request.body, 'body');
    const { voice, instructions, temperature } = sessionConfig ?? {};
    const { answer, repeated } = await calls.start({
      handlerId: callId,
      offer: sdpOffer,
      from: whatsappParty({ from: from ?? undefined }),
      voice: voice ?? undefined,
      instructions: instructions || undefined,
      temperature: temperature ?? undefined,
      allowPrivate: isOnThisMachine(request.raw),
      socketUrl: (token) => urls.ws(request, `${SOCKET_PATH}?token=${token}`),
    });
    const { sdpAnswer, bridgeUrl, ignored } = answer;
    reply.headers({ 'cache-control': 'no-store', ...(repeated ? { 'idempotency-replayed': 'true' } : {}) });
    return { success: true, callId, sdpAnswer, bridgeUrl, ...(ignored.length === 0 ? {} : { ignored }) };
  });

  app.post(accepted.url, { config: { describes: accepted }, onRequest }, async (request) => {
    await calls.accept(checked(accepted.body, request.body, 'body').callId);
    return { success: true };
  });

  app.post(stop.url, { config: { describes: stop }, onRequest }, async (request) => {
    await calls.stop(checked(stop.body, request.body, 'body').callId);
    return { success: true };
  });

  // A GET that asks for no upgrade.
  app.get(socket.url, { config: { describes: socket }, exposeHeadRoute: false }, async () => {
    throw new ApiError(426, 'REQUEST_INVALID', 'this address is a WebSocket', { headers: { upgrade: 'websocket' } });
  });
};
