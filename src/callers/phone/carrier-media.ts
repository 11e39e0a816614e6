import type { ByteOrder } from '../../media/l16.ts';
import type { ConnectedMessage, FaultReport, MediaFormat, PhoneMessage, StartMessage } from './protocol.ts';

/** L16 as a carrier has it on the wire; its `start` says neither. */
export interface L16Wire {
  /** `auto`: as the caller's first audio shows it; until then as it was in the streams before, or as `guess` has it. */
  readonly byteOrder: ByteOrder | 'auto';
  /** Network order (RFC 3551) without it. */
  readonly guess?: ByteOrder;
  /** The rate that its streams are asked for, Hz: what a `start` means that says L16 and no rate. */
  readonly hz?: number | undefined;
}

/** Audio that a carrier takes in whole frames only. */
export interface WholeFrames {
  /** Length of one; the last of what is said is filled up with silence. */
  readonly ms: number;
  /** Exactly one in a message; else a message holds as many as it likes. */
  readonly oneAMessage: boolean;
}

/**
 * The port of a carrier's media WebSocket: all of it that is the carrier's own. It is pure: messages in, messages out, by the carrier's settings;
 * it knows no socket, no codec, and no stream but by the id it is given. What is left out is not so, or not to be had.
 */
export interface CarrierMedia {
  /** The carrier: a metric label. */
  readonly name: string;
  /** The WebSocket subprotocol that it offers and wants to be accepted. */
  readonly subprotocol?: string;

  /** Reads one text message, as UTF-8 bytes or a string. Never throws: what cannot be used gives null, with the reason in `report`. */
  parse(data: Buffer | string, report?: FaultReport): PhoneMessage | null;
  /** As `parse`, one binary message; the payload of audio may be `data` itself. Without it a binary message is malformed. */
  parseBinary?(data: Buffer, report?: FaultReport): PhoneMessage | null;
  /**
   * How many signs there are that a stream is its own which sent this `start`, as its own `parse` read it, and before it this `connected`. One that
   * is hardly another's counts two. Ids are opaque and versions move, so no single sign is trusted alone: of all carriers that can read the
   * `start` the one with most signs has the stream, and of equals the first of the table.
   */
  signs(start: StartMessage, connected?: ConnectedMessage): number;
  /**
   * Whether a socket that closes with this code, and no `stop` before it, says that the caller hung up. Without it that is a line that broke.
   */
  isHangUp?(closeCode: number): boolean;

  /**
   * Its L16, where it has any. A stream taken for its own that says L16 all the same is another's that does not show whose it is: it is read as the first
   * of the table does that shares its grammar and has L16.
   */
  readonly l16?: L16Wire;
  /** The format in which it wants our audio, where that is not the one of `start`: what its document asked for. */
  plays?(start: StartMessage): MediaFormat;
  /** Its audio messages come in the order of their time, so that none is waited for. Without it one waits a moment for what it overtook. */
  readonly ordered?: boolean;
  readonly wholeFrames?: WholeFrames;
  /** It takes a stream on which nothing comes for a dead one: silence is sent from the beginning, and whenever nothing else is. */
  readonly wantsSilence?: boolean;

  /**
   * Audio to play after all audio sent before, as a text message; the payload is base64 of codec bytes. Without it audio goes as binary messages:
   * codec bytes, and nothing else.
   */
  media?(streamId: string, payload: string): string;
  /** Asks to be told `name` once all audio sent before has been played. Without it the clock alone says how far playing has come. */
  mark?(streamId: string, name: string): string;
  /** Discards all audio that was not yet played. */
  clear(streamId: string): string;
  /** Plays a digit to the caller. Without it digits go as tones. */
  dtmf?(streamId: string, digit: string): string;
}
