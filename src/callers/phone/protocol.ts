/** What a carrier's media WebSocket says, in one closed union, whatever its grammar; `carrier-media.ts` is the port that reads and writes it. */

/** What the audio bytes of a stream are, as the carrier's `start` states it. The encoding is in lower case. */
export interface MediaFormat {
  /** "audio/x-mulaw", "audio/x-alaw", "audio/x-l16", or however else it was said; see `codecFor`. */
  readonly encoding: string;
  /** Hz; 0 where it was not said, NaN where what was said is no number. */
  readonly sampleRate: number;
  /** 1 where it was not said. */
  readonly channels: number;
}

export interface ConnectedMessage {
  readonly type: 'connected';
  readonly protocol: string;
  readonly version: string;
}

export interface StartMessage {
  readonly type: 'start';
  readonly streamId: string;
  /** The carrier's id of the call; '' when it was not said. */
  readonly callId: string;
  readonly accountId: string;
  readonly format: MediaFormat;
  /** What the answer to the webhook gave the stream to bring along. A Map, so that a name such as `__proto__` is a name and nothing more. */
  readonly customParameters: ReadonlyMap<string, string>;
  /** Whether the stream id stood beside `event`, not only inside `start`: carriers of one family differ, and it tells them apart. */
  readonly topLevelStreamId?: boolean;
}

/** One run of audio. The object and its payload are borrowed: both are overwritten by the next `parse` of any stream. */
export interface MediaMessage {
  readonly type: 'media';
  readonly track: 'inbound' | 'outbound';
  /** Milliseconds of the stream at which this audio begins, by the carrier's clock; undefined when it does not say. */
  readonly timestampMs: number | undefined;
  /** Number of this audio message in its track; undefined when the carrier does not count. */
  readonly chunk: number | undefined;
  /** Number of this message among all messages of the stream. */
  readonly sequence: number | undefined;
  /** Codec bytes, of any length. */
  readonly payload: Buffer;
}

export interface DtmfMessage {
  readonly type: 'dtmf';
  /** 0-9, *, #, A-D. */
  readonly digit: string;
  readonly durationMs: number | undefined;
}

export interface MarkMessage {
  readonly type: 'mark';
  readonly name: string;
}

export type PhoneMessage =
  | ConnectedMessage
  | StartMessage
  | MediaMessage
  | DtmfMessage
  | MarkMessage
  | { readonly type: 'stop' }
  /** Something of ours was not to the carrier's liking; `detail` for the log: bounded, and with nothing in it that a log could trip over. */
  | { readonly type: 'complaint'; readonly detail: string }
  /** Known, and of no consequence here: an acknowledgement, an advice. */
  | { readonly type: 'noted' }
  /** A well-formed message of a kind nobody has heard of: a new feature of the carrier, to be counted and let pass. */
  | { readonly type: 'unknown'; readonly name: string };

/** Why a message could not be used. */
export type Fault =
  /** Not JSON, or not UTF-8. */
  | 'json'
  /** JSON, but not an object with a known event's fields. */
  | 'shape'
  /** An audio payload that is not base64. */
  | 'base64';

/** Filled by `parse` when it returns null. */
export interface FaultReport {
  fault: Fault;
}

/** The digits of RFC 4733 events 0 to 15. */
export const DIGITS = /^[0-9*#A-D]$/;
