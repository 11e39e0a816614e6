import type { CarrierAccount } from '../../../../call/carrier-call.ts';
import { errorMessage } from '../../../../errors.ts';
import type { CallControl, DialRequest, MachineDetection, TransferOptions } from '../../control/control.ts';
import { checkCallId, checkDigits, checkNumber, checkSeconds, checkUrl } from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import { type Form, RestClient, type RestOptions } from '../../control/rest.ts';
import { transferDocument } from './transfer-document.ts';

/**
 * Call control by the REST API of 2010-04-01, which one carrier made and others of the family have as a compatible one.
 * https://www.twilio.com/docs/voice/api/call-resource, https://developer.signalwire.com/compatibility-api/rest
 */

/** What differs from carrier to carrier. */
export interface LamlDialect {
  readonly name: string;
  readonly account: CarrierAccount;
  /** Address of the list of calls, without a suffix. */
  readonly callsUrl: string;
  /** ".json" where the API answers XML without it. */
  readonly suffix: '.json' | '';
  /** The parameters that put a call on these instructions. */
  redirect(document: string): Form;
  /** Why digits cannot be played, for the error. */
  readonly noDigits: string;
  /** A new call's parameters in its own way; as they are without it. Throws a ControlError. */
  order?(form: Form): Form;
}

/** The call is not in progress, so there is nothing to change any more. https://www.twilio.com/docs/api/errors/21220 */
const GONE_CODES = [21_220];

const MACHINE_DETECTION: Readonly<Record<MachineDetection, string>> = {
  detect: 'Enable',
  'message-end': 'DetectMessageEnd',
};

export class LamlControl implements CallControl {
  readonly name: string;
  readonly account: CarrierAccount;
  readonly #dialect: LamlDialect;
  readonly #rest: RestClient;

  constructor(dialect: LamlDialect, rest: RestOptions) {
    this.name = dialect.name;
    this.account = dialect.account;
    this.#dialect = dialect;
    this.#rest = new RestClient({ ...rest, goneCodes: GONE_CODES });
  }

  async hangup(callId: string): Promise<void> {
    try {
      // "completed" ends a call in every state; "canceled" would miss one that was answered meanwhile.
      await this.#update('hangup', callId, { Status: 'completed' });
    } catch (error) {
      if (error instanceof ControlError && error.code === 'CONTROL_GONE') return;
      throw error;
    }
  }

  async transfer(callId: string, to: string, options: TransferOptions = {}): Promise<void> {
    const document = transferDocument(to, options);
    let form: Form;
    try {
      form = this.#dialect.redirect(document);
    } catch (cause) {
      throw new ControlError('CONTROL_UNSUPPORTED', `instructions cannot be served: ${errorMessage(cause)}`, { cause });
    }
    await this.#update('transfer', callId, form, options.signal);
  }

  /** Lets the call go on with the instructions at `url`. */
  async redirect(callId: string, url: string, signal?: AbortSignal): Promise<void> {
    await this.#update('redirect', callId, { Url: checkUrl(url, 'the URL of instructions'), Method: 'POST' }, signal);
  }

  async sendDigits(callId: string, digits: string): Promise<void> {
    checkCallId(callId);
    checkDigits(digits);
    throw new ControlError('CONTROL_UNSUPPORTED', this.#dialect.noDigits);
  }

  async dial(request: DialRequest): Promise<string> {
    const { statusCallback, machineDetection } = request;
    const form: Form = {
      To: checkNumber(request.to, 'the number to call'),
      From: checkNumber(request.from, 'the number to call from'),
      Url: checkUrl(request.url, 'the URL of instructions'),
      Method: 'POST',
      Timeout: checkSeconds(request.timeoutSeconds)?.toString(),
      ...(statusCallback === undefined
        ? {}
        : {
            StatusCallback: checkUrl(statusCallback, 'the status callback'),
            StatusCallbackMethod: 'POST',
            StatusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
          }),
      ...(machineDetection === undefined
        ? {}
        : {
            MachineDetection: MACHINE_DETECTION[machineDetection],
            AsyncAmd: 'true',
            AsyncAmdStatusCallback: statusCallback,
            AsyncAmdStatusCallbackMethod: statusCallback === undefined ? undefined : 'POST',
          }),
    };
    const { callsUrl, suffix } = this.#dialect;
    const order = this.#dialect.order?.(form) ?? form;
    try {
      // A second call because an answer was lost would ring somebody twice.
      const answer = await this.#rest.post('dial', callsUrl + suffix, order, {
        repeatable: false,
        signal: request.signal,
      });
      return this.#sid(answer.status, answer.body);
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
      throw new ControlError('CONTROL_REJECTED', `there is no such account or address: ${error.message}`, {
        ...(error.status === undefined ? {} : { status: error.status }),
      });
    }
  }

  async close(): Promise<void> {}

  async #update(action: string, callId: string, form: Form, signal?: AbortSignal): Promise<void> {
    const { callsUrl, suffix } = this.#dialect;
    await this.#rest.post(action, `${callsUrl}/${checkCallId(callId)}${suffix}`, form, { repeatable: true, signal });
  }

  #sid(status: number, body: Readonly<Record<string, unknown>> | undefined): string {
    const sid = body?.['sid'];
    if (typeof sid === 'string' && /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(sid)) return sid;
    throw new ControlError('CONTROL_PROTOCOL', 'the carrier took the call but gave no id of it', {
      status,
      uncertain: true,
    });
  }
}
