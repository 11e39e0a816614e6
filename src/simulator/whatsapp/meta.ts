/** Meta, for one business: its Graph API on a local port, its webhooks, and users with phones. */

import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import type { CallReport } from '../phone/report.ts';
import { type AudioSource, silenceSource } from '../phone/source.ts';
import { type CallLimits, META_LIMITS, MetaCall, type UserEnd } from './call.ts';
import { GraphServer } from './graph.ts';
import { GraphFailure } from './graph-error.ts';
import { type BusinessNumber, type Direction, permissionReply, type User } from './payloads.ts';
import { Permissions } from './permissions.ts';
import { type MetaPort, WhatsAppPhone, type WhatsAppPhoneOptions } from './phone.ts';
import { type Addressee, type Behind, keyOf } from './routes.ts';
import { RtpPeer } from './rtp-peer.ts';
import { type Delivery, Webhooks } from './webhooks.ts';

/** What a user does whom the business calls. */
export interface FarUser {
  readonly outcome: 'answer' | 'reject' | 'no-answer';
  /** How long it rings until then, ms. */
  readonly ringMs: number;
  /** The phone that answers. */
  readonly phone?: WhatsAppPhoneOptions;
}

export interface MetaOptions {
  /** Where the business takes webhooks; may be said later. */
  readonly webhookUrl?: string;
  /** Proves webhooks. */
  readonly appSecret: string;
  /** What the business must show at the Graph API. */
  readonly token: string;
  /** Of the business; one when left out. */
  readonly numbers?: readonly BusinessNumber[];
  /** An address of this machine; loopback when left out. */
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly ticker?: Ticker;
  /** How long a webhook's answer may take, and the waits before it is tried again, ms. */
  readonly webhook?: { readonly timeoutMs?: number; readonly retryMs?: readonly number[] };
  readonly limits?: Partial<CallLimits>;
  /** What users do whom the business calls; they answer after 100 ms and are silent when left out. */
  readonly far?: (user: User) => FarUser;
  /** What users answer who are asked for permission; nothing when left out. */
  readonly permits?: (
    user: User,
  ) => { readonly response: 'accept' | 'reject'; readonly permanent: boolean } | undefined;
}

export const NUMBER: BusinessNumber = { id: '106540352242922', display: '15005550006', accountId: '102290129340398' };

/** A call that the business placed. */
export interface Placed {
  readonly call: MetaCall;
  readonly phone: WhatsAppPhone;
  readonly report: Promise<CallReport>;
}

export class Meta implements Behind {
  readonly numbers: readonly BusinessNumber[];
  readonly webhooks: Webhooks;
  readonly graph: GraphServer;
  readonly calls = new Map<string, MetaCall>();
  /** Calls of the business, in order. */
  readonly placed: Placed[] = [];
  readonly permits: Permissions;
  /** Where the business takes webhooks. */
  webhookUrl: string;
  readonly #o: MetaOptions;
  readonly #clock: Clock;
  readonly #ticker: Ticker;
  readonly #phones = new Set<WhatsAppPhone>();

  /** Starts it on loopback. Rejects with LISTEN_FAILED. */
  static async start(options: MetaOptions): Promise<Meta> {
    const meta = new Meta(options);
    await Promise.all([meta.graph.up(), RtpPeer.prepare()]);
    return meta;
  }

  private constructor(options: MetaOptions) {
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
    this.#ticker = options.ticker ?? new Ticker(this.#clock);
    this.numbers = options.numbers ?? [NUMBER];
    this.webhookUrl = options.webhookUrl ?? '';
    this.permits = new Permissions(this.#clock);
    const meta = this;
    this.webhooks = new Webhooks({
      get url() {
        return meta.webhookUrl;
      },
      appSecret: options.appSecret,
      clock: this.#clock,
      ...options.webhook,
    });
    const { token, port = 0, host = '127.0.0.1' } = options;
    this.graph = new GraphServer({ token, port, host, clock: this.#clock, behind: this });
  }

  /** What the business takes as GRAPH_API_URL. */
  get url(): string {
    return this.graph.url;
  }

  /** A phone of a user's; he calls `number`, the business's first when left out. */
  phone(
    options: Partial<WhatsAppPhoneOptions> = {},
    number: BusinessNumber = this.numbers[0] ?? NUMBER,
  ): WhatsAppPhone {
    const port: MetaPort = {
      webhookUrl: this.webhookUrl,
      display: number.display,
      open: (user, direction, end, delivery) => this.#open(number, user, direction, end, delivery),
    };
    const source: AudioSource = options.source ?? silenceSource();
    const phone = new WhatsAppPhone({ clock: this.#clock, ticker: this.#ticker, ...options, source }, port);
    this.#phones.add(phone);
    return phone;
  }

  number(id: string): BusinessNumber | undefined {
    return this.numbers.find((one) => one.id === id);
  }

  call(id: string): MetaCall | undefined {
    return this.calls.get(id);
  }

  permissions(user: string): object {
    return this.permits.describe(user);
  }

  async connect(number: BusinessNumber, whom: Addressee, offer: string, opaque: string | undefined): Promise<string> {
    const key = keyOf(whom);
    this.permits.mayCall(key);
    for (const { state, identity } of this.calls.values()) {
      const { waId, userId } = identity.user;
      if (state !== 'over' && identity.number.id === number.id && (waId === key || userId === key))
        throw new GraphFailure(138003, 'there is a call with this user already');
    }
    const user = this.#user(whom);
    const { outcome, ringMs, phone: options } = this.#o.far?.(user) ?? { outcome: 'answer', ringMs: 100 };
    const phone = this.phone({ ...options, user }, number);
    const opened = Promise.withResolvers<MetaCall>();
    const answers = outcome === 'answer' ? ringMs : undefined;
    const report = phone.takeCall(opened.resolve, offer, answers, opaque);
    report.catch(opened.reject);
    const call = await opened.promise;
    this.placed.push({ call, phone, report });
    // The id is to be known before the first webhook comes, as a rule; the order is not promised.
    this.#clock.after(5, () => {
      if (call.state !== 'over') call.told('RINGING');
    });
    if (outcome === 'answer') this.permits.connected(key);
    else this.#clock.after(ringMs, () => call.decline(outcome === 'reject' ? 'rejected' : 'not answered'));
    return call.id;
  }

  askPermission(number: BusinessNumber, whom: Addressee, _text: string): string {
    const key = keyOf(whom);
    this.permits.asked(key);
    const id = `wamid.${randomBytes(18).toString('base64url')}`;
    const user = this.#user(whom);
    const reply = this.#o.permits?.(user);
    if (reply !== undefined) {
      const { response, permanent } = reply;
      const status = response === 'reject' ? 'no_permission' : permanent ? 'permanent' : 'temporary';
      const untilMs = this.permits.set(key, status);
      const told = { response, permanent, ...(untilMs === undefined ? {} : { untilMs }) };
      this.#clock.after(20, () => {
        void this.webhooks.deliver(permissionReply(number, user, told, id, this.#clock.wall()));
      });
    }
    return id;
  }

  /** Resolves when all webhooks that were begun have their answers, or none. */
  settled(): Promise<void> {
    return this.webhooks.settled();
  }

  /** Ends all calls without a word, and stops listening. Idempotent. */
  async close(): Promise<void> {
    this.webhooks.close();
    for (const call of this.calls.values()) call.dispose();
    for (const phone of this.#phones) phone.over({ by: 'meta', how: 'failed', code: undefined });
    await this.graph.down();
  }

  #user(whom: Addressee): User {
    if ('userId' in whom) return { userId: whom.userId };
    return { waId: whom.waId, userId: `GB.${whom.waId.split('').reverse().join('')}` };
  }

  #open(number: BusinessNumber, user: User, direction: Direction, end: UserEnd, delivery?: Delivery): MetaCall {
    const id = `wacid.${randomBytes(24).toString('base64url')}`;
    const call = new MetaCall({
      identity: { id, number, user, direction },
      end,
      clock: this.#clock,
      webhooks: this.webhooks,
      limits: { ...META_LIMITS, ...this.#o.limits },
      delivery,
    });
    this.calls.set(id, call);
    return call;
  }
}
