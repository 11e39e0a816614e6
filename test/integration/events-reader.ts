import type { RecordedEvent } from '../../src/records/event.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { OPERATOR } from './operator.ts';

/** Readers of /events, as programs are: by WebSocket and by server-sent events. */

export interface Reader {
  readonly messages: Array<Record<string, unknown>>;
  /** The events that came, in order. */
  readonly events: RecordedEvent[];
  close(): void;
}

const wsUrl = (url: string, query: string) => `${url.replace(/^http/, 'ws')}/events${query}`;

function collected(): Reader & { take(text: string): void } {
  const messages: Array<Record<string, unknown>> = [];
  const events: RecordedEvent[] = [];
  return {
    messages,
    events,
    take(text) {
      const message = JSON.parse(text) as Record<string, unknown>;
      messages.push(message);
      if (message['kind'] === 'event') events.push(message['event'] as RecordedEvent);
    },
    close() {},
  };
}

export interface SocketReader extends Reader {
  readonly socket: Socket;
  /** How the connection ended. */
  readonly ended: { code: number; reason: string } | undefined;
}

/** Opens a WebSocket, as the operator unless headers are given; rejects with SOCKET_REFUSED and its status when it is refused. */
export async function readBySocket(
  url: string,
  query = '',
  options: { headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<SocketReader> {
  const reader = collected();
  let ended: { code: number; reason: string } | undefined;
  const socket = await openSocket(
    wsUrl(url, query),
    {
      text: (data) => reader.take(data.toString()),
      binary: () => {},
      close: (code, reason) => {
        ended = { code, reason };
      },
    },
    {
      maxMessageBytes: 16 * 1024 * 1024,
      pingIntervalMs: 0,
      connectTimeoutMs: 5_000,
      headers: { ...OPERATOR },
      ...options,
    },
  );
  return {
    ...reader,
    socket,
    get ended() {
      return ended;
    },
    close: () => socket.close(),
  };
}

export interface SseReader extends Reader {
  readonly contentType: string | null;
  /** Ids as the stream gave them. */
  readonly ids: string[];
  readonly comments: string[];
  readonly over: Promise<void>;
}

/** Reads server-sent events; rejects with the status where there are none. */
export async function readBySse(url: string, query = '', headers = OPERATOR): Promise<SseReader> {
  const reader = collected();
  const ids: string[] = [];
  const comments: string[] = [];
  const stop = new AbortController();
  const response = await fetch(`${url}/events${query}`, { headers, signal: stop.signal });
  if (!response.ok || response.body === null) {
    throw Object.assign(new Error(`HTTP ${response.status}`), { status: response.status, body: await response.text() });
  }
  const read = async (body: ReadableStream<Uint8Array>) => {
    let text = '';
    for await (const bytes of body.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith(':')) comments.push(line.slice(1).trim());
        else if (line.startsWith('id: ')) ids.push(line.slice(4));
        else if (line.startsWith('data: ')) reader.take(line.slice(6));
      }
    }
  };
  return {
    ...reader,
    contentType: response.headers.get('content-type'),
    ids,
    comments,
    over: read(response.body).catch(() => {}),
    close: () => stop.abort(),
  };
}
