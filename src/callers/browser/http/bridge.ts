import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, answerErrors } from '../../../http/api-error.ts';
import { checked } from '../../../http/checked.ts';
import { type Asker, BridgeAccess, type BridgeAccessOptions, SESSION_HEADER } from './bridge-access.ts';
import { bridgeRoutes } from './bridge-routes.ts';
import { type BrowserBridges, unknownBridge } from './bridges.ts';

/** The routes by which a page calls the agent over WebRTC. The daemon holds the model's session; the page never sees a key. */

export interface BrowserBridgeOptions extends BridgeAccessOptions {
  readonly bridges: BrowserBridges;
  /** Whether there is a prompt of this name. */
  readonly hasPrompt: (name: string) => boolean | Promise<boolean>;
  /** Prompts that anybody may choose. */
  readonly agents: readonly string[];
  /** Whether anybody may give the agent its instructions. */
  readonly systemPrompt: boolean;
}

/** `POST /api/realtime/webrtc/bridge`, `DELETE .../{conversation_id}` and `POST .../{conversation_id}/text`. */
export const browserBridge: FastifyPluginAsync<BrowserBridgeOptions> = async (app, options) => {
  const { bridges } = options;
  const access = new BridgeAccess(options);
  answerErrors(app);
  app.addHook('onRequest', access.check);
  const { open, close, text: write } = bridgeRoutes(options.access);

  /** Throws unless the conversation's call is the asker's own: names of conversations can be guessed, ids of calls cannot. */
  const owned = (id: string, asker: Asker) => {
    const session = bridges.sessionOf(id);
    if (session === undefined || asker.operator || asker.session === session) return;
    throw new ApiError(403, 'BRIDGE_FORBIDDEN', "this conversation's call is somebody else's");
  };

  /** The prompt that `agent_name` stands for, if it stands for one that the asker may choose. */
  const promptOf = async (name: string | null | undefined, asker: Asker, request: FastifyRequest) => {
    if (name === undefined || name === null || name === '') return undefined;
    const mayChoose = asker.operator || options.agents.includes(name);
    if (mayChoose && (await options.hasPrompt(name))) return name;
    request.log.info({ mayChoose }, 'agent_name names no prompt that can be chosen; the route decides');
    return undefined;
  };

  app.post(open.url, { config: { limit: 'browser-call', describes: open } }, async (request, reply) => {
    const asker = access.asker(request);
    const body = checked(open.body, request.body, 'body');
    const { conversation_id: id, offer, voice } = body;
    const instructions = body.system_prompt || undefined;
    if (instructions !== undefined && !asker.operator && !options.systemPrompt)
      throw new ApiError(403, 'SYSTEM_PROMPT_REFUSED', 'system_prompt is for operators');
    owned(id, asker);
    const { sessionId, answer } = await bridges.open(
      {
        conversationId: id,
        offer: withCrlf(typeof offer === 'string' ? offer : offer.sdp),
        voice: voice ?? undefined,
        prompt: await promptOf(body.agent_name, asker, request),
        instructions,
        operator: asker.operator,
        address: app.addressOf?.(request) ?? request.ip,
      },
      goneSignal(reply),
    );
    request.log.info({ callId: sessionId, conversationId: id }, 'page answered');
    reply.header('cache-control', 'no-store');
    return { session_id: sessionId, answer: typeof offer === 'string' ? answer : { type: 'answer', sdp: answer } };
  });

  app.delete(close.url, { config: { describes: close } }, async (request, reply) => {
    const { conversation_id: id } = checked(close.params, request.params, 'path');
    owned(id, access.asker(request));
    if (!(await bridges.close(id))) throw unknownBridge();
    return reply.code(204).send();
  });

  app.post(write.url, { config: { describes: write } }, async (request, reply) => {
    const { conversation_id: id } = checked(write.params, request.params, 'path');
    owned(id, access.asker(request));
    const { text, id: turn } = checked(write.body, request.body, 'body');
    bridges.text(id, text, turn);
    return reply.code(202).send({ status: 'accepted' });
  });

  for (const { url } of [open, close, write])
    app.options(url, async (_request, reply) =>
      reply
        .code(204)
        .headers({
          'access-control-allow-methods': 'POST, DELETE',
          'access-control-allow-headers': `authorization, content-type, ${SESSION_HEADER}`,
          'access-control-max-age': '600',
        })
        .send(),
    );
};

/** SDP's line breaks are CRLF (RFC 8866 section 5); what came through a text area or a shell has lost the CR. */
function withCrlf(sdp: string): string {
  return sdp.replace(/\r?\n/g, '\r\n');
}

/** Aborts when the page's connection breaks before the answer is out. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
