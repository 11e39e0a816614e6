import { Call } from './call.ts';
import { type CarrierCall, carrierCallKey } from './carrier-call.ts';
import type { CallDeps } from './deps.ts';
import type { CallInfo } from './info.ts';
import type { AgentLeg, CallerLeg } from './leg.ts';
import { RunLimit } from './run-limit.ts';
import { isFailure, type Termination, termination } from './termination.ts';
import type { ToolsFactory } from './tools.ts';

/** How long the end of a call is remembered, for the carrier's question what comes next, ms. */
const REMEMBER_MS = 600_000;
const REMEMBER_MOST = 10_000;
/** How long the stream of a call that is over at the carrier may take to end by itself, ms: what it still carries is the call's last words. */
const STREAM_END_MS = 2_000;
/** A transfer that is cut off within seconds helps nobody, ms. */
const TRANSFER_LEAST_MS = 60_000;
/** A stream that breaks again and again will not hold the next time either; one that holds for so long in between may, ms. */
const REATTACH_MOST = 3;
const REATTACH_FORGIVEN_MS = 300_000;

/** What a carrier should do with a caller whose media stream ended. */
export type Continuation =
  /** `live`: the agent's audio comes in real time (WebRTC). */
  | { readonly next: 'reattach'; readonly callId: string; readonly live: boolean }
  /** `seconds`: how long that may last. */
  | { readonly next: 'transfer'; readonly to: string; readonly seconds: number }
  | { readonly next: 'hangup' | 'apology' };

interface Transfer {
  /** E.164. */
  readonly to: string;
  /** When it must be over, monotonic ms. */
  readonly latest: number;
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

  /** Makes a call and starts its agent. The caller's leg comes with `join`. */
  create(info: CallInfo, agent: AgentLeg, tools?: ToolsFactory): Call {
    const call = new Call(info, agent, this.#deps, tools);
    this.#calls.set(info.id, call);
    this.#latest.set(call, this.#deps.clock.now() + this.#deps.limits.maxMs);
    const key = keyOf(info);
    if (key !== undefined) this.#byCarrier.set(key, call);
    void call.done.then((end) => {
      this.#forget(call);
      this.#deps.ended?.(call, end);
    });
    call.start();
    if (key !== undefined && this.#gone.has(key)) void call.end(termination('caller-hangup'));
    return call;
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
      const late = clock.after(STREAM_END_MS, end);
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
      return { next: 'transfer', to: transfer.to, seconds: this.#secondsUntil(transfer.latest) };
    if (next !== undefined) return { next };
    if (call === undefined || !call.reclaimable) return { next: 'apology' };
    const limit = this.#reattached.get(call) ?? new RunLimit(REATTACH_MOST, REATTACH_FORGIVEN_MS);
    this.#reattached.set(call, limit);
    if (!limit.take(this.#deps.clock.now())) return { next: 'apology' };
    return { next: 'reattach', callId: call.info.id, live: call.live };
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
    return to === undefined ? undefined : { to, latest: this.#latest.get(call) ?? 0 };
  }

  atCarrier(asked: CarrierCall): Call | undefined {
    return this.#byCarrier.get(carrierCallKey(asked));
  }

  /** Ends all calls for one reason; resolves when all are closed. */
  async endAll(end: Termination): Promise<void> {
    await Promise.all([...this.#calls.values()].map((call) => call.end(end)));
  }

  #forget(call: Call): void {
    this.#calls.delete(call.info.id);
    const key = keyOf(call.info);
    if (key === undefined) return;
    if (this.#byCarrier.get(key) === call) this.#byCarrier.delete(key);
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

/** What a caller gets whose call is over: an apology for a failure, unless the agent took leave; undefined while it goes on. */
function nextAfter(call: Call): 'hangup' | 'apology' | undefined {
  if (call.ended === undefined) return undefined;
  return isFailure(call.ended) && !call.saidGoodbye ? 'apology' : 'hangup';
}
