import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Clock, systemClock } from '../../call/clock.ts';
import { l16 } from '../../media/codecs.ts';
import { jsonObject } from '../../transport/http.ts';
import { type Socket, SocketAcceptor, type SocketHandlers } from '../../transport/socket.ts';
import { BurstAgent, type BurstVoice } from '../streams/burst-agent.ts';
import { jsonBody, listenOn, Refused } from '../streams/http.ts';
import { type ExampleConversation, type ExampleServer, exampleServer } from './conversation.ts';

/**
 * A stand-in for Ultravox: the request that makes a call, and the WebSocket behind the address in its answer, as far as our example of it goes.
 * Sources: https://docs.ultravox.ai/apps/websockets, https://docs.ultravox.ai/apps/datamessages
 */

export interface UltravoxOptions {
  readonly key: string;
  readonly agents: readonly string[];
  readonly voice?: Partial<BurstVoice>;
  /** 0 for a free port. */
  readonly port?: number;
  readonly clock?: Clock;
}

const rate = z.literal([8_000, 16_000, 24_000, 48_000]);
const callRequest = z.looseObject({
  medium: z.strictObject({
    serverWebSocket: z.strictObject({
      inputSampleRate: rate,
      outputSampleRate: rate,
      clientBufferSizeMs: z.int().min(0).max(60_000),
    }),
  }),
});
const inbound = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ping'), timestamp: z.number() }),
  z.strictObject({ type: z.literal('user_text_message'), text: z.string() }),
  z.strictObject({ type: z.literal('hang_up') }),
]);

const MAX_MESSAGE_BYTES = 256 * 1024;

/** Rejects with LISTEN_FAILED. */
export async function startUltravox(options: UltravoxOptions): Promise<ExampleServer> {
  const { key, agents, voice = {}, clock = systemClock } = options;
  const waiting = new Map<string, number>();
  const conversations: Conversation[] = [];
  const acceptor = new SocketAcceptor({ maxMessageBytes: MAX_MESSAGE_BYTES, pingIntervalMs: 20_000, clock });
  const server = await listenOn(
    options.port ?? 0,
    async (request, { pathname }) => {
      if (request.headers['x-api-key'] !== key) throw new Refused(403, { detail: 'Invalid API key.' });
      if (request.method === 'GET' && pathname === '/api/accounts/me') return { status: 200, body: {} };
      const agent = /^\/api\/agents\/([^/]+)\/calls$/.exec(pathname)?.[1];
      if (request.method !== 'POST' || agent === undefined || !agents.includes(agent))
        throw new Refused(404, { detail: 'Not found.' });
      const parsed = callRequest.safeParse(await jsonBody(request));
      if (!parsed.success) throw new Refused(400, { detail: parsed.error.issues.map(({ message }) => message) });
      const { inputSampleRate, outputSampleRate } = parsed.data.medium.serverWebSocket;
      if (inputSampleRate !== outputSampleRate) throw new Refused(400, { detail: 'the stand-in has one rate' });
      const callId = randomUUID();
      waiting.set(callId, inputSampleRate);
      return { status: 201, body: { callId, joinUrl: `ws://127.0.0.1:${server.port}/calls/${callId}` } };
    },
    (request, stream, head, { pathname }) => {
      const id = /^\/calls\/([^/]+)$/.exec(pathname)?.[1] ?? '';
      const hz = waiting.get(id);
      // An address opens its call once.
      if (hz === undefined || !waiting.delete(id)) throw new Refused(404, {});
      acceptor.accept(request, stream, head, (attach) => {
        conversations.push(new Conversation(id, hz, clock, voice, attach));
      });
    },
  );
  return exampleServer(`http://127.0.0.1:${server.port}`, server, conversations);
}

class Conversation implements ExampleConversation {
  readonly problems: string[] = [];
  closed = false;
  readonly #agent: BurstAgent;
  readonly #socket: Socket;

  constructor(
    id: string,
    hz: number,
    clock: Clock,
    voice: Partial<BurstVoice>,
    attach: (handlers: SocketHandlers) => Socket,
  ) {
    const codec = l16(hz, 'le');
    let ordinal = 0;
    const words = (role: 'user' | 'agent', text: string) =>
      this.#send({ type: 'transcript', role, medium: 'voice', text, delta: null, final: true, ordinal: ordinal++ });
    this.#agent = new BurstAgent(hz, clock, voice, {
      says: (samples, _answer, text) => {
        this.#send({ type: 'state', state: 'speaking' });
        words('agent', text);
        const bytes = Buffer.alloc(samples.length * 2);
        codec.encode(samples, bytes);
        this.#socket.sendBinary(bytes);
      },
      said: () => this.#send({ type: 'state', state: 'listening' }),
      gaveWay: () => {
        this.#send({ type: 'playback_clear_buffer' });
        this.#send({ type: 'state', state: 'listening' });
      },
      understood: (turn) => {
        words('user', `turn ${turn} of the caller`);
        this.#send({ type: 'state', state: 'thinking' });
      },
    });
    this.#socket = attach({
      text: (data) => this.#text(data),
      binary: (data) => {
        const samples = new Int16Array(data.length / 2);
        codec.decode(data, samples);
        this.#agent.hear(samples);
      },
      close: () => {
        this.closed = true;
        this.#agent.close();
      },
    });
    this.#send({ type: 'call_started', callId: id });
    this.#agent.answer();
  }

  get interruptions(): number {
    return this.#agent.interruptions;
  }

  heard(): ReturnType<BurstAgent['heard']> {
    return this.#agent.heard();
  }

  cut(): void {
    this.#socket.terminate();
  }

  #text(data: Buffer): void {
    const parsed = inbound.safeParse(jsonObject(data));
    if (!parsed.success) this.problems.push(`a message that there is none of: ${data}`);
    else if (parsed.data.type === 'ping') this.#send({ type: 'pong', timestamp: parsed.data.timestamp });
    else if (parsed.data.type === 'user_text_message') this.#agent.answer();
    else this.#socket.close(1000);
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }
}
