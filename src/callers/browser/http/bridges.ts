import type { Target } from '../../../agents/target.ts';
import type { Calls } from '../../../call/calls.ts';
import type { Clock } from '../../../call/clock.ts';
import type { CallEvent, CallObserver } from '../../../call/events.ts';
import type { Log } from '../../../call/leg.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import { BridgeError, errorCode } from '../../../errors.ts';
import { ApiError } from '../../../http/api-error.ts';
import { noMoreCalls } from '../../../http/no-more-calls.ts';
import type { Assigned, Intake } from '../../../intake/intake.ts';
import type { Strangers } from '../../../intake/strangers.ts';
import { ownCallEvent } from '../../../live/own-call.ts';
import { pageParty } from '../../../numbering/party.ts';
import type { RecordedEvent, RecordSink } from '../../../records/event.ts';
import { answerOffer, checkOffer } from '../../../transport/answer.ts';
import { Peer, type PeerHandlers, type PeerOptions } from '../../../transport/peer.ts';
import { BrowserLeg, type BrowserPeer } from '../leg.ts';
import { Bridge, modelTrouble, noRoomLeft } from './bridge-state.ts';

/** A call that a page asks for. */
export interface BridgeOrder {
  /** The page's own name for the conversation: one call at a time has it. */
  readonly conversationId: string;
  /** SDP. */
  readonly offer: string;
  readonly voice?: string | undefined;
  /** Name of a prompt that there is. */
  readonly prompt?: string | undefined;
  readonly instructions?: string | undefined;
  /** Who answers in place of the agent of route and prompt. */
  readonly agent?: Target | undefined;
  /** Whether an operator asks. */
  readonly operator: boolean;
  /** Address of the one who asks. */
  readonly address: string;
}

/** What is needed of the peer that meets a page's. */
export type PagePeer = BrowserPeer & Pick<Peer, 'answer'>;

export interface BrowserBridgesDeps {
  readonly intake: Intake;
  readonly calls: Pick<Calls, 'join'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly rtc: Pick<PeerOptions, 'iceServers' | 'portRange'>;
  /** Makes the peer that meets a page's, in place of a real one. */
  readonly peer?: (handlers: PeerHandlers) => PagePeer;
  readonly publicAddresses: readonly string[];
  /** What pages of strangers may have together. */
  readonly strangers: Strangers;
  /** How long a page may take to connect once it was answered, ms. */
  readonly connectMs: number;
}

/** The calls from web pages, by conversation. It makes them, and tells each page what happens in its call. */
export class BrowserBridges implements CallObserver, RecordSink {
  readonly #byConversation = new Map<string, Bridge>();
  readonly #byCall = new Map<string, Bridge>();
  /** Told of each conversation that has no call any more. */
  forgotten: ((conversationId: string) => void) | undefined;
  #deps: BrowserBridgesDeps | undefined;

  /** Joins it to the rest; it is made before the rest, since it watches calls. */
  connect(deps: BrowserBridgesDeps): void {
    this.#deps = deps;
  }

  /** Conversations with a call. */
  get size(): number {
    return this.#byConversation.size;
  }

  /** Id of the conversation's call; undefined when it has none. */
  sessionOf(conversationId: string): string | undefined {
    return this.#byConversation.get(conversationId)?.callId;
  }

  /**
   * Answers the page's offer; what the conversation had before is closed first. The call itself, and the model's session, are made when media to the
   * page is up. `gone` aborts when the page does not wait any more. Rejects, with everything freed, with PEER_SDP_INVALID
   * (400), NO_MORE_CALLS (429, 503), BRIDGE_REPLACED (409), PEER_UNAVAILABLE or PEER_FAILED (503).
   */
  async open(order: BridgeOrder, gone: AbortSignal): Promise<{ sessionId: string; answer: string }> {
    const deps = this.#deps!;
    checkOffer(order.offer, { channel: true });
    const bridge = this.#admit(order, deps);
    const before = this.#byConversation.get(bridge.conversationId);
    this.#byConversation.set(bridge.conversationId, bridge);
    this.#byCall.set(bridge.callId, bridge);
    const onGone = () => void bridge.close(termination('caller-hangup', 'the page went before it was answered'));
    gone.addEventListener('abort', onGone, { once: true });
    // The page may have gone while it was looked up who asks, and for whom.
    if (gone.aborted) onGone();
    try {
      await before?.close(termination('stream-replaced'));
      bridge.check();
      const answer = await bridge.making(this.#answer(bridge, order, deps));
      return { sessionId: bridge.callId, answer };
    } catch (error) {
      await bridge.close(endOf(error));
      throw httpError(error);
    } finally {
      gone.removeEventListener('abort', onGone);
    }
  }

  /** Ends the conversation's call and waits until all of it is freed; false when it has none. */
  async close(conversationId: string): Promise<boolean> {
    const bridge = this.#byConversation.get(conversationId);
    if (bridge === undefined) return false;
    await bridge.close(termination('caller-hangup'));
    return true;
  }

  /** The conversation's call is opened elsewhere: ends the one here, where there is one, and waits until all of it is freed. */
  async replaced(conversationId: string): Promise<void> {
    await this.#byConversation.get(conversationId)?.close(termination('stream-replaced'));
  }

  /** A typed turn. Throws BRIDGE_UNKNOWN (404), CALL_NOT_ANSWERED and CALL_ENDED (409), TEXT_TOO_MANY (429), TEXT_UNSUPPORTED (501). */
  text(conversationId: string, text: string, id?: string): void {
    const bridge = this.#byConversation.get(conversationId);
    if (bridge === undefined) throw unknownBridge();
    if (bridge.leg === undefined) throw new ApiError(409, 'CALL_NOT_ANSWERED', 'the call has not begun yet');
    const error = bridge.leg.type(text, id);
    if (error === undefined) return;
    if (error.code === 'TEXT_TOO_MANY') throw new ApiError(429, 'TEXT_TOO_MANY', error.message);
    if (error.code === 'TEXT_UNSUPPORTED') throw new ApiError(501, 'TEXT_UNSUPPORTED', error.message);
    throw new ApiError(409, error.code === 'CALL_ENDED' ? 'CALL_ENDED' : 'CALL_NOT_ANSWERED', error.message);
  }

  /** Ends all, those that are being made too. */
  async closeAll(end: Termination): Promise<void> {
    await Promise.all([...this.#byCall.values()].map((bridge) => bridge.close(end)));
  }

  onEvent(callId: string, event: CallEvent): void {
    const bridge = this.#byCall.get(callId);
    if (bridge === undefined) return;
    // A page that comes back places a new call: nothing is to be kept for it, as it is for a carrier.
    if (event.type === 'caller' && event.event.type === 'ended') void bridge.call?.end(event.event.end);
  }

  onRecord(record: RecordedEvent): void {
    const bridge = this.#byCall.get(record.callId);
    if (bridge?.leg === undefined) return;
    const message = ownCallEvent(record, bridge.operator);
    if (message !== undefined) bridge.leg.tell(message, record.transient);
  }

  /** The bridge, with the place it takes. Throws NO_MORE_CALLS. */
  #admit({ conversationId, operator, address }: BridgeOrder, { intake, strangers }: BrowserBridgesDeps): Bridge {
    const admitted = intake.admit({
      carrier: 'browser',
      from: pageParty(conversationId, operator),
      stranger: operator ? undefined : { address, among: strangers },
    });
    if (!admitted.ok) throw noMoreCalls(admitted.reason);
    const { arrival } = admitted;
    const bridge: Bridge = new Bridge({ conversationId, operator, arrival, closed: () => this.#forget(bridge) });
    return bridge;
  }

  async #answer(bridge: Bridge, order: BridgeOrder, deps: BrowserBridgesDeps): Promise<string> {
    const { clock, log } = deps;
    const { peer = (handlers: PeerHandlers) => new Peer({ ...deps.rtc, clock }, handlers) } = deps;
    const { callId } = bridge;
    const from = pageParty(order.conversationId, order.operator);
    const facts = { carrier: 'browser', from, to: undefined, direction: 'inbound' } as const;
    const { prompt, voice, instructions, agent } = order;
    const assigned = await bridge.arrival.assign(facts, { prompt, voice, instructions, agent });
    bridge.check();
    const foreseen = assigned.foresee();
    if (!foreseen.ok) throw noMoreCalls(foreseen.reason);
    const leg = new BrowserLeg({
      peer,
      clock,
      log: log.child({ callId, leg: 'browser' }),
      takesText: () => bridge.call?.takesText ?? true,
    });
    bridge.leg = leg;
    const answer = await answerOffer(leg.peer, order.offer, { publicAddresses: deps.publicAddresses });
    bridge.check();
    void this.#connect(bridge, leg, assigned, deps);
    return answer;
  }

  /** Sees the page connected, or freed in time. Never rejects. */
  async #connect(bridge: Bridge, leg: BrowserLeg, assigned: Assigned, deps: BrowserBridgesDeps): Promise<void> {
    const { clock, connectMs, log } = deps;
    const late = clock.after(connectMs, () => {
      log.info({ callId: bridge.callId }, 'a page was answered and did not connect in time');
      void bridge.close(termination('no-stream', `the page did not connect within ${connectMs} ms`));
    });
    try {
      await leg.reached;
      const begun = this.#begin(bridge, assigned);
      // The caller joins when it can hear: an agent that greets before that greets nobody.
      await leg.connected;
      bridge.connected();
      if (!begun || !deps.calls.join(bridge.callId, leg)) void bridge.close(noRoomLeft());
    } catch {
      void bridge.close(termination('no-stream', 'media to the page could not be connected'));
    } finally {
      late.cancel();
    }
  }

  /** Makes the call of a page that is there, and with it the model's session. False, and the page will be told, when it cannot be taken any more. */
  #begin(bridge: Bridge, assigned: Assigned): boolean {
    if (bridge.isClosed) return false;
    const { conversationId } = bridge;
    const begun = assigned.begin(
      { callerKind: 'identity', conversationId },
      { message: 'a call comes in from a page', fields: { conversationId } },
    );
    if (!begun.ok) {
      bridge.fail({ code: 'NO_MORE_CALLS', message: 'no further call is taken at the moment' });
      return false;
    }
    const { call } = begun;
    bridge.call = call;
    void call.agentLost.then((end) => {
      const trouble = end && modelTrouble(end);
      if (trouble !== undefined) bridge.fail(trouble);
    });
    void call.done.then((end) => bridge.close(end));
    return true;
  }

  #forget(bridge: Bridge): void {
    this.#byCall.delete(bridge.callId);
    if (this.#byConversation.get(bridge.conversationId) !== bridge) return;
    this.#byConversation.delete(bridge.conversationId);
    this.forgotten?.(bridge.conversationId);
  }
}

/** The refusal for a conversation without a call. */
export function unknownBridge(): ApiError {
  return new ApiError(404, 'BRIDGE_UNKNOWN', 'this conversation has no call');
}

/** How a call ends that could not be made. */
function endOf(error: unknown): Termination {
  const code = errorCode(error);
  return termination(
    code === 'PEER_SDP_INVALID' ? 'media-malformed' : 'internal',
    `the page was not answered: ${code}`,
  );
}

/** What failed below, as an answer of HTTP: 502 where the model refused, 503 where trying again may help. */
function httpError(error: unknown): unknown {
  if (!(error instanceof BridgeError) || error.status !== undefined) return error;
  const { code, message, cause, retryable } = error;
  if (code === 'PEER_SDP_INVALID') return new BridgeError(code, message, { cause, status: 400 });
  if (code === 'PEER_FAILED' || code === 'PEER_UNAVAILABLE')
    return new BridgeError(code, message, { cause, status: 503 });
  return new BridgeError(code, message, { cause, retryable, status: retryable ? 503 : 502 });
}
