import type { CarrierAccount } from '../../../../call/carrier-call.ts';
import { type Clock, systemClock } from '../../../../call/clock.ts';
import { errorMessage } from '../../../../errors.ts';
import { configured } from '../../control/configured.ts';
import {
  type CallControl,
  checkBase,
  checkCallId,
  checkDigits,
  checkNumber,
  checkSeconds,
  checkUrl,
  type DialRequest,
  type TransferOptions,
} from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import { RestClient, type RestOptions } from '../../control/rest.ts';
import type { ControlDeps } from '../carrier.ts';
import { element, response } from '../laml/document.ts';
import type { PlivoCalls } from './calls.ts';
import { bare, dialElement, speak } from './document.ts';
import type { PlivoSettings } from './settings.ts';

export const API_URL = 'https://api.plivo.com';
/** How long the webhook of a call that was just answered may take, ms: it brings the id by which the call is known from then on. */
const TOLD_MS = 3_000;
/** Orders of which it is remembered that they were taken. */
const ORDERS_MOST = 10_000;
/** Longest text said before a transfer, characters: about half a minute. */
const SAY_MOST = 500;

export interface PlivoControlOptions extends Omit<RestOptions, 'user' | 'password' | 'failureOf'> {
  /** MA… or SA… */
  readonly authId: string;
  readonly authToken: string;
  readonly baseUrl?: string | undefined;
  readonly calls: PlivoCalls;
  /** Puts a document where Plivo can fetch it. */
  readonly host: (document: string) => string;
}

/** Call control by Plivo's REST API. https://www.plivo.com/docs/voice/api/calls */
export class PlivoControl implements CallControl {
  readonly name = 'plivo-rest';
  readonly account: CarrierAccount;
  readonly #url: string;
  readonly #rest: RestClient;
  readonly #calls: PlivoCalls;
  readonly #host: (document: string) => string;
  readonly #clock: Pick<Clock, 'after'>;
  /** The oldest first. */
  readonly #orders = new Set<string>();

  /** Throws CONTROL_INVALID. */
  constructor({ authId, authToken, baseUrl = API_URL, calls, host, ...rest }: PlivoControlOptions) {
    this.account = { carrier: 'plivo', accountId: authId };
    this.#url = `${checkBase(baseUrl)}/v1/Account/${authId}/Call/`;
    this.#calls = calls;
    this.#host = host;
    this.#clock = rest.clock ?? systemClock;
    const failureOf = ({ error }: Readonly<Record<string, unknown>>) => ({ message: error });
    this.#rest = new RestClient({ ...rest, user: authId, password: authToken, failureOf });
  }

  /**
   * The API takes the id of the order in the call's place until somebody answers. Where it does not any more, and no webhook has told the call's own id yet,
   * the call was answered in this moment: it is hung up by that id as soon as it is told, and is over where it is not.
   */
  async hangup(callId: string): Promise<void> {
    const first = this.#calls.idOf(callId);
    if ((await this.#end(callId)) || first !== callId || !this.#orders.has(callId)) return;
    const late = new AbortController();
    const timer = this.#clock.after(TOLD_MS, () => late.abort());
    const isTold = await this.#calls.told(callId, late.signal);
    timer.cancel();
    if (isTold) await this.#end(callId);
  }

  /** False: there is no such call. */
  async #end(callId: string): Promise<boolean> {
    try {
      await this.#rest.json('hangup', 'DELETE', this.#at(callId), {}, { repeatable: true });
      return true;
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
      return false;
    }
  }

  async transfer(callId: string, to: string, options: TransferOptions = {}): Promise<void> {
    const url = this.#at(callId);
    const document = transferDocument(to, options);
    let hosted: string;
    try {
      hosted = this.#host(document);
    } catch (cause) {
      throw new ControlError('CONTROL_UNSUPPORTED', `instructions cannot be served: ${errorMessage(cause)}`, { cause });
    }
    const order = { legs: 'aleg', aleg_url: hosted, aleg_method: 'POST' };
    await this.#rest.json('transfer', 'POST', url, order, { repeatable: true, signal: options.signal });
  }

  /** The media stream goes on beside them. A second request because an answer was lost would press the keys twice. */
  async sendDigits(callId: string, digits: string): Promise<void> {
    const order = { digits: checkDigits(digits), leg: 'aleg' };
    await this.#rest.json('digits', 'POST', `${this.#at(callId)}DTMF/`, order, { repeatable: false });
  }

  async dial(request: DialRequest): Promise<string> {
    const { statusCallback, machineDetection, signal } = request;
    if (machineDetection === 'message-end')
      throw new ControlError('CONTROL_UNSUPPORTED', 'Plivo tells people from machines, not when a greeting is over');
    const url = checkUrl(request.url, 'the URL of instructions');
    // Told at the latest there, where each event says what it is: that it rings brings the call's own id, by which it is hung up once it is answered.
    const news = statusCallback === undefined ? url : checkUrl(statusCallback, 'the status callback');
    const order = {
      from: bare(checkNumber(request.from, 'the number to call from')),
      to: bare(checkNumber(request.to, 'the number to call')),
      answer_url: url,
      answer_method: 'POST',
      ring_url: news,
      ring_method: 'POST',
      hangup_url: news,
      hangup_method: 'POST',
      ring_timeout: checkSeconds(request.timeoutSeconds),
      // With an address of its own it runs beside the conversation.
      ...(machineDetection === undefined
        ? {}
        : { machine_detection: 'true', machine_detection_url: news, machine_detection_method: 'POST' }),
    };
    try {
      // A second call because an answer was lost would ring somebody twice.
      const { status, body } = await this.#rest.json('dial', 'POST', this.#url, order, { repeatable: false, signal });
      const id = body?.['request_uuid'];
      if (typeof id === 'string' && /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(id)) return this.#ordered(id);
      const problem = 'the carrier took the call but gave no id of it';
      throw new ControlError('CONTROL_PROTOCOL', problem, { status, uncertain: true });
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
      throw new ControlError('CONTROL_REJECTED', `there is no such account or address: ${error.message}`, {
        ...(error.status === undefined ? {} : { status: error.status }),
      });
    }
  }

  async close(): Promise<void> {}

  #ordered(id: string): string {
    this.#orders.add(id);
    const [oldest] = this.#orders;
    if (this.#orders.size > ORDERS_MOST && oldest !== undefined) this.#orders.delete(oldest);
    return id;
  }

  #at(callId: string): string {
    return `${this.#url}${this.#calls.idOf(checkCallId(callId))}/`;
  }
}

/** The instructions that connect a caller to another number. Throws CONTROL_INVALID. */
function transferDocument(to: string, options: TransferOptions): string {
  const { callerId, say = '', language, voice, action } = options;
  if (say.length > SAY_MOST)
    throw new ControlError('CONTROL_INVALID', `what is said before a transfer has at most ${SAY_MOST} characters`);
  const dial = dialElement({
    to: checkNumber(to, 'the number to transfer to'),
    callerId: callerId === undefined ? undefined : checkNumber(callerId, 'the caller id'),
    action: action === undefined ? undefined : checkUrl(action, 'the action of a transfer'),
    ringSeconds: checkSeconds(options.timeoutSeconds),
    seconds: checkSeconds(options.limitSeconds, 'limitSeconds'),
  });
  // The voice comes as this carrier names it.
  const words = speak({ text: say, language, voice }, (name) => name);
  return response(...words, dial, element('Hangup'));
}

/** Plivo's control of calls, as the settings have it; undefined without credentials. Throws CONFIG_INVALID. */
export function plivoControl(
  { PLIVO_AUTH_ID: authId, PLIVO_AUTH_TOKEN: [authToken], PLIVO_API_URL: baseUrl }: PlivoSettings,
  calls: PlivoCalls,
  { clock, log, host }: ControlDeps,
): CallControl | undefined {
  if (authId === undefined || authToken === undefined) return undefined;
  const options = { authId, authToken, baseUrl, calls, host, clock, log };
  return configured('PLIVO_API_URL', () => new PlivoControl(options));
}
