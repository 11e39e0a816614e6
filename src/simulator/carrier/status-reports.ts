import { errorMessage } from '../../errors.ts';
import { Addresses } from '../phone/addresses.ts';
import type { Form, ToldCall } from '../phone/far-end.ts';
import { FAR_ENDS } from '../phone/far-ends.ts';
import type { Timeline } from '../phone/timeline.ts';
import { WebhookClient } from '../phone/webhook.ts';
import type { CarrierCallStatus, CarrierSide, ReportedCall } from './side.ts';

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
export function webhooksFor(side: CarrierSide, url: string): { webhook: WebhookClient; addresses: Addresses } {
  const { bridge, carrier, signingSecret, clock } = side;
  const addresses = bridge === undefined ? new Addresses(url) : new Addresses(bridge.local, bridge.public);
  return { webhook: new WebhookClient({ carrier, secret: signingSecret, addresses, clock }), addresses };
}

/** Posts how a call fares: in order, as the carriers' SequenceNumber promises, and without holding up the call. */
export class StatusReports {
  readonly #side: CarrierSide;
  readonly #call: ReportedCall;
  readonly #callbacks: readonly StatusCallback[];
  readonly #timeline: Timeline;
  #posted: Promise<unknown> = Promise.resolve();

  constructor(side: CarrierSide, call: ReportedCall, callbacks: readonly StatusCallback[], timeline: Timeline) {
    this.#side = side;
    this.#call = call;
    this.#callbacks = callbacks;
    this.#timeline = timeline;
  }

  /** `seconds`: since it was answered. */
  status(status: CarrierCallStatus, seconds: number): void {
    const event = isOver(status) ? 'completed' : (EVENT_OF[status] ?? status);
    const { carrier, clock } = this.#side;
    for (const callback of this.#callbacks)
      if (callback.events.includes(event))
        this.#post(callback, FAR_ENDS[carrier].statusForm(this.#told(status), seconds, new Date(clock.wall())), status);
  }

  /** What machine detection found, to its own callback. */
  machine(url: string, answeredBy: string): void {
    const form = FAR_ENDS[this.#side.carrier].machineForm(this.#told(this.#call.status), answeredBy);
    this.#post({ url, method: 'POST' }, form, 'AnsweredBy');
  }

  /** Resolves when everything so far was posted or given up. */
  done(): Promise<unknown> {
    return this.#posted;
  }

  #told(callStatus: CarrierCallStatus): ToldCall {
    const { sid: callSid, from, to, placed } = this.#call;
    return { accountSid: this.#side.accountSid, callSid, from, to, callStatus, ...placed };
  }

  #post(to: Pick<StatusCallback, 'url' | 'method'>, form: Form, what: string): void {
    const { webhook } = webhooksFor(this.#side, to.url);
    this.#posted = this.#posted
      .then(() => webhook.callback(to.url, to.method, form))
      .then((status) => this.#timeline.add('callback', `${what}: HTTP ${status}`))
      .catch((error: unknown) => this.#timeline.add('fault', `callback: ${errorMessage(error)}`));
  }
}
