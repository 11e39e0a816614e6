import type { Timer } from '../../call/clock.ts';
import { BridgeError, errorMessage } from '../../errors.ts';
import { jsonObject } from '../../transport/http.ts';
import { backoffMs } from '../../transport/retry.ts';
import { openSocket, type Socket } from '../../transport/socket.ts';
import type { OpenContext, StreamTold } from '../stream/session.ts';
import type { RetellAccount } from './api.ts';
import { TranscriptFollower } from './transcript.ts';

/**
 * The words of a call while it goes on, by a WebSocket beside it. A call without them is a call all the same.
 * https://docs.retellai.com/api-references/monitor-call-websocket
 */

/** The call is not live yet, says the far end: it may be asked again. */
const NOT_LIVE = 4_004;
/** The call is over, and so it is when it closes without a complaint. */
const OVER: readonly number[] = [1_000, 4_010];
/** Answers to a key that is not taken: it is not offered again. */
const REFUSED: readonly unknown[] = [401, 403];
/** Before the first other try, ms, and at most; a call that was only just made is asked for so often without growing pauses. */
const AGAIN_MS = 1_000;
const MOST_PAUSE_MS = 15_000;
const NOT_LIVE_TRIES = 15;
/** An hour's conversation. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

export type OpenMonitorSocket = typeof openSocket;

export class Monitor {
  readonly #url: string;
  readonly #key: string;
  readonly #told: Pick<StreamTold, 'transcript' | 'unreadable' | 'unknown'>;
  readonly #context: OpenContext;
  readonly #open: OpenMonitorSocket;
  readonly #random: () => number;
  readonly #abort = new AbortController();
  readonly #follower: TranscriptFollower;
  #socket: Socket | undefined;
  #again: Timer | undefined;
  /** Since it was last followed, with the one by which it was. */
  #tries = 0;
  #isMissed = false;
  #over = false;

  constructor(
    { apiUrl, apiKey }: RetellAccount,
    callId: string,
    told: Pick<StreamTold, 'transcript' | 'unreadable' | 'unknown'>,
    context: OpenContext,
    open: OpenMonitorSocket = openSocket,
    random: () => number = Math.random,
  ) {
    this.#url = `${apiUrl.replace(/^http/, 'ws')}/v2/monitor-call/${callId}`;
    this.#key = apiKey;
    this.#told = told;
    this.#context = context;
    this.#open = open;
    this.#random = random;
    this.#follower = new TranscriptFollower(told, { clock: context.clock, isWhole: true });
  }

  /** Follows the call until it is over. Never throws. */
  start(): void {
    void this.#try();
  }

  /** The call is over: what was said last is whole. */
  end(): void {
    if (!this.#over) this.#follower.end();
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#again?.cancel();
    this.#follower.close();
    this.#abort.abort(new Error('the call is over'));
    this.#socket?.close(1000);
  }

  async #try(): Promise<void> {
    this.#tries++;
    const { clock, log } = this.#context;
    const handlers = {
      text: (data: Buffer) => this.#take(data),
      binary: () => this.#told.unreadable('the transcript had a binary message'),
      close: (code: number) => this.#closed(code),
    };
    try {
      const socket = await this.#open(this.#url, handlers, {
        // The name of the scheme first, the key behind it.
        protocols: ['bearer', this.#key],
        maxMessageBytes: MAX_MESSAGE_BYTES,
        pingIntervalMs: 20_000,
        connectTimeoutMs: 4_000,
        clock,
        signal: this.#abort.signal,
      });
      if (this.#over) socket.close(1000);
      else this.#socket = socket;
    } catch (error) {
      if (this.#over) return;
      const reason = errorMessage(error);
      if (error instanceof BridgeError && REFUSED.includes(error.status))
        log.warn({ reason }, "the agent's transcript cannot be had");
      else this.#later(reason);
    }
  }

  #closed(code: number): void {
    this.#socket = undefined;
    if (this.#over) return;
    if (OVER.includes(code)) this.#follower.end();
    else if (code === NOT_LIVE && this.#tries <= NOT_LIVE_TRIES) this.#after(AGAIN_MS);
    else this.#later(`closed with ${code}`);
  }

  /** The call goes on without its words, and they are tried for as long as it does: the next list has what was missed. */
  #later(reason: string): void {
    if (!this.#isMissed) this.#context.log.warn({ reason }, "the agent's transcript broke off, and is tried for again");
    this.#isMissed = true;
    this.#after(Math.min(MOST_PAUSE_MS, backoffMs(AGAIN_MS, this.#tries, this.#random)));
  }

  #after(ms: number): void {
    this.#again = this.#context.clock.after(ms, () => void this.#try());
  }

  #take(data: Buffer): void {
    if (this.#over) return;
    const message = jsonObject(data);
    switch (message?.['type']) {
      case 'transcript_snapshot':
        this.#tries = 1;
        this.#isMissed = false;
        this.#follower.take(message?.['transcripts']);
        return;
      case 'transcript_updated':
        this.#follower.take(message?.['transcripts']);
        return;
      case 'call_ended':
        this.#follower.end();
        return;
      case undefined:
        this.#told.unreadable('a message of the transcript could not be read');
        return;
      default:
        // Tools and steps of a flow are told here, too.
        this.#told.unknown(String(message?.['type']));
    }
  }
}
