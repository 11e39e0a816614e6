import { type Clock, delay } from '../../../call/clock.ts';
import type { CallEvent, CallObserver } from '../../../call/events.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import { errorMessage } from '../../../errors.ts';
import { ApiError, type ErrorAnswer } from '../../../http/api-error.ts';
import { whatsappIds, whatsappParty } from '../../../numbering/party.ts';
import type { CallOrder } from '../../../orders/calls-api-routes.ts';
import type { OutboundCall } from '../../../orders/outbound-call.ts';
import { mayRing, type OwnOrders, type Placer, type PreparedOrder } from '../../../orders/placer.ts';
import { type CallStatus, ControlError } from '../../phone/control/index.ts';
import type { ConnectEvent, PermissionEvent, StatusEvent, TerminateEvent } from '../events.ts';
import type { Farewells } from '../graph/farewells.ts';
import type { PlacedCalls } from './desk.ts';
import type { MetaElsewhere } from './elsewhere.ts';
import { graphAnswer } from './errors.ts';
import { businessParty } from './incoming.ts';
import { endOf } from './meta-call.ts';
import type { Permissions } from './permissions.ts';
import { PlacedBook } from './placed-book.ts';
import { addresseeOf, type OfferedMedia, PlacedCall, type PlacingGraph, statusOf } from './placed-call.ts';
import { beginTalk, type TalkDeps } from './placed-talk.ts';

/**
 * Calls that we place to WhatsApp users. We send our offer; Meta tells by webhooks, in any order and each perhaps twice, the answer of the user's phone,
 * that it rings, that he picked up or does not want it, and the end. The call, and the model's session with it, begins when he has picked up: Meta says
 * so, or his voice is there before.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/business-initiated-calls
 */

export interface OutboundWhatsAppOptions extends TalkDeps {
  /** Our numbers by their ids; the first is called from where an order names none. */
  readonly numbers: ReadonlyMap<string, PlacingGraph>;
  /** Makes the peer of a call and its leg. May throw PEER_UNAVAILABLE. */
  readonly media: (callId: string) => OfferedMedia;
  readonly permissions: Pick<Permissions, 'mayCall' | 'reply'>;
  readonly farewells: Pick<Farewells, 'send'>;
  /** Tells the other instances whose call this is, once Meta has named it. */
  readonly elsewhere?: Pick<MetaElsewhere, 'placed'> | undefined;
  readonly clock: Clock;
}

/** Between two looks whether the user is heard, ms. */
const LOOK_MS = 200;
/** How long his phone's answer may be missing after he has picked up, ms. */
const ANSWER_MS = 10_000;

export class OutboundWhatsApp implements Placer, PlacedCalls, CallObserver {
  readonly #o: OutboundWhatsAppOptions;
  readonly #placed = new PlacedBook();
  #orders: OwnOrders | undefined;

  constructor(options: OutboundWhatsAppOptions) {
    this.#o = options;
  }

  takes(to: string): boolean {
    return to.startsWith('whatsapp:');
  }

  join(orders: OwnOrders): void {
    this.#orders = orders;
  }

  told(error: unknown): ErrorAnswer | undefined {
    return graphAnswer(error);
  }

  prepare({ to, from, machineDetection }: CallOrder): PreparedOrder {
    const { numbers } = this.#o;
    const [first = ''] = numbers.keys();
    const id = from === undefined ? first : from.replace(/^whatsapp:/, '');
    const client = numbers.get(id);
    if (client === undefined)
      throw new ControlError(
        'CONTROL_INVALID',
        'a WhatsApp call is made from whatsapp: and one of WHATSAPP_PHONE_NUMBER_ID',
      );
    if (machineDetection !== 'off')
      throw new ControlError('CONTROL_UNSUPPORTED', 'WhatsApp does not find out whether a machine answers');
    return {
      from: businessParty({ phoneNumberId: id, displayNumber: '' }),
      to: whatsappParty(whatsappIds(to)),
      shownFrom: `whatsapp:${id}`,
      dial: (order) => this.#dial(order, client),
    };
  }

  async hangup({ id }: OutboundCall): Promise<void> {
    const placed = this.#placed.get(id);
    if (placed !== undefined) this.#release(placed, termination('operator-hangup'));
  }

  /** Given up, or the process ends. A conversation has its own end. */
  reported({ id }: OutboundCall): void {
    const placed = this.#placed.get(id);
    if (placed !== undefined && placed.call === undefined) this.#release(placed, termination('operator-hangup'));
  }

  answered(event: ConnectEvent): boolean {
    const placed = this.#placed.of(event);
    if (placed === undefined) return false;
    if (placed.answer !== 'none') return true;
    placed.displayNumber ||= event.displayNumber;
    placed.answer = 'applying';
    void this.#answer(placed, event.sdp);
    return true;
  }

  status(event: StatusEvent): boolean {
    const placed = this.#placed.of(event);
    if (placed === undefined) return false;
    placed.displayNumber ||= event.displayNumber;
    placed.learn(event.user);
    switch (event.status) {
      case 'RINGING':
        this.#news(placed, 'ringing');
        return true;
      case 'ACCEPTED':
        this.#accepted(placed);
        return true;
      case 'REJECTED':
        // Its end is told, too; nothing more comes of it before.
        placed.rejected = true;
        placed.ended = true;
        if (placed.call === undefined) this.#over(placed, 'busy', termination('caller-hangup'));
        return true;
      default:
        this.#o.metrics.count('other_event');
        return true;
    }
  }

  ended(event: TerminateEvent): boolean {
    const placed = this.#placed.of(event);
    if (placed === undefined) return false;
    placed.ended = true;
    const end = endOf(event, placed.accepted);
    if (placed.call !== undefined) void placed.call.end(end);
    else this.#over(placed, statusOf(placed, event), end);
    return true;
  }

  permission(event: PermissionEvent): void {
    this.#o.permissions.reply(event);
  }

  /** Nobody comes back to a line of WhatsApp's that broke. */
  onEvent(callId: string, event: CallEvent): void {
    if (event.type !== 'caller' || event.event.type !== 'ended') return;
    void this.#placed.get(callId)?.call?.end(event.event.end);
  }

  async #dial(order: OutboundCall, client: PlacingGraph): Promise<string> {
    const user = addresseeOf(order.place.number);
    await this.#o.permissions.mayCall(client, user);
    const placed = new PlacedCall(order, client, this.#media(order.id));
    this.#placed.add(placed);
    try {
      const offer = await placed.media.offer().catch(noMedia);
      const { callId } = await client.connect(user, offer, order.id);
      placed.named(callId);
      placed.owned = this.#o.elsewhere?.placed(callId, order.id);
      // The order may have been given up while it was being placed.
      if (placed.isOver) this.#farewell(placed);
      else this.#ring(placed);
      return callId;
    } catch (error) {
      if (mayRing(error) && !placed.isOver) this.#ring(placed);
      else this.#release(placed, termination('internal'));
      throw error;
    } finally {
      this.#replay(placed);
    }
  }

  #media(callId: string): OfferedMedia {
    try {
      return this.#o.media(callId);
    } catch (error) {
      return noMedia(error);
    }
  }

  /** It rings for so long and no longer. */
  #ring(placed: PlacedCall): void {
    if (placed.accepted) return;
    placed.timer = this.#o.clock.after(placed.order.order.timeoutSeconds * 1_000, () =>
      this.#over(placed, 'no-answer', termination('caller-hangup', 'nobody picked up')),
    );
  }

  #replay(placed: PlacedCall): void {
    for (const event of this.#placed.early(placed)) {
      if (event.type === 'connect') this.answered(event);
      else if (event.type === 'status') this.status(event);
      else this.ended(event);
    }
  }

  /** The user's phone has answered: media comes up, and with it his voice when he picks up. */
  async #answer(placed: PlacedCall, sdp: string): Promise<void> {
    try {
      await placed.media.answer(sdp);
    } catch (error) {
      const end = termination('media-malformed', errorMessage(error));
      this.#o.log.error({ callId: placed.order.id, ...end }, 'the answer of a WhatsApp user cannot be used');
      this.#over(placed, 'failed', end);
      return;
    }
    placed.answer = 'applied';
    if (placed.accepted) await this.#begin(placed);
    else await this.#listen(placed);
  }

  /** Meta tells late that he has picked up: he is heard before, and waits. */
  async #listen(placed: PlacedCall): Promise<void> {
    while (!placed.isOver && !placed.accepted) {
      if (await placed.media.isHeard().catch(() => false)) {
        this.#accepted(placed);
        return;
      }
      await delay(this.#o.clock, LOOK_MS);
    }
  }

  #accepted(placed: PlacedCall): void {
    if (placed.isOver || placed.accepted) return;
    placed.accepted = true;
    placed.timer?.cancel();
    this.#o.metrics.count('placed_accepted');
    this.#orders?.answered(placed.order.id);
    if (placed.answer === 'applied') void this.#begin(placed);
    else
      placed.timer = this.#o.clock.after(ANSWER_MS, () => {
        if (placed.answer !== 'applied')
          this.#over(
            placed,
            'failed',
            termination('no-stream', 'the answer of the phone that was picked up never came'),
          );
      });
  }

  /** He has picked up and can be spoken to. */
  async #begin(placed: PlacedCall): Promise<void> {
    if (placed.isOver) return;
    placed.timer?.cancel();
    const failed = await beginTalk(placed, this.#o);
    const { call } = placed;
    if (failed !== undefined) this.#over(placed, 'failed', failed);
    else if (call !== undefined) void call.done.then((end) => this.#conversationOver(placed, end));
  }

  #conversationOver(placed: PlacedCall, end: Termination): void {
    this.#release(placed, end);
    this.#orders?.news(placed.order.id, 'completed');
  }

  /** It is over before there was a conversation. */
  #over(placed: PlacedCall, status: CallStatus, end: Termination): void {
    if (placed.isOver) return;
    this.#release(placed, end);
    this.#news(placed, status);
  }

  #news({ order }: PlacedCall, status: CallStatus): void {
    this.#orders?.news(order.id, status);
  }

  /** Frees everything, and tells Meta where it does not know. Idempotent. */
  #release(placed: PlacedCall, end: Termination): void {
    if (placed.isOver) return;
    placed.isOver = true;
    placed.timer?.cancel();
    placed.owned?.release();
    this.#placed.delete(placed);
    this.#farewell(placed);
    void placed.media.leg.close(end);
  }

  #farewell(placed: PlacedCall): void {
    const { id, client, order } = placed;
    if (placed.ended || id === undefined) return;
    placed.ended = true;
    this.#o.farewells.send(client, 'terminate', id, order.id);
  }
}

/** An order that certainly rang nobody. */
function noMedia(error: unknown): never {
  throw new ApiError(503, 'OUTBOUND_UNAVAILABLE', `no media could be had for the call: ${errorMessage(error)}`);
}
