import { z } from 'zod';
import { TokenBucket } from '../admission/token-bucket.ts';
import type { Clock } from '../call/clock.ts';
import { OPERATOR_RATE, type OperatorLine, type OperatorVoice } from '../call/operator-line.ts';
import type { CallEars } from './call-ears.ts';
import type { Takeovers, TellingCall } from './takeovers.ts';

/** One operator on one call: hears it, and may speak. */

/** What is needed of the call. */
export interface ListenedCall extends TellingCall {
  readonly info: { readonly id: string };
  readonly state: 'waiting' | 'joined' | 'held' | 'away' | 'leaving' | 'ended';
  readonly operators: Pick<OperatorLine, 'speak' | 'listens' | 'speaking'>;
}

/** Where what the operator is told goes. None of it may throw. */
export interface Outlet {
  /** 16-bit stereo, 20 ms. */
  audio(block: Uint8Array): void;
  tell(message: SessionMessage): void;
  /** Nothing comes any more. */
  end(reason: string): void;
}

export const MODES = ['listen', 'whisper', 'takeover'] as const;
export type Mode = (typeof MODES)[number];

/** What an operator is told, as JSON. */
export type SessionMessage =
  | { readonly kind: 'hello'; readonly rate: number; readonly channels: 2; readonly announced: boolean }
  /** Whom the operator's voice reaches from now on: nobody, the agent, the caller. `announced`: whether the caller, who was to be told of it, has heard that. */
  | { readonly kind: 'mode'; readonly mode: Mode; readonly announced?: boolean }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

export interface SessionOptions {
  readonly call: ListenedCall;
  /** The operator's name. */
  readonly by: string;
  readonly ears: Pick<CallEars, 'listen'>;
  readonly outlet: Outlet;
  readonly clock: Pick<Clock, 'now'>;
  /** The caller was told that somebody listens. */
  readonly announced: boolean;
  readonly takeoverNotice: string | undefined;
  /** Those of all sessions. */
  readonly takeovers: Takeovers;
  /** The voice reaches somebody now, or no longer. `untold`: the caller was to be told of it, and could not be. */
  readonly did: (mode: Mode, untold: boolean) => void;
  /** What an order broke by: the operator's line ends of it, and nothing else. It must not throw. */
  readonly broke: (error: unknown) => void;
}

/** How long the agent may take to tell the caller, ms: a notice that he speaks over is said again, behind what he speaks over it. */
export const NOTICE_MS = 30_000;
/** A microphone is as fast as time; what comes at once after a stall of the network, ms. */
const BURST_MS = 500;
/** Longest message with audio, bytes: 200 ms. */
export const VOICE_MOST_BYTES = (OPERATOR_RATE * 2 * 200) / 1000;
/** Orders that may come at once, and again in a second: each may be an answer of the agent's, an event in the record and a line in the audit log. */
const ORDERS_BURST = 20;
const ORDERS_PER_SECOND = 2;

const order = z.strictObject({ mode: z.enum(MODES) });

export class Session {
  readonly #o: SessionOptions;
  readonly #stop: () => void;
  readonly #listenEnds: () => void;
  #voice: OperatorVoice | undefined;
  readonly #orders: TokenBucket;
  /** What is to be once the caller was told; undefined: nothing waits for that. */
  #pending: Mode | undefined;
  #over = false;
  /** So much audio may come, ms. */
  #budgetMs = BURST_MS;
  #budgetAt: number;

  constructor(options: SessionOptions) {
    const { call, by, ears, outlet, clock, announced } = options;
    this.#o = options;
    this.#budgetAt = clock.now();
    this.#orders = new TokenBucket(ORDERS_PER_SECOND, ORDERS_BURST, clock.now());
    outlet.tell({ kind: 'hello', rate: OPERATOR_RATE, channels: 2, announced });
    this.#listenEnds = call.operators.listens(by, announced);
    const stop = ears.listen(
      call.info.id,
      (block) => {
        this.#look();
        outlet.audio(block);
      },
      () => this.#finish('call-ended'),
    );
    this.#stop = stop ?? (() => {});
    // It ended while who listens was looked up, or its caller told: nothing else would say so.
    if (stop === undefined) this.#finish('call-ended');
  }

  /** What the operator asks for, as JSON. Whoever sends more than a person can mean is put out. */
  text(message: string): void {
    if (this.#over) return;
    if (this.#orders.take(this.#o.clock.now()) > 0) {
      this.#finish('too-many-messages');
      return;
    }
    let asked: { mode: Mode };
    try {
      asked = order.parse(JSON.parse(message));
    } catch {
      this.#refuse('REQUEST_INVALID', 'the message is no {"mode": "listen" | "whisper" | "takeover"}');
      return;
    }
    this.#change(asked.mode).catch((error: unknown) => {
      this.#o.broke(error);
      this.#finish('internal');
    });
  }

  /** The operator's voice: 16-bit mono at `OPERATOR_RATE`, little-endian. What comes faster than time is dropped, and so is what nobody is to hear. */
  audio(bytes: Uint8Array): void {
    if (this.#voice === undefined || bytes.length % 2 !== 0 || bytes.length > VOICE_MOST_BYTES) return;
    const samples = new Int16Array(bytes.length / 2);
    new Uint8Array(samples.buffer).set(bytes);
    const now = this.#o.clock.now();
    this.#budgetMs = Math.min(BURST_MS, this.#budgetMs + now - this.#budgetAt);
    this.#budgetAt = now;
    const ms = (samples.length * 1000) / OPERATOR_RATE;
    if (ms > this.#budgetMs) return;
    this.#budgetMs -= ms;
    this.#voice.write({ samples, sampleRate: OPERATOR_RATE });
  }

  /** The operator is gone: what he said ends, and the agent has the caller again. Idempotent. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stop();
    this.#quiet();
    this.#listenEnds();
  }

  async #change(mode: Mode): Promise<void> {
    const { call, by, takeoverNotice, takeovers } = this.#o;
    if (this.#pending === mode || (this.#voice?.mode === mode && !this.#voice.ended)) return;
    this.#quiet();
    if (mode === 'listen') {
      this.#tellMode('listen');
      return;
    }
    if (call.state !== 'joined') {
      this.#refuse('CALL_NOT_ANSWERED', 'nobody is on the line at the moment');
      return;
    }
    // The caller has been promised somebody else, who would find the line taken.
    if (takeovers.isTaken(call, this)) {
      this.#refuse('OPERATOR_BUSY', 'another operator is about to speak on this call');
      return;
    }
    let announced: boolean | undefined;
    if (mode === 'takeover' && takeoverNotice !== undefined && call.operators.speaking === undefined) {
      this.#pending = mode;
      announced = await takeovers.take(call, this, takeoverNotice, NOTICE_MS);
      // Meanwhile the operator may have thought better of it, or gone, or the call may have ended.
      if (this.#over || this.#pending !== mode) return;
      this.#leave();
    }
    const voice = call.state === 'joined' ? call.operators.speak(by, mode, announced === true) : undefined;
    if (voice === undefined) {
      if (call.state === 'joined') this.#refuse('OPERATOR_BUSY', 'another operator speaks on this call');
      else this.#refuse('CALL_NOT_ANSWERED', 'nobody is on the line at the moment');
      return;
    }
    this.#voice = voice;
    this.#tellMode(mode, announced);
  }

  /** Something else ended the voice: the daemon needs the agent. */
  #look(): void {
    if (this.#voice?.ended !== true) return;
    this.#voice = undefined;
    this.#tellMode('listen');
  }

  /** Nothing waits for the caller to be told any more. */
  #leave(): void {
    this.#pending = undefined;
    this.#o.takeovers.leave(this.#o.call, this);
  }

  #quiet(): void {
    this.#leave();
    this.#voice?.end();
    this.#voice = undefined;
  }

  #tellMode(mode: Mode, announced?: boolean): void {
    this.#o.did(mode, announced === false);
    this.#o.outlet.tell({ kind: 'mode', mode, ...(announced === undefined ? {} : { announced }) });
  }

  #refuse(code: string, message: string): void {
    this.#o.outlet.tell({ kind: 'refused', code, message });
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.close();
    this.#o.outlet.end(reason);
  }
}
