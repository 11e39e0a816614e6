import { z } from 'zod';
import { type Clock, systemClock } from '../../call/clock.ts';
import { type Codec, l16 } from '../../media/codecs.ts';
import { jsonObject } from '../../transport/http.ts';
import { type Socket, SocketAcceptor, type SocketHandlers } from '../../transport/socket.ts';
import { BurstAgent, type BurstVoice } from '../streams/burst-agent.ts';
import { listenOn, Refused } from '../streams/http.ts';
import { type ExampleConversation, type ExampleServer, exampleServer } from './conversation.ts';

/**
 * A bot for the verb `listen` of jambonz, as far as our example of one goes: a WebSocket with a subprotocol, one text message that tells of the call, and then
 * samples both ways. Source: https://docs.jambonz.org/verbs/verbs/listen
 */

export interface JambonzOptions {
  readonly token: string;
  readonly voice?: Partial<BurstVoice>;
  /** 0 for a free port. */
  readonly port?: number;
  readonly clock?: Clock;
}

const SUBPROTOCOL = 'audio.jambonz.org';
const PATH = '/calls';
const MAX_MESSAGE_BYTES = 256 * 1024;

const told = z.looseObject({
  callSid: z.string().min(1),
  direction: z.enum(['inbound', 'outbound']),
  mixType: z.literal('mono'),
  sampleRate: z.literal([8_000, 16_000, 24_000, 48_000]),
});

/** Rejects with LISTEN_FAILED. */
export async function startJambonzBot(options: JambonzOptions): Promise<ExampleServer> {
  const { token, voice = {}, clock = systemClock } = options;
  const conversations: Conversation[] = [];
  const acceptor = new SocketAcceptor({
    maxMessageBytes: MAX_MESSAGE_BYTES,
    pingIntervalMs: 20_000,
    clock,
    subprotocol: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const server = await listenOn(
    options.port ?? 0,
    async () => {
      throw new Refused(404, {});
    },
    (request, stream, head, { pathname }) => {
      if (pathname !== PATH) throw new Refused(404, {});
      if (request.headers.authorization !== `Bearer ${token}`) throw new Refused(401, {});
      if (!(request.headers['sec-websocket-protocol'] ?? '').includes(SUBPROTOCOL)) throw new Refused(400, {});
      acceptor.accept(request, stream, head, (attach) => {
        conversations.push(new Conversation(clock, voice, attach));
      });
    },
  );
  return exampleServer(`ws://127.0.0.1:${server.port}${PATH}`, server, conversations);
}

class Conversation implements ExampleConversation {
  readonly problems: string[] = [];
  closed = false;
  readonly #clock: Clock;
  readonly #voice: Partial<BurstVoice>;
  readonly #socket: Socket;
  /** From when the call was told of. */
  #call: { readonly agent: BurstAgent; readonly codec: Codec } | undefined;

  constructor(clock: Clock, voice: Partial<BurstVoice>, attach: (handlers: SocketHandlers) => Socket) {
    this.#clock = clock;
    this.#voice = voice;
    this.#socket = attach({
      text: (data) => this.#text(data),
      binary: (data) => this.#hear(data),
      close: () => {
        this.closed = true;
        this.#call?.agent.close();
      },
    });
  }

  get interruptions(): number {
    return this.#call?.agent.interruptions ?? 0;
  }

  heard(): ReturnType<BurstAgent['heard']> {
    return this.#call?.agent.heard() ?? { samples: new Int16Array(), rate: 16_000 };
  }

  cut(): void {
    this.#socket.terminate();
  }

  #text(data: Buffer): void {
    const parsed = told.safeParse(jsonObject(data));
    if (!parsed.success || this.#call !== undefined) {
      this.problems.push(`a message that there is none of: ${data}`);
      return;
    }
    const { sampleRate } = parsed.data;
    const codec = l16(sampleRate, 'le');
    const agent = new BurstAgent(sampleRate, this.#clock, this.#voice, {
      says: (samples) => {
        const bytes = Buffer.alloc(samples.length * 2);
        codec.encode(samples, bytes);
        this.#socket.sendBinary(bytes);
      },
      gaveWay: () => this.#socket.send(JSON.stringify({ type: 'killAudio' })),
    });
    this.#call = { agent, codec };
    agent.answer();
  }

  #hear(data: Buffer): void {
    const call = this.#call;
    if (call === undefined) {
      this.problems.push('audio before the call was told of');
      return;
    }
    const samples = new Int16Array(data.length / call.codec.bytesPerSample);
    call.codec.decode(data, samples);
    call.agent.hear(samples);
  }
}
