import type { CarrierCall } from '../call/carrier-call.ts';
import type { Clock } from '../call/clock.ts';
import type { Carrier } from '../callers/phone/carriers/carrier.ts';
import { type CallControl, ControlError } from '../callers/phone/control/index.ts';
import { addressOf } from '../callers/phone/http/answers.ts';
import { ApiError } from '../http/api-error.ts';
import type { HostedRequest, PublicUrls } from '../http/public-url.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import type { CallOrder } from './calls-api-routes.ts';
import { ownNumber } from './errors.ts';
import { OrderMemory } from './order-memory.ts';
import { OrderSearch } from './order-search.ts';
import type { OutboundCall, OutboundPlan } from './outbound-call.ts';
import type { OwnOrders, Placer, PreparedOrder } from './placer.ts';

/** Places ordered calls to telephone numbers through a carrier, which comes for instructions by a webhook when somebody answers. */

export interface PhonePlacerOptions {
  /** None: no call can be placed. */
  readonly control: CallControl | undefined;
  /** Whose control it is, who may have addresses of his own for his webhooks. */
  readonly carrier?: Carrier | undefined;
  /** The number that calls are made from when the order names none, E.164. */
  readonly from: string | undefined;
  readonly urls: PublicUrls;
  /** Where other processes find what was ordered here. */
  readonly memory: ProcessMemory;
  readonly clock: Clock;
}

const numberParty = (number: string) => ({ kind: 'number', number }) as const;

export class PhonePlacer implements Placer {
  readonly #o: PhonePlacerOptions;
  /** By what any process knows these calls again; none where none can be placed. */
  readonly #memory: OrderMemory | undefined;
  #search: OrderSearch | undefined;

  constructor(options: PhonePlacerOptions) {
    this.#o = options;
    const { control, memory } = options;
    if (control !== undefined) this.#memory = new OrderMemory(memory, control.account);
  }

  get carrier(): string | undefined {
    return this.#o.control?.account.carrier;
  }

  takes(to: string): boolean {
    return to.startsWith('+');
  }

  join({ calls, placing }: OwnOrders): void {
    const { control, clock } = this.#o;
    if (control === undefined || this.#memory === undefined) return;
    this.#search = new OrderSearch({ account: control.account, memory: this.#memory, clock, calls, placing });
  }

  prepare(order: CallOrder, request: HostedRequest): PreparedOrder {
    const { control, carrier, urls } = this.#o;
    const from = order.from ?? this.#o.from;
    if (control === undefined || from === undefined)
      throw new ApiError(
        503,
        'OUTBOUND_UNAVAILABLE',
        `${control === undefined ? 'no carrier' : 'no number'} to call from is set`,
      );
    if (!from.startsWith('+'))
      throw new ControlError('CONTROL_INVALID', 'a call to a number is made from a number of the carrier account');
    if (order.to === from) throw ownNumber();
    const url = urls.http(request, addressOf(carrier, 'incoming-call'));
    const statusCallback = urls.http(request, addressOf(carrier, 'call-status'));
    return {
      from: numberParty(from),
      to: numberParty(order.to),
      shownFrom: from,
      dial: async (call) => {
        const { number } = call.place;
        await this.#memory?.dial(number, call.plan);
        const carrierCallId = await control.dial({
          to: number,
          from,
          url,
          statusCallback,
          timeoutSeconds: order.timeoutSeconds,
          machineDetection: order.machineDetection === 'off' ? undefined : order.machineDetection,
        });
        call.carrierCallId = carrierCallId;
        await this.#memory?.name(carrierCallId, number, call.plan);
        return carrierCallId;
      },
    };
  }

  async hangup({ carrierCallId }: OutboundCall): Promise<void> {
    if (carrierCallId !== undefined) await this.#o.control?.hangup(carrierCallId);
  }

  async find(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    return this.#search?.find(asked, to);
  }

  /** Late news of it comes by the carrier's id alone: a number that is called again and again must not gather all that was ordered for it. */
  reported(call: OutboundCall): void {
    void this.#memory?.forget(undefined, call.place.number, call.plan);
  }

  forget(call: OutboundCall): void {
    void this.#memory?.forget(call.carrierCallId, call.place.number, call.plan);
  }
}
