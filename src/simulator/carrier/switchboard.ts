import type { AudioSource } from '../phone/source.ts';
import { CarrierCall, type Next } from './call.ts';
import type { CarrierSide } from './side.ts';
import type { StatusCallback } from './status-reports.ts';

export interface PlaceOptions {
  readonly from: string;
  readonly to: string;
  /** None: the call waits, once answered, for instructions to come by an update. */
  readonly first?: Next | undefined;
  readonly statusCallbacks?: readonly StatusCallback[] | undefined;
  /** The id of the order, where the carrier has one. */
  readonly requestSid?: string | undefined;
  readonly machineDetection?: { readonly async: boolean; readonly callbackUrl: string | undefined } | undefined;
}

/** All calls of one carrier, live and past, in order. */
export class Switchboard {
  readonly side: CarrierSide;
  readonly calls: CarrierCall[] = [];
  readonly #source: AudioSource;

  /** `source`: what every far party says. */
  constructor(side: CarrierSide, source: AudioSource) {
    this.side = side;
    this.#source = source;
  }

  find(sid: string): CarrierCall | undefined {
    return this.calls.find((call) => call.sid === sid);
  }

  /** Calls somebody; rings from the next turn of the event loop on, when whoever asked has his answer. */
  place(options: PlaceOptions): CarrierCall {
    const far = this.side.far(options.to);
    const { machineDetection, statusCallbacks, requestSid, from, to, first } = options;
    const sync = machineDetection !== undefined && !machineDetection.async;
    const call = this.#add(
      new CarrierCall({
        side: this.side,
        direction: 'outbound-api',
        from,
        to,
        source: this.#source,
        statusCallbacks,
        requestSid,
        answeredBy: sync ? (far.answeredBy ?? 'human') : undefined,
      }),
    );
    const url = machineDetection?.async === true ? machineDetection.callbackUrl : undefined;
    if (url !== undefined)
      call.onStatus((status) => {
        if (status === 'in-progress') call.reportMachine(url, far.answeredBy ?? 'human');
      });
    setImmediate(() => void call.place(far, first));
    return call;
  }

  /** Somebody calls the number that this webhook answers for. */
  callIn(options: { from: string; to: string; webhookUrl: string; statusUrl?: string }): CarrierCall {
    const { from, to, statusUrl } = options;
    const events = ['ringing', 'answered', 'completed'];
    const statusCallbacks = statusUrl === undefined ? [] : [{ url: statusUrl, method: 'POST' as const, events }];
    const call = this.#add(
      new CarrierCall({ side: this.side, direction: 'inbound', from, to, source: this.#source, statusCallbacks }),
    );
    void call.callIn(options.webhookUrl);
    return call;
  }

  /** Ends every call and waits until all is reported. */
  async close(): Promise<void> {
    for (const call of this.calls) call.hangUp();
    await Promise.all(this.calls.map((call) => call.done));
  }

  #add(call: CarrierCall): CarrierCall {
    this.calls.push(call);
    return call;
  }
}
