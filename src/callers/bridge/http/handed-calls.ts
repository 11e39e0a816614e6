import type { Calls } from '../../../call/calls.ts';
import { carrierCallKey } from '../../../call/carrier-call.ts';
import type { Clock } from '../../../call/clock.ts';
import type { CallEvent, CallObserver } from '../../../call/events.ts';
import type { Log } from '../../../call/leg.ts';
import { type Party, partyText } from '../../../call/party.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import { BridgeError, errorCode } from '../../../errors.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import { ApiError } from '../../../http/api-error.ts';
import { noMoreCalls } from '../../../http/no-more-calls.ts';
import type { Intake } from '../../../intake/intake.ts';
import { ownCallEvent } from '../../../live/own-call.ts';
import type { ProcessMemory } from '../../../memory/memory.ts';
import type { RecordedEvent, RecordSink } from '../../../records/event.ts';
import { Peer, type PeerHandlers, type PeerOptions } from '../../../transport/peer.ts';
import { shownId } from '../../whatsapp/http/meta-call.ts';
import { HandedCall } from './handed-call.ts';
import type { HandedCallMetrics, StartOutcome } from './metrics.ts';
import { type HandedLeg, type HandedOffer, type HandedPeer, readOffer } from './offer.ts';
import { type Started, StartedCalls, stopped } from './started-calls.ts';

/** A call that a handler hands on. */
export interface HandedCallOrder {
  /** The handler's own id of it. */
  readonly handlerId: string;
  /** SDP. */
  readonly offer: string;
  readonly from: Party;
  readonly voice?: string | undefined;
  readonly instructions?: string | undefined;
  readonly temperature?: number | undefined;
  /** Whether a far end on this machine or in its network may be reached: the handler is there, too. */
  readonly allowPrivate: boolean;
  /** The address of the socket of a call with this token. */
  readonly socketUrl: (token: string) => string;
}

export interface HandedCallsDeps {
  readonly intake: Intake;
  readonly calls: Pick<Calls, 'join'>;
  readonly memory: ProcessMemory;
  /** The instances that may have a call; left out: this one has all. */
  readonly fleet?: Fleet | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly rtc: Pick<PeerOptions, 'iceServers' | 'portRange'>;
  /** Makes the peer that meets the caller's, in place of a real one. */
  readonly peer?: (handlers: PeerHandlers) => HandedPeer;
  readonly publicAddresses: readonly string[];
  readonly metrics: Pick<HandedCallMetrics, 'started'>;
}

interface OfCall {
  readonly handlerId: string;
}

/** How long another instance may take, ms. */
const ELSEWHERE_MS = 5_000;

/** The calls that handlers handed on, by the handlers' ids. It answers their offers, and tells each call's sockets what happens in it. */
export class HandedCalls implements CallObserver, RecordSink {
  readonly #byHandler = new Map<string, HandedCall>();
  readonly #byCall = new Map<string, HandedCall>();
  readonly #byToken = new Map<string, HandedCall>();
  #deps: HandedCallsDeps | undefined;
  #started: StartedCalls | undefined;

  /** Joins it to the rest; it is made before the rest, since it watches calls. */
  connect(deps: HandedCallsDeps): void {
    this.#deps = deps;
    this.#started = new StartedCalls(deps.memory, deps.clock);
    const { fleet } = deps;
    if (fleet === undefined || fleet.isAlone) return;
    fleet.serve<OfCall, void>('bridge.accepted', ({ handlerId }) => this.#acceptHere(handlerId));
    fleet.serve<OfCall, void>('bridge.stopped', async ({ handlerId }) => this.#stopHere(handlerId));
  }

  /** Calls that go on. */
  get size(): number {
    return this.#byCall.size;
  }

  /** The call whose socket this token opens; undefined where there is none. */
  withToken(token: string): HandedCall | undefined {
    return this.#byToken.get(token);
  }

  /**
   * Answers the caller's offer and makes his call; the same call again gets the same answer. Rejects, with everything freed, with PEER_SDP_INVALID (400),
   * BRIDGE_STOPPED and CALL_ENDED (409), NO_MORE_CALLS (429, 503), PEER_UNAVAILABLE or PEER_FAILED (503).
   */
  async start(order: HandedCallOrder): Promise<{ readonly answer: Started; readonly repeated: boolean }> {
    const deps = this.#deps!;
    let made: HandedCall | undefined;
    const begin = async () => {
      made = this.#admit(order.handlerId, deps);
      return this.#answered(made, order, readOffer(order.offer, order.allowPrivate), deps);
    };
    const undo = async () => made?.close(termination('caller-hangup', 'it was stopped while it was answered'));
    try {
      // What is wrong with it is told before it takes anything.
      readOffer(order.offer, order.allowPrivate);
      const started = await this.#started!.once(order.handlerId, begin, undo);
      deps.metrics.started(started.repeated ? 'repeated' : 'answered');
      return started;
    } catch (error) {
      deps.metrics.started(outcomeOf(error));
      throw error;
    }
  }

  /** The handler says that the far end took the answer. Rejects with CALL_UNKNOWN (404) and BRIDGE_STOPPED (409). */
  async accept(handlerId: string): Promise<void> {
    if (!(await this.#elsewhere('bridge.accepted', handlerId))) await this.#acceptHere(handlerId);
  }

  async #acceptHere(handlerId: string): Promise<void> {
    const handed = this.#byHandler.get(handlerId);
    if (handed !== undefined && !handed.isClosed) {
      handed.accept();
      return;
    }
    if (await this.#started!.isOver(handlerId)) throw stopped();
    throw new ApiError(404, 'CALL_UNKNOWN', 'no call of this id goes on here');
  }

  /** Ends the call, and sees to it that none of this id begins; resolves when all of it is freed. */
  async stop(handlerId: string): Promise<void> {
    const kept = this.#started!.over(handlerId);
    await Promise.all([kept, this.#stopHere(handlerId), this.#elsewhere('bridge.stopped', handlerId)]);
  }

  async #stopHere(handlerId: string): Promise<void> {
    await this.#byHandler.get(handlerId)?.close(termination('caller-hangup', 'its handler stopped it'));
  }

  /** Asks the instance that has this call, where that is another one: true then, when it has done it. Rejects as it does. */
  async #elsewhere(name: string, handlerId: string): Promise<boolean> {
    const { fleet } = this.#deps!;
    if (fleet === undefined || fleet.isAlone || this.#byHandler.has(handlerId)) return false;
    const id = carrierCallKey({ carrier: 'bridge', accountId: '', carrierCallId: handlerId });
    const owner = await fleet.ownerOf({ kind: 'carrier', id });
    if (owner === undefined || !owner.reachable || owner.instance === fleet.self) return false;
    await fleet.ask<OfCall, void>(owner.instance, name, { handlerId }, { withinMs: ELSEWHERE_MS });
    return true;
  }

  /** Ends all, those that are being answered too. */
  async closeAll(end: Termination): Promise<void> {
    await Promise.all([...this.#byCall.values()].map((handed) => handed.close(end)));
  }

  onEvent(callId: string, event: CallEvent): void {
    // Nothing is to be kept for him: a call by WhatsApp never comes back.
    if (event.type === 'caller' && event.event.type === 'ended')
      void this.#byCall.get(callId)?.call?.end(event.event.end);
  }

  onRecord(record: RecordedEvent): void {
    const handed = this.#byCall.get(record.callId);
    const json = handed === undefined ? undefined : ownCallEvent(record, false);
    if (json !== undefined) handed?.tell(json, record.transient);
  }

  /** The call, with the place it takes. Throws NO_MORE_CALLS. */
  #admit(handlerId: string, { intake }: HandedCallsDeps): HandedCall {
    const admitted = intake.admit({ carrier: 'bridge' });
    if (!admitted.ok) throw noMoreCalls(admitted.reason);
    const { arrival } = admitted;
    const handed: HandedCall = new HandedCall({ handlerId, arrival, closed: () => this.#forget(handed) });
    this.#byHandler.set(handlerId, handed);
    this.#byCall.set(handed.callId, handed);
    this.#byToken.set(handed.token, handed);
    return handed;
  }

  async #answered(
    handed: HandedCall,
    order: HandedCallOrder,
    offer: HandedOffer,
    deps: HandedCallsDeps,
  ): Promise<Started> {
    try {
      return await handed.making(this.#answer(handed, order, offer, deps));
    } catch (error) {
      const code = errorCode(error);
      const reason = code === 'PEER_SDP_INVALID' ? 'media-malformed' : 'internal';
      await handed.close(termination(reason, `the call was not answered: ${code}`));
      throw httpError(error);
    }
  }

  async #answer(
    handed: HandedCall,
    { from, voice, instructions, temperature, socketUrl, handlerId }: HandedCallOrder,
    offer: HandedOffer,
    deps: HandedCallsDeps,
  ): Promise<Started> {
    const { clock, log, publicAddresses } = deps;
    const { peer = (handlers: PeerHandlers) => new Peer({ ...deps.rtc, clock }, handlers) } = deps;
    const { callId } = handed;
    const bridgeUrl = socketUrl(handed.token);
    const facts = { carrier: 'bridge', from, to: undefined, direction: 'inbound' } as const;
    const assigned = await handed.arrival.assign(facts, { voice, instructions, temperature });
    handed.check();
    const foreseen = assigned.foresee();
    if (!foreseen.ok) throw noMoreCalls(foreseen.reason);
    const leg = offer.leg({ peer, clock, log: log.child({ callId, leg: 'bridge' }) });
    handed.leg = leg;
    const sdpAnswer = await offer.answer(leg.peer, publicAddresses);
    handed.check();
    // Made before the handler is answered, so that the model is there when the call is accepted.
    const shown = partyText(from);
    const begun = assigned.begin(
      { carrierCallId: handlerId, callerKind: from.kind, ...(shown === undefined ? {} : { from: shown }) },
      { message: 'a call is handed on', fields: { call: shownId(handlerId) } },
    );
    if (!begun.ok) throw noMoreCalls(begun.reason);
    const { call } = begun;
    handed.call = call;
    void call.done.then((end) => handed.close(end));
    void this.#connect(handed, leg, offer, deps);
    return { sdpAnswer, bridgeUrl, ignored: assigned.ignored };
  }

  /** Sees the caller on the line: once the far end took the answer, and not before, audio is sent to it. Never rejects. */
  async #connect(handed: HandedCall, leg: HandedLeg, offer: HandedOffer, deps: HandedCallsDeps): Promise<void> {
    try {
      // Whoever is no WhatsApp client takes no packet for an acceptance.
      if (offer.isHeld) await Promise.race([handed.accepted, leg.heard]);
      leg.release();
      await leg.connected;
      // The caller joins when it can hear: an agent that greets before that greets nobody.
      if (!deps.calls.join(handed.callId, leg)) void handed.close(termination('no-stream', 'its call was over'));
    } catch {
      void handed.close(termination('no-stream', 'media to the caller could not be connected'));
    }
  }

  #forget(handed: HandedCall): void {
    this.#byToken.delete(handed.token);
    this.#byCall.delete(handed.callId);
    if (this.#byHandler.get(handed.handlerId) !== handed) return;
    this.#byHandler.delete(handed.handlerId);
    // One that never came to be a call may be tried again.
    if (handed.call !== undefined) void this.#started!.over(handed.handlerId).catch(() => {});
  }
}

function outcomeOf(error: unknown): StartOutcome {
  const code = error instanceof ApiError ? error.code : errorCode(error);
  if (code === 'PEER_SDP_INVALID') return 'offer';
  if (code === 'NO_MORE_CALLS') return 'room';
  return code === 'BRIDGE_STOPPED' || code === 'CALL_ENDED' ? 'stopped' : 'failed';
}

/** What failed below, as an answer of HTTP: trying again may help. */
function httpError(error: unknown): unknown {
  if (!(error instanceof BridgeError) || error.status !== undefined) return error;
  const { code, message, cause } = error;
  const status = code === 'PEER_SDP_INVALID' ? 400 : 503;
  return code.startsWith('PEER_') ? new BridgeError(code, message, { cause, status }) : error;
}
