import { randomUUID } from 'node:crypto';
import type { Admitted } from '../admission/admission.ts';
import type { CarrierCall } from '../call/carrier-call.ts';
import { type Clock, delay, type Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { Termination } from '../call/termination.ts';
import type { Carrier } from '../callers/phone/carriers/carrier.ts';
import { type CallControl, ControlError } from '../callers/phone/control/index.ts';
import { addressOf } from '../callers/phone/http/answers.ts';
import type { StatusUpdate } from '../callers/phone/http/call-status.ts';
import { errorMessage } from '../errors.ts';
import { ApiError } from '../http/api-error.ts';
import { noMoreCalls } from '../http/no-more-calls.ts';
import type { HostedRequest, PublicUrls } from '../http/public-url.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import type { CallCallbacks } from './call-callbacks.ts';
import type { CallOrder, CallView } from './calls-api-routes.ts';
import { orderRefused, ownNumber } from './errors.ts';
import { OrderMemory } from './order-memory.ts';
import { OrderSearch } from './order-search.ts';
import { OutboundCall, type OutboundPlan } from './outbound-call.ts';
import type { OutboundGuard } from './outbound-guard.ts';

/** Calls that are ordered: guarded, placed, recognised when the carrier comes for instructions, followed to their end and reported. */

export interface OutboundCallsOptions {
  readonly guard: OutboundGuard;
  /** None: no call can be placed. */
  readonly control: CallControl | undefined;
  /** Whose control it is, who may have addresses of his own for his webhooks. */
  readonly carrier?: Carrier | undefined;
  /** The number that calls are made from when the order names none, E.164. */
  readonly from: string | undefined;
  readonly urls: PublicUrls;
  /** Where other processes find what was ordered here. */
  readonly memory: ProcessMemory;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly callbacks: Pick<CallCallbacks, 'check' | 'send'>;
  /** Whether there is a prompt of this name; all are taken without it. */
  readonly hasPrompt?: ((name: string) => boolean | Promise<boolean>) | undefined;
  /** Which model is to answer an order's call. */
  readonly modelFor?: ((call: { from: string; to: string; prompt: string | undefined }) => Promise<string>) | undefined;
  /**
   * Asked for each call, as for one that comes in: it takes its share of the rate, and is not placed where there is no room for it. It is asked
   * again when somebody answers, since calls may have come in the meantime. All are admitted without it.
   */
  readonly admit?: ((model: string | undefined) => Admitted) | undefined;
}

/** After the longest ringing, how long the carrier may leave a call without any news, ms. */
const SILENT_MS = 60_000;
/** How long the two ends of a call, the carrier's and the conversation's, wait for each other before it is reported, ms. */
const END_GRACE_MS = 5_000;
/** How long the end of the process waits for ringing calls to be taken back, ms. */
const TAKE_BACK_MS = 2_000;
/** Longer than any conversation may last: a call whose end nobody ever tells is given up then, ms. */
const LONGEST_MS = 25 * 3_600_000;
/** How long, and how many, calls are remembered that are over. */
const REMEMBER_MS = 3_600_000;
const REMEMBER_MOST = 1_000;

export class OutboundCalls {
  readonly #o: OutboundCallsOptions;
  readonly #calls = new Map<string, OutboundCall>();
  /** By what any process knows these calls again; none where none can be placed. */
  readonly #memory: OrderMemory | undefined;
  readonly #search: OrderSearch | undefined;
  /** Orders whose carrier has not said yet which call that is. */
  readonly #placing = new Set<Promise<unknown>>();
  readonly #timers = new Map<OutboundCall, Timer>();

  constructor(options: OutboundCallsOptions) {
    this.#o = options;
    const { control, memory, clock } = options;
    if (control === undefined) return;
    const { account } = control;
    this.#memory = new OrderMemory(memory, account);
    this.#search = new OrderSearch({
      account,
      memory: this.#memory,
      clock,
      calls: this.#calls,
      placing: this.#placing,
    });
  }

  /** Orders a call. Rejects with an ApiError when it must not be placed and with a ControlError when the carrier fails. */
  async place(order: CallOrder, request: HostedRequest): Promise<CallView> {
    const placing = this.#place(order, request);
    this.#placing.add(placing);
    try {
      return await placing;
    } finally {
      this.#placing.delete(placing);
    }
  }

  async #place(order: CallOrder, request: HostedRequest): Promise<CallView> {
    const { control, carrier, guard, urls, clock, hasPrompt, modelFor, admit } = this.#o;
    const from = order.from ?? this.#o.from;
    if (control === undefined || from === undefined)
      throw new ApiError(
        503,
        'OUTBOUND_UNAVAILABLE',
        `${control === undefined ? 'no carrier' : 'no number'} to call from is set`,
      );
    if (order.to === from) throw ownNumber();
    if (order.prompt !== undefined && (await hasPrompt?.(order.prompt)) === false)
      throw new ApiError(422, 'PROMPT_UNKNOWN', 'there is no prompt of this name');
    if (order.callbackUrl !== undefined) this.#checkCallback(order.callbackUrl);
    const url = urls.http(request, addressOf(carrier, 'incoming-call'));
    const statusCallback = urls.http(request, addressOf(carrier, 'call-status'));
    const model = await modelFor?.({ from, to: order.to, prompt: order.prompt });
    const decision = await guard.admit(order.to);
    if (!decision.ok) throw orderRefused(decision);
    this.#forget();
    const { place } = decision;
    // Last, so that an order which is refused anyway takes nothing from those who call in.
    const admitted = admit?.(model) ?? { ok: true };
    if (!admitted.ok) {
      place.cancel();
      throw noMoreCalls(admitted.reason);
    }
    const call = new OutboundCall({ id: randomUUID(), order, from, place, createdAt: clock.wall() });
    this.#calls.set(call.id, call);
    this.#giveUpAfter(call, order.timeoutSeconds * 1000 + SILENT_MS);
    try {
      await this.#memory?.dial(place.number, call.plan);
      const carrierCallId = await control.dial({
        to: place.number,
        from,
        url,
        statusCallback,
        timeoutSeconds: order.timeoutSeconds,
        machineDetection: order.machineDetection === 'off' ? undefined : order.machineDetection,
      });
      call.carrierCallId = carrierCallId;
      await this.#memory?.name(carrierCallId, place.number, call.plan);
      return call.view();
    } catch (error) {
      // A call that may ring all the same stays, so that the agent knows what it is about when somebody answers.
      if (!(error instanceof ControlError && error.uncertain)) this.#drop(call);
      throw error;
    }
  }

  /** What was ordered of the call for which the carrier wants instructions; undefined for one that was not ordered here. */
  async claim(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    const plan = await this.#search?.find(asked, to);
    const call = this.#calls.get(plan?.callId ?? '');
    if (call !== undefined) {
      call.claimed = true;
      this.#answered(call);
    }
    return plan;
  }

  /** News of the carrier. Never throws. */
  onStatus(update: StatusUpdate): void {
    void this.#search?.find(update, update.to ?? '').then((plan) => {
      const call = this.#calls.get(plan?.callId ?? '');
      if (call === undefined) return;
      if (update.answeredBy !== undefined) call.answeredBy = update.answeredBy;
      const { status } = update;
      if (status === 'in-progress') this.#answered(call);
      else if (status !== undefined && call.become(status, this.#o.clock.wall()))
        this.#ended(call, !call.claimed || call.end !== undefined);
    });
  }

  /** The conversation of a call is over: to be told of every call, ordered here or not. */
  ended(callId: string, end: Termination): void {
    const call = this.#calls.get(callId);
    if (call === undefined || call.end !== undefined) return;
    call.end = end;
    call.place.release();
    this.#ended(call, call.isOver);
  }

  /** Ends a call that has no conversation yet. */
  async hangup(callId: string): Promise<void> {
    const call = this.#calls.get(callId);
    if (call === undefined || call.isOver) return;
    if (call.carrierCallId === undefined || this.#o.control === undefined)
      throw new ApiError(409, 'CALL_NOT_ANSWERED', 'the carrier has not said yet which call this is');
    await this.#o.control.hangup(call.carrierCallId);
    // The carrier's own word, should it come, is late news.
    if (call.become('canceled', this.#o.clock.wall())) this.#ended(call, !call.claimed);
  }

  /** Drops what is remembered of these calls, as far as they are over and reported. */
  forget(callIds: readonly string[]): void {
    for (const id of callIds) {
      const call = this.#calls.get(id);
      if (call?.isOver && call.reported) this.#remove(call);
    }
  }

  /** The newest first. */
  views(): CallView[] {
    this.#forget();
    return [...this.#calls.values()].map((call) => call.view()).reverse();
  }

  find(callId: string): CallView | undefined {
    return this.#calls.get(callId)?.view();
  }

  /**
   * The process ends: who still rings is rung no longer, since nobody could talk to him, and what is known of calls whose conversation is over
   * is reported, at once, without waiting for the carrier's word. Never rejects, and waits for the carrier no longer than 2 s.
   */
  async close(): Promise<void> {
    const { control, clock } = this.#o;
    const calls = [...this.#calls.values()];
    const ringing = calls.filter((call) => !call.isOver && !call.claimed && call.carrierCallId !== undefined);
    const asked = ringing.map((call) => control?.hangup(call.carrierCallId ?? ''));
    for (const call of calls) {
      call.become(call.claimed ? 'completed' : 'canceled', clock.wall());
      this.#report(call);
    }
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    const late = new AbortController();
    const taken = Promise.allSettled(asked).then((outcomes) => {
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          this.#o.log.warn({ why: errorMessage(outcome.reason) }, 'a ringing call could not be taken back');
    });
    await Promise.race([taken, delay(clock, TAKE_BACK_MS, late.signal).catch(() => {})]);
    late.abort();
  }

  #answered(call: OutboundCall): void {
    const before = call.status;
    call.become('in-progress', this.#o.clock.wall());
    if (call.status === 'in-progress' && before !== 'in-progress') this.#giveUpAfter(call, LONGEST_MS);
  }

  /** A call of which nothing more is heard is given up. */
  #giveUpAfter(call: OutboundCall, ms: number): void {
    this.#after(call, ms, () => {
      if (!call.become('failed', this.#o.clock.wall())) return;
      this.#o.log.warn({ callId: call.id }, 'the carrier never said what became of a call');
      this.#report(call);
    });
  }

  /** One of its two ends is known; `both`: nothing more is to come. */
  #ended(call: OutboundCall, both: boolean): void {
    if (both) this.#report(call);
    else
      this.#after(call, END_GRACE_MS, () => {
        call.become('completed', this.#o.clock.wall());
        this.#report(call);
      });
  }

  #report(call: OutboundCall): void {
    this.#timers.get(call)?.cancel();
    this.#timers.delete(call);
    if (call.reported) return;
    call.reported = true;
    // Late news of it comes by the carrier's id alone: a number that is called again and again must not gather all that was ordered for it.
    void this.#memory?.forget(undefined, call.place.number, call.plan);
    this.#o.log.info({ callId: call.id, status: call.status, answeredBy: call.answeredBy }, 'ordered call is over');
    const { callbackUrl } = call.order;
    if (callbackUrl !== undefined) this.#o.callbacks.send(callbackUrl, { type: 'call.ended', call: call.view() });
  }

  #after(call: OutboundCall, ms: number, act: () => void): void {
    this.#timers.get(call)?.cancel();
    this.#timers.set(call, this.#o.clock.after(ms, act));
  }

  /** The carrier certainly did not place it: as if it had never been ordered. */
  #drop(call: OutboundCall): void {
    call.place.cancel();
    this.#timers.get(call)?.cancel();
    this.#timers.delete(call);
    this.#remove(call);
  }

  #forget(): void {
    const now = this.#o.clock.wall();
    let over = 0;
    for (const call of this.#calls.values()) if (call.isOver) over++;
    for (const call of this.#calls.values()) {
      if (!call.isOver || !call.reported) continue;
      if (over <= REMEMBER_MOST && now - (call.endedAt ?? now) < REMEMBER_MS) continue;
      over--;
      this.#remove(call);
    }
  }

  #remove(call: OutboundCall): void {
    this.#calls.delete(call.id);
    this.#unlearn(call);
  }

  /** No process is to find it any more. */
  #unlearn(call: OutboundCall): void {
    void this.#memory?.forget(call.carrierCallId, call.place.number, call.plan);
  }

  #checkCallback(url: string): void {
    try {
      this.#o.callbacks.check(url);
    } catch (error) {
      throw new ApiError(403, 'CALLBACK_REFUSED', errorMessage(error));
    }
  }
}
