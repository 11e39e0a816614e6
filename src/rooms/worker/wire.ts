import type { Pace } from '../../call/leg.ts';
import type { ErrorCode } from '../../errors.ts';
import type { JoinRoom, RoomAgentState, RoomEnd, RoomQuality, RoomTranscript } from '../room.ts';
import type { PersonChange, ToldPerson } from './people.ts';

/**
 * What the daemon and a worker that holds rooms say to each other, by one pipe and in order: orders and news as JSON, and audio as bytes. A message is the
 * length of what follows (4 bytes, little endian, as all numbers here), what it is (1), a spare byte, the room's number (2), and its content.
 * Both ends are of one version.
 */

/** A room by its number, which the daemon gives and uses once in a worker. */
export type Order =
  | ({ readonly t: 'join'; readonly token: string } & Omit<JoinRoom, 'token' | 'signal'>)
  | { readonly t: 'token'; readonly id: number; readonly token: string | undefined }
  | { readonly t: 'clear'; readonly epoch: number }
  | { readonly t: 'pace'; readonly pace: Pace }
  | { readonly t: 'state'; readonly state: RoomAgentState }
  | { readonly t: 'transcript'; readonly line: RoomTranscript }
  | { readonly t: 'chat'; readonly text: string }
  | { readonly t: 'digit'; readonly digit: string }
  | { readonly t: 'data'; readonly text: string }
  | { readonly t: 'close'; readonly why: string };

export type News =
  | { readonly t: 'joined'; readonly identity: string; readonly sid: string }
  | { readonly t: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly t: 'person'; readonly change: PersonChange; readonly person: ToldPerson }
  /** From now on this person is the speaker of this number in audio. */
  | { readonly t: 'speaker'; readonly n: number; readonly identity: string }
  | {
      readonly t: 'text';
      readonly identity: string;
      readonly text: string;
      readonly topic: string;
      readonly attributes: Readonly<Record<string, string>>;
    }
  | { readonly t: 'data'; readonly identity: string; readonly text: string }
  | { readonly t: 'digit'; readonly identity: string; readonly digit: string }
  | { readonly t: 'link'; readonly state: 'reconnecting' | 'resumed' | 'rejoined' }
  | { readonly t: 'wants-token'; readonly id: number }
  | { readonly t: 'quality'; readonly quality: RoomQuality }
  | { readonly t: 'ended'; readonly reason: RoomEnd; readonly detail: string }
  /** The agent has left, and the number is free. The last of a room. */
  | { readonly t: 'closed' };

/** What the people say, and how far the agent's audio is played. */
export interface UpAudio {
  /** How often the agent's audio was cleared when this was so. */
  readonly epoch: number;
  /** Samples of the agent's played since that clear, and how many the library plays after them without a break, whatever the worker does. */
  readonly played: number;
  readonly ahead: number;
  /** When that was so, ms of the machine's clock (`machine-clock.ts`): what is under way for a while is no older by it. */
  readonly atMs: number;
  readonly by: ReadonlyArray<{ readonly n: number; readonly level: number }>;
  /** Empty: a frame of silence. */
  readonly samples: Int16Array;
}

const JSON_MESSAGE = 1;
const AUDIO_MESSAGE = 2;
const HEADER_BYTES = 8;
const UP_BYTES = 20;
const SPEAKER_BYTES = 4;
/** More than any message is; a longer one says that the pipe is broken. */
export const MOST_MESSAGE_BYTES = 16 * 1024 * 1024;

function message(kind: number, room: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  buffer.writeUInt32LE(HEADER_BYTES - 4 + bytes, 0);
  buffer[4] = kind;
  buffer[5] = 0;
  buffer.writeUInt16LE(room, 6);
  return buffer;
}

const bytesOf = (samples: Int16Array) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);

export function encodeJson(room: number, content: Order | News): Buffer {
  const text = Buffer.from(JSON.stringify(content), 'utf8');
  const buffer = message(JSON_MESSAGE, room, text.length);
  buffer.set(text, HEADER_BYTES);
  return buffer;
}

/** The agent's audio, to a worker. */
export function encodeDown(room: number, samples: Int16Array): Buffer {
  const buffer = message(AUDIO_MESSAGE, room, samples.byteLength);
  buffer.set(bytesOf(samples), HEADER_BYTES);
  return buffer;
}

/** A frame of a room, from a worker. */
export function encodeUp(room: number, { epoch, played, ahead, atMs, by, samples }: UpAudio): Buffer {
  const buffer = message(AUDIO_MESSAGE, room, UP_BYTES + by.length * SPEAKER_BYTES + samples.byteLength);
  buffer.writeUInt32LE(epoch, 8);
  buffer.writeUInt32LE(played, 12);
  buffer.writeUInt16LE(ahead, 16);
  buffer.writeUInt16LE(by.length, 18);
  buffer.writeDoubleLE(atMs, 20);
  let at = HEADER_BYTES + UP_BYTES;
  for (const { n, level } of by) {
    buffer.writeUInt16LE(n, at);
    buffer.writeInt16LE(Math.round(level * 100), at + 2);
    at += SPEAKER_BYTES;
  }
  buffer.set(bytesOf(samples), at);
  return buffer;
}

/** Reads the content of an audio message from a worker. */
export function decodeUp(content: Buffer): UpAudio {
  const speakers = content.readUInt16LE(10);
  const at = UP_BYTES + speakers * SPEAKER_BYTES;
  return {
    epoch: content.readUInt32LE(0),
    played: content.readUInt32LE(4),
    ahead: content.readUInt16LE(8),
    atMs: content.readDoubleLE(12),
    by: Array.from({ length: speakers }, (_, i) => ({
      n: content.readUInt16LE(UP_BYTES + i * SPEAKER_BYTES),
      level: content.readInt16LE(UP_BYTES + i * SPEAKER_BYTES + 2) / 100,
    })),
    samples: samplesOf(content.subarray(at)),
  };
}

/** The samples in these bytes, in memory of their own. */
export function samplesOf(bytes: Buffer): Int16Array {
  const samples = new Int16Array(bytes.length >> 1);
  bytes.copy(new Uint8Array(samples.buffer));
  return samples;
}

export interface WireHandlers {
  /** `content` is borrowed. */
  audio(room: number, content: Buffer): void;
  json(room: number, content: unknown): void;
}

/** Puts messages together of whatever pieces the pipe gives. */
export class WireReader {
  readonly #handlers: WireHandlers;
  #rest: Buffer = Buffer.alloc(0);

  constructor(handlers: WireHandlers) {
    this.#handlers = handlers;
  }

  /** Throws where the bytes are no messages. */
  read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + 4 + bytes.readUInt32LE(at);
      if (end - at > MOST_MESSAGE_BYTES || end - at < HEADER_BYTES)
        throw new RangeError(`a message of ${end - at} bytes`);
      if (bytes.length < end) break;
      const room = bytes.readUInt16LE(at + 6);
      const content = bytes.subarray(at + HEADER_BYTES, end);
      if (bytes[at + 4] === AUDIO_MESSAGE) this.#handlers.audio(room, content);
      else this.#handlers.json(room, JSON.parse(content.toString('utf8')));
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }
}

/** Gathers what is written in one turn of the event loop into one write. */
export class WireWriter {
  readonly #write: (bytes: Buffer) => void;
  #waiting: Buffer[] = [];
  #scheduled = false;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#waiting.length === 0) return;
    const [first] = this.#waiting;
    const bytes = this.#waiting.length === 1 ? first! : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#write(bytes);
  }
}
