import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { type ParsedTarget, targetProblems } from '../../../agents/target.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import { needsRole, OWN_ADDRESS } from '../../../http/admin.ts';
import { ApiError, answerErrors } from '../../../http/api-error.ts';
import { checked } from '../../../http/checked.ts';
import { ADMIN } from '../../../http/operators.ts';
import type { ProcessMemory } from '../../../memory/memory.ts';
import { type Asker, BridgeAccess, type BridgeAccessOptions, SESSION_HEADER } from './bridge-access.ts';
import { bridgeRoutes } from './bridge-routes.ts';
import { type BrowserBridges, unknownBridge } from './bridges.ts';
import { Conversations } from './conversations.ts';

/** The routes by which a page calls the agent over WebRTC. The daemon holds the model's session; the page never sees a key. */

export interface BrowserBridgeOptions extends BridgeAccessOptions {
  readonly bridges: BrowserBridges;
  readonly fleet: Fleet;
  /** Shared with the fleet. */
  readonly memory: Pick<ProcessMemory, 'space'>;
  /** Whether there is a prompt of this name. */
  readonly hasPrompt: (name: string) => boolean | Promise<boolean>;
  /** Reads who an operator wants for an agent. Never rejects. */
  readonly readAgent: (raw: unknown) => Promise<ParsedTarget>;
  /** As `Dispatch.saysAddress`. */
  readonly saysAddress: (raw: unknown) => boolean;
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

  const conversations = new Conversations({
    ...options,
    own: {
      async replace(id, asker) {
        owned(id, asker);
        await bridges.replaced(id);
      },
      async close(id, asker) {
        owned(id, asker);
        if (!(await bridges.close(id))) throw unknownBridge();
      },
      async text(id, asker, text, turn) {
        owned(id, asker);
        bridges.text(id, text, turn);
      },
    },
  });
  bridges.forgotten = (id) => conversations.release(id);

  /** The prompt that `agent_name` stands for, if it stands for one that the asker may choose. */
  const promptOf = async (name: string | null | undefined, asker: Asker, request: FastifyRequest) => {
    if (name === undefined || name === null || name === '') return undefined;
    const mayChoose = asker.operator || options.agents.includes(name);
    if (mayChoose && (await options.hasPrompt(name))) return name;
    request.log.info({ mayChoose }, 'agent_name names no prompt that can be chosen; the route decides');
    return undefined;
  };

  /** The agent that is asked for. Throws where there is no such one, or the asker may not choose. */
  const agentOf = async (raw: unknown, asker: Asker, { operator = ADMIN }: FastifyRequest) => {
    if (raw === undefined || raw === null || raw === '') return undefined;
    if (!asker.operator) throw new ApiError(403, 'AGENT_REFUSED', 'agent is for operators');
    if (options.saysAddress(raw)) needsRole(operator, 'admin', OWN_ADDRESS);
    const parsed = await options.readAgent(raw);
    if (!parsed.ok) throw new ApiError(422, 'AGENT_UNKNOWN', targetProblems(parsed.problems));
    return parsed.target;
  };

  /** Which call that is, for the audit log; the page's own name for it may be anything. */
  const noteCall = (request: FastifyRequest, id: string) => {
    const session = bridges.sessionOf(id);
    if (session !== undefined) request.auditTarget = session;
  };

  app.post(open.url, { config: { limit: 'browser-call', describes: open } }, async (request, reply) => {
    const asker = access.asker(request);
    const body = checked(open.body, request.body, 'body');
    const { conversation_id: id, offer, voice } = body;
    const instructions = body.system_prompt || undefined;
    if (instructions !== undefined && !asker.operator && !options.systemPrompt)
      throw new ApiError(403, 'SYSTEM_PROMPT_REFUSED', 'system_prompt is for operators');
    owned(id, asker);
    const gone = goneSignal(reply);
    const [prompt, agent] = await Promise.all([
      promptOf(body.agent_name, asker, request),
      agentOf(body.agent, asker, request),
    ]);
    // The last that is waited for before the bridge is there: whoever claims the conversation next finds it.
    await conversations.claim(id, asker);
    const order = {
      conversationId: id,
      offer: withCrlf(typeof offer === 'string' ? offer : offer.sdp),
      voice: voice ?? undefined,
      prompt,
      instructions,
      agent,
      operator: asker.operator,
      address: app.addressOf?.(request) ?? request.ip,
    };
    const { sessionId, answer } = await bridges.open(order, gone).finally(() => {
      if (bridges.sessionOf(id) === undefined) conversations.release(id);
    });
    request.auditTarget = sessionId;
    request.log.info({ callId: sessionId, conversationId: id }, 'page answered');
    reply.header('cache-control', 'no-store');
    return { session_id: sessionId, answer: typeof offer === 'string' ? answer : { type: 'answer', sdp: answer } };
  });

  app.delete(close.url, { config: { describes: close } }, async (request, reply) => {
    const { conversation_id: id } = checked(close.params, request.params, 'path');
    const asker = access.asker(request);
    owned(id, asker);
    noteCall(request, id);
    if (!(await bridges.close(id)) && !(await conversations.close(id, asker))) throw unknownBridge();
    return reply.code(204).send();
  });

  app.post(write.url, { config: { describes: write } }, async (request, reply) => {
    const { conversation_id: id } = checked(write.params, request.params, 'path');
    const asker = access.asker(request);
    owned(id, asker);
    noteCall(request, id);
    const { text, id: turn } = checked(write.body, request.body, 'body');
    const isElsewhere = bridges.sessionOf(id) === undefined && (await conversations.text(id, asker, text, turn));
    if (!isElsewhere) bridges.text(id, text, turn);
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
  // It may have been told while it was looked up who asks.
  if (reply.raw.destroyed) controller.abort();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
