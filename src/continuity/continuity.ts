import type { CarrierCall } from '../call/carrier-call.ts';
import type { Clock, Timer } from '../call/clock.ts';
import type { CallEvent, CallObserver } from '../call/events.ts';
import type { CallInfo } from '../call/info.ts';
import { newestSaid, type Said } from '../call/said.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import { type KeptCall, KeptCalls, WORDS_MS } from './kept-calls.ts';

/** What is said is kept this often at most, and only where it changed, ms: it is what the death of this process costs of a conversation. */
const EVERY_MS = 5_000;
/** What comes within this time is kept together, ms: a tool's call and its result, the end of a turn and the next. */
const GATHER_MS = 250;
/** A call in which nothing is said keeps its words by being told again, ms. */
const RENEW_MS = WORDS_MS * 0.4;
/** A call can be gone on with so often: one that kills whoever has it must not go through the whole fleet. */
const LIVES_MOST = 2;

/** Events after which more was said or done than before. */
const isNews = (event: CallEvent): boolean => {
  if (event.type === 'tool') return event.event.type === 'tool_finished';
  if (event.type === 'caller') return event.event.type === 'text' || event.event.type === 'dtmf';
  if (event.type !== 'agent') return false;
  const { type } = event.event;
  return type === 'tool_call' || type === 'truncated' || (type === 'transcript' && event.event.final);
};

export interface ContinuityOptions {
  readonly memory: ProcessMemory;
  /** The id of this instance. */
  readonly self: string;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  /** What was said and done in a call of this process; undefined where its agent cannot tell. */
  readonly said: (callId: string) => readonly Said[] | undefined;
  /** The memory did not take something; nothing depends on it but what is known of the call elsewhere. */
  readonly failed: (error: unknown) => void;
}

interface Watched<Brought> {
  readonly call: CarrierCall;
  readonly kept: KeptCall<Brought>;
  joined: boolean;
  timer: Timer | undefined;
  /** Whether the timer is one that keeps news. */
  fresh: boolean;
  keptAt: number;
  words: string;
}

/** A call that another instance had, and that this one goes on with. */
export interface TakenUp<Brought> {
  /** Our id of it before. */
  readonly before: string;
  /** How many instances had it. */
  readonly lives: number;
  readonly brought: Brought;
  readonly said: readonly Said[];
  /** It came to nothing here: another may take it up. Never rejects. */
  giveBack(): Promise<void>;
}

/** `next`: it is over, or may not be gone on with. `taken`: an instance that lives has it, or has just taken it up. Undefined: nobody knows it. */
export type WhatIsKept<Brought> = TakenUp<Brought> | { readonly next: 'hangup' | 'apology' } | 'taken' | undefined;

/**
 * Has other instances know what is said in the calls of this one, so that a caller whom the carrier brings back after the death of this process goes on
 * where he was; and takes up the calls of others that died. Only what a carrier brings back is kept, from when its caller is on the line.
 */
export class Continuity<Brought> implements CallObserver {
  readonly #o: ContinuityOptions;
  readonly #all: KeptCalls<Brought>;
  readonly #watched = new Map<string, Watched<Brought>>();

  constructor(options: ContinuityOptions) {
    this.#o = options;
    this.#all = new KeptCalls(options.memory);
    options.memory.onState((state) => {
      if (state === 'here') this.#keepAnew();
    });
  }

  /** A call of this process begins; `brought` is what it was brought with, `lives` how many instances had it before. One that no carrier has cannot come back. */
  begun({ id, carrier = '', accountId = '', carrierCallId }: CallInfo, brought: Brought, lives = 0): void {
    if (carrierCallId === undefined) return;
    this.#watched.set(id, {
      call: { carrier, accountId, carrierCallId },
      kept: { callId: id, instance: this.#o.self, lives, brought },
      joined: false,
      timer: undefined,
      fresh: false,
      keptAt: Number.NEGATIVE_INFINITY,
      words: '',
    });
  }

  onEvent(callId: string, event: CallEvent): void {
    const watched = this.#watched.get(callId);
    if (watched === undefined) return;
    if (event.type === 'caller_joined' && !watched.joined) {
      watched.joined = true;
      this.#try(this.#all.keep(watched.call, watched.kept));
      // One that was taken up is known here under another id than before.
      if (watched.kept.lives > 0) this.#news(watched);
    } else if (watched.joined && isNews(event)) this.#news(watched);
    else if (event.type === 'call_ended') watched.timer?.cancel();
    // Whoever goes on with it keeps it from now on.
    else if (event.type === 'call_moved') this.#watched.delete(callId);
  }

  /** A call is over; `next`: what its caller gets whose carrier asks. */
  ended(callId: string, next: 'hangup' | 'apology'): void {
    const watched = this.#watched.get(callId);
    this.#watched.delete(callId);
    watched?.timer?.cancel();
    if (watched?.joined !== true) return;
    this.#try(this.#all.change(watched.call, watched.kept, { ...watched.kept, next }));
    if (watched.words !== '') this.#try(this.#all.forgetSaid(callId));
  }

  /**
   * Takes up a call that this process does not have, as the call `callId`, from an instance of which `isGone` says that it is gone, or cannot be reached.
   * Of all who try at once one does. Rejects where the memory cannot be asked.
   */
  async takeUp(
    call: CarrierCall,
    callId: string,
    isGone: (instance: string) => Promise<boolean>,
  ): Promise<WhatIsKept<Brought>> {
    const was = await this.#all.find(call);
    if (was === undefined) return undefined;
    const { next, lives, callId: before, brought, instance } = was;
    if (next !== undefined) return { next };
    if (!(await isGone(instance))) return 'taken';
    if (lives >= LIVES_MOST) return { next: 'apology' };
    const now: KeptCall<Brought> = { callId, instance: this.#o.self, lives: lives + 1, brought };
    if (!(await this.#all.change(call, was, now))) return 'taken';
    return {
      before,
      lives: now.lives,
      brought,
      // Without its words the call goes on all the same, as one that has just begun.
      said: await this.#all.said(before).catch(() => []),
      giveBack: async () => {
        await this.#all.change(call, now, was).catch(this.#o.failed);
      },
    };
  }

  /** What was kept last of what was said in a call of another instance. Rejects where the memory cannot be asked. */
  said(callId: string): Promise<readonly Said[]> {
    return this.#all.said(callId);
  }

  /** The memory was away, and may have lost what it held. */
  #keepAnew(): void {
    for (const watched of this.#watched.values()) {
      if (!watched.joined) continue;
      this.#try(this.#all.keepAnew(watched.call, watched.kept));
      watched.words = '';
      this.#news(watched);
    }
  }

  #news(watched: Watched<Brought>): void {
    if (watched.fresh) return;
    const { clock } = this.#o;
    watched.timer?.cancel();
    watched.fresh = true;
    const wait = Math.max(GATHER_MS, watched.keptAt + EVERY_MS - clock.now());
    watched.timer = clock.after(wait, () => this.#keep(watched));
  }

  #keep(watched: Watched<Brought>): void {
    const { clock, said } = this.#o;
    const { callId } = watched.kept;
    watched.fresh = false;
    watched.timer = clock.after(RENEW_MS, () => {
      watched.words = '';
      this.#keep(watched);
    });
    const words = newestSaid(said(callId) ?? []);
    const text = JSON.stringify(words);
    if (words.length === 0 || text === watched.words) return;
    watched.words = text;
    watched.keptAt = clock.now();
    this.#try(this.#all.keepSaid(callId, words), () => {
      // What was not taken is news still, with the next word or when it is renewed.
      watched.words = '';
    });
  }

  #try(doing: Promise<unknown>, failed?: () => void): void {
    doing.catch((error: unknown) => {
      failed?.();
      this.#o.failed(error);
    });
  }
}
