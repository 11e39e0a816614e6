import type { Timer } from '../../../call/clock.ts';
import { partyText } from '../../../call/party.ts';
import type { CallFacts } from '../../../dispatch.ts';
import type { CallerInfo, MadeCall } from '../../../intake/intake.ts';
import { type WhatsAppIds, whatsappIds, whatsappParty } from '../../../numbering/party.ts';
import type { OutboundCall } from '../../../orders/outbound-call.ts';
import type { CallStatus } from '../../phone/control/index.ts';
import type { TerminateEvent } from '../events.ts';
import type { Addressee, GraphClient } from '../graph/client.ts';
import { businessParty, CARRIER } from './incoming.ts';
import type { MetaLeg } from './meta-call.ts';
import type { PermissionGraph } from './permissions.ts';

/** What placing a call asks of Meta. */
export type PlacingGraph = PermissionGraph & Pick<GraphClient, 'connect' | 'terminate' | 'reject'>;

/** A peer for a call that we place, and the leg over it. */
export interface OfferedMedia {
  readonly leg: MetaLeg;
  /** What Meta is sent. Rejects with PEER_FAILED. */
  offer(): Promise<string>;
  /** Takes Meta's answer. Rejects with PEER_SDP_INVALID or PEER_FAILED. */
  answer(sdp: string): Promise<void>;
  /** Whether audio of the user's has come. */
  isHeard(): Promise<boolean>;
}

/** A call that we place, from the order until all is over here: what there is of it. */
export class PlacedCall {
  readonly order: OutboundCall;
  readonly client: PlacingGraph;
  readonly media: OfferedMedia;
  /** Meta's id; undefined until Meta has told it. */
  id: string | undefined;
  /** The user's phone has answered our offer: it was taken for use, and then is in use. */
  answer: 'none' | 'applying' | 'applied' = 'none';
  /** The user has picked up. */
  accepted = false;
  /** The user does not want it. */
  rejected = false;
  /** Meta knows that it is over: by itself, or since it told us. */
  ended = false;
  isOver = false;
  call: MadeCall | undefined;
  /** By which other instances find it. */
  owned: { release(): void } | undefined;
  /** What limits the state that it is in. */
  timer: Timer | undefined;
  /** Our number for people to read, where a webhook told it. */
  displayNumber = '';
  #told: WhatsAppIds;

  constructor(order: OutboundCall, client: PlacingGraph, media: OfferedMedia) {
    this.order = order;
    this.client = client;
    this.media = media;
    this.#told = whatsappIds(order.place.number);
  }

  /** Meta's id is known: by its answer, or by a webhook that came before it, or in its place. */
  named(id: string): void {
    this.id ??= id;
    this.order.carrierCallId ??= id;
  }

  /** A webhook says more of who it is that is called. */
  learn({ userId, from }: WhatsAppIds): void {
    const { userId: known, waId } = this.#told;
    this.#told = { userId: known ?? userId, waId: waId ?? from };
  }

  /** Who calls whom, for the choice of who answers. */
  get facts(): CallFacts & { readonly to: NonNullable<CallFacts['to']> } {
    const { client, displayNumber } = this;
    return {
      carrier: CARRIER,
      direction: 'outbound',
      from: businessParty({ phoneNumberId: client.phoneNumberId, displayNumber }),
      to: whatsappParty(this.#told),
    };
  }

  /** The same for the call's record. */
  get info(): CallerInfo {
    const { from, to } = this.facts;
    const [ours, theirs] = [partyText(from), partyText(to)];
    return {
      accountId: this.client.phoneNumberId,
      ...(this.id === undefined ? {} : { carrierCallId: this.id }),
      ...(ours === undefined ? {} : { from: ours }),
      ...(theirs === undefined ? {} : { to: theirs }),
      callerKind: to.kind,
    };
  }
}

/** Whom Meta is to call: a number goes by `to`, a user id by `recipient`. */
export function addresseeOf(address: string): Addressee {
  const { userId, waId = '' } = whatsappIds(address);
  return userId === undefined ? { to: waId } : { recipient: userId };
}

/** How a call fared that nobody took. */
export function statusOf({ rejected, accepted }: PlacedCall, { errors, status, seconds }: TerminateEvent): CallStatus {
  if (rejected) return 'busy';
  if (errors.length > 0) return 'failed';
  return accepted || (status === 'COMPLETED' && seconds !== undefined) ? 'completed' : 'no-answer';
}
