import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { CallingState, Heard, RingingTone } from '../../call/events.ts';
import type { Log, PathSample, ToolResult } from '../../call/leg.ts';
import type { Ticker } from '../../call/ticker.ts';
import type { BridgeError } from '../../errors.ts';
import { openSocket, type Socket, type SocketHandlers } from '../../transport/socket.ts';
import { socketError } from '../common/socket-error.ts';

/**
 * The port of agents that are reached over one connection (a WebSocket, a peer, a room), with audio in both directions and messages beside it. A kind of them opens sessions and reads
 * its far end's messages; the life of the leg, what is an answer of the agent's and what of it is dropped are the same for all (`leg.ts`).
 */

/** What a far end tells, in the terms of a call. None of these throws. */
export interface StreamTold {
  /** Before it is ready: somebody is being called who is to answer. */
  calling(state: CallingState, tone: RingingTone): void;
  /** It can hear and speak; what it tells from now on is kept until its session is in our hands. `sessionId`: as the provider calls the call, where it says so. `transport`: what carries it, where a kind has several. */
  ready(sessionId: string, transport?: string): void;
  /** Decoded audio at the leg's rate; borrowed. */
  audio(samples: Int16Array): void;
  /** Audio of an answer that the far end itself cut off, so many ms: it is not for the caller. */
  late(ms: number): void;
  /** An answer begins. Far ends that do not tell are heard: what sounds is an answer. */
  answerStarted(id?: string): void;
  /** An answer is there, or is coming, says a far end that does not tell when it ends. */
  answerComes(): void;
  /** All of it was sent. */
  answerEnded(): void;
  /** The caller speaks: a fact, which stops nothing by itself. Over the agent's words it may be a backchannel. */
  callerSpeaks(): void;
  /** The caller's turn is over. */
  callerStops(): void;
  /** The agent gives way to the caller: what it sent and nobody heard yet is void. */
  interrupted(): void;
  /** The agent has fallen silent by itself while the caller speaks; what it said before is heard to its end, and it may go on at any moment. */
  yielded(): void;
  /** A key was pressed at its end. */
  key(digit: string, durationMs?: number): void;
  /** As the call's `transcript`; an agent's words without an id are those of its answer. */
  transcript(role: 'caller' | 'agent', text: string, final: boolean, id?: string): void;
  toolCall(call: { readonly id: string; readonly name: string; readonly arguments: string }): void;
  /** The caller has been waiting so long for an answer, ms, says the far end. */
  delayed(waitedMs: number): void;
  /** An error that does not end the session. `code`: a word of the provider's. */
  problem(code: string, message: string): void;
  /** The agent hung up, as agents may. */
  hungUp(detail?: string): void;
  /** The session is over, and not as it should be. */
  lost(error: BridgeError): void;
  /** A message that cannot be read, or is none that is known. `what` in words, without anything that was said. */
  unreadable(what: string): void;
  unknown(type: string): void;
}

/** A session with a far end. After `close` it neither sends nor tells. */
export interface StreamSession {
  /** The caller's audio: one frame at the leg's input rate; borrowed. */
  audio(samples: Int16Array): void;
  /** The caller cut in: by speech, which it may have heard itself, by a key or a typed turn. Left out where it takes no such word. */
  interrupt?(heard: readonly Heard[]): void;
  sendText?(text: string): void;
  note?(text: string): void;
  /** Plays a key. */
  key?(digit: string): void;
  respond?(instructions: string): void;
  submitToolResult?(result: ToolResult): void;
  /** As an agent's. */
  path?(): Promise<PathSample | undefined>;
  /** Says goodbye and lets go. Waits for nobody. */
  close(): void;
}

/** What a session is opened with. */
export interface OpenContext {
  readonly callId: string;
  readonly clock: Clock;
  readonly count: Count;
  readonly log: Log;
  readonly ticker: Ticker;
  /** Aborts when nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** When it has to be there, ms of the clock. */
  readonly deadline: number;
}

/** Where a far end waits. All of it may be a secret. */
export interface StreamAddress {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

/** The way to a far end, as sessions need it. */
export type StreamWire = Pick<Socket, 'send' | 'sendUtf8' | 'sendBinary' | 'bufferedBytes' | 'close' | 'terminate'>;

/** Opens the way. Rejects with MODEL_AUTH, MODEL_QUOTA, MODEL_RATE_LIMITED, MODEL_UNAVAILABLE, MODEL_REJECTED, MODEL_TIMEOUT, or the signal's reason. */
export type ConnectStream = (
  address: StreamAddress,
  handlers: SocketHandlers,
  context: OpenContext,
) => Promise<StreamWire>;

/** Some seconds of audio at 48 kHz in base64, and what stands around it. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Two pings without a pong end a line that is dead without saying so. */
const PING_INTERVAL_MS = 5_000;
/** One try may take so long, ms: there is time for another within what a caller waits. */
const CONNECT_MS = 4_000;

export const connectStream: ConnectStream = async (address, handlers, { clock, signal, deadline }) => {
  try {
    return await openSocket(address.url, handlers, {
      headers: { ...address.headers },
      protocols: [...(address.protocols ?? [])],
      maxMessageBytes: MAX_MESSAGE_BYTES,
      pingIntervalMs: PING_INTERVAL_MS,
      connectTimeoutMs: Math.max(1, Math.min(CONNECT_MS, deadline - clock.now())),
      signal,
      clock,
    });
  } catch (error) {
    throw socketError(error);
  }
};
