import { errorMessage } from '../../errors.ts';
import { Addresses } from '../phone/addresses.ts';
import { API_VERSION } from '../phone/carrier.ts';
import type { Timeline } from '../phone/timeline.ts';
import type { CarrierCallStatus, CarrierSide, ReportedCall } from './side.ts';
import { CallWebhooks, type Extra } from './webhooks.ts';

export interface StatusCallback {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** initiated, ringing, answered, completed. */
  readonly events: readonly string[];
}

const FINAL = new Set<CarrierCallStatus>(['completed', 'busy', 'failed', 'no-answer', 'canceled']);
/** The event that a status is reported as, where it has another name. */
const EVENT_OF: Partial<Record<CarrierCallStatus, string>> = { 'in-progress': 'answered' };

/** Whether nothing follows this status. */
export const isOver = (status: CarrierCallStatus): boolean => FINAL.has(status);

/** A client for the webhooks of a call whose instructions come from `url`. */
export function webhooksFor(
  side: CarrierSide,
  url: string,
  extra: Extra,
): { webhook: CallWebhooks; addresses: Addresses } {
  const { bridge, carrier, signingSecret, clock } = side;
  const addresses = bridge === undefined ? new Addresses(url) : new Addresses(bridge.local, bridge.public);
  return { webhook: new CallWebhooks({ carrier, secret: signingSecret, addresses, clock }, extra), addresses };
}

/** Posts how a call fares: in order, as the carriers' SequenceNumber promises, and without holding up the call. */
export class StatusReports {
  readonly #side: CarrierSide;
  readonly #call: ReportedCall;
  readonly #callback: StatusCallback | undefined;
  readonly #timeline: Timeline;
  #posted: Promise<unknown> = Promise.resolve();

  constructor(side: CarrierSide, call: ReportedCall, callback: StatusCallback | undefined, timeline: Timeline) {
    this.#side = side;
    this.#call = call;
    this.#callback = callback;
    this.#timeline = timeline;
  }

  /** `seconds`: since it was answered. */
  status(status: CarrierCallStatus, seconds: number): void {
    const callback = this.#callback;
    const event = isOver(status) ? 'completed' : (EVENT_OF[status] ?? status);
    if (callback === undefined || !callback.events.includes(event)) return;
    this.#post(callback, {
      CallStatus: status,
      ...(isOver(status) ? { CallDuration: String(seconds) } : {}),
      Timestamp: new Date(this.#side.clock.wall()).toUTCString(),
      CallbackSource: 'call-progress-events',
    });
  }

  /** What machine detection found, to its own callback. */
  machine(url: string, answeredBy: string): void {
    this.#post({ url, method: 'POST' }, { AnsweredBy: answeredBy, MachineDetectionDuration: '900' });
  }

  /** Resolves when everything so far was posted or given up. */
  done(): Promise<unknown> {
    return this.#posted;
  }

  #post(to: Pick<StatusCallback, 'url' | 'method'>, fields: Readonly<Record<string, string>>): void {
    const form: Record<string, string> = {
      AccountSid: this.#side.accountSid,
      ApiVersion: API_VERSION,
      CallSid: this.#call.sid,
      Direction: this.#call.direction,
      From: this.#call.from,
      To: this.#call.to,
      ...fields,
    };
    const { webhook } = webhooksFor(this.#side, to.url, () => ({}));
    this.#posted = this.#posted
      .then(() => webhook.callback(to.url, to.method, form))
      .then((status) => this.#timeline.add('callback', `${form['CallStatus'] ?? 'AnsweredBy'}: HTTP ${status}`))
      .catch((error: unknown) => this.#timeline.add('fault', `callback: ${errorMessage(error)}`));
  }
}
