import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { delay } from '../../call/clock.ts';
import { requestUrl } from '../../transport/request-url.ts';
import { SocketAcceptor } from '../../transport/socket.ts';
import { keyOf, wantsBeta } from './http-body.ts';
import type { Registry } from './registry.ts';
import type { Routes } from './routes.ts';
import { findFault } from './scenario.ts';
import { ServiceError, statusError } from './service-error.ts';
import { defaultConfig, type SessionConfig } from './session-config.ts';
import { openSideband, openWebSocketSession } from './websocket-session.ts';

/** 15 MiB of audio as base64, and room for the event around it. */
const MAX_MESSAGE_BYTES = 21 * 1024 * 1024;
const PING_INTERVAL_MS = 20_000;

/** WebSocket handshakes on `/v1/realtime`. Source: OpenAI API reference, Realtime; npm openai, realtime/internal-base. */
export class Upgrades {
  readonly #registry: Registry;
  readonly #routes: Routes;
  readonly #acceptor: SocketAcceptor;

  constructor(registry: Registry, routes: Routes) {
    this.#registry = registry;
    this.#routes = routes;
    this.#acceptor = new SocketAcceptor({
      maxMessageBytes: MAX_MESSAGE_BYTES,
      pingIntervalMs: PING_INTERVAL_MS,
      clock: registry.clock,
      subprotocol: (offered) => (offered.has('realtime') ? 'realtime' : false),
    });
  }

  /** Accepts or refuses one handshake. Never throws. */
  async handle(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    stream.on('error', () => {});
    try {
      await this.#accept(request, stream, head);
    } catch (error) {
      this.#registry.noteRefused();
      refuse(stream, error instanceof ServiceError ? error : statusError(500));
    }
  }

  async #accept(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    const url = requestUrl(request);
    if (url === undefined) throw statusError(400);
    if (url.pathname.replace(/\/+$/, '') !== '/v1/realtime') throw statusError(404);
    const credential = this.#registry.keys.check(keyOf(request));
    const target = targetOf(url);
    if (target.kind === 'call') {
      const call = this.#routes.calls.get(target.value);
      if (call === undefined) {
        throw new ServiceError(`No call found with id '${target.value}'.`, { status: 404, code: 'call_not_found' });
      }
      this.#acceptor.accept(request, stream, head, (attach) => openSideband(this.#registry, call.session, attach));
      return;
    }
    const { number, faults } = this.#registry.nextSession();
    const late = findFault(faults, 'delay_handshake');
    if (late !== undefined) await delay(this.#registry.clock, late.ms);
    const refused = findFault(faults, 'refuse_socket');
    if (refused !== undefined) throw statusError(refused.status, refused.code, refused.retryAfterSeconds);
    if (stream.destroyed) return;
    this.#registry.requireOpen();
    const ephemeral = credential.kind === 'ephemeral' ? credential.key : undefined;
    const config = ephemeral?.config ?? plainConfig(target);
    const beta = wantsBeta(request) || (ephemeral?.beta ?? false);
    this.#acceptor.accept(request, stream, head, (attach) =>
      openWebSocketSession(this.#registry, { number, faults, config, beta }, attach),
    );
  }
}

interface Target {
  readonly kind: 'model' | 'call' | 'intent';
  readonly value: string;
}

/** Exactly one of `model`, `call_id` and `intent` says what the socket is for. */
function targetOf(url: URL): Target {
  const found: Target[] = [];
  for (const [kind, name] of [
    ['model', 'model'],
    ['call', 'call_id'],
    ['intent', 'intent'],
  ] as const) {
    const value = url.searchParams.get(name);
    if (value !== null && value !== '') found.push({ kind, value });
  }
  const target = found[0];
  if (target === undefined || found.length > 1) {
    throw new ServiceError("Provide exactly one of 'model', 'call_id' and 'intent'.", {
      code: 'invalid_request',
      param: 'model',
    });
  }
  if (target.kind === 'intent' && target.value !== 'transcription') {
    throw new ServiceError(`Invalid value: '${target.value}'. Supported values are: 'transcription'.`, {
      code: 'invalid_value',
      param: 'intent',
    });
  }
  return target;
}

function plainConfig(target: Target): SessionConfig {
  return target.kind === 'model' ? defaultConfig(target.value) : { ...defaultConfig(), type: 'transcription' };
}

/** Refuses a handshake with the same JSON that a plain request would get. */
function refuse(stream: Duplex, error: ServiceError): void {
  const body = error.toBody();
  const retry = error.retryAfterSeconds === undefined ? '' : `Retry-After: ${error.retryAfterSeconds}\r\n`;
  stream.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\nContent-Type: application/json\r\n${retry}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
