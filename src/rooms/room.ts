import type { Pace, Playout } from '../call/leg.ts';

/**
 * The port between a call and a room of LiveKit's server: the room that its caller is, in which the agent is one participant among
 * several people, or one in which its agent is, and we are the person who talks to it. The other side lives in worker processes, because the library keeps native memory and threads of rooms that the server
 * deletes first: a worker is drained and replaced, the daemon is not. All that crosses are frames of 20 ms, events and a few orders.
 */

/** Length of every frame that `RoomHandlers.audio` gets, ms. */
export const ROOM_FRAME_MS = 20;

/** How the voices of several people become one stream: all of them summed, or the active speaker alone. */
export type RoomAudio = 'mix' | 'pick';

/** Who we are in a room, and so whose voices are heard: the agent, who hears people, or a person, who hears all others. */
export type RoomRole = 'agent' | 'person';

/** What the agent's state is for LiveKit's own clients (attribute `lk.agent.state`). https://docs.livekit.io/reference/other/agent-frontends/ */
export type RoomAgentState = 'initializing' | 'listening' | 'thinking' | 'speaking';

/** What kind of participant somebody is, as the server says it. */
export type PersonKind = 'standard' | 'sip' | 'agent' | 'egress' | 'ingress' | 'connector' | 'bridge';

/** Whether somebody has a microphone in the room: none is published, it is muted, or it is live. */
export type Microphone = 'none' | 'muted' | 'live';

/** A participant other than the agent. All of it is what the participant's own token or client says. */
export interface Person {
  /** Unique in the room at any moment. */
  readonly identity: string;
  /** The server's id of this participation: another one when the same identity comes again. */
  readonly sid: string;
  /** For display; may be empty. */
  readonly name: string;
  readonly kind: PersonKind;
  /** Those of SIP among them (`sip.phoneNumber`, `sip.callID` …). https://docs.livekit.io/sip/sip-participant/ */
  readonly attributes: Readonly<Record<string, string>>;
  readonly microphone: Microphone;
  /** Monotonic ms of the daemon's clock when it was told of; the server does not say when somebody came. */
  readonly joinedAt: number;
}

/** Who is heard in a frame. */
export interface Speaker {
  readonly identity: string;
  /** RMS of that voice in this frame before any gain, dBFS (`media/level.ts`). */
  readonly level: number;
}

/** Why a room is over that was not closed by us. */
export type RoomEnd =
  /** Somebody deleted it. */
  | 'room-deleted'
  /** The server closed it: nobody was there. */
  | 'room-closed'
  /** Somebody removed the agent from it. */
  | 'removed'
  /** Another participant came with the agent's identity. */
  | 'duplicate-identity'
  /** The server cannot be reached, or does not have us again, for `lostMs`. */
  | 'server-gone'
  /** The server answers, and refuses the agent. */
  | 'refused'
  /** The process that held the room is gone. */
  | 'worker-lost'
  /** The agent's track stopped moving, and being published again did not help; or its audio broke in a way that nobody expects. */
  | 'media-stalled';

export interface JoinRoom {
  /** The server, `ws:` or `wss:`. */
  readonly url: string;
  readonly roomName: string;
  /**
   * Makes a token for the agent in this room; called at the start, and again for every time the room has to be joined anew, since a token may
   * have expired by then. Its identity must be the same each time.
   */
  token(): Promise<string>;
  /**
   * Left out: the agent. What follows is said of it; of a person it holds as well, but for the state, which a person has none of. What a person writes is a
   * microphone's: it is spoken as it is written, and of what came late silence is left out, and what is a second late.
   */
  readonly role?: RoomRole;
  /** Name of the agent's audio track. */
  readonly trackName: string;
  /** Text streams on these topics are told of; left out: those of chat. */
  readonly topics?: readonly string[];
  /** Whether data packets are told of. */
  readonly data?: boolean;
  readonly audio: RoomAudio;
  /** Hz, both ways. */
  readonly rate: 24_000 | 48_000;
  /** How long the first join may take, ms. */
  readonly connectMs: number;
  /** How long a room that was lost is tried for before it is over, ms. */
  readonly lostMs: number;
  /** Attributes that the agent has from its first moment on, beside its state: `lk.agent.name` … Values are strings, as the server has them. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Aborted when the call ends meanwhile: `join` rejects with its reason, and the agent leaves. */
  readonly signal: AbortSignal;
}

/** What is told of a room, in the order in which it happened. None may throw. Nothing is told after `ended`, nor after `close` was called. */
export interface RoomHandlers {
  /**
   * The people's audio, one frame of 20 ms at `rate`, every 20 ms and silence included, whether anybody is there or not. The samples are
   * borrowed. `by`: whose voice is in it and above the noise, loudest first; empty for silence.
   */
  audio(samples: Int16Array, by: readonly Speaker[]): void;
  /**
   * Who is in the room. `joined` is told of everybody, of those who were there before the agent too (before `join` resolves). While the
   * link is away everybody seems to leave: that is not told. Once it is there again those who are not are told to have `left`.
   */
  participant(change: 'joined' | 'left' | 'changed', person: Person): void;
  /** A text stream or chat message that is complete, at most 16 KiB of it, on one of the topics asked for; `lk.chat` is that of chat. */
  text(said: {
    readonly identity: string;
    readonly text: string;
    readonly topic: string;
    readonly attributes?: Readonly<Record<string, string>>;
  }): void;
  /** A data packet as UTF-8, at most 16 KiB. `identity`: whose; empty where the server itself sent it. */
  data?(packet: { readonly identity: string; readonly text: string }): void;
  /** A key of a SIP participant: 0-9, *, #, A-D. */
  digit(pressed: { readonly identity: string; readonly digit: string }): void;
  /**
   * `reconnecting`: nothing is heard either way, the library tries. `resumed`: the same room, nothing else changed. `rejoined`: the room was
   * joined again, with a new token and a new track.
   */
  link(state: 'reconnecting' | 'resumed' | 'rejoined'): void;
  /** The room is over. `detail` is for the log. */
  ended(end: { readonly reason: RoomEnd; readonly detail: string }): void;
}

/** How long audio waits at our end of a room, in the mean, ms; undefined where none went through. */
export type RoomWaits = Pick<RoomQuality, 'jitterBufferMs' | 'leadMs' | 'cushionMs'>;

/** What went wrong, and how the way is: for the call's record. Counts are since the agent joined. */
export interface RoomQuality {
  /** Round trip to the server, ms; undefined before it is known. */
  readonly rttMs: number | undefined;
  /** Jitter of what people send, ms, the worst of them. */
  readonly jitterMs: number | undefined;
  /** How long a sample of theirs waits in the jitter buffer, in the mean, ms, the worst of them. */
  readonly jitterBufferMs: number | undefined;
  /** How long live audio of the agent's waits in front of the library and in it until it is played, in the mean, ms; undefined of audio that comes ahead of time. */
  readonly leadMs: number | undefined;
  /** How long a frame of theirs waits behind the library for the room's clock, in the mean, ms, the worst of them. */
  readonly cushionMs: number | undefined;
  /** The three waits again, of the audio since the look before: what is said now waits as long. */
  readonly lately: RoomWaits;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Frames of the agent's that the library refused. */
  readonly framesRejected: number;
  /** Ticks at which the library still held the frame before. */
  readonly framesHeldUp: number;
  /** Times that the agent's track was published again because it stopped moving. */
  readonly republished: number;
  /** Times that the library came back by itself. */
  readonly resumed: number;
  /** Times that the room was joined anew. */
  readonly rejoined: number;
  /** Frames of silence that stood in for a person's audio which was late. */
  readonly framesMissing: number;
}

/** A line of the transcript, for everybody in the room. */
export interface RoomTranscript {
  /** The same for all states of one utterance. */
  readonly segmentId: string;
  /** Whose words: a person's identity; undefined for the agent's own. */
  readonly identity: string | undefined;
  /** All of the utterance so far, not what is new of it. */
  readonly text: string;
  readonly final: boolean;
}

/** The agent in one room. Nothing of it throws or rejects; after the end orders are ignored. */
export interface RoomConnection {
  /** The agent's own identity and participation, as the server has them. */
  readonly identity: string;
  readonly sid: string;
  /** What people hear: any number of samples at `rate`. They are played on the worker's own clock, with silence where there is nothing. */
  write(samples: Int16Array): void;
  /** What was not played yet is dropped. */
  clear(): void;
  readonly playout: Playout;
  /**
   * How an agent's audio comes from now on; ahead of time until it is told. Of a live one what a stall made late is caught up with between words. A person's is live, and this changes
   * nothing.
   */
  setPace(pace: Pace): void;
  setState(state: RoomAgentState): void;
  /** Sent as text stream on `lk.transcription`, in the speaker's name, and as the older transcription event. */
  transcript(line: RoomTranscript): void;
  /** A line of chat by the agent, on `lk.chat`. */
  chat(text: string): void;
  /** A key for SIP participants; false for what is no key. */
  sendDigit(digit: string): boolean;
  /** A data packet to everybody, as UTF-8. */
  sendData(text: string): void;
  quality(): RoomQuality;
  /** The agent leaves, in order, within 5 s; where that cannot be had its worker gets no more rooms, and ends with its last. Idempotent. */
  close(why: string): Promise<void>;
}

/** One process of the pool, as it is now. */
export interface RoomWorker {
  readonly pid: number;
  readonly state: 'starting' | 'serving' | 'draining';
  /** Rooms now, and since it was started. */
  readonly rooms: number;
  readonly served: number;
  /** Bytes; undefined where the system does not say. */
  readonly rss: number | undefined;
  readonly threads: number | undefined;
}

/** Why a worker was replaced. */
export type Replaced =
  /** It had as many rooms as one may have, or too much memory, or too many threads. */
  | 'served'
  | 'memory'
  | 'threads'
  /** Its library went wrong, or a room of it could not be left. */
  | 'faulty'
  /** It ended by itself. */
  | 'died'
  /** It did not answer any more. */
  | 'killed';

export interface RoomsStats {
  readonly workers: readonly RoomWorker[];
  readonly rooms: number;
  /** Workers that were replaced, by why, since the start. */
  readonly replaced: Readonly<Record<Replaced, number>>;
}

/** Makes the connections to rooms. */
export interface Rooms {
  /**
   * Whether rooms can be had on this machine: resolves when a first worker serves. Rejects with LIVEKIT_UNAVAILABLE where the library cannot be
   * loaded, with LIVEKIT_WORKER_FAILED when the worker cannot be started. Asked once at the start; `join` does not need it.
   */
  ready(): Promise<void>;
  /**
   * Resolves when the agent is in the room, its track is published and everybody there was told of. Rejects with LIVEKIT_UNREACHABLE (no answer
   * within `connectMs`), LIVEKIT_REFUSED (the server answers, and refuses), LIVEKIT_UNAVAILABLE, LIVEKIT_WORKER_FAILED, or the signal's reason.
   */
  join(options: JoinRoom, handlers: RoomHandlers): Promise<RoomConnection>;
  stats(): RoomsStats;
  /** Closes the rooms and ends the workers, within 6 s. Idempotent, never rejects. */
  close(): Promise<void>;
}
