import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../call/clock.ts';
import { SocketAcceptor } from '../../transport/socket.ts';
import { listenOn, Refused } from '../streams/http.ts';
import { ElevenLabsConversation, type ElevenLabsVoice } from './conversation.ts';

/**
 * A stand-in for ElevenLabs' agents: signed addresses and the WebSocket behind them, as strict as the document of its messages. Audio comes in bursts, and
 * still comes after an interruption, with the numbers of events that were cut off.
 */

export interface ElevenLabsOptions {
  readonly key: string;
  /** Agents that there are; those that are public want no signature. */
  readonly agents: readonly string[];
  readonly publicAgents?: readonly string[];
  readonly voice?: Partial<ElevenLabsVoice>;
  readonly allows?: readonly string[];
  /** How requests for an address are refused before they are not, one status a request. */
  readonly refuse?: ReadonlyArray<{ readonly status: number; readonly name: string; readonly message: string }>;
  /** How long a signed address is good, ms. */
  readonly signedMs?: number;
  /** 0 for a free port. */
  readonly port?: number;
  readonly clock?: Clock;
}

export interface ElevenLabsServer {
  /** Its API's address. */
  readonly url: string;
  /** Requests for an address. */
  readonly asked: number;
  readonly conversations: readonly ElevenLabsConversation[];
  close(): Promise<void>;
}

const SIGNED_MS = 30 * 60_000;
const MAX_MESSAGE_BYTES = 1024 * 1024;
const PATH = '/v1/convai/conversation';

export async function startElevenLabs(options: ElevenLabsOptions): Promise<ElevenLabsServer> {
  const { key, agents, publicAgents = [], refuse = [], signedMs = SIGNED_MS, clock = systemClock } = options;
  const conversations: ElevenLabsConversation[] = [];
  /** When each signature ends, ms of the clock. */
  const signatures = new Map<string, number>();
  const acceptor = new SocketAcceptor({
    maxMessageBytes: MAX_MESSAGE_BYTES,
    pingIntervalMs: 20_000,
    clock,
    subprotocol: (offered) => (offered.has('convai') ? 'convai' : false),
  });
  let asked = 0;
  let base = '';
  const refused = (status: number, name: string, message: string) =>
    new Refused(status, { detail: { status: name, message } });

  const server = await listenOn(
    options.port ?? 0,
    async (request, { pathname, searchParams }) => {
      if (request.headers['xi-api-key'] !== key) throw refused(401, 'invalid_api_key', 'Invalid API key');
      if (request.method === 'GET' && pathname === '/v1/convai/agents')
        return { status: 200, body: { agents: agents.map((agent_id) => ({ agent_id })), has_more: false } };
      if (request.method !== 'GET' || pathname !== `${PATH}/get-signed-url`)
        throw refused(404, 'not_found', 'Not Found');
      const next = refuse[asked++];
      if (next !== undefined) throw refused(next.status, next.name, next.message);
      const agent = searchParams.get('agent_id') ?? '';
      if (!agents.includes(agent)) throw refused(404, 'agent_not_found', 'No such agent');
      const signature = `cvtkn_${randomUUID()}`;
      signatures.set(signature, clock.now() + signedMs);
      const query = new URLSearchParams({ agent_id: agent, conversation_signature: signature });
      return { status: 200, body: { signed_url: `${base.replace('http', 'ws')}${PATH}?${query}` } };
    },
    (request, stream, head, { pathname, searchParams }) => {
      if (pathname !== PATH) throw refused(404, 'not_found', 'Not Found');
      const signature = searchParams.get('conversation_signature') ?? '';
      const isSigned = (signatures.get(signature) ?? Number.NEGATIVE_INFINITY) > clock.now();
      if (!isSigned && !publicAgents.includes(searchParams.get('agent_id') ?? ''))
        throw refused(403, 'unauthorized', 'This conversation is not authorised');
      acceptor.accept(request, stream, head, (attach) => {
        conversations.push(
          new ElevenLabsConversation({ clock, voice: options.voice, allows: options.allows ?? [] }, attach),
        );
      });
    },
  );
  base = `http://127.0.0.1:${server.port}`;
  return {
    url: base,
    get asked() {
      return asked;
    },
    conversations,
    async close() {
      for (const conversation of conversations) conversation.cut();
      await server.close();
    },
  };
}
