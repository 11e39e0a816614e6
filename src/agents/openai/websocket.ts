import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import { scrubQuoted } from '../../log.ts';
import { type Codec, l16, pcmu } from '../../media/codecs.ts';
import { openSocket, type Socket } from '../../transport/socket.ts';
import { socketError } from '../common/socket-error.ts';
import { AudioEnvelope, SocketUplink, STALL_LIMIT_MS } from '../common/socket-uplink.ts';
import type { ConnectionHandlers, ModelConnection } from './connection.ts';
import type { LegFormat } from './options.ts';
import { socketUrl } from './urls.ts';

/**
 * A session with the model over one WebSocket: events both ways, the caller's audio as `input_audio_buffer.append`.
 * https://platform.openai.com/docs/guides/realtime-websocket
 */

export interface WebSocketConnectOptions {
  readonly baseUrl: string;
  /** On the handshake, beside the bearer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bearer: the call's key or the standard key; empty sends no `Authorization`. */
  readonly key: string;
  readonly model: string;
  readonly format: LegFormat;
  /** The beta refuses a handshake without its header; GA refuses one with it. */
  readonly beta: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly count: Count;
}

/** The largest audio event the API knows is 15 MiB; one of its messages must never close the session. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Two pings without a pong end a line that is dead without saying so: within 15 s, not with the operating system's minutes. */
const PING_INTERVAL_MS = 5_000;
/** How the caller's audio is sent: 200 ms at the most, at 24 kHz and 16 bits. */
const APPEND = new AudioEnvelope('{"type":"input_audio_buffer.append","audio":"', '"}', 200 * 24 * 2);

/**
 * Opens the session's socket. Rejects with MODEL_AUTH, MODEL_QUOTA, MODEL_RATE_LIMITED, MODEL_UNAVAILABLE, MODEL_REJECTED or
 * MODEL_TIMEOUT, or the signal's reason. Events may arrive before it resolves.
 */
export async function connectWebSocket(
  options: WebSocketConnectOptions,
  handlers: ConnectionHandlers,
): Promise<ModelConnection> {
  const connection = new SocketConnection(options, handlers);
  try {
    await connection.open();
  } catch (error) {
    throw socketError(error);
  }
  return connection;
}

class SocketConnection implements ModelConnection {
  readonly transport = 'websocket';
  readonly inputRate: number;
  readonly outputRate: number;
  readonly #options: WebSocketConnectOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #codec: Codec;
  #socket: Socket | undefined;
  #uplink: SocketUplink | undefined;
  /** Closed by either side: nothing is told or sent any more. */
  #over = false;

  constructor(options: WebSocketConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#codec = options.format === 'pcmu' ? pcmu : l16(24_000, 'le');
    this.inputRate = this.#codec.sampleRate;
    this.outputRate = this.#codec.sampleRate;
  }

  async open(): Promise<void> {
    const options = this.#options;
    const socket = await openSocket(
      socketUrl(options.baseUrl, { model: options.model }),
      {
        text: (data) => {
          if (!this.#over) this.#handlers.event(data.toString());
        },
        // The API sends text only: to whoever reads events this is none.
        binary: () => {
          if (!this.#over) this.#handlers.event('');
        },
        close: (code, reason) =>
          this.#lost(`websocket closed with ${code}${reason === '' ? '' : `: ${scrubQuoted(reason)}`}`),
      },
      {
        headers: {
          ...options.headers,
          ...(options.key === '' ? {} : { Authorization: `Bearer ${options.key}` }),
          ...(options.beta ? { 'OpenAI-Beta': 'realtime=v1' } : {}),
        },
        maxMessageBytes: MAX_MESSAGE_BYTES,
        pingIntervalMs: PING_INTERVAL_MS,
        connectTimeoutMs: options.timeoutMs,
        signal: options.signal,
        clock: options.clock,
      },
    );
    this.#socket = socket;
    this.#uplink = new SocketUplink({
      socket,
      codec: this.#codec,
      envelope: APPEND,
      clock: options.clock,
      count: options.count,
      stalled: () => {
        this.#lost(`the socket took no audio for ${STALL_LIMIT_MS} ms`);
        socket.terminate();
      },
    });
  }

  send(json: string): boolean {
    return !this.#over && this.#socket !== undefined && this.#socket.send(json);
  }

  sendAudio(samples: Int16Array): void {
    if (!this.#over) this.#uplink?.send(samples);
  }

  clearAudio(): void {
    this.#uplink?.clear();
  }

  close(): void {
    this.#over = true;
    this.#uplink?.clear();
    this.#socket?.close();
  }

  toString(): string {
    return `${this.#codec.name} -> base64 -> websocket`;
  }

  #lost(detail: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#handlers.closed('MODEL_SESSION_LOST', detail);
  }
}
