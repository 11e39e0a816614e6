import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { ApiError, answerErrors } from '../../../http/api-error.ts';
import { checked } from '../../../http/checked.ts';
import { BridgeAccess, type BridgeAccessOptions } from '../../browser/http/bridge-access.ts';
import type { RoomOrder } from './room-order.ts';
import type { LivekitRooms } from './rooms.ts';
import { languageOf, livekitRoutes, type RoomChoices } from './routes.ts';

/** The routes of calls in rooms. Who may use them, and pages of which sites, is decided as for calls from pages. */

export interface LivekitRoutesOptions extends BridgeAccessOptions {
  readonly rooms: LivekitRooms;
  /** Where clients find the server. */
  readonly clientUrl: string;
  /** The names of all prompts there are now. */
  readonly promptNames: () => Promise<readonly string[]>;
  /** Prompts that anybody may choose. */
  readonly agents: readonly string[];
}

/** What a participant is called who says no name. */
const NAMELESS = 'Guest';

/** `POST /livekit/create-room`, `join-room`, `end-call`, `GET /livekit/connection-status/:id` and `/livekit/stats`. */
export const livekitApi: FastifyPluginAsync<LivekitRoutesOptions> = async (app, options) => {
  const { rooms, clientUrl, promptNames, agents } = options;
  const access = new BridgeAccess(options);
  const operators = new BridgeAccess({ ...options, access: 'admin' });
  answerErrors(app);
  // A backend that asks for all its users, from one address, is an operator.
  const strangersPay = async (request: FastifyRequest) => {
    if (!access.asker(request).operator) app.charge?.(request, 'browser-call');
  };
  const { create, join, end, status, stats } = livekitRoutes(options.access);

  /** The order of a request. Throws PROMPT_UNKNOWN (404) with those that may be chosen, and LIVEKIT_FORBIDDEN (403). */
  const orderOf = async (
    { agentId, voiceLanguage, tenantId, audio }: RoomChoices,
    operator: boolean,
  ): Promise<Pick<RoomOrder, 'prompt' | 'language' | 'tenantId' | 'audio' | 'operator'>> => {
    if (!operator && audio)
      throw new ApiError(403, 'LIVEKIT_FORBIDDEN', 'how people are heard together is for operators to choose');
    const prompt = agentId ?? undefined;
    if (prompt !== undefined) {
      const there = await promptNames();
      const known = operator ? there : there.filter((name) => agents.includes(name));
      if (!known.includes(prompt))
        throw new ApiError(404, 'PROMPT_UNKNOWN', 'there is no prompt of this name', { details: { agents: known } });
    }
    const language = languageOf(voiceLanguage);
    // A stranger would say whatever he likes, and records, webhooks and metrics would have it for a fact. Clients send it unasked: it is let be, not refused.
    const tenant = operator ? (tenantId ?? undefined) : undefined;
    return { prompt, language, tenantId: tenant, audio: audio ?? undefined, operator };
  };

  app.post(
    create.url,
    { config: { describes: create }, onRequest: [access.check, strangersPay] },
    async (request, reply) => {
      const { operator } = access.asker(request);
      const body = checked(create.body, request.body, 'body');
      const order = await orderOf(body, operator);
      const address = app.addressOf?.(request) ?? request.ip;
      const participantName = body.participantName ?? NAMELESS;
      const opened = await rooms.create({ ...order, origin: 'create-room', participantName, address });
      reply.header('cache-control', 'no-store');
      return { ...opened, serverUrl: clientUrl, status: 'created' };
    },
  );

  app.post(
    join.url,
    { config: { describes: join }, onRequest: [access.check, strangersPay] },
    async (request, reply) => {
      const { operator } = access.asker(request);
      const { roomName, participantName, ...choices } = checked(join.body, request.body, 'body');
      // A stranger may bring another into a stranger's room, whose name nobody guesses, and no agent into anybody else's.
      if (!operator && !(await rooms.isStrangers(roomName)))
        throw new ApiError(403, 'LIVEKIT_FORBIDDEN', 'the agent comes to rooms of others for operators alone');
      const order = await orderOf(choices, operator);
      const address = app.addressOf?.(request) ?? request.ip;
      const named = participantName ? { participantName } : {};
      const opened = await rooms.join(roomName, { ...order, ...named, origin: 'join-room', address });
      reply.header('cache-control', 'no-store');
      return { ...opened, serverUrl: clientUrl, status: 'created' };
    },
  );

  // Ids of connections cannot be guessed: who has one was told it. What operators made is theirs all the same, whoever else came to know of its id.
  app.post(end.url, { config: { describes: end }, onRequest: access.check }, async (request) => {
    const { operator } = access.asker(request);
    const ended = await rooms.end(checked(end.body, request.body, 'body').connectionId, operator);
    if (ended === undefined) throw unknown();
    return ended;
  });

  app.get(status.url, { config: { describes: status }, onRequest: access.check }, async (request, reply) => {
    const { operator } = access.asker(request);
    const found = await rooms.status(checked(status.params, request.params, 'path').id, operator);
    if (found === undefined) throw unknown();
    reply.header('cache-control', 'no-store');
    return found;
  });

  app.get(stats.url, { config: { describes: stats }, onRequest: operators.check }, async () => rooms.stats());

  for (const { url } of [create, join, end, status])
    app.options(url, { onRequest: access.check }, async (_request, reply) =>
      reply
        .code(204)
        .headers({
          'access-control-allow-methods': 'GET, POST',
          'access-control-allow-headers': 'authorization, content-type',
          'access-control-max-age': '600',
        })
        .send(),
    );
};

function unknown(): ApiError {
  return new ApiError(404, 'LIVEKIT_CONNECTION_UNKNOWN', 'there is no such connection');
}
