import type { ConnectionHandlers, ModelConnection, ModelTransport } from '../../src/agents/openai/connection.ts';
import type { Connectors } from '../../src/agents/openai/fallback.ts';
import type { WebRtcConnectOptions } from '../../src/agents/openai/webrtc.ts';
import type { WebSocketConnectOptions } from '../../src/agents/openai/websocket.ts';

export type ClientEvent = Record<string, unknown> & { type: string };

/** One connection of the fake model: what the leg sends is kept, what the server says is told by hand. */
export class FakeModelConnection implements ModelConnection {
  readonly transport: ModelTransport;
  readonly inputRate: number;
  readonly outputRate: number;
  readonly maxEventBytes?: number;
  readonly sent: ClientEvent[] = [];
  /** Samples of caller audio. */
  heard = 0;
  cleared = 0;
  closed = false;
  readonly #handlers: ConnectionHandlers;
  readonly #onSend: (event: ClientEvent) => void;

  constructor(
    transport: ModelTransport,
    rate: number,
    handlers: ConnectionHandlers,
    onSend: (event: ClientEvent) => void,
    maxEventBytes?: number,
  ) {
    this.transport = transport;
    if (maxEventBytes !== undefined) this.maxEventBytes = maxEventBytes;
    this.inputRate = rate;
    this.outputRate = rate;
    this.#handlers = handlers;
    this.#onSend = onSend;
  }

  send(json: string): boolean {
    if (this.closed || Buffer.byteLength(json) > (this.maxEventBytes ?? Number.POSITIVE_INFINITY)) return false;
    const event = JSON.parse(json) as ClientEvent;
    this.sent.push(event);
    this.#onSend(event);
    return true;
  }

  sendAudio(samples: Int16Array): void {
    this.heard += samples.length;
  }

  clearAudio(): void {
    this.cleared++;
  }

  close(): void {
    this.closed = true;
  }

  toString(): string {
    return `fake ${this.transport}`;
  }

  /** The server says something: an event, or raw text. */
  says(event: object | string): void {
    this.#handlers.event(typeof event === 'string' ? event : JSON.stringify(event));
  }

  /** Decoded audio of the track. */
  plays(samples: Int16Array): void {
    this.#handlers.audio(samples);
  }

  /** The connection breaks. */
  breaks(code = 'MODEL_SESSION_LOST', detail = 'cut by the test'): void {
    this.closed = true;
    this.#handlers.closed(code, detail);
  }

  /** Types of what was sent, without the set-up. */
  get types(): string[] {
    return this.sent.map((event) => event.type);
  }

  of(type: string): ClientEvent[] {
    return this.sent.filter((event) => event.type === type);
  }
}

/** The model's end of every connection a leg makes. */
export class FakeModel {
  readonly connections: FakeModelConnection[] = [];
  readonly keys: string[] = [];
  /** What each next try to connect meets: an error, or a promise to wait for. Undefined connects. */
  readonly outcomes: Record<ModelTransport, Array<Error | Promise<void> | undefined>> = { webrtc: [], websocket: [] };
  readonly tries: ModelTransport[] = [];
  /** Whether `session.created` and `session.updated` come by themselves. */
  announces = true;
  confirms = true;
  /** What the confirmed session states of itself beside its id. */
  session: Record<string, unknown> = {};
  sessions = 0;
  /** The largest event that a data channel takes, bytes. */
  channelBytes: number | undefined;

  get last(): FakeModelConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('nothing connected yet');
    return connection;
  }

  readonly connectors: Connectors = {
    webrtc: (options: WebRtcConnectOptions, handlers) => this.#connect('webrtc', 48_000, options, handlers),
    websocket: (options: WebSocketConnectOptions, handlers) =>
      this.#connect('websocket', options.format === 'pcmu' ? 8000 : 24_000, options, handlers),
  };

  async #connect(
    transport: ModelTransport,
    rate: number,
    options: { key: string; signal: AbortSignal },
    handlers: ConnectionHandlers,
  ): Promise<ModelConnection> {
    this.tries.push(transport);
    this.keys.push(options.key);
    const outcome = this.outcomes[transport].shift();
    if (outcome instanceof Promise) {
      await Promise.race([
        outcome,
        new Promise((_, reject) => options.signal.addEventListener('abort', () => reject(options.signal.reason))),
      ]);
    } else if (outcome !== undefined) throw outcome;
    if (options.signal.aborted) throw options.signal.reason;
    const id = `sess_${++this.sessions}`;
    const onSend = (event: ClientEvent) => {
      if (event.type !== 'session.update' || !this.confirms) return;
      const audio = (event as { session?: { audio?: unknown } }).session?.audio;
      queueMicrotask(() => connection.says({ type: 'session.updated', session: { id, audio, ...this.session } }));
    };
    const most = transport === 'webrtc' ? this.channelBytes : undefined;
    const connection: FakeModelConnection = new FakeModelConnection(transport, rate, handlers, onSend, most);
    this.connections.push(connection);
    if (this.announces) connection.says({ type: 'session.created', session: { id } });
    return connection;
  }
}

/** Events of a server, in GA's words. */
export const says = {
  created: (id: string) => ({ type: 'response.created', response: { id, status: 'in_progress' } }),
  message: (responseId: string, itemId: string) => ({
    type: 'response.output_item.added',
    response_id: responseId,
    item: { id: itemId, type: 'message', role: 'assistant', status: 'in_progress' },
  }),
  delta: (responseId: string, itemId: string, base64: string) => ({
    type: 'response.output_audio.delta',
    response_id: responseId,
    item_id: itemId,
    output_index: 0,
    content_index: 0,
    delta: base64,
  }),
  audioDone: (responseId: string, itemId: string) => ({
    type: 'response.output_audio.done',
    response_id: responseId,
    item_id: itemId,
  }),
  words: (responseId: string, itemId: string, delta: string) => ({
    type: 'response.output_audio_transcript.delta',
    response_id: responseId,
    item_id: itemId,
    delta,
  }),
  wordsDone: (responseId: string, itemId: string, transcript: string) => ({
    type: 'response.output_audio_transcript.done',
    response_id: responseId,
    item_id: itemId,
    transcript,
  }),
  done: (id: string, status = 'completed', more: object = {}) => ({
    type: 'response.done',
    response: { id, status, ...more },
  }),
  call: (responseId: string, callId: string, name = 'lookup', args = '{}', status = 'completed') => ({
    type: 'response.output_item.done',
    response_id: responseId,
    item: { id: `item_${callId}`, type: 'function_call', status, call_id: callId, name, arguments: args },
  }),
  speechStarted: { type: 'input_audio_buffer.speech_started', item_id: 'item_user', audio_start_ms: 0 },
  speechStopped: { type: 'input_audio_buffer.speech_stopped', item_id: 'item_user', audio_end_ms: 900 },
  callerSaid: (itemId: string, transcript: string) => ({
    type: 'conversation.item.input_audio_transcription.completed',
    item_id: itemId,
    content_index: 0,
    transcript,
  }),
  buffer: (what: 'started' | 'stopped' | 'cleared', responseId: string) => ({
    type: `output_audio_buffer.${what}`,
    response_id: responseId,
  }),
  itemAdded: (id: string, type = 'message') => ({ type: 'conversation.item.added', item: { id, type } }),
  error: (code: string, eventId?: string, message = 'refused') => ({
    type: 'error',
    error: { type: 'invalid_request_error', code, message, event_id: eventId },
  }),
};

/** `ms` of mu-law audio as base64; `code` is the byte. */
export function ulaw(ms: number, code = 0x10): string {
  return Buffer.alloc(ms * 8, code).toString('base64');
}
