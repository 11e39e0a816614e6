import type { PcmFrame } from '../media/frame.ts';
import { Call } from './call.ts';
import { type CarrierCall, carrierCallKey } from './carrier-call.ts';
import { delay } from './clock.ts';
import type { CallDeps } from './deps.ts';
import type { CallEvent } from './events.ts';
import type { CallInfo } from './info.ts';
import type { AgentLeg, CallerLeg } from './leg.ts';
import { notify } from './observers.ts';
import { RunLimit } from './run-limit.ts';
import { isFailure, type Termination, termination } from './termination.ts';
import type { ToolsFactory } from './tools.ts';
import type { TransferEnd } from './transfer.ts';

/** How long the end of a call is remembered, for the carrier's question what comes next, ms. */
const REMEMBER_MS = 600_000;
const REMEMBER_MOST = 10_000;
/** How long the stream of a call that is over at the carrier may take to end by itself, ms: what it still carries is the call's last words. */
const STREAM_END_MS = 2_000;
/** How often it is looked whether a stream has ended, ms. */
const LOOK_MS = 20;
/** A transfer that is cut off within seconds helps nobody, ms. */
const TRANSFER_LEAST_MS = 60_000;
/** A stream that breaks again and again will not hold the next time either; one that holds for so long in between may, ms. */
const REATTACH_MOST = 3;
const REATTACH_FORGIVEN_MS = 300_000;

/** What a carrier should do with a caller whose media stream ended. */
export type Continuation =
  | { readonly next: 'reattach'; readonly callId: string }
  /** `seconds`: how long that may last; `n`: which of the call's transfers it is, where he can come back from it. */
  | { readonly next: 'transfer'; readonly to: string; readonly seconds: number; readonly n?: number }
  | { readonly next: 'hangup' | 'apology' };

interface Transfer {
  /** E.164. */
  readonly to: string;
  /** When it must be over, monotonic ms. */
  readonly latest: number;
  readonly n: number;
}

/** What a carrier tells of a number that it dialled for a caller. */
export interface DialReport {
  /** Which of the call's transfers. */
  readonly n: number;
  readonly how: TransferEnd;
  /** The caller has hung up. */
  readonly gone: boolean;
  /** How long the talk was. */
  readonly seconds?: number | undefined;
}

export interface CallsDeps extends CallDeps {
  /** A call is over and forgotten here; told of each, once. Must not throw. */
  readonly ended?: (call: Call, end: Termination) => void;
}

/** The calls of this process, by our id and by carrier, account and the carrier's id. */
export class Calls {
  readonly #deps: CallsDeps;
  readonly #calls = new Map<string, Call>();
  readonly #byCarrier = new Map<string, Call>();
  readonly #reattached = new WeakMap<Call, RunLimit>();
  /** When each call has lasted as long as any may, monotonic ms. */
  readonly #latest = new WeakMap<Call, number>();
  readonly #ended = new Map<string, { next: 'hangup' | 'apology'; transfer: Transfer | undefined; at: number }>();
  /** Carriers' calls that are over there, and since when: the news can overtake the making of the call it is about. */
  readonly #gone = new Map<string, number>();

  constructor(deps: CallsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#calls.size;
  }

  get(id: string): Call | undefined {
    return this.#calls.get(id);
  }

  [Symbol.iterator](): IterableIterator<Call> {
    return this.#calls.values();
  }

  /** Makes a call and starts its agent. The caller's leg comes with `join`. `apology`: its own, where it has one. */
  create(info: CallInfo, agent: AgentLeg, tools?: ToolsFactory, apology?: PcmFrame): Call {
    const deps = apology === undefined ? this.#deps : { ...this.#deps, apology };
    const call = new Call(info, agent, deps, tools);
    this.#calls.set(info.id, call);
    this.#latest.set(call, this.#deps.clock.now() + this.#deps.limits.maxMs);
    const key = keyOf(info);
    if (key !== undefined) this.#byCarrier.set(key, call);
    void call.done.then((end) => {
      this.#forget(call, end);
      if (end.reason !== 'moved') this.#deps.ended?.(call, end);
    });
    call.start();
    if (key !== undefined && this.#gone.has(key)) void call.end(termination('caller-hangup'));
    return call;
  }

  /**
   * A call that came and was not taken leaves its record, too, where its kind of caller wants one of each. Nothing is started for it, and it is
   * over when this returns.
   */
  turnedAway(info: CallInfo, end: Termination): void {
    const { observers, clock, count } = this.#deps;
    const log = this.#deps.log.child({ callId: info.id });
    const told = (event: CallEvent) => notify(observers, info.id, event, log, (counter) => count?.(counter));
    told({ type: 'call_started', at: clock.wall(), direction: info.direction, info });
    log.info({ ...end }, 'a call was not taken');
    told({ type: 'call_ended', end, durationMs: 0, counters: {} });
  }

  /**
   * The carrier says that its call is over: nobody comes, or comes back, so the model's session is not kept for him. A stream that is open
   * has a moment to end by itself, since its own word says more.
   */
  carrierEnded(ended: CarrierCall): void {
    const { clock } = this.#deps;
    const now = clock.now();
    const key = carrierCallKey(ended);
    this.#gone.set(key, now);
    trim(this.#gone, (at) => now - at);
    const call = this.#byCarrier.get(key);
    if (call === undefined) return;
    const end = () => void call.end(termination('caller-hangup'));
    if (call.state === 'waiting' || call.state === 'held') end();
    else {
      // Whoever was being connected to another number has talked to somebody, unless the carrier says otherwise.
      const away = () => void call.end(termination('transferred'));
      const late = clock.after(STREAM_END_MS, call.state === 'away' ? away : end);
      void call.done.then(() => late.cancel());
    }
  }

  /** Plugs a caller's leg into its call. False when there is no such call (any more). */
  join(callId: string, leg: CallerLeg): boolean {
    const call = this.#calls.get(callId);
    if (call === undefined || call.state === 'ended') return false;
    call.join(leg);
    return true;
  }

  /**
   * What comes next for the carrier's call, whose stream ended. While the model's session is kept the carrier is asked to
   * come back, a few times at most. A call that nobody knows was lost with its process.
   */
  continuation(asked: CarrierCall): Continuation {
    const key = carrierCallKey(asked);
    const call = this.#byCarrier.get(key);
    const past = call === undefined ? this.#ended.get(key) : undefined;
    const next = call === undefined ? past?.next : nextAfter(call);
    const transfer = call === undefined ? past?.transfer : this.#transferOf(call);
    if (transfer !== undefined)
      return {
        next: 'transfer',
        to: transfer.to,
        seconds: this.#secondsUntil(transfer.latest),
        ...(transfer.n === 0 ? {} : { n: transfer.n }),
      };
    if (next !== undefined) return { next };
    if (call === undefined || !call.reclaimable) return { next: 'apology' };
    return this.#reattach(call);
  }

  /**
   * What comes next for a caller who was to be connected to another number, now that the carrier tells how that ended. One who talked to somebody
   * is done; one who did not goes back to his agent, or gets the apology where that is not there any more. A repetition of older news moves nothing.
   */
  transferEnded(asked: CarrierCall, { n, how, gone, seconds }: DialReport): Continuation {
    const key = carrierCallKey(asked);
    const call = this.#byCarrier.get(key);
    if (call !== undefined) {
      if (call.transferEnded(n, how, gone, seconds)) return back(call);
      const lost = call.ended !== undefined && nextAfter(call) === 'apology';
      return { next: lost && how !== 'completed' ? 'apology' : 'hangup' };
    }
    if (how === 'completed' || gone) return { next: 'hangup' };
    // Either the carrier rang for longer than it was told, or the call was lost with its process: the agent is gone.
    const past = this.#ended.get(key);
    return { next: past === undefined || past.transfer?.n === n ? 'apology' : 'hangup' };
  }

  /**
   * What a carrier means that brings a call again whose stream was open before: a menu in front of us, which has the caller back. `new`: he begins
   * anew; `repeat`: nobody is brought, since he is here, or the call is over at the carrier.
   */
  async again(asked: CarrierCall): Promise<Continuation | { readonly next: 'new' | 'repeat' }> {
    const key = carrierCallKey(asked);
    if (this.#gone.has(key)) return { next: 'repeat' };
    const call = this.#byCarrier.get(key);
    // The carrier may ask before the stream that it ends has told its end.
    if (call !== undefined) await this.#offTheLine(call);
    if (this.#byCarrier.get(key) === undefined) return { next: this.#gone.has(key) ? 'repeat' : 'new' };
    if (call === undefined || (call.state !== 'held' && call.state !== 'away')) return { next: 'repeat' };
    if (!call.reclaimable) return { next: 'apology' };
    return call.state === 'away' ? back(call) : this.#reattach(call);
  }

  /** Resolves when nobody is on the line of this call, or when it has been waited for long enough. */
  async #offTheLine(call: Call): Promise<void> {
    const { clock } = this.#deps;
    const latest = clock.now() + STREAM_END_MS;
    while (
      ['joined', 'leaving', 'ended'].includes(call.state) &&
      this.get(call.info.id) === call &&
      clock.now() < latest
    )
      await delay(clock, LOOK_MS);
  }

  /** Back into the same call, whose line broke: not for ever. */
  #reattach(call: Call): Continuation {
    const limit = this.#reattached.get(call) ?? new RunLimit(REATTACH_MOST, REATTACH_FORGIVEN_MS);
    this.#reattached.set(call, limit);
    if (!limit.take(this.#deps.clock.now())) return { next: 'apology' };
    return back(call);
  }

  /**
   * How long whoever is transferred may talk on, whole seconds: what is left of the longest call, whichever part of it was the agent's, but a
   * minute at least. What a prompt allows its agent is no bound for a talk without it.
   */
  transferSeconds(callId: string): number {
    const call = this.#calls.get(callId);
    return this.#secondsUntil((call && this.#latest.get(call)) ?? 0);
  }

  #secondsUntil(latest: number): number {
    return Math.floor(Math.max(TRANSFER_LEAST_MS, latest - this.#deps.clock.now()) / 1_000);
  }

  #transferOf(call: Call): Transfer | undefined {
    const to = call.transferTo;
    return to === undefined ? undefined : { to, latest: this.#latest.get(call) ?? 0, n: call.transfers };
  }

  /** The call's media came to another instance, which goes on with it. False where there is none (any more). */
  moveTo(callId: string, instance: string): boolean {
    return this.#calls.get(callId)?.moveTo(instance) ?? false;
  }

  /** Whether this process has the carrier's call, or had it a short while ago: else another may have. */
  knows(asked: CarrierCall): boolean {
    const key = carrierCallKey(asked);
    return this.#byCarrier.has(key) || this.#ended.has(key);
  }

  atCarrier(asked: CarrierCall): Call | undefined {
    return this.#byCarrier.get(carrierCallKey(asked));
  }

  /** Ends all calls for one reason; resolves when all are closed. */
  async endAll(end: Termination): Promise<void> {
    await Promise.all([...this.#calls.values()].map((call) => call.end(end)));
  }

  #forget(call: Call, end: Termination): void {
    this.#calls.delete(call.info.id);
    const key = keyOf(call.info);
    if (key === undefined) return;
    if (this.#byCarrier.get(key) === call) this.#byCarrier.delete(key);
    // What comes next for one that moved is the other's to say.
    if (end.reason === 'moved') return;
    const now = this.#deps.clock.now();
    this.#ended.set(key, { next: nextAfter(call) ?? 'apology', transfer: this.#transferOf(call), at: now });
    trim(this.#ended, ({ at }) => now - at);
  }
}

/** The call's key among carriers' calls; undefined where no carrier has it. */
function keyOf({ carrier = '', accountId = '', carrierCallId }: CallInfo): string | undefined {
  return carrierCallId === undefined ? undefined : carrierCallKey({ carrier, accountId, carrierCallId });
}

/** Forgets, oldest first, what is too old or too much. */
function trim<T>(map: Map<string, T>, age: (value: T) => number): void {
  for (const [key, value] of map) {
    if (map.size <= REMEMBER_MOST && age(value) < REMEMBER_MS) break;
    map.delete(key);
  }
}

/** The caller goes on in the same call, with a stream of its own. */
function back(call: Call): Continuation {
  return { next: 'reattach', callId: call.info.id };
}

/** What a caller gets whose call is over: an apology for a failure, unless the agent took leave; undefined while it goes on. */
function nextAfter(call: Call): 'hangup' | 'apology' | undefined {
  if (call.ended === undefined) return undefined;
  return isFailure(call.ended) && !call.saidGoodbye ? 'apology' : 'hangup';
}
