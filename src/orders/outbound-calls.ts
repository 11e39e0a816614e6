import { randomUUID } from 'node:crypto';
import type { Admitted } from '../admission/admission.ts';
import { type ParsedTarget, type Target, targetProblems } from '../agents/target.ts';
import type { CarrierCall } from '../call/carrier-call.ts';
import { type Clock, delay, type Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { Party } from '../call/party.ts';
import { type Termination, termination } from '../call/termination.ts';
import type { CallStatus } from '../callers/phone/control/index.ts';
import type { StatusUpdate } from '../callers/phone/http/call-status.ts';
import { errorMessage } from '../errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { ApiError } from '../http/api-error.ts';
import { noMoreCalls } from '../http/no-more-calls.ts';
import type { HostedRequest } from '../http/public-url.ts';
import type { CallCallbacks } from './call-callbacks.ts';
import type { CallOrder, CallView } from './calls-api-routes.ts';
import { orderRefused } from './errors.ts';
import { type OrderNews, OrdersElsewhere } from './order-news.ts';
import { type DialledLeg, OutboundCall, type OutboundPlan } from './outbound-call.ts';
import type { OutboundGuard } from './outbound-guard.ts';
import { mayRing, type OwnOrders, type Placer } from './placer.ts';

/** Calls that are ordered: guarded, placed by whoever calls there, recognised when they are told of, followed to their end and reported. */

export interface OutboundCallsOptions {
  readonly guard: OutboundGuard;
  /** The first that calls the destination places the order. */
  readonly placers: readonly Placer[];
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly callbacks: Pick<CallCallbacks, 'check' | 'send'>;
  /** The instances, any of which carriers may come to; left out: there is this one. */
  readonly fleet?: Fleet | undefined;
  /** Whether there is a prompt of this name; all are taken without it. */
  readonly hasPrompt?: ((name: string) => boolean | Promise<boolean>) | undefined;
  /** Reads who an order wants for an agent; without it none may be chosen. */
  readonly readAgent?: ((raw: unknown) => Promise<ParsedTarget>) | undefined;
  /** Which model is to answer an order's call. */
  readonly modelFor?:
    | ((call: { from: Party; to: Party; prompt: string | undefined; agent: Target | undefined }) => Promise<string>)
    | undefined;
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
  /** Orders whose carrier has not said yet which call that is. */
  readonly #placing = new Set<Promise<unknown>>();
  readonly #timers = new Map<OutboundCall, Timer>();
  readonly #elsewhere: OrdersElsewhere | undefined;

  constructor(options: OutboundCallsOptions) {
    this.#o = options;
    const orders: OwnOrders = {
      calls: this.#calls,
      placing: this.#placing,
      answered: (callId) => this.#claimed(callId),
      news: (callId, status) => this.#news(callId, status),
    };
    for (const placer of options.placers) placer.join(orders);
    const { fleet, clock } = options;
    if (fleet !== undefined) this.#elsewhere = new OrdersElsewhere(fleet, clock, (news) => this.#told(news));
  }

  /** Orders a call. Rejects with an ApiError when it must not be placed, and with its placer's own error when the far end fails. */
  async place(order: CallOrder, request: HostedRequest): Promise<CallView> {
    return (await this.#following(this.#place(order, request))).view();
  }

  /**
   * Has somebody called who is to answer a call that there is: guarded, followed and taken back as any order is, and no call of its own. Resolves when his
   * carrier has said which of its calls that is. Rejects as `place` does.
   */
  placeLeg(order: CallOrder, leg: DialledLeg): Promise<Pick<OutboundCall, 'id' | 'carrierCallId'>> {
    return this.#following(this.#place(order, { headers: {} }, leg));
  }

  async #following(placing: Promise<OutboundCall>): Promise<OutboundCall> {
    this.#placing.add(placing);
    try {
      return await placing;
    } finally {
      this.#placing.delete(placing);
    }
  }

  async #place(order: CallOrder, request: HostedRequest, leg?: DialledLeg): Promise<OutboundCall> {
    const { guard, clock, hasPrompt, modelFor, admit } = this.#o;
    const placer = this.#placerOf(order.to, leg?.carrier);
    if (placer === undefined) throw new ApiError(503, 'OUTBOUND_UNAVAILABLE', 'nothing that calls there is set up');
    const prepared = placer.prepare(order, request);
    if (order.prompt !== undefined && (await hasPrompt?.(order.prompt)) === false)
      throw new ApiError(422, 'PROMPT_UNKNOWN', 'there is no prompt of this name');
    if (order.callbackUrl !== undefined) this.#checkCallback(order.callbackUrl);
    const agent = order.agent === undefined ? undefined : await this.#readAgent(order.agent);
    const { from, to, shownFrom } = prepared;
    const model = leg === undefined ? await modelFor?.({ from, to, prompt: order.prompt, agent }) : undefined;
    const decision = await guard.admit(order.to);
    if (!decision.ok) throw orderRefused(decision);
    this.#forget();
    const { place } = decision;
    // Last, so that an order which is refused anyway takes nothing from those who call in. Who answers a call that there is takes no room of another.
    const admitted = (leg === undefined ? admit?.(model) : undefined) ?? { ok: true };
    if (!admitted.ok) {
      place.cancel();
      throw noMoreCalls(admitted.reason);
    }
    const at = this.#o.fleet?.self;
    const call = new OutboundCall({
      ...{ id: randomUUID(), order, agent, leg, placer, at, place },
      from: shownFrom,
      createdAt: clock.wall(),
    });
    this.#calls.set(call.id, call);
    leg?.begun(call.id);
    this.#elsewhere?.placed(call.id);
    this.#giveUpAfter(call, order.timeoutSeconds * 1000 + SILENT_MS);
    try {
      call.carrierCallId = await prepared.dial(call);
      return call;
    } catch (error) {
      // A call that may ring all the same stays, so that the agent knows what it is about when somebody answers.
      if (!mayRing(error)) this.#drop(call);
      throw error;
    }
  }

  async #readAgent(raw: unknown): Promise<Target> {
    const parsed = await this.#o.readAgent?.(raw);
    if (parsed?.ok === true) return parsed.target;
    const problems = parsed?.problems ?? [{ path: [], problem: 'agents cannot be chosen' }];
    throw new ApiError(422, 'AGENT_UNKNOWN', targetProblems(problems));
  }

  /** What was ordered of the call for which the carrier wants instructions; undefined for one that was not ordered here. */
  async claim(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    const plan = await this.#find(asked, to);
    if (plan === undefined) return undefined;
    if (this.#calls.has(plan.callId)) this.#claimed(plan.callId);
    else this.#elsewhere?.tell({ callId: plan.callId, claimed: true });
    return plan;
  }

  /** What was ordered of the carrier's call where that answers another call, and is none of its own; undefined for any other. It counts as answered then. */
  async claimLeg(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    const plan = await this.#find(asked, to);
    return plan?.leg === undefined ? undefined : this.claim(asked, to);
  }

  /** News of the carrier. Never throws. */
  onStatus(update: StatusUpdate): void {
    const { status, answeredBy } = update;
    void this.#find(update, update.to ?? '').then((plan) => {
      if (plan === undefined) return;
      const news: OrderNews = {
        callId: plan.callId,
        ...(status === undefined ? {} : { status }),
        ...(answeredBy === undefined ? {} : { answeredBy }),
      };
      if (this.#calls.has(plan.callId)) this.#told(news);
      else this.#elsewhere?.tell(news);
    });
  }

  /** News of an order of this instance, whoever had it. */
  #told({ callId, claimed, status, answeredBy, end }: OrderNews): void {
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    if (claimed) this.#claimed(callId);
    if (answeredBy !== undefined) {
      call.answeredBy = answeredBy;
      call.leg?.news(call);
    }
    if (status !== undefined) this.#news(callId, status);
    // Which of its calls that is the carrier says only now.
    if (call.leg !== undefined && call.end !== undefined) void this.endLeg(callId);
    if (end !== undefined) this.ended(callId, end);
  }

  /** The conversation of a call is over: to be told of every call, ordered here or not. */
  ended(callId: string, end: Termination, direction: 'inbound' | 'outbound' = 'outbound'): void {
    const call = this.#calls.get(callId);
    if (call === undefined && direction === 'outbound') this.#elsewhere?.tell({ callId, end });
    if (call === undefined || call.end !== undefined) return;
    call.end = end;
    call.place.release();
    this.#ended(call, call.isOver);
  }

  /** Ends a call that has no conversation yet. */
  async hangup(callId: string): Promise<void> {
    const call = this.#calls.get(callId);
    if (call === undefined || call.isOver) return;
    if (call.carrierCallId === undefined)
      throw new ApiError(409, 'CALL_NOT_ANSWERED', 'the carrier has not said yet which call this is');
    await call.placer.hangup(call);
    // The carrier's own word, should it come, is late news.
    if (call.become('canceled', this.#o.clock.wall())) this.#ended(call, !call.claimed);
  }

  /**
   * Nobody wants somebody on the line any more whom `placeLeg` had called, or he has left: he is hung up on, and it is over. Where his carrier has not said yet which
   * of its calls that is, it is to be asked again when it has. Never rejects.
   */
  async endLeg(callId: string): Promise<void> {
    const call = this.#calls.get(callId);
    if (call?.leg === undefined || call.reported) return;
    const isNews = call.end === undefined;
    const isOver = isNews && call.isOver;
    call.end ??= termination('agent-hangup');
    call.become(call.claimed ? 'completed' : 'canceled', this.#o.clock.wall());
    call.place.release();
    if (call.carrierCallId === undefined && !isOver) {
      // It may ring all the same: known, it is nobody else's call when it is answered.
      if (isNews) this.#after(call, call.order.timeoutSeconds * 1000 + SILENT_MS, () => this.#report(call));
      return;
    }
    this.#report(call);
    if (isOver) return;
    await call.placer.hangup(call).catch((error: unknown) => {
      // As a rule he has hung up himself.
      this.#o.log.info(
        { callId, why: errorMessage(error) },
        'somebody who was called to answer could not be hung up on',
      );
    });
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
    return [...this.#calls.values()].flatMap((call) => (call.leg === undefined ? [call.view()] : [])).reverse();
  }

  find(callId: string): CallView | undefined {
    const call = this.#calls.get(callId);
    return call?.leg === undefined ? call?.view() : undefined;
  }

  /**
   * The process ends: who still rings is rung no longer, since nobody could talk to him, and what is known of calls whose conversation is over
   * is reported, at once, without waiting for the carrier's word. Never rejects, and waits for the carrier no longer than 2 s.
   */
  async close(): Promise<void> {
    const { clock } = this.#o;
    const calls = [...this.#calls.values()];
    const ringing = calls.filter((call) => !call.isOver && !call.claimed && call.carrierCallId !== undefined);
    const asked = ringing.map((call) => call.placer.hangup(call));
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

  #placerOf(to: string, carrier?: string): Placer | undefined {
    return this.#o.placers.find((one) => one.takes(to) && (carrier === undefined || one.carrier === carrier));
  }

  /** Asks one after the other: each waits for what is its own. */
  async #find(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    for (const placer of this.#o.placers) {
      const plan = await placer.find?.(asked, to);
      if (plan !== undefined) return plan;
    }
    return undefined;
  }

  /** There is a conversation, or there is about to be. */
  #claimed(callId: string | undefined): void {
    const call = this.#calls.get(callId ?? '');
    if (call === undefined) return;
    call.claimed = true;
    this.#answered(call);
  }

  #news(callId: string, status: CallStatus): void {
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    if (status === 'in-progress') this.#answered(call);
    else if (call.become(status, this.#o.clock.wall())) this.#ended(call, !call.claimed || call.end !== undefined);
    call.leg?.news(call);
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
      call.leg?.news(call);
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
    call.placer.reported?.(call);
    this.#elsewhere?.over(call.id);
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
    this.#elsewhere?.over(call.id);
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
    call.placer.forget?.(call);
  }

  #checkCallback(url: string): void {
    try {
      this.#o.callbacks.check(url);
    } catch (error) {
      throw new ApiError(403, 'CALLBACK_REFUSED', errorMessage(error));
    }
  }
}
