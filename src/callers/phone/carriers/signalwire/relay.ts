import type { CarrierAccount } from '../../../../call/carrier-call.ts';
import { type Clock, systemClock } from '../../../../call/clock.ts';
import type { Log } from '../../../../call/leg.ts';
import type { CallControl, CallStatus, DialRequest, TransferOptions } from '../../control/control.ts';
import { checkCallId, checkDigits, checkNumber, checkSeconds, checkUrl } from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import { limited } from '../../control/limit.ts';
import { withRetries } from '../../control/retry.ts';
import type { LamlControl } from '../laml/control.ts';
import { RelayConnection } from './relay-connection.ts';
import { loadRelaySdk, type RelayCall, type RelayModule, relayFailure, tagOf } from './relay-sdk.ts';

export interface SignalWireRelayOptions {
  readonly projectId: string;
  readonly token: string;
  readonly host?: string | undefined;
  /**
   * The relay can dial, play digits and hang up, but has neither media streams nor transfers: what it cannot, and calls that it did not make,
   * go by REST. Without it those are refused.
   */
  readonly rest?: Pick<LamlControl, 'redirect' | 'transfer' | 'hangup'> | undefined;
  /** Told how each call that was dialled fares. Must not throw. */
  readonly onStatus?: ((callId: string, status: CallStatus) => void) | undefined;
  readonly load?: (() => Promise<RelayModule>) | undefined;
  readonly connectTimeoutMs?: number | undefined;
  /** Limit of one request, ms. */
  readonly requestTimeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  readonly log?: Pick<Log, 'warn' | 'info'> | undefined;
}

/** A call that this connection made and that is not over. */
interface OwnCall {
  readonly call: RelayCall;
  readonly ended: Promise<void>;
  readonly end: () => void;
  answered: boolean;
  /** Where its first instructions are; undefined once it was given them, or others. */
  url: string | undefined;
  /** Settled when it was given them: others must not be overtaken by the first. */
  instructed: Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 5_000;
/** Longest a digit takes to be played: `w` is half a second. */
const DIGIT_MS = 600;
/** Dials and calls of which it is remembered that they are over. */
const REMEMBER_MOST = 1_000;

/** Call control over `@signalwire/realtime-api`, for the calls that it made. */
export class SignalWireRelay implements CallControl {
  readonly name = 'signalwire-relay';
  readonly account: CarrierAccount;
  readonly #o: SignalWireRelayOptions;
  readonly #clock: Clock;
  readonly #connection: RelayConnection;
  readonly #calls = new Map<string, OwnCall>();
  /** Ids and tags of calls, the oldest first: news of one dial reaches the promise of another. */
  readonly #known = new Set<string>();
  /** Dials one after the other, each until its call has an id. */
  #lane: Promise<unknown> = Promise.resolve();

  constructor(options: SignalWireRelayOptions) {
    this.#o = options;
    this.account = { carrier: 'signalwire', accountId: options.projectId };
    this.#clock = options.clock ?? systemClock;
    this.#connection = new RelayConnection({
      projectId: options.projectId,
      token: options.token,
      host: options.host,
      load: options.load ?? loadRelaySdk,
      clock: this.#clock,
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      log: options.log,
    });
  }

  async hangup(callId: string): Promise<void> {
    const own = this.#calls.get(checkCallId(callId));
    if (own === undefined) {
      if (this.#known.has(callId)) return;
      return this.#rest('this connection did not make the call').hangup(callId);
    }
    try {
      await this.#request('hangup', true, async () => {
        await this.#connection.client();
        // Its own promise misses the end of a call that was over before.
        await this.#limited(Promise.race([own.call.hangup('hangup'), own.ended]), 'the relay did not hang up');
      });
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
      this.#forget(callId, own);
    }
  }

  async transfer(callId: string, to: string, options: TransferOptions = {}): Promise<void> {
    const rest = this.#rest('the relay has no transfers');
    const own = this.#calls.get(callId);
    // The news that it was answered may still be on its way, and would then send it to its first instructions after all.
    const url = own?.url;
    if (own !== undefined) own.url = undefined;
    await own?.instructed;
    try {
      await rest.transfer(callId, to, options);
    } catch (error) {
      if (own !== undefined && url !== undefined) {
        own.url = url;
        if (own.answered) this.#instruct(callId, own);
      }
      throw error;
    }
  }

  async sendDigits(callId: string, digits: string): Promise<void> {
    const own = this.#calls.get(checkCallId(callId));
    checkDigits(digits);
    if (own === undefined) {
      if (this.#known.has(callId)) throw new ControlError('CONTROL_GONE', 'the call is over');
      throw new ControlError('CONTROL_UNSUPPORTED', 'this connection did not make the call');
    }
    // Digits that were perhaps played are not played again.
    await this.#request('digits', false, async () => {
      await this.#connection.client();
      const work = own.call.sendDigits(digits);
      await this.#limited(work, 'the digits were not played', digits.length * DIGIT_MS);
    });
  }

  async dial(request: DialRequest): Promise<string> {
    checkNumber(request.to, 'the number to call');
    checkNumber(request.from, 'the number to call from');
    checkUrl(request.url, 'the URL of instructions');
    checkSeconds(request.timeoutSeconds);
    this.#rest('the relay opens no media stream');
    if (request.machineDetection !== undefined)
      throw new ControlError('CONTROL_UNSUPPORTED', 'answering machines are detected through the REST API');
    const turn = this.#lane.then(() => this.#request('dial', false, () => this.#dial(request), request.signal));
    this.#lane = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /**
   * Dials and waits for the call's id. The package's own promise cannot be trusted with more than one dial on the line, but the listener
   * given with a dial hears of its own call alone.
   */
  async #dial(request: DialRequest): Promise<string> {
    const { to, from, timeoutSeconds, signal } = request;
    const client = await this.#connection.client(signal);
    const made = Promise.withResolvers<string>();
    let abandoned = false;
    let own: OwnCall | undefined;
    const onStateChanged = (call: RelayCall) => {
      if (call.id === undefined) return;
      if (abandoned) {
        // Nobody waits for this call any more, so nobody may be rung by it.
        if (call.state !== 'ended') call.hangup('hangup').catch(() => {});
        return;
      }
      own ??= this.#keep(call.id, call, request.url);
      made.resolve(call.id);
      this.#onState(call.id, own);
    };
    client.voice
      .dialPhone({
        to,
        from,
        ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds }),
        listen: { onStateChanged },
      })
      .catch((error: unknown) => {
        const tag = tagOf(error);
        if (tag === undefined || !this.#known.has(tag)) made.reject(relayFailure(error));
      });
    try {
      return await this.#limited(made.promise, 'the relay made no call', 0, signal);
    } catch (error) {
      abandoned = true;
      throw error;
    }
  }

  #keep(callId: string, call: RelayCall, url: string): OwnCall {
    const ended = Promise.withResolvers<void>();
    const own: OwnCall = {
      call,
      ended: ended.promise,
      end: ended.resolve,
      answered: false,
      url,
      instructed: Promise.resolve(),
    };
    this.#calls.set(callId, own);
    for (const name of [callId, call.tag]) if (name !== undefined) this.#known.add(name);
    for (const oldest of this.#known) {
      if (this.#known.size <= REMEMBER_MOST) break;
      if (!this.#calls.has(oldest)) this.#known.delete(oldest);
      else break;
    }
    return own;
  }

  #onState(callId: string, own: OwnCall): void {
    switch (own.call.state) {
      case 'created':
        this.#o.onStatus?.(callId, 'initiated');
        return;
      case 'ringing':
        this.#o.onStatus?.(callId, 'ringing');
        return;
      case 'answered':
        if (own.answered) return;
        own.answered = true;
        this.#o.onStatus?.(callId, 'in-progress');
        this.#instruct(callId, own);
        return;
      case 'ended':
        this.#forget(callId, own);
        return;
      default:
        return;
    }
  }

  /** The call was answered: it goes on with its instructions, or not at all. */
  #instruct(callId: string, own: OwnCall): void {
    const { url } = own;
    if (url === undefined) return;
    own.url = undefined;
    own.instructed = this.#redirect(callId, url);
  }

  async #redirect(callId: string, url: string): Promise<void> {
    try {
      await this.#rest('the relay opens no media stream').redirect(callId, url);
    } catch (error) {
      if (error instanceof ControlError && error.code === 'CONTROL_GONE') return;
      this.#o.log?.warn({ err: error }, 'a call that was answered could not be given its instructions');
      await this.hangup(callId).catch(() => {});
    }
  }

  #forget(callId: string, own: OwnCall): void {
    own.end();
    if (!this.#calls.delete(callId)) return;
    this.#o.onStatus?.(callId, own.answered ? 'completed' : 'failed');
  }

  #rest(why: string): NonNullable<SignalWireRelayOptions['rest']> {
    const { rest } = this.#o;
    if (rest === undefined) throw new ControlError('CONTROL_UNSUPPORTED', `${why}, and no REST API is configured`);
    return rest;
  }

  #limited<T>(work: Promise<T>, what: string, moreMs = 0, signal?: AbortSignal): Promise<T> {
    const ms = (this.#o.requestTimeoutMs ?? REQUEST_TIMEOUT_MS) + moreMs;
    return limited(work, { clock: this.#clock, ms, what, uncertain: true, signal });
  }

  #request<T>(action: string, repeatable: boolean, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { random, log } = this.#o;
    return withRetries(
      async () => {
        try {
          return await attempt();
        } catch (error) {
          throw relayFailure(error);
        }
      },
      (error) => error.retryable && (repeatable || !error.uncertain),
      { clock: this.#clock, action, signal, log, ...(random === undefined ? {} : { random }) },
    );
  }
}
