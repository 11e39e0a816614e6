import { createHash } from 'node:crypto';
import type { ParticipantInfo } from 'livekit-server-sdk';
import { BridgeError } from '../errors.ts';

/**
 * LiveKit's server as its API has it: tokens, rooms, and the proof of its webhooks. The only file that knows the vendor's library for it, which is
 * loaded when it is first needed. https://docs.livekit.io/reference/server/server-apis/
 */

type Sdk = typeof import('livekit-server-sdk');

export interface RoomServerOptions {
  /** `ws:` or `wss:`; the API is at the same address by http. */
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** What a token lets somebody do: be in one room, hear and be heard there. No token of ours may do more. */
export interface RoomPass {
  readonly room: string;
  readonly identity: string;
  readonly name: string;
  /** Seconds. */
  readonly ttlSeconds: number;
  /** Whether it is the agent's: it may tell its state, and does not keep the room open. */
  readonly agent?: boolean;
  /** An agent that the server is to send into the room with whoever comes by this token. https://docs.livekit.io/agents/server/agent-dispatch/ */
  readonly dispatch?: { readonly agentName: string; readonly metadata: string };
}

/** A room that there is. */
export interface ServerRoom {
  /** The server's id: another one when a room of the same name is made again. */
  readonly sid: string;
  readonly name: string;
  /** Whatever its maker wrote. */
  readonly metadata: string;
}

/** A participant of a room. */
export interface RoomMember {
  readonly identity: string;
  /** The server's id of this participation: another one when the same identity comes again. */
  readonly sid: string;
  /** `standard`, `sip`, `agent` …, as `rooms/room.ts` names them; empty for one that is not known. */
  readonly kind: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The token lets it neither be heard nor write. */
  readonly observes: boolean;
}

/** A room that is to be made. Agents and recorders are nobody to the server here (`IsDependent` in livekit-server 1.13.5, pkg/rtc/room.go). */
export interface NewRoom {
  /** How long the server keeps it before anybody comes, s. */
  readonly emptySeconds: number;
  /** How long it keeps it when the last one has left, s; 20 where nothing is said. */
  readonly departureSeconds: number;
  /** How many may be in it; 0: any number. */
  readonly most?: number;
}

/** What a webhook of the server's tells; `participant` where it is about one. */
export interface RoomNews {
  readonly event: string;
  readonly room: ServerRoom | undefined;
  readonly participant: Pick<RoomMember, 'identity' | 'kind' | 'observes'> | undefined;
}

/** How long the server may take to answer, s. */
const TIMEOUT_S = 8;
/** How far its clock and ours may be apart, s. */
const CLOCK_SLACK_S = 10;
/** As `ParticipantInfo.Kind` of LiveKit's protocol numbers them. */
const KINDS = ['standard', 'ingress', 'egress', 'sip', 'agent', '', '', 'connector', 'bridge'];

const memberOf = ({ identity, sid, kind, attributes, permission }: ParticipantInfo): RoomMember => ({
  identity,
  sid,
  kind: KINDS[kind] ?? '',
  attributes,
  observes: permission?.canPublish === false && !permission.canPublishData,
});

export class RoomServer {
  readonly #options: RoomServerOptions;
  #sdk: Promise<Sdk> | undefined;

  constructor(options: RoomServerOptions) {
    this.#options = options;
  }

  /** Loads the library, which the first who needs it would wait for otherwise. */
  async ready(): Promise<void> {
    await this.#load();
  }

  /** A token, as JWT. */
  async token({ room, identity, name, ttlSeconds, agent = false, dispatch }: RoomPass): Promise<string> {
    const { AccessToken, RoomAgentDispatch, RoomConfiguration } = await this.#load();
    const { apiKey, apiSecret } = this.#options;
    const token = new AccessToken(apiKey, apiSecret, { identity, name, ttl: ttlSeconds });
    token.addGrant({
      room,
      roomJoin: true,
      canPublish: true,
      canSubscribe: true,
      canPublishData: true,
      canUpdateOwnMetadata: agent,
    });
    if (agent) token.kind = 'agent';
    if (dispatch !== undefined) token.roomConfig = new RoomConfiguration({ agents: [new RoomAgentDispatch(dispatch)] });
    return token.toJwt();
  }

  /** Makes a room, or finds the one of this name. Rejects, as all below do, with LIVEKIT_UNREACHABLE (503) or LIVEKIT_REFUSED (502). */
  async create(name: string, { emptySeconds, departureSeconds, most = 0 }: NewRoom): Promise<void> {
    await this.#ask((rooms) =>
      rooms.createRoom({
        name,
        emptyTimeout: emptySeconds,
        departureTimeout: departureSeconds,
        maxParticipants: most,
      }),
    );
  }

  /** The room of this name; undefined where there is none. */
  async find(name: string): Promise<ServerRoom | undefined> {
    const [room] = await this.#ask((rooms) => rooms.listRooms([name]));
    return room && { sid: room.sid, name: room.name, metadata: room.metadata };
  }

  /** The names of all rooms. */
  async list(): Promise<readonly string[]> {
    return (await this.#ask((rooms) => rooms.listRooms())).map(({ name }) => name);
  }

  /** The agents that are to come into a room, by the names that they were asked for by. */
  async dispatches(room: string): Promise<ReadonlyArray<{ readonly agentName: string; readonly metadata: string }>> {
    const { AgentDispatchClient } = await this.#load();
    const { url, apiKey, apiSecret } = this.#options;
    const client = new AgentDispatchClient(url.replace(/^ws/, 'http'), apiKey, apiSecret, {
      requestTimeout: TIMEOUT_S,
    });
    try {
      return (await client.listDispatch(room)).map(({ agentName, metadata }) => ({ agentName, metadata }));
    } catch (cause) {
      throw coded(cause);
    }
  }

  /** Removes the room, and everybody from it. One that is gone already is removed. */
  async remove(name: string): Promise<void> {
    await this.#ask((rooms) => unlessGone(rooms.deleteRoom(name)));
  }

  /** Who is in a room, the agent and whatever else is there among them; nobody where there is no such room. */
  async participants(room: string): Promise<readonly RoomMember[]> {
    const all = await this.#ask((rooms) => unlessGone(rooms.listParticipants(room)));
    return (all ?? []).map(memberOf);
  }

  /** Puts somebody out of a room; a telephone's line is hung up by it. Who is gone already is removed. */
  async removeParticipant(room: string, identity: string): Promise<void> {
    await this.#ask((rooms) => unlessGone(rooms.removeParticipant(room, identity)));
  }

  /** Whether the server answers and takes the key; resolves with how many rooms there are. */
  async probe(): Promise<number> {
    return (await this.#ask((rooms) => rooms.listRooms())).length;
  }

  /**
   * What a webhook says whose body and header these are. Rejects with WEBHOOK_SIGNATURE_INVALID where it is not signed with our secret, and with
   * WEBHOOK_INVALID for what is, and cannot be read.
   */
  async webhook(body: string, authorization: string | undefined): Promise<RoomNews> {
    const { WebhookReceiver, TokenVerifier } = await this.#load();
    const { apiKey, apiSecret } = this.#options;
    // Tokens of participants are signed with the same secret: only one that names this very body is a webhook's.
    const claims = await new TokenVerifier(apiKey, apiSecret)
      .verify(authorization ?? '', CLOCK_SLACK_S)
      .catch(() => {});
    if (claims === undefined || claims.sha256 !== createHash('sha256').update(body).digest('base64'))
      throw new BridgeError('WEBHOOK_SIGNATURE_INVALID', 'the webhook is not signed with LIVEKIT_API_SECRET', {
        status: 401,
      });
    try {
      const { event, room, participant } = await new WebhookReceiver(apiKey, apiSecret).receive(body, undefined, true);
      return {
        event,
        room: room && { sid: room.sid, name: room.name, metadata: room.metadata },
        participant: participant && memberOf(participant),
      };
    } catch (cause) {
      throw new BridgeError('WEBHOOK_INVALID', 'the webhook cannot be read', { cause, status: 400 });
    }
  }

  async #ask<T>(question: (rooms: InstanceType<Sdk['RoomServiceClient']>) => Promise<T>): Promise<T> {
    const { RoomServiceClient } = await this.#load();
    const { url, apiKey, apiSecret } = this.#options;
    try {
      return await question(
        new RoomServiceClient(url.replace(/^ws/, 'http'), apiKey, apiSecret, {
          requestTimeout: TIMEOUT_S,
          failover: false,
        }),
      );
    } catch (cause) {
      throw coded(cause);
    }
  }

  #load(): Promise<Sdk> {
    this.#sdk ??= import('livekit-server-sdk');
    return this.#sdk;
  }
}

/** What is answered; undefined where the server knows nothing of what it was asked about, which is gone. Rejects with whatever else went wrong. */
async function unlessGone<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if ((error as { status?: unknown }).status !== 404) throw error;
    return undefined;
  }
}

/** What went wrong, in our codes. An answer below 500 is the server's own word. */
function coded(cause: unknown): BridgeError {
  const { status, code } = cause as { status?: unknown; code?: unknown };
  if (typeof status === 'number' && status < 500) {
    const why = status === 401 || status === 403 ? 'it does not take the key' : `HTTP ${status} ${String(code ?? '')}`;
    return new BridgeError('LIVEKIT_REFUSED', `LiveKit's server refuses: ${why.trim()}`, { cause, status: 502 });
  }
  return new BridgeError('LIVEKIT_UNREACHABLE', "LiveKit's server cannot be reached, or fails", {
    cause,
    retryable: true,
    status: 503,
  });
}
