import type { Calls } from '../../../call/calls.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { type Party, partyText } from '../../../call/party.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import type { CallFacts } from '../../../dispatch.ts';
import { errorCode, errorMessage } from '../../../errors.ts';
import type { CallerInfo, Intake, MadeCall } from '../../../intake/intake.ts';
import { parseParty, whatsappParty } from '../../../numbering/party.ts';
import type { ConnectEvent } from '../events.ts';
import { GraphError } from '../graph/errors.ts';
import type { Farewells } from '../graph/farewells.ts';
import type { WhatsappMetrics } from '../metrics.ts';
import type { Claims } from './claims.ts';
import type { MetaCall, MetaLeg } from './meta-call.ts';

/** A peer for one call, and the leg over it. */
export interface MetaMedia {
  readonly leg: MetaLeg;
  /** Answers Meta's offer; the text is what Meta is sent. Rejects with PEER_SDP_INVALID or PEER_FAILED. */
  answer(offer: string): Promise<string>;
}

export interface IncomingDeps {
  readonly intake: Intake;
  readonly calls: Pick<Calls, 'join'>;
  readonly claims: Claims;
  readonly farewells: Pick<Farewells, 'send'>;
  readonly metrics: Pick<WhatsappMetrics, 'count' | 'setUp'>;
  /** Makes the peer of a call and its leg. May throw PEER_UNAVAILABLE. */
  readonly media: (callId: string) => MetaMedia;
  /** Whether Meta is told the answer before the call is accepted. */
  readonly preAccept: boolean;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** The steps of a call that a user places, from the webhook until he is on the line. Every way out leaves one record, and Meta told where it has to be. */
export class Incoming {
  readonly #o: IncomingDeps;

  constructor(deps: IncomingDeps) {
    this.#o = deps;
  }

  /** Takes a call on, and sees it on the line. Resolves when it is there, or will never be. Never rejects. */
  async take(meta: MetaCall): Promise<void> {
    const { claims, metrics, log } = this.#o;
    const claim = await claims.claim(meta.id);
    if (claim === 'repeated') {
      metrics.count('connect_repeated');
      return;
    }
    if (claim === 'ended-first') {
      metrics.count('connect_ended_first');
      this.#turnAway(meta, termination('ended-first'));
      return;
    }
    try {
      const call = await this.#begin(meta);
      if (call !== undefined) await this.#connect(meta, call);
    } catch (err) {
      log.error({ err, callId: meta.call?.info.id }, 'a WhatsApp call could not be taken');
      if (meta.call === undefined) this.#decline(meta, termination('internal', errorMessage(err)));
      else void meta.call.end(termination('internal'));
    }
  }

  /** Admits it and makes the call, and with it the model's session. Undefined: it was declined, or the user is gone; that is told. */
  async #begin(meta: MetaCall): Promise<MadeCall | undefined> {
    const { intake } = this.#o;
    if (meta.gone !== undefined) return this.#gone(meta, meta.gone);
    const admitted = intake.admit(factsOf(meta.event));
    if (!admitted.ok) return this.#decline(meta, termination('not-admitted', admitted.reason));
    const { arrival } = admitted;
    try {
      const assigned = await arrival.assign(factsOf(meta.event)).catch((error: unknown) => {
        this.#o.log.error({ err: error, callId: arrival.id }, 'nobody can answer a WhatsApp call');
      });
      if (meta.gone !== undefined) return this.#gone(meta, meta.gone);
      if (!assigned) return this.#decline(meta, termination('not-admitted', 'no prompt answers'));
      const info = infoOf(meta.event);
      const { accountId, callerKind } = info;
      const begun = assigned.begin(info, {
        message: 'a call comes in',
        fields: { carrier: CARRIER, accountId, callerKind },
      });
      if (!begun.ok) return this.#decline(meta, termination('not-admitted', begun.reason));
      const { call } = begun;
      meta.call = call;
      void call.done.then((end) => this.#over(meta, end));
      return call;
    } finally {
      arrival.free();
    }
  }

  /** Answers Meta and joins the user to the call. What fails ends the call, with its own reason. */
  async #connect(meta: MetaCall, call: MadeCall): Promise<void> {
    try {
      const { leg, answer } = this.#o.media(call.info.id);
      meta.leg = leg;
      const sdp = await answer(meta.event.sdp);
      if (!meta.isOver) await this.#accept(meta, call, leg, sdp);
    } catch (error) {
      if (!meta.isOver) {
        const end = failureOf(error);
        const graph = error instanceof GraphError ? { graphCode: error.graphCode, traceId: error.traceId } : {};
        call.log.error({ ...end, ...graph }, 'a WhatsApp call could not be answered');
        await call.end(end);
      }
    }
  }

  async #accept(meta: MetaCall, call: MadeCall, leg: MetaLeg, sdp: string): Promise<void> {
    const { clock, metrics, claims, calls } = this.#o;
    const { client, id } = meta;
    const { signal } = meta.stop;
    if (this.#o.preAccept) await this.#preAccept(meta, call, sdp);
    // The user's hang-up may have come to another process.
    if (!meta.isOver && (await claims.isOver(id))) meta.hungUp(termination('caller-hangup'));
    if (meta.isOver) return;
    meta.accept = 'asked';
    metrics.setUp('asked', clock.now() - meta.since);
    try {
      await client.accept(id, sdp, { signal });
    } catch (error) {
      metrics.count('accept_failed');
      // What was certainly not accepted is declined; all else has to be ended.
      if (error instanceof GraphError && !error.uncertain) meta.accept = 'none';
      throw error;
    }
    meta.accept = 'accepted';
    metrics.count('accepted');
    metrics.setUp('accepted', clock.now() - meta.since);
    if (meta.isOver) return;
    // Not a packet before this: the user's phone takes the first one for the acceptance.
    leg.release();
    // The apology of a call whose model is gone already would be over before it could be heard.
    if (!call.reclaimable) await leg.connected.catch(() => {});
    if (meta.isOver) return;
    if (!calls.join(call.info.id, leg)) await call.end(termination('internal', 'the call could not be joined'));
  }

  /** What keeps only this step from being done does not keep the call: media is then up a little later. */
  async #preAccept({ client, id, stop }: MetaCall, call: MadeCall, sdp: string): Promise<void> {
    try {
      // Once: the accept does the same, and the user's phone rings meanwhile.
      await client.preAccept(id, sdp, { signal: stop.signal, tries: 1 });
    } catch (error) {
      this.#o.metrics.count('pre_accept_failed');
      if (!(error instanceof GraphError) || !error.retryable) throw error;
      call.log.warn(
        { code: error.code, graphCode: error.graphCode },
        'Meta did not take the answer beforehand; the call is accepted without',
      );
    }
  }

  /** The call is over here. Its place and the model's session are free; Meta is told where it does not know. */
  #over(meta: MetaCall, end: Termination): void {
    meta.stop.abort();
    if (meta.gone === undefined) this.#farewell(meta, meta.call?.info.id);
    void this.#o.claims.over(meta.id);
    // One that was never joined is nobody else's to close.
    void meta.leg?.close(end);
  }

  /** The user gave up before there was anything to be ended. */
  #gone(meta: MetaCall, end: Termination): undefined {
    this.#turnAway(meta, end);
  }

  /** Declines it at Meta; its record says why. */
  #decline(meta: MetaCall, end: Termination): undefined {
    this.#o.metrics.count('not_admitted');
    this.#farewell(meta, this.#turnAway(meta, end));
  }

  #farewell({ client, accept, id }: MetaCall, callId: string | undefined): void {
    this.#o.farewells.send(client, accept === 'none' ? 'reject' : 'terminate', id, callId);
  }

  /** Leaves the record of a call that never began here; our id of it. */
  #turnAway({ event, id }: MetaCall, end: Termination): string {
    const { intake, claims, log } = this.#o;
    const callId = intake.turnAway({ carrier: CARRIER, direction: 'inbound' }, infoOf(event), end);
    log.debug({ callId, carrierCallId: id }, 'a WhatsApp call was turned away');
    void claims.over(id);
    return callId;
  }
}

/** What records, routes and metrics know these calls by. */
export const CARRIER = 'whatsapp';

/** Who calls whom. Meta has proven who the user is, by whichever of his ids it tells. */
export function factsOf(event: Pick<ConnectEvent, 'user' | 'phoneNumberId' | 'displayNumber'>): CallFacts {
  return { carrier: CARRIER, from: whatsappParty(event.user), to: businessParty(event), direction: 'inbound' };
}

/** Our number as routes have it, E.164; by its id at Meta where the number is not told, or is none, as a test number may be. */
export function businessParty({
  phoneNumberId,
  displayNumber,
}: Pick<ConnectEvent, 'phoneNumberId' | 'displayNumber'>): Party {
  const digits = displayNumber.replace(/[^\d]/g, '');
  const party = parseParty(digits === '' ? '' : `+${digits}`);
  return party.kind === 'number'
    ? party
    : { kind: 'identity', scheme: 'whatsapp', text: `whatsapp:${phoneNumberId}`, key: undefined };
}

function infoOf(event: ConnectEvent): CallerInfo {
  const { from, to } = factsOf(event);
  const [caller, called] = [partyText(from), to && partyText(to)];
  return {
    accountId: event.phoneNumberId,
    carrierCallId: event.id,
    ...(caller === undefined ? {} : { from: caller }),
    ...(called === undefined ? {} : { to: called }),
    callerKind: from.kind,
  };
}

/** What a failure between the offer and the accept ends the call with. */
function failureOf(error: unknown): Termination {
  const detail = `${error instanceof GraphError ? error.code : errorCode(error)}: ${errorMessage(error)}`;
  if (error instanceof GraphError) return termination('carrier-failed', detail);
  return termination(errorCode(error) === 'PEER_SDP_INVALID' ? 'media-malformed' : 'internal', detail);
}
