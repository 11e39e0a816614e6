import { randomUUID } from 'node:crypto';
import type { Admission } from '../admission/admission.ts';
import type { Calls } from '../call/calls.ts';
import type { Clock } from '../call/clock.ts';
import type { CallEvent, CallObserver } from '../call/events.ts';
import type { Log } from '../call/leg.ts';
import { type Termination, termination } from '../call/termination.ts';
import { BrowserLeg } from '../callers/browser/leg.ts';
import type { Dispatch } from '../dispatch.ts';
import { BridgeError, errorCode } from '../errors.ts';
import type { RecordedEvent, RecordSink } from '../records/event.ts';
import { answerOffer, checkOffer } from '../transport/answer.ts';
import { Peer, type PeerOptions } from '../transport/peer.ts';
import { ApiError } from './api-error.ts';
import { Bridge } from './browser-bridge-state.ts';
import { pageEvent } from './browser-page-events.ts';
import { noMoreCalls } from './no-more-calls.ts';

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
  /** Whether an operator asks. */
  readonly operator: boolean;
}

export interface BrowserBridgesDeps {
  readonly calls: Calls;
  readonly dispatch: Pick<Dispatch, 'assign'>;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  readonly rtc: Pick<PeerOptions, 'iceServers' | 'portRange'>;
  readonly publicAddresses: readonly string[];
}

/** The agent has bounds of its own; this one is for an agent that breaks them, ms. */
const MODEL_MS = 12_000;

/** The calls from web pages, by conversation. It makes them, and tells each page what happens in its call. */
export class BrowserBridges implements CallObserver, RecordSink {
  readonly #byConversation = new Map<string, Bridge>();
  readonly #byCall = new Map<string, Bridge>();
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
   * Makes the call: what the conversation had before is closed first, then the model is connected, then the page is answered. `gone` aborts
   * when the page does not wait any more. Rejects, with everything freed, with PEER_SDP_INVALID (400), NO_MORE_CALLS (429, 503),
   * BRIDGE_REPLACED (409), the MODEL_* error (502, 503), PEER_UNAVAILABLE or PEER_FAILED (503).
   */
  async open(order: BridgeOrder, gone: AbortSignal): Promise<{ sessionId: string; answer: string }> {
    const deps = this.#deps!;
    checkOffer(order.offer);
    const admitted = deps.admission.admit();
    if (!admitted.ok) throw noMoreCalls(admitted.reason);
    const bridge = new Bridge(order.conversationId, randomUUID(), order.operator);
    const before = this.#byConversation.get(bridge.conversationId);
    this.#byConversation.set(bridge.conversationId, bridge);
    this.#byCall.set(bridge.callId, bridge);
    const onGone = () => void bridge.close(termination('caller-hangup', 'the page went before it was answered'));
    gone.addEventListener('abort', onGone, { once: true });
    try {
      await before?.close(termination('stream-replaced'));
      bridge.check();
      const answer = await bridge.making(deps.admission.making(() => this.#make(bridge, order, deps)));
      return { sessionId: bridge.callId, answer };
    } catch (error) {
      await bridge.close(bridge.lost ?? endOf(error));
      this.#forget(bridge);
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

  /** A typed turn. Throws BRIDGE_UNKNOWN (404), CALL_NOT_ANSWERED and CALL_ENDED (409), TEXT_TOO_MANY (429). */
  text(conversationId: string, text: string, id?: string): void {
    const bridge = this.#byConversation.get(conversationId);
    if (bridge === undefined) throw unknownBridge();
    if (bridge.leg === undefined) throw new ApiError(409, 'CALL_NOT_ANSWERED', 'the call has not begun yet');
    const error = bridge.leg.type(text, id);
    if (error === undefined) return;
    if (error.code === 'TEXT_TOO_MANY') throw new ApiError(429, 'TEXT_TOO_MANY', error.message);
    throw new ApiError(409, error.code === 'CALL_ENDED' ? 'CALL_ENDED' : 'CALL_NOT_ANSWERED', error.message);
  }

  /** Ends all, those that are being made too. */
  async closeAll(end: Termination): Promise<void> {
    await Promise.all([...this.#byCall.values()].map((bridge) => bridge.close(end)));
  }

  onEvent(callId: string, event: CallEvent): void {
    const bridge = this.#byCall.get(callId);
    if (bridge === undefined) return;
    if (event.type === 'agent' && event.event.type === 'ready') bridge.modelReady();
    else if (event.type === 'agent' && event.event.type === 'ended') bridge.modelLost(event.event.end);
    // A page that comes back places a new call: nothing is to be kept for it, as it is for a carrier.
    else if (event.type === 'caller' && event.event.type === 'ended') void bridge.call?.end(event.event.end);
  }

  onRecord(record: RecordedEvent): void {
    const bridge = this.#byCall.get(record.callId);
    if (bridge?.leg === undefined) return;
    const message = pageEvent(record, bridge.operator);
    if (message !== undefined) bridge.leg.tell(message, record.transient);
  }

  async #make(bridge: Bridge, order: BridgeOrder, deps: BrowserBridgesDeps): Promise<string> {
    const { calls, dispatch, clock, log } = deps;
    const { callId, conversationId } = bridge;
    const facts = { carrier: 'browser', from: '', to: '', direction: 'inbound' } as const;
    const { prompt: chosen, voice, instructions } = order;
    const chosenBy = { prompt: chosen, voice, instructions };
    const { agent, tools, live: _, ...assigned } = await dispatch.assign(facts, callId, chosenBy);
    bridge.check();
    const admitted = deps.admission.admitModel(assigned.model);
    if (!admitted.ok) throw noMoreCalls(admitted.reason);
    const info = { id: callId, direction: 'inbound', carrier: 'browser', conversationId, ...assigned } as const;
    const call = calls.create(info, agent, tools);
    bridge.call = call;
    const { route, prompt } = assigned;
    call.log.info({ route, prompt, conversationId }, 'a call comes in from a page');
    void call.done.then(async (end) => {
      await bridge.leg?.close(end);
      this.#forget(bridge);
    });
    const late = clock.after(MODEL_MS, () => bridge.modelLost(undefined));
    try {
      await bridge.model;
    } finally {
      late.cancel();
    }
    bridge.check();
    const leg = new BrowserLeg({
      peer: (handlers) => new Peer({ ...deps.rtc, clock }, handlers),
      clock,
      log: log.child({ callId, leg: 'browser' }),
    });
    bridge.leg = leg;
    const answer = await answerOffer(leg.peer, order.offer, { publicAddresses: deps.publicAddresses });
    bridge.check();
    // The caller joins when it can hear: an agent that greets before that greets nobody.
    leg.connected.then(
      () => {
        if (!calls.join(callId, leg)) void leg.close(termination('no-stream'));
      },
      () => void call.end(termination('no-stream', 'media to the page could not be connected')),
    );
    return answer;
  }

  #forget(bridge: Bridge): void {
    this.#byCall.delete(bridge.callId);
    if (this.#byConversation.get(bridge.conversationId) === bridge) this.#byConversation.delete(bridge.conversationId);
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
