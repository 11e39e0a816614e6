import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { errorMessage } from '../../errors.ts';
import { parseJsonObject, readBody, sendJson } from '../realtime/http-body.ts';
import { GatewayCall } from './gateway-call.ts';
import { Monitor } from './monitor.ts';
import { type RetellRooms, RoomCall } from './room-call.ts';
import type { RetellScenario } from './scenario.ts';
import { WebCall } from './web-call.ts';

/**
 * The far end of Retell: its API for web calls in both versions, the gateway that answers offers, and the live transcript. As strict as its
 * documents and its client are: https://docs.retellai.com/api-references/create-web-call
 */

export interface RetellOptions {
  readonly port?: number;
  readonly key: string;
  /** Agents that there are. */
  readonly agents: readonly string[];
  /** Where calls of the older version are; without it there is no such version. */
  readonly livekit?: RetellRooms | undefined;
  readonly scenario?: RetellScenario;
}

/** How long a token opens a call, ms. */
const TOKEN_MS = 30_000;
/** What a request for a call may say. */
const CALL_KEYS = new Set([
  'agent_id',
  'agent_version',
  'agent_override',
  'metadata',
  'retell_llm_dynamic_variables',
  'current_node_id',
  'current_state',
]);

class Refusal extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export class RetellServer {
  readonly options: RetellOptions;
  readonly calls: WebCall[] = [];
  readonly sessions: GatewayCall[] = [];
  /** Paths of all requests, in order: `POST /v3/create-web-call`. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #monitor: Monitor;
  readonly #clock: Clock = systemClock;
  readonly #ticker = new Ticker(systemClock);
  readonly #rooms: RoomCall[] = [];
  #refused = 0;
  #notLive = 0;

  private constructor(options: RetellOptions) {
    this.options = options;
    this.#monitor = new Monitor({
      key: options.key,
      find: (id) => this.#find(id),
      isNotLive: () => this.#notLive++ < (this.#scenario.notLive ?? 0),
    });
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method} ${(request.url ?? '').split('?')[0]}`);
      this.#handle(request, response).catch((error: unknown) => {
        const { status = 500, retryAfterSeconds } = error as Partial<Refusal>;
        if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
        sendJson(response, status, { status: 'error', message: errorMessage(error) });
      });
    });
    this.#server.on('upgrade', (request, stream, head) => {
      this.requests.push(`WS ${(request.url ?? '').split('?')[0]}`);
      this.#monitor.handle(request, stream, head);
    });
  }

  /** Starts one on a free port of loopback, unless told which. */
  static async start(options: RetellOptions): Promise<RetellServer> {
    const server = new RetellServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return server;
  }

  /** As the daemon's settings have it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Calls that go on. */
  get ongoing(): readonly WebCall[] {
    return this.calls.filter(({ status }) => status === 'ongoing');
  }

  /** Ends all calls and stops listening. */
  async close(): Promise<void> {
    for (const session of this.sessions) session.end('error_retell');
    for (const room of this.#rooms) room.end('error_retell');
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  get #scenario(): RetellScenario {
    return this.options.scenario ?? {};
  }

  #find(id: string): WebCall | undefined {
    return this.calls.find((call) => call.id === id);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const route = `${request.method} ${path}`;
    if (route === 'POST /v3/create-web-call') return this.#create(request, response, 3);
    if (route === 'POST /v2/create-web-call') return this.#create(request, response, 2);
    const got = /^GET \/v2\/get-call\/([^/]+)$/.exec(route)?.[1];
    if (got !== undefined) {
      this.#checkKey(request);
      const call = this.#find(got);
      if (call === undefined) throw new Refusal(422, 'Cannot find the requested call under the given api key.');
      return sendJson(response, 200, call.view());
    }
    if (route === 'GET /list-agents') {
      this.#checkKey(request);
      return sendJson(
        response,
        200,
        this.options.agents.map((agent_id) => ({ agent_id })),
      );
    }
    const [, callId, sessionId] = /^\/webrtc-proxy\/([^/]+)\/v1\/webrtc\/sessions(?:\/([^/]+))?$/.exec(path) ?? [];
    if (callId !== undefined) return this.#session(request, response, callId, sessionId);
    throw new Refusal(404, 'Not Found');
  }

  async #create(request: IncomingMessage, response: ServerResponse, version: 2 | 3): Promise<void> {
    const {
      v3 = 'gateway',
      busy,
      broke,
      concurrency,
      answerAfterMs = 0,
      tokenMs = TOKEN_MS,
      talker = {},
    } = this.#scenario;
    if (version === 3 && v3 === 'absent') throw new Refusal(404, 'Not Found');
    if (version === 2 && this.options.livekit === undefined) throw new Refusal(404, 'Not Found');
    this.#checkKey(request);
    const body = this.#json(request, await readBody(request));
    for (const key of Object.keys(body)) if (!CALL_KEYS.has(key)) throw new Refusal(400, `${key} is not known`);
    const agentId = body['agent_id'];
    if (typeof agentId !== 'string' || agentId === '') throw new Refusal(400, 'agent_id is required');
    if (!this.options.agents.includes(agentId)) throw new Refusal(404, 'Item agent not found.');
    if (broke === true) throw new Refusal(402, 'Trial has ended, please add a payment method.');
    if (busy !== undefined && this.#refused < busy.times) {
      this.#refused++;
      throw new Refusal(429, 'Account rate limited, please throttle your requests.', busy.retryAfterSeconds);
    }
    const open = this.calls.filter(
      (one) => one.status === 'ongoing' || (one.status === 'registered' && !one.isExpired),
    );
    if (concurrency !== undefined && open.length >= concurrency)
      throw new Refusal(429, 'Account concurrency limit reached.');
    const call = new WebCall(agentId, body, talker, this.#clock, tokenMs);
    this.calls.push(call);
    const about = { call_id: call.id, agent_id: agentId, call_type: 'web_call', call_status: call.status };
    const isRoom = version === 2 || v3 === 'livekit';
    const answer = isRoom
      ? { ...about, access_token: await this.#room(call, tokenMs), ...(version === 2 ? {} : { transport: 'livekit' }) }
      : {
          ...about,
          access_token: call.accessToken,
          transport: 'gateway',
          ice_servers: [],
          expires_at: call.expiresAt,
        };
    if (answerAfterMs > 0) await new Promise((resolve) => this.#clock.after(answerAfterMs, () => resolve(undefined)));
    sendJson(response, 201, answer);
  }

  async #room(call: WebCall, tokenMs: number): Promise<string> {
    const { livekit } = this.options;
    if (livekit === undefined) throw new Refusal(500, 'no rooms');
    const room = new RoomCall(call, livekit, this.#scenario.ends, this.#clock);
    this.#rooms.push(room);
    return room.begin(tokenMs);
  }

  /** What the gateway is asked: an offer, another candidate, the end. */
  async #session(request: IncomingMessage, response: ServerResponse, callId: string, id?: string): Promise<void> {
    const call = this.#find(callId);
    // A call that is not known here is none; the client asks once and never again.
    if (call === undefined) throw new Refusal(404, 'call not found');
    if (request.headers.authorization !== `Bearer ${call.accessToken}` || call.isExpired)
      throw new Refusal(401, 'invalid or expired token');
    if (request.method === 'POST' && id === undefined) return this.#offered(request, response, call);
    const session = this.sessions.find((one) => one.id === id && one.call === call);
    if (session === undefined) throw new Refusal(404, 'session not found');
    if (request.method === 'PATCH') {
      const { candidate } = this.#json(request, await readBody(request));
      const line = typeof candidate === 'object' ? (candidate as { candidate?: unknown } | null)?.candidate : candidate;
      if (typeof line !== 'string' || !line.startsWith('candidate:')) throw new Refusal(400, 'candidate is required');
      session.candidates.push(line);
      response.writeHead(204).end();
    } else if (request.method === 'DELETE') {
      // It may come after the peer was closed, and again.
      session.deleted++;
      session.end('user_hangup');
      response.writeHead(204).end();
    } else throw new Refusal(405, 'method not allowed');
  }

  async #offered(request: IncomingMessage, response: ServerResponse, call: WebCall): Promise<void> {
    const { identity, sdp, ...rest } = this.#json(request, await readBody(request));
    const { sessionStatus, ends } = this.#scenario;
    if (sessionStatus !== undefined) throw new Refusal(sessionStatus, 'the session is refused');
    if (identity !== 'client') throw new Refusal(403, 'identity does not match the token');
    if (Object.keys(rest).length > 0) throw new Refusal(400, 'unknown fields');
    const audio = typeof sdp === 'string' ? (sdp.match(/^m=audio /gm)?.length ?? 0) : 0;
    if (typeof sdp !== 'string' || audio !== 1 || !/^a=sendrecv/m.test(sdp) || !/^m=application /m.test(sdp))
      throw new Refusal(400, 'the offer must have one sendrecv audio and a data channel');
    if (call.status !== 'registered') throw new Refusal(409, 'the call has been joined');
    const session = new GatewayCall(call, ends, this.#clock, this.#ticker);
    this.sessions.push(session);
    try {
      sendJson(response, 201, { session_id: session.id, sdp: await session.answer(sdp) });
    } catch (error) {
      session.end('error_retell');
      throw new Refusal(400, errorMessage(error));
    }
  }

  #checkKey(request: IncomingMessage): void {
    if (request.headers.authorization !== `Bearer ${this.options.key}`) throw new Refusal(401, 'Invalid API key');
  }

  #json(request: IncomingMessage, body: Buffer): Record<string, unknown> {
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) throw new Refusal(415, 'not JSON');
    return parseJsonObject(body);
  }
}
