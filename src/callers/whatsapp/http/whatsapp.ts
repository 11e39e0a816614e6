import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { isPrivateHost } from '../../../addresses.ts';
import type { Calls } from '../../../call/calls.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { Intake } from '../../../intake/intake.ts';
import type { ProcessMemory } from '../../../memory/memory.ts';
import { hasAudio } from '../../../transport/liveness.ts';
import { Peer, type PeerOptions } from '../../../transport/peer.ts';
import { GraphClient } from '../graph/client.ts';
import { Farewells } from '../graph/farewells.ts';
import { WhatsAppLeg } from '../leg.ts';
import { type WhatsappMetrics, whatsappMetrics } from '../metrics.ts';
import { answerMeta, checkMetaAnswer, maskedSdp, offerMeta } from '../sdp.ts';
import { Claims } from './claims.ts';
import { type PlacedCalls, WhatsappDesk } from './desk.ts';
import { MetaElsewhere } from './elsewhere.ts';
import { Incoming, type MetaMedia } from './incoming.ts';
import { OutboundWhatsApp } from './outbound.ts';
import type { Permissions } from './permissions.ts';
import type { OfferedMedia } from './placed-call.ts';
import { whatsappWebhook } from './webhook.ts';

export interface WhatsappOptions {
  /** Ids of our numbers; one at least. */
  readonly phoneNumberIds: readonly string[];
  readonly token: string;
  readonly secrets: readonly string[];
  readonly verifyToken: string;
  /** The Graph API's address and version. */
  readonly url: string;
  readonly version: string;
  /** Whether there is no number of Meta's, so that a trial's far end stands at the address, or nobody. */
  readonly isTrial: boolean;
  readonly preAccept: boolean;
  readonly rtc: Pick<PeerOptions, 'iceServers' | 'portRange'>;
  /** Addresses under which our media ports are reached from outside. */
  readonly publicAddresses: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  /** Shared by all processes that take webhooks of the same numbers; `instance` names this one. */
  readonly memory: ProcessMemory;
  readonly instance: string;
  /** The instances that may have a call. */
  readonly fleet: Fleet;
}

/** What the daemon has that calls need. */
export interface WhatsappParts {
  readonly app: FastifyInstance;
  readonly calls: Calls;
  readonly intake: Intake;
  /** Who places calls; left out: nobody does. */
  readonly placed?: PlacedCalls | undefined;
}

/** Everything that calls by WhatsApp are made of, put together. */
export class Whatsapp {
  /** Watches calls. */
  readonly desk = new WhatsappDesk();
  /** Whom Meta is asked through, by the id of our number. */
  readonly numbers: ReadonlyMap<string, GraphClient>;
  readonly metrics: WhatsappMetrics;
  readonly claims: Claims;
  readonly farewells: Farewells;
  readonly #elsewhere: MetaElsewhere;
  readonly #o: WhatsappOptions;

  constructor(options: WhatsappOptions) {
    const { phoneNumberIds, url, version, isTrial, token, clock, log, memory, instance, registry } = options;
    this.#o = options;
    this.metrics = whatsappMetrics(registry, () => this.farewells.waiting);
    this.farewells = new Farewells({ clock, log, lost: () => this.metrics.count('farewell_lost') });
    this.claims = new Claims({ memory, instance, log });
    const { fleet } = options;
    const { claims, desk } = this;
    this.#elsewhere = new MetaElsewhere({ fleet, claims, clock, log, take: desk.takeFromPeer });
    const { asked } = this.metrics;
    const whenUnreachable = isTrial
      ? ' (no number is set: WHATSAPP_PHONE_NUMBER_ID; a trial is answered by `npm run call -- --carrier whatsapp` while it runs)'
      : undefined;
    const client = (phoneNumberId: string) =>
      new GraphClient({ url, version, token, phoneNumberId, clock, log, asked, whenUnreachable });
    this.numbers = new Map(phoneNumberIds.map((id) => [id, client(id)]));
  }

  /** Registers the webhook, and begins to take calls. */
  install({ app, calls, intake, placed }: WhatsappParts): void {
    const { clock, log, preAccept, secrets, verifyToken } = this.#o;
    const { claims, farewells, metrics, numbers, desk } = this;
    const { count } = metrics;
    const media = (callId: string) => this.media(callId);
    const incoming = new Incoming({ intake, calls, claims, farewells, metrics, media, preAccept, clock, log });
    const elsewhere = this.#elsewhere;
    desk.connect({ numbers, incoming, claims, farewells, placed, elsewhere, count, clock, log });
    app.register(whatsappWebhook, { secrets, verifyToken, take: desk.take, count });
  }

  /** A peer for a call that a user places, and the leg over it. Throws PEER_UNAVAILABLE where there can be none. */
  media(callId: string): MetaMedia {
    const leg = this.#leg(callId);
    const answer = async (offer: string) => {
      const sdp = await answerMeta(leg.peer, offer, this.#sdp);
      this.#o.log.debug({ callId, offer: maskedSdp(offer), answer: maskedSdp(sdp) }, "Meta's offer is answered");
      return sdp;
    };
    return { leg, answer };
  }

  /** The same for a call that we place. */
  offered(callId: string): OfferedMedia {
    const leg = this.#leg(callId);
    return {
      leg,
      offer: async () => {
        const sdp = await offerMeta(leg.peer, this.#sdp);
        this.#o.log.debug({ callId, offer: maskedSdp(sdp) }, 'Meta is made an offer');
        return sdp;
      },
      answer: async (sdp) => {
        this.#o.log.debug({ callId, answer: maskedSdp(sdp) }, 'Meta has answered our offer');
        await leg.peer.acceptAnswer(checkMetaAnswer(sdp, this.#sdp));
      },
      isHeard: () => hasAudio(leg.peer),
    };
  }

  #leg(callId: string): WhatsAppLeg<Peer> {
    const { rtc, clock, log } = this.#o;
    return new WhatsAppLeg({
      peer: (handlers) => new Peer({ ...rtc, clock }, handlers),
      clock,
      log: log.child({ callId, leg: 'whatsapp' }),
    });
  }

  get #sdp() {
    const { publicAddresses, url } = this.#o;
    // The far end is ice-lite: its candidates are all there is, and those of private networks are Meta's in trials alone.
    return { publicAddresses, allowPrivate: isPrivateHost(new URL(url).hostname) };
  }

  /** Whoever places calls that are ordered. */
  placer({ calls, intake }: Pick<WhatsappParts, 'calls' | 'intake'>, permissions: Permissions): OutboundWhatsApp {
    const { clock, log } = this.#o;
    const { numbers, farewells, metrics } = this;
    const media = (callId: string) => this.offered(callId);
    const elsewhere = this.#elsewhere;
    return new OutboundWhatsApp({
      numbers,
      media,
      elsewhere,
      permissions,
      intake,
      calls,
      farewells,
      metrics,
      clock,
      log,
    });
  }

  /** Sees what is being made to its end, and Meta told, within a bounded time. Never rejects. */
  close(): Promise<void> {
    return this.desk.close();
  }
}
