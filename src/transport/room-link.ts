/** A room of LiveKit's server as the library gives it (`room-session.ts`), in types alone: what holds rooms is tested without the library. */

export type LinkKind = 'standard' | 'sip' | 'agent' | 'egress' | 'ingress' | 'connector' | 'bridge';

/** A participant as the server tells of it. */
export interface LinkPerson {
  readonly identity: string;
  readonly sid: string;
  readonly name: string;
  readonly kind: LinkKind;
  readonly attributes: Readonly<Record<string, string>>;
  /** The track of the microphone, where one is published. */
  readonly microphone: { readonly sid: string; readonly muted: boolean } | undefined;
  /** May neither publish a microphone nor write, and never did: somebody's token lets him look on alone. */
  readonly observes: boolean;
}

/** Why a link ended that was not closed by us, as the protocol names it in lower case (`room_deleted`), or `unknown`. */
export type LinkEnd = string;

/** What a link tells. None may throw. Nothing is told after `close`. */
export interface LinkHandlers {
  /** Something of who is there may have changed: `people` says what is. */
  people(): void;
  /** A microphone's audio, 20 ms at the rate asked for; the samples are the receiver's own. */
  frame(trackSid: string, samples: Int16Array): void;
  /** No more of it comes. */
  silent(trackSid: string): void;
  /** `attributes`: those of the stream, as its sender wrote them. */
  text(identity: string, text: string, topic: string, attributes: Readonly<Record<string, string>>): void;
  /** A data packet. `identity`: whose; empty where the server itself sent it. */
  data(identity: string, bytes: Uint8Array): void;
  digit(identity: string, digit: string): void;
  reconnecting(): void;
  reconnected(): void;
  ended(why: LinkEnd): void;
}

export interface LinkOptions {
  readonly url: string;
  readonly token: string;
  /** Hz of the frames both ways. */
  readonly rate: number;
  /** Text streams on these topics are told of, of this many bytes at most. */
  readonly topics: readonly string[];
  readonly maxTextBytes: number;
}

/** The agent's track. */
export interface LinkTrack {
  readonly sid: string;
  /**
   * Gives the library a run of whole 10 ms to play after what it holds. Resolves when it has it; rejects when it refuses it. One at a time.
   * The memory is the library's from then on.
   */
  write(samples: Int16Array): Promise<void>;
  /** What it holds is dropped. */
  clear(): void;
  /** Taken from the room and freed. Never rejects. */
  close(): Promise<void>;
}

/** Sums over all of a link's media. Counts are since the link began. */
export interface LinkStats {
  readonly rttMs: number | undefined;
  readonly jitterMs: number | undefined;
  /** How long a sample waits in the library's jitter buffer, in the mean, ms; the worst of those heard. */
  readonly jitterBufferMs: number | undefined;
  /** The same since the look before. */
  readonly jitterBufferLatelyMs: number | undefined;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
}

/** The agent in a room. Orders reject where the link is away. */
export interface RoomLink {
  readonly identity: string;
  readonly sid: string;
  people(): LinkPerson[];
  /** Begins to hear a person's microphone; `silent` tells the end. Again for one that is heard: nothing. */
  hear(trackSid: string): void;
  publish(name: string): Promise<LinkTrack>;
  setAttributes(attributes: Readonly<Record<string, string>>): Promise<void>;
  /** A whole text stream, in the name of `from`. `id`: the stream's own; another that has it must be over. Without it the library makes one. */
  sendText(text: {
    topic: string;
    attributes: Record<string, string>;
    from: string;
    text: string;
    id?: string | undefined;
  }): Promise<void>;
  /** The older event for a line of a transcript. */
  sendTranscription(line: {
    identity: string;
    trackSid: string;
    id: string;
    text: string;
    final: boolean;
  }): Promise<void>;
  sendDigit(code: number, digit: string): Promise<void>;
  /** A data packet to everybody, which arrives whole and in order. */
  sendData(bytes: Uint8Array): Promise<void>;
  stats(): Promise<LinkStats>;
  /** Leaves the room and frees everything. Never rejects; may never resolve, where the library hangs. */
  close(): Promise<void>;
}

export interface RoomConnector {
  /** Rejects with LIVEKIT_REFUSED where the server answers and refuses, else with LIVEKIT_UNREACHABLE. Has no deadline of its own. */
  connect(options: LinkOptions, handlers: LinkHandlers): Promise<RoomLink>;
}
