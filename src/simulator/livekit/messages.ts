/** What goes between a process that makes people up and the process in which they are in rooms. Everything is plain data. */

import type { StreamReport } from '../phone/stream-report.ts';
import type { Happening } from '../phone/timeline.ts';
import type { Tape } from './tape.ts';

/** Rate of all that people say and hear, Hz. */
export const RATE = 24_000;

/** What somebody says: samples at `RATE`, over and over where they are endless. */
export interface Words {
  readonly name: string;
  readonly samples: Int16Array;
  readonly isEndless: boolean;
}

export interface PersonOptions {
  readonly url: string;
  /** Says who it is and which room; used again where the person comes back by itself. */
  readonly token: string;
  /** When its call began, ms since the epoch: what its times are counted from. */
  readonly originMs: number;
  readonly words: Words;
  readonly microphone: 'live' | 'muted' | 'none';
  /** Hears the agents alone when true, as everybody does to whom only the agent matters; else nobody. */
  readonly listens: boolean;
  /** Joins again, with the same token, when the room was lost and not left. */
  readonly comesBack: boolean;
  /** Keeps both sides of what is said and heard for `recording`, 96 KB a second: who stays for hours does without. */
  readonly keepsRecording: boolean;
  /** Keeps what the library gives out of the agent's track, with when it came, for `tape`. */
  readonly keepsTape?: boolean | undefined;
  /** See `HabitOptions`. */
  readonly digits?: { readonly keys: string; readonly atMs: number } | undefined;
  readonly interruptAtMs?: number | undefined;
  readonly hangUpWhenQuietMs?: number | undefined;
}

/** A text stream on the topic of transcripts that is complete. https://docs.livekit.io/agents/build/text/ */
export interface TranscriptLine {
  /** Who spoke. */
  readonly identity: string;
  readonly text: string;
  readonly segmentId: string;
  readonly trackId: string;
  readonly isFinal: boolean;
}

/** Another participant, as the person sees it. */
export interface Seen {
  readonly identity: string;
  readonly name: string;
  readonly isAgent: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a person tells without being asked. Times are ms since the call began. */
export type PersonEvent =
  | { readonly what: 'happened'; readonly atMs: number; readonly kind: Happening; readonly text: string }
  | { readonly what: 'transcript'; readonly atMs: number; readonly line: TranscriptLine }
  | { readonly what: 'chat'; readonly atMs: number; readonly identity: string; readonly text: string }
  | { readonly what: 'agent-state'; readonly atMs: number; readonly state: string }
  | { readonly what: 'digit'; readonly atMs: number; readonly identity: string; readonly digit: string }
  | { readonly what: 'came'; readonly atMs: number; readonly seen: Seen }
  | { readonly what: 'left'; readonly atMs: number; readonly seen: Seen }
  | { readonly what: 'link'; readonly atMs: number; readonly state: 'reconnecting' | 'reconnected' | 'rejoined' }
  /** The person is out of the room for good. `reason`: as the library names it. */
  | { readonly what: 'gone'; readonly atMs: number; readonly reason: string };

export interface Joined {
  readonly identity: string;
  readonly room: string;
}

/** Both sides of what a person heard and said, at `RATE`; the first sample belongs to `originMs`. */
export interface Recording {
  readonly said: Int16Array;
  readonly heard: Int16Array;
}

/** What a person can be told to do. Each rejects where the room, or the library, would not have it. */
export interface PersonControls {
  join(): Promise<Joined>;
  /** Says this now, before anything else. */
  say(words: Words): Promise<void>;
  mute(isMuted: boolean): Promise<void>;
  /** Takes the microphone out of the room, or brings it back. */
  publish(isPublished: boolean): Promise<void>;
  /** Presses keys one after the other: 0-9 * # A-D. */
  press(keys: string): Promise<void>;
  /** Writes a line of chat. */
  chat(text: string): Promise<void>;
  seen(): Promise<Seen[]>;
  /** Empty unless it is kept. */
  recording(): Promise<Recording>;
  /** Empty unless it is kept. */
  tape(): Promise<Tape>;
  /** What was measured; complete once the person has left. */
  report(): Promise<StreamReport>;
  leave(): Promise<void>;
}

export type Method = keyof PersonControls;
export const METHODS: readonly Method[] = [
  'join',
  'say',
  'mute',
  'publish',
  'press',
  'chat',
  'seen',
  'recording',
  'tape',
  'report',
  'leave',
];

/** To the process: a person is made of its options, then asked by method. */
export type Request =
  | { readonly call: number; readonly person: number; readonly make: PersonOptions }
  | { readonly call: number; readonly person: number; readonly method: Method; readonly args: readonly unknown[] };

/** From it. */
export type Reply =
  | { readonly ready: true }
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: string }
  | { readonly person: number; readonly event: PersonEvent };
