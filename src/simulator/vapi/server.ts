import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { type Clock, systemClock } from '../../call/clock.ts';
import { SocketAcceptor } from '../../transport/socket.ts';
import { type Answer, jsonBody, listenOn, Refused } from '../streams/http.ts';
import { VapiSimCall, type VapiVoice } from './call.ts';

/**
 * A stand-in for Vapi's API and its WebSocket transport, as strict as their documents. What those leave open is as it was seen: the socket wants no key, is
 * to be joined within some 20 s, and sends frames of 20 ms only while the assistant speaks. Sources: VapiAI/docs fern/calls/websocket-transport.mdx,
 * npm @vapi-ai/server-sdk.
 */

export interface VapiOptions {
  readonly key: string;
  /** Assistants that there are. */
  readonly assistants: readonly string[];
  /** 0 for a free port. */
  readonly port?: number;
  readonly voice?: Partial<VapiVoice>;
  /** How POST /call is refused before it is not, one status a request. */
  readonly refuse?: ReadonlyArray<{ readonly status: number; readonly message: string; readonly retryAfter?: number }>;
  /** The answer has no `monitor.controlUrl`, as it may. */
  readonly withoutControl?: boolean;
  /** How long a call waits to be joined, ms. */
  readonly joinMs?: number;
  readonly clock?: Clock;
}

export interface VapiServer {
  /** Its API's address. */
  readonly url: string;
  /** Requests for calls, those that were refused too. */
  readonly asked: number;
  readonly calls: readonly VapiSimCall[];
  close(): Promise<void>;
}

const format = z.strictObject({
  format: z.enum(['pcm_s16le', 'mulaw']),
  container: z.literal('raw'),
  sampleRate: z.int().min(8_000).max(48_000),
});
const callRequest = z.strictObject({
  assistantId: z.string(),
  assistantOverrides: z.looseObject({ variableValues: z.record(z.string(), z.unknown()).optional() }).optional(),
  transport: z.strictObject({ provider: z.literal('vapi.websocket'), audioFormat: format }),
});

const MAX_MESSAGE_BYTES = 256 * 1024;
const JOIN_MS = 20_000;

export async function startVapi(options: VapiOptions): Promise<VapiServer> {
  const { key, assistants, refuse = [], clock = systemClock, joinMs = JOIN_MS } = options;
  const calls = new Map<string, VapiSimCall>();
  const acceptor = new SocketAcceptor({ maxMessageBytes: MAX_MESSAGE_BYTES, pingIntervalMs: 20_000, clock });
  let asked = 0;
  let base = '';

  const authorised = (request: IncomingMessage) => {
    // What stands in front of the API turns away clients that do not say what they are.
    if (!/^Mozilla\/|^[\w.-]+\/\d/.test(request.headers['user-agent'] ?? ''))
      throw new Refused(403, { message: 'error code: 1010' });
    if (request.headers.authorization !== `Bearer ${key}`)
      throw new Refused(401, { message: 'Invalid Key.', error: 'Unauthorized', statusCode: 401 });
  };
  const create = async (request: IncomingMessage): Promise<Answer> => {
    const refused = refuse[asked++];
    if (refused !== undefined) {
      const { status, message, retryAfter } = refused;
      throw new Refused(
        status,
        { message, statusCode: status },
        retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
      );
    }
    const parsed = callRequest.safeParse(await jsonBody(request));
    if (!parsed.success) {
      const message = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
      throw new Refused(400, { message, error: 'Bad Request', statusCode: 400 });
    }
    const { assistantId, assistantOverrides, transport } = parsed.data;
    if (!assistants.includes(assistantId))
      throw new Refused(400, {
        message: `Couldn't Get Assistant. ID: ${assistantId}`,
        error: 'Bad Request',
        statusCode: 400,
      });
    const id = randomUUID();
    const call = new VapiSimCall({
      id,
      clock,
      form: transport.audioFormat,
      voice: options.voice,
      overrides: assistantOverrides,
    });
    calls.set(id, call);
    call.awaitJoin(joinMs);
    const controlUrl = options.withoutControl ? {} : { controlUrl: `${base}/${id}/control` };
    return {
      status: 201,
      body: {
        id,
        type: 'vapi.websocketCall',
        status: 'queued',
        assistantId,
        transport: { provider: 'vapi.websocket', websocketCallUrl: `${base.replace('http', 'ws')}/${id}/transport` },
        monitor: { listenUrl: `${base.replace('http', 'ws')}/${id}/listen`, ...controlUrl },
      },
    };
  };

  const server = await listenOn(
    options.port ?? 0,
    async (request, { pathname }) => {
      const [, id = '', what] = pathname.split('/');
      if (request.method === 'POST' && what === 'control') {
        const call = calls.get(id);
        if (call === undefined || call.ended !== undefined) throw new Refused(404, { message: 'Call not found' });
        call.control(await jsonBody(request));
        return { status: 200, body: {} };
      }
      authorised(request);
      if (request.method === 'POST' && pathname === '/call') return create(request);
      if (request.method === 'GET' && pathname === '/assistant')
        return { status: 200, body: assistants.map((one) => ({ id: one })) };
      throw new Refused(404, { message: `Cannot ${request.method} ${pathname}`, statusCode: 404 });
    },
    (request, stream, head, { pathname }) => {
      const [, id = '', what] = pathname.split('/');
      const call = calls.get(id);
      if (call === undefined || what !== 'transport' || !call.isAwaited) throw new Refused(404, {});
      acceptor.accept(request, stream, head, (attach) => call.join(attach));
    },
  );
  base = `http://127.0.0.1:${server.port}`;
  return {
    url: base,
    get asked() {
      return asked;
    },
    get calls() {
      return [...calls.values()];
    },
    async close() {
      for (const call of calls.values()) call.cut();
      await server.close();
    },
  };
}
