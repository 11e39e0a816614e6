import { randomBytes } from 'node:crypto';
import type { Termination } from '../../../call/termination.ts';
import { ApiError } from '../../../http/api-error.ts';
import type { Arrival, MadeCall } from '../../../intake/intake.ts';
import { MAX_MESSAGE } from '../../../transport/channel-message.ts';
import { MessageLimit } from '../../../transport/message-limit.ts';
import { TypedTurns } from '../../browser/typed-turns.ts';
import type { CallWord, HandlerError, HandlerMessage } from '../messages.ts';
import type { HandedLeg } from './offer.ts';
import { ToldEvents } from './told-events.ts';

/** One socket of a call's handler. */
export interface HandlerSocket {
  /** `transient`: it may be left out when the socket does not keep up. */
  tell(json: string, transient: boolean): void;
  /** The call is over, and its last word was told. */
  end(): void;
}

export interface HandedCallInit {
  /** The handler's id of the call. */
  readonly handlerId: string;
  readonly arrival: Arrival;
  /** Told once, when all of it is freed. */
  readonly closed: () => void;
}

/** Sockets that a call may have: one is its handler's, and people look at what goes wrong. */
const MOST_SOCKETS = 4;

/** One call that a handler handed on, from its offer on: what there is of it, and how to be rid of it at any moment. */
export class HandedCall {
  readonly handlerId: string;
  readonly callId: string;
  readonly arrival: Arrival;
  /** What lets a socket in; nobody else gets to see it. */
  readonly token = randomBytes(32).toString('base64url');
  /** How much all its sockets together may say. */
  readonly limit = new MessageLimit(MAX_MESSAGE);
  /** Resolves when the handler said that the far end took the answer. */
  readonly accepted: Promise<void>;
  call: MadeCall | undefined;
  leg: HandedLeg | undefined;
  readonly #init: HandedCallInit;
  readonly #accept: () => void;
  readonly #told = new ToldEvents();
  readonly #sockets = new Set<HandlerSocket>();
  readonly #texts = { text: new TypedTurns(), say: new TypedTurns() };
  #making: Promise<unknown> = Promise.resolve();
  #ended: Termination | undefined;
  #closing: Promise<void> | undefined;

  constructor(init: HandedCallInit) {
    this.#init = init;
    this.handlerId = init.handlerId;
    this.callId = init.arrival.id;
    this.arrival = init.arrival;
    ({ promise: this.accepted, resolve: this.#accept } = Promise.withResolvers<void>());
  }

  get isClosed(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether it has as many sockets as it may have. */
  get isFull(): boolean {
    return this.#sockets.size >= MOST_SOCKETS;
  }

  /** Throws when the call was closed meanwhile. */
  check(): void {
    if (this.#ended !== undefined) throw new ApiError(409, 'CALL_ENDED', 'the call was ended while it was answered');
  }

  /** The handler says that the far end took the answer. Idempotent. */
  accept(): void {
    this.#accept();
  }

  /** Adds a socket, which is told what happened until now. False: the call has as many as it may have, or is over. */
  attach(socket: HandlerSocket): boolean {
    if (this.isClosed || this.isFull) return false;
    this.#sockets.add(socket);
    const { handlerId: callId, callId: id } = this;
    socket.tell(word({ type: 'hello', callId, id, missed: this.#told.missed }), false);
    for (const json of this.#told) socket.tell(json, false);
    return true;
  }

  detach(socket: HandlerSocket): void {
    this.#sockets.delete(socket);
  }

  /** Tells every socket, and who comes later where it is not `transient`. */
  tell(json: string, transient: boolean): void {
    if (!transient) this.#told.push(json);
    for (const socket of this.#sockets) socket.tell(json, transient);
  }

  /** Takes a text for the agent at `now`, ms. Undefined: it was taken (or had been before); else why not. */
  take({ type, text, id }: Extract<HandlerMessage, { text: string }>, now: number): HandlerError | undefined {
    const { call } = this;
    if (this.isClosed) return { code: 'CALL_ENDED', message: 'the call is over' };
    if (call?.state !== 'joined') return { code: 'CALL_NOT_ANSWERED', message: 'nobody is on the line yet' };
    if (type === 'text' && !call.takesText)
      return { code: 'TEXT_UNSUPPORTED', message: 'the agent of this call takes no typed turns' };
    const verdict = this.#texts[type].take(id, now);
    if (verdict === 'repeated') return undefined;
    if (verdict !== 'new') return { code: 'TEXT_TOO_MANY', message: verdict.message };
    if (type === 'text') call.text(text);
    else if (!call.say(text))
      return { code: 'TEXT_UNSUPPORTED', message: 'the agent of this call cannot be asked for words' };
    return undefined;
  }

  /** The work of answering it, which `close` waits for. */
  making<T>(work: Promise<T>): Promise<T> {
    this.#making = work.catch(() => {});
    return work;
  }

  /** Ends it, however far it has come; resolves when all is freed. The first reason wins; never rejects. */
  close(end: Termination): Promise<void> {
    this.#ended ??= end;
    this.#closing ??= this.#close(this.#ended);
    return this.#closing;
  }

  async #close(reason: Termination): Promise<void> {
    // What runs is stopped first, so that the work that waits for it comes to its end.
    await this.call?.end(reason);
    await this.#making;
    const ended = (await this.call?.end(reason)) ?? reason;
    await this.leg?.close(reason);
    this.arrival.free();
    for (const socket of this.#sockets) {
      socket.tell(word({ type: 'ended', result: ended.result, reason: ended.reason }), false);
      socket.end();
    }
    this.#sockets.clear();
    this.#init.closed();
  }
}

/** A word of ours as it is sent. */
export function word(said: CallWord): string {
  return JSON.stringify(said);
}
