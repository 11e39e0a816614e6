/**
 * One call at Meta: what it is in just now, what the business may do with it, what the user's end and the webhooks are told. Of audio it knows
 * only whether any comes.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-initiated-calls
 */

import type { Clock, Timer } from '../../call/clock.ts';
import { errorMessage } from '../../errors.ts';
import { GraphFailure, webhookError } from './graph-error.ts';
import { type CallIdentity, connectWebhook, statusWebhook, terminateWebhook } from './payloads.ts';
import { formatsOf, wrongWith } from './sdp.ts';
import type { Delivered, Delivery, Webhooks } from './webhooks.ts';

/** What a call waits for, ms. */
export interface CallLimits {
  /** For the business to accept; 30 to 60 s at Meta. */
  readonly ringMs: number;
  /** For its first packet after the accept, RTCP included. */
  readonly mediaStartMs: number;
  /** For its next one. */
  readonly mediaGapMs: number;
}

export const META_LIMITS: CallLimits = { ringMs: 60_000, mediaStartMs: 20_000, mediaGapMs: 30_000 };

/** How often it is looked whether media comes, ms. */
const WATCH_MS = 250;

export type CallState = 'ringing' | 'pre-accepted' | 'accepted' | 'over';

export interface CallEnd {
  readonly by: 'user' | 'business' | 'meta';
  readonly how: 'hung up' | 'rejected' | 'not answered' | 'failed';
  /** Meta's number, where it was an error. */
  readonly code: number | undefined;
}

/** The user's phone, as Meta needs it. */
export interface UserEnd {
  /** The business's description is known, so that media can come up. Rejects when it is of no use. */
  describe(sdp: string): Promise<void>;
  /** The business was told that its accept holds. */
  accepted(): void;
  over(end: CallEnd): void;
  /** When a packet of the business last came, clock ms. */
  readonly lastPacketMs: number | undefined;
}

export interface MetaCallOptions {
  readonly identity: CallIdentity;
  readonly end: UserEnd;
  readonly clock: Clock;
  readonly webhooks: Webhooks;
  readonly limits: CallLimits;
  readonly delivery?: Delivery | undefined;
}

export class MetaCall {
  identity: CallIdentity;
  /** Of the business, once it is known. */
  sdp: string | undefined;
  /** Times, clock ms, of what the business did; undefined while it has not. */
  preAcceptedMs: number | undefined;
  acceptedMs: number | undefined;
  ended: CallEnd | undefined;
  readonly #o: MetaCallOptions;
  #state: CallState = 'ringing';
  #takenWallMs: number | undefined;
  #formats: readonly string[] = [];
  #ring: Timer | undefined;
  #watch: Timer | undefined;

  constructor(options: MetaCallOptions) {
    this.#o = options;
    this.identity = options.identity;
  }

  get id(): string {
    return this.identity.id;
  }

  get state(): CallState {
    return this.#state;
  }

  /** The user calls: tells the business, with the phone's offer. Resolves with what became of the webhook's first request. */
  ring(offer: string): Promise<Delivered> {
    const { clock, limits, delivery, webhooks } = this.#o;
    this.#formats = formatsOf(offer);
    this.#ring = clock.after(limits.ringMs, () => this.#over({ by: 'meta', how: 'not answered', code: undefined }));
    return webhooks.deliver(connectWebhook(this.identity, offer, clock.wall()), delivery);
  }

  /**
   * The user calls and thinks better of it, and of the two webhooks the later overtakes the earlier. Resolves when the business was told of both.
   */
  async ringReordered(offer: string): Promise<Delivered> {
    const { clock, delivery, webhooks } = this.#o;
    const connect = connectWebhook(this.identity, offer, clock.wall());
    await this.#over({ by: 'user', how: 'hung up', code: undefined });
    return webhooks.deliver(connect, delivery);
  }

  /** Throws a GraphFailure, as all that the business may do does. */
  async preAccept(sdp: string): Promise<void> {
    if (this.#state === 'accepted') throw new GraphFailure(100, 'the call was accepted already');
    await this.#describe(sdp);
    this.preAcceptedMs ??= this.#o.clock.now();
    this.#state = 'pre-accepted';
  }

  /** `acceptAnswered` is to follow when the answer has left. */
  async accept(sdp: string, opaque: string | undefined): Promise<void> {
    await this.#describe(sdp);
    if (opaque !== undefined) this.identity = { ...this.identity, opaque };
  }

  acceptAnswered(): void {
    if (this.#state === 'over' || this.#state === 'accepted') return;
    this.#taken();
    this.#o.end.accepted();
  }

  reject(): void {
    this.#alive();
    if (this.#state === 'accepted') throw new GraphFailure(100, 'the call was accepted already: terminate it');
    void this.#over({ by: 'business', how: 'rejected', code: undefined });
  }

  terminate(): void {
    this.#alive();
    void this.#over({ by: 'business', how: 'hung up', code: undefined });
  }

  /** The user does. */
  hangUp(): void {
    if (this.#state !== 'over') void this.#over({ by: 'user', how: 'hung up', code: undefined });
  }

  /** Something at Meta breaks the call. */
  fail(code: number): void {
    if (this.#state !== 'over') void this.#over({ by: 'meta', how: 'failed', code });
  }

  /** The business's call rings at the user's. */
  told(status: 'RINGING' | 'ACCEPTED' | 'REJECTED'): void {
    const { webhooks, clock, delivery } = this.#o;
    void webhooks.deliver(statusWebhook(this.identity, status, clock.wall()), delivery);
  }

  /** The user takes the business's call, with this answer. */
  take(answer: string): void {
    const { webhooks, clock, delivery } = this.#o;
    if (this.#state === 'over') return;
    void webhooks.deliver(connectWebhook(this.identity, answer, clock.wall()), delivery);
    this.#taken();
  }

  /** The user does not want it, or does not hear it. */
  decline(how: 'rejected' | 'not answered'): void {
    if (how === 'rejected') this.told('REJECTED');
    if (this.#state !== 'over') void this.#over({ by: 'user', how, code: undefined });
  }

  /** Forgets it: nothing is told any more. */
  dispose(): void {
    this.#ring?.cancel();
    this.#watch?.cancel();
    this.#state = 'over';
  }

  #alive(): void {
    if (this.#state === 'over') throw new GraphFailure(100, 'the call is over');
  }

  async #describe(sdp: string): Promise<void> {
    this.#alive();
    if (this.sdp !== undefined) {
      if (this.sdp !== sdp) throw new GraphFailure(100, 'the SDP is not the one of pre_accept');
      return;
    }
    const wrong = wrongWith(sdp, 'answer', this.#formats);
    if (wrong.length > 0) throw new GraphFailure(100, `SDP validation error: ${wrong.join('; ')}`);
    this.sdp = sdp;
    await this.#o.end.describe(sdp).catch((error: unknown) => {
      this.sdp = undefined;
      throw new GraphFailure(100, `SDP validation error: ${errorMessage(error)}`);
    });
  }

  #taken(): void {
    const { clock } = this.#o;
    this.#state = 'accepted';
    this.acceptedMs = clock.now();
    this.#takenWallMs = clock.wall();
    this.#ring?.cancel();
    this.#watchMedia();
  }

  #watchMedia(): void {
    const { clock, end, limits } = this.#o;
    this.#watch = clock.after(WATCH_MS, () => {
      if (this.#state !== 'accepted') return;
      const last = end.lastPacketMs;
      const since = Math.max(last ?? 0, this.acceptedMs ?? 0);
      const limit = last === undefined ? limits.mediaStartMs : limits.mediaGapMs;
      if (clock.now() - since >= limit) this.fail(138021);
      else this.#watchMedia();
    });
  }

  async #over(end: CallEnd): Promise<void> {
    const { webhooks, clock, delivery } = this.#o;
    this.dispose();
    this.ended = end;
    this.#o.end.over(end);
    const taken = this.#takenWallMs;
    const body = terminateWebhook(
      this.identity,
      {
        status: end.code === undefined && taken !== undefined ? 'COMPLETED' : 'FAILED',
        takenMs: taken,
        errors: end.code === undefined ? [] : [webhookError(end.code)],
      },
      clock.wall(),
    );
    await webhooks.deliver(body, delivery);
  }
}
