import type { Pace, PathSample } from '../../call/leg.ts';

/** Transports on which a session with the model can run. */
export type ModelTransport = 'webrtc' | 'websocket';

/** WebRTC plays in real time; over the WebSocket an answer comes as fast as it is made. */
export const paceOf = (transport: ModelTransport): Pace => (transport === 'webrtc' ? 'live' : 'burst');

/**
 * One live session with the model over one transport. The leg owns turns, tools and playout; a connection only carries events and
 * audio, so that a fallback or a reconnect swaps it without the call noticing.
 */
export interface ModelConnection {
  readonly transport: ModelTransport;
  /** Hz of what `sendAudio` takes. */
  readonly inputRate: number;
  /** Hz of what `handlers.audio` is given; for the WebSocket, of the audio inside `response.output_audio.delta`. */
  readonly outputRate: number;
  /** Largest event that `send` takes, bytes of UTF-8; undefined where nothing limits it. */
  readonly maxEventBytes?: number;
  /** Sends one client event, already JSON. Returns false when the connection is not open. */
  send(json: string): boolean;
  /** Sends caller audio: any number of samples at `inputRate`. Borrowed during the call. Never throws. */
  sendAudio(samples: Int16Array): void;
  /** Discards caller audio that was accepted but not sent. */
  clearAudio(): void;
  /** How the way is just now; left out by a WebSocket, whose statistics nobody has. Never rejects. */
  path?(): Promise<PathSample>;
  /** Frees everything. Idempotent. `handlers.closed` is not called after it. */
  close(): void;
  /** The path in words, for the log: "opus/48000 -> webrtc". */
  toString(): string;
}

/** What a connection tells its leg. None may throw. */
export interface ConnectionHandlers {
  /** One server event, still JSON text. */
  event(json: string): void;
  /** Decoded model audio (WebRTC only; on the WebSocket audio comes as events). Borrowed during the call. */
  audio(samples: Int16Array): void;
  /** The connection is lost; told once. `code` is an ErrorCode-like slug for the log. */
  closed(code: string, detail: string): void;
}
