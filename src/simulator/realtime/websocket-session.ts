import { CLOSE, type Socket, type SocketHandlers } from '../../transport/socket.ts';
import type { Registry } from './registry.ts';
import type { Fault } from './scenario.ts';
import type { Session, SessionTransport } from './session.ts';
import type { SessionConfig } from './session-config.ts';

/** A client that reads so slowly that this much waits for it is cut off, bytes. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

export interface WebSocketEntry {
  readonly number: number;
  readonly faults: readonly Fault[];
  readonly config: SessionConfig;
  readonly beta: boolean;
}

/** A session whose events and audio both go over one WebSocket. */
export function openWebSocketSession(
  registry: Registry,
  entry: WebSocketEntry,
  attach: (handlers: SocketHandlers) => Socket,
): void {
  const state: { session?: Session; release?: () => void } = {};
  const socket = attach({
    text: (data) => state.session?.receive(data.toString()),
    // The service takes text frames only; JSON in a binary frame is read all the same, as it does.
    binary: (data) => state.session?.receive(data.toString()),
    close: (code) => {
      state.release?.();
      state.session?.end(`socket closed ${code}`);
    },
  });
  const transport: SessionTransport = {
    send(text) {
      if (socket.bufferedBytes > MAX_UNSENT_BYTES) socket.terminate();
      else socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
    drop: () => socket.terminate(),
    closeChannel: () => socket.close(CLOSE.normal),
  };
  state.release = registry.hold({ shutdown: () => socket.close(CLOSE.goingAway, 'the server stops') });
  state.session = registry.create({ ...entry, kind: 'websocket', transport });
  state.session.start();
}

/** A WebSocket onto a session that already runs: it gets the session's events and may send any of its own. */
export function openSideband(registry: Registry, session: Session, attach: (handlers: SocketHandlers) => Socket): void {
  const state: { leave?: () => void; release?: () => void } = {};
  const socket = attach({
    text: (data) => session.receive(data.toString()),
    binary: (data) => session.receive(data.toString()),
    close: () => {
      state.release?.();
      state.leave?.();
    },
  });
  state.release = registry.hold({ shutdown: () => socket.close(CLOSE.goingAway, 'the server stops') });
  state.leave = session.join({
    send: (text) => socket.send(text),
    close: (code, reason) => socket.close(code, reason),
  });
}
