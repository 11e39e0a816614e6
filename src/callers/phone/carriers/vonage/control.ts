import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../../../call/clock.ts';
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
  type MachineDetection,
  type TransferOptions,
} from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import { RestClient, type RestOptions } from '../../control/rest.ts';
import type { ControlDeps } from '../carrier.ts';
import { applicationJwt } from './jwt.ts';
import { type Action, connectPhone, digitsOf, talk } from './ncco.ts';
import type { VonageSettings } from './settings.ts';
import { PLACED } from './webhook.ts';

/**
 * Call control by Vonage's Voice API: JSON, with a token that is minted for each request.
 * https://developer.vonage.com/en/api/voice
 */

export const VOICE_API = 'https://api.nexmo.com';

/** Longest ringing that it takes, s. */
const RING_MOST_S = 120;

/** https://developer.vonage.com/en/voice/voice-api/concepts/advanced-machine-detection */
const MACHINE_DETECTION: Readonly<Record<MachineDetection, string>> = {
  detect: 'detect',
  'message-end': 'detect_beep',
};

export interface VonageRestOptions extends Omit<RestOptions, 'user' | 'password'> {
  readonly applicationId: string;
  readonly privateKey: KeyObject;
  readonly clock: Clock;
  /** https://api.nexmo.com when left out. */
  readonly baseUrl?: string | undefined;
}

/** Problem details, RFC 9457; they have no numbers. */
const failureOf: RestOptions['failureOf'] = ({ detail, title, error_title }) => ({
  message: detail ?? title ?? error_title,
});

export class VonageControl implements CallControl {
  readonly name = 'vonage-rest';
  readonly account: CallControl['account'];
  readonly #callsUrl: string;
  readonly #rest: RestClient;

  /** Throws CONTROL_INVALID. */
  constructor({ applicationId, privateKey, baseUrl = VOICE_API, ...rest }: VonageRestOptions) {
    this.account = { carrier: 'vonage', accountId: applicationId };
    this.#callsUrl = `${checkBase(baseUrl)}/v1/calls`;
    const password = () => applicationJwt(applicationId, privateKey, rest.clock.wall());
    this.#rest = new RestClient({ ...rest, password, failureOf });
  }

  async hangup(callId: string): Promise<void> {
    try {
      await this.#update('hangup', callId, { action: 'hangup' });
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
    }
  }

  async transfer(callId: string, to: string, options: TransferOptions = {}): Promise<void> {
    const { callerId, say, language, voice, timeoutSeconds, limitSeconds, action, signal } = options;
    const connection = {
      to: checkNumber(to, 'the number to transfer to'),
      callerId: callerId === undefined ? undefined : checkNumber(callerId, 'the caller id'),
      ringSeconds: checkSeconds(timeoutSeconds),
      seconds: checkSeconds(limitSeconds, 'limitSeconds'),
      action: action === undefined ? undefined : checkUrl(action, 'the action'),
    };
    const ncco: Action[] = say === undefined ? [] : [talk({ text: say, language, voice })];
    ncco.push(connectPhone(connection, { leg: checkCallId(callId), number: connection.callerId }));
    await this.#update('transfer', callId, { action: 'transfer', destination: { type: 'ncco', ncco } }, signal);
  }

  /** Plays them into the call, beside its media socket, which goes on. It has no A to D. */
  async sendDigits(callId: string, digits: string): Promise<void> {
    const url = `${this.#callsUrl}/${checkCallId(callId)}/dtmf`;
    if (/[A-D]/.test(checkDigits(digits)))
      throw new ControlError('CONTROL_UNSUPPORTED', 'Vonage plays 0-9, * and #, not A to D');
    // A `p` is half a second's pause there.
    await this.#rest.json('digits', 'PUT', url, { digits: digits.replaceAll('w', 'p') }, { repeatable: false });
  }

  async dial(request: DialRequest): Promise<string> {
    const { statusCallback, machineDetection, signal } = request;
    const answer = new URL(checkUrl(request.url, 'the URL of instructions'));
    answer.searchParams.set(PLACED, 'us');
    const ringing = checkSeconds(request.timeoutSeconds);
    const order = {
      to: [{ type: 'phone', number: digitsOf(checkNumber(request.to, 'the number to call')) }],
      from: { type: 'phone', number: digitsOf(checkNumber(request.from, 'the number to call from')) },
      answer_url: [answer.href],
      answer_method: 'POST',
      ...(statusCallback === undefined
        ? {}
        : { event_url: [checkUrl(statusCallback, 'the status callback')], event_method: 'POST' }),
      ...(ringing === undefined ? {} : { ringing_timer: Math.min(ringing, RING_MOST_S) }),
      ...(machineDetection === undefined
        ? {}
        : { advanced_machine_detection: { behavior: 'continue', mode: MACHINE_DETECTION[machineDetection] } }),
    };
    try {
      // A second call because an answer was lost would ring somebody twice.
      const { status, body } = await this.#rest.json('dial', 'POST', this.#callsUrl, order, {
        repeatable: false,
        signal,
      });
      const id = body?.['uuid'];
      if (typeof id === 'string' && /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(id)) return id;
      throw new ControlError('CONTROL_PROTOCOL', 'Vonage took the call but gave no uuid of it', {
        status,
        uncertain: true,
      });
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'CONTROL_GONE') throw error;
      throw new ControlError('CONTROL_REJECTED', `there is no such address: ${error.message}`, {
        ...(error.status === undefined ? {} : { status: error.status }),
      });
    }
  }

  async close(): Promise<void> {}

  async #update(action: string, callId: string, change: object, signal?: AbortSignal): Promise<void> {
    await this.#rest.json(action, 'PUT', `${this.#callsUrl}/${checkCallId(callId)}`, change, {
      repeatable: true,
      signal,
    });
  }
}

/** Vonage's control of calls, as the settings have it; undefined without an application. Throws CONFIG_INVALID. */
export function vonageControl(settings: VonageSettings, { clock, log }: ControlDeps): CallControl | undefined {
  const { VONAGE_APPLICATION_ID: applicationId, VONAGE_PRIVATE_KEY: key, VONAGE_API_URL: baseUrl } = settings;
  if (applicationId === undefined || key === undefined) return undefined;
  const privateKey = createPrivateKey(key);
  return configured('VONAGE_API_URL', () => new VonageControl({ applicationId, privateKey, baseUrl, clock, log }));
}
