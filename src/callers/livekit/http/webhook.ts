import type { FastifyPluginCallback } from 'fastify';
import { errorCode } from '../../../errors.ts';
import { answerErrors } from '../../../http/api-error.ts';
import type { PersonKind } from '../../../rooms/room.ts';
import { isOwnName, isRoomName } from '../../../transport/room-names.ts';
import type { RoomNews, RoomServer } from '../../../transport/room-server.ts';
import type { LivekitMetrics } from '../metrics.ts';
import { isPerson } from '../people.ts';
import { isOurs } from '../settings.ts';
import type { Bringing } from './bringing.ts';
import { choicesOf } from './room-choices.ts';
import { languageOf } from './routes.ts';

export interface LivekitWebhookOptions {
  readonly server: Pick<RoomServer, 'webhook'>;
  readonly bringing: Pick<Bringing, 'bring'>;
  /** Rooms of others that the agent comes to by itself. */
  readonly patterns: readonly string[];
  readonly hasPrompt: (name: string) => Promise<boolean>;
  readonly metrics: LivekitMetrics;
}

/** Where LiveKit's server is to post webhooks. */
export const LIVEKIT_WEBHOOK_PATH = '/livekit/webhook';
const BODY_MOST = 256 * 1024;

/**
 * `POST /livekit/webhook`: LiveKit's server tells what happens in rooms. The proof comes before anything that is in it: a token signed with the API's secret
 * over the hash of the body. After that it is answered at once; the server tells what is not taken again. A room whose name fits gets the agent.
 * https://docs.livekit.io/home/server/webhooks/
 */
export const livekitWebhook: FastifyPluginCallback<LivekitWebhookOptions> = (app, options, done) => {
  const { server, bringing, patterns, hasPrompt, metrics } = options;
  answerErrors(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));

  app.post(LIVEKIT_WEBHOOK_PATH, { bodyLimit: BODY_MOST, config: { limit: 'webhook' } }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
    // The vendor's server has sent its proof under both names.
    const header = request.headers.authorization ?? request.headers['authorize'];
    const news = await server.webhook(body, typeof header === 'string' ? header : undefined).catch((error: unknown) => {
      request.server.charge?.(request, 'webhook');
      const isSigned = errorCode(error) === 'WEBHOOK_INVALID';
      metrics.count(isSigned ? 'webhook_malformed' : 'webhook_refused');
      if (!isSigned)
        request.log.warn(
          { remoteAddress: request.server.addressOf?.(request) ?? request.ip, route: LIVEKIT_WEBHOOK_PATH },
          'webhook signature is invalid',
        );
      throw error;
    });
    metrics.count('webhook');
    setImmediate(() => {
      take(news).catch((err: unknown) => app.log.error({ err }, 'a webhook could not be followed'));
    });
    return reply.code(200).send();
  });

  async function take({ event, room, participant }: RoomNews): Promise<void> {
    const isStart = event === 'room_started';
    const isPersonThere =
      event === 'participant_joined' &&
      participant?.observes === false &&
      isPerson({ kind: participant.kind as PersonKind, attributes: {} });
    if (!(isStart || isPersonThere) || room === undefined) return;
    if (!isOurs(room.name, patterns)) {
      metrics.count('webhook_not_ours');
      return;
    }
    // Whoever asked for a room here has a token for it, and would have an operator's agent in it, and no limits, when its call is over.
    if (isOwnName(room.name)) {
      metrics.count('webhook_own_room');
      return;
    }
    if (!isRoomName(room.name)) {
      metrics.count('webhook_name_refused');
      app.log.warn({}, 'a webhook told of a room whose name is too long, or no line of text: the agent does not come');
      return;
    }
    const { choices, refused } = choicesOf(room.metadata);
    for (const field of refused) {
      metrics.count('webhook_field_refused');
      app.log.warn(
        { field },
        "what the room's metadata says of the agent cannot be taken; it is as if it were not said",
      );
    }
    const { agentId, voiceLanguage, tenantId, audio } = choices;
    const prompt = agentId && (await hasPrompt(agentId)) ? agentId : undefined;
    if (agentId && prompt === undefined) {
      metrics.count('webhook_field_refused');
      app.log.warn({ agentId }, "the room's agentId names no prompt; the route decides");
    }
    await bringing.bring(room, {
      origin: 'webhook',
      prompt,
      language: languageOf(voiceLanguage),
      tenantId: tenantId ?? undefined,
      audio: audio ?? undefined,
      operator: true,
      address: '',
    });
  }
  done();
};
