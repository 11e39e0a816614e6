import type { Clock, Timer } from '../../call/clock.ts';
import { responseCreate } from './messages.ts';

/**
 * When `response.create` may go. Only one response may write to a conversation at a time, the server makes responses of its own when
 * the caller stops speaking, and results of tools arrive whenever they like: this decides, and nothing else sends a create.
 * Every response gets an ordinal when it is first seen, so that "all up to here are interrupted" is one number and a late event of an
 * old response can never pass for a new one.
 */

/** What one response does differently from its session; undefined for nothing. */
export type ResponseParams = Readonly<Record<string, unknown>> | undefined;

/**
 * Whether a response must be made as it was asked for, so that no answer of the server's own stands in for it; `first`: and before any other answer, the
 * one to what the caller has just said too, and again where it was cut off before its first word.
 */
export type Must = boolean | 'first';

interface Create {
  readonly params: ResponseParams;
  readonly must: Must;
  attempts: number;
}

/** The caller's turn, as far as it keeps us from asking for a response. */
export type CallerTurn =
  | 'none'
  /** Speaking: an answer now would talk over the caller. */
  | 'speaking'
  /** Done speaking: the server is about to make a response by itself. */
  | 'awaiting';

export interface SequencerHooks {
  /** Sends one client event; false when there is no connection. */
  send(json: string): boolean;
  /** A create was sent: an answer is owed. */
  requested(): void;
  /** A response began while another had not ended. */
  superseded(responseId: string): void;
}

const MAX_KNOWN = 128;
const MAX_ATTEMPTS = 3;
/** After the server said "another is active" and nothing more: how long until we ask again, ms. */
const BLOCKED_MS = 2_000;

export class ResponseSequencer {
  readonly #hooks: SequencerHooks;
  readonly #clock: Clock;
  readonly #ordinals = new Map<string, number>();
  #ordinal = 0;
  #deadUpTo = 0;
  #active: string | undefined;
  /** What the active response was asked for by; undefined for one of the server's own. */
  #activeCreate: Create | undefined;
  /** Sent, and not yet answered by `response.created`. */
  #inFlight: Create | undefined;
  /** The last create sent, kept beyond its answer: the server may have answered with a response of its own and refuse ours. */
  #sent: { readonly eventId: string; readonly create: Create } | undefined;
  /** What the last error was about, where that was one of our creates. */
  #refused: Create | undefined;
  #queue: Create[] = [];
  #turn: CallerTurn = 'none';
  /** The caller went on before the answer to his turn began: that one may still come. */
  #late = false;
  /** A response that began while the caller was still taken to be speaking: the answer to his turn, whose end is told late. */
  #early: string | undefined;
  #blocked: Timer | undefined;
  #eventNumber = 0;
  /** Items we added that the server has not shown to have: a response that begins before does not know them. */
  readonly #unseen = new Set<string>();
  /** Whether the last response that began knew all our items. */
  #knewAll = true;
  #cancelNext = false;

  constructor(hooks: SequencerHooks, clock: Clock) {
    this.#hooks = hooks;
    this.#clock = clock;
  }

  /** The response being generated; undefined for none. */
  get active(): string | undefined {
    return this.#active;
  }

  /** What the active response was asked for with; undefined for a plain one. */
  get activeParams(): ResponseParams {
    return this.#active === undefined ? undefined : this.#activeCreate?.params;
  }

  /** The create that the last error refused for good; undefined where it was about something else. */
  get refused(): { readonly params: ResponseParams; readonly must: Must } | undefined {
    return this.#refused;
  }

  /** Whether the active response must be made as it was asked for. */
  get activeMust(): Must {
    return (this.#active !== undefined && this.#activeCreate?.must) || false;
  }

  /** Whether a response to what the caller says now has begun. */
  get answering(): boolean {
    return this.#early !== undefined;
  }

  get callerTurn(): CallerTurn {
    return this.#turn;
  }

  /** Whether nothing is generated, asked for, or expected of the server. */
  get idle(): boolean {
    return this.#active === undefined && !this.owes && this.#turn === 'none';
  }

  /** Whether a response was asked for and has not begun. */
  get owes(): boolean {
    return this.#inFlight !== undefined || this.#queue.length > 0;
  }

  /**
   * Asks for a response; it is sent when it may. Plain requests that wait together are one, and an answer that the server gives by
   * itself meanwhile settles all that wait but those that `must` be made.
   */
  request(params?: ResponseParams, must: Must = false): void {
    if (must === 'first') {
      this.#queue.splice(this.#firsts, 0, { params, must, attempts: 0 });
    } else if (params !== undefined || !this.#queue.some((create) => create.params === undefined)) {
      this.#queue.push({ params, must, attempts: 0 });
    }
    this.#pump();
  }

  /** An item was sent that an answer must take into account. */
  itemSent(itemId: string): void {
    this.#unseen.add(itemId);
  }

  /** The server has this item. */
  itemSeen(itemId: string): void {
    this.#unseen.delete(itemId);
  }

  callerSpeaks(): void {
    this.#late = this.#turn === 'awaiting';
    this.#early = undefined;
    this.#turn = 'speaking';
    this.#cancelNext = this.#inFlight !== undefined;
  }

  /** `answered`: the server makes a response by itself, or has begun it already. */
  callerStopped(answered: boolean): void {
    const early = this.#early !== undefined;
    this.#late = false;
    this.#early = undefined;
    if (answered && !early) {
      this.#turn = 'awaiting';
    } else {
      this.#turn = 'none';
      this.#pump();
    }
  }

  /** The server owes a response and did not make it: ours goes instead. */
  insist(): void {
    const lost = this.#inFlight;
    this.#inFlight = undefined;
    this.#unblock();
    if (lost !== undefined) this.#putBack(lost);
    if (this.#queue.length === 0) this.#queue.push({ params: undefined, must: false, attempts: 0 });
    if (this.#turn === 'awaiting') this.#turn = 'none';
    this.#pump();
  }

  /** Asks for a response in the place of one that came to nothing: before all that waits, and without waiting for one of the server's. */
  again(params: ResponseParams, must: Must): void {
    const waits = this.#queue[this.#firsts];
    // A plain one that waits anyway is the same.
    if (params !== undefined || waits === undefined || waits.params !== undefined) {
      this.#putBack({ params, must, attempts: 0 });
    }
    if (this.#turn === 'awaiting') this.#turn = 'none';
    this.#pump();
  }

  /**
   * A response began. Returns true when it must be cancelled at once: it was asked for before the caller interrupted, and would talk
   * over the caller; or it is the server's own, and something has to be said before it.
   */
  created(responseId: string): boolean {
    this.#know(responseId);
    if (this.#active !== undefined && this.#active !== responseId) {
      this.#kill(this.#active);
      this.#hooks.superseded(this.#active);
    }
    this.#active = responseId;
    this.#activeCreate = this.#inFlight;
    this.#unblock();
    this.#knewAll = this.#unseen.size === 0;
    const unwanted = this.#cancelNext && this.#turn === 'speaking' && this.#inFlight !== undefined;
    this.#cancelNext = false;
    if (unwanted) {
      const create = this.#inFlight;
      this.#inFlight = undefined;
      // The question stands: it is asked again after the caller's turn, unless the answer to that turn covers it.
      if (create !== undefined) this.#putBack(create);
      this.#kill(responseId);
      return true;
    }
    if (this.#inFlight === undefined && this.#turn !== 'speaking' && this.#firsts > 0) {
      this.#turn = 'none';
      this.#kill(responseId);
      // What it was to answer is asked for behind that.
      if (!this.#queue.some(({ params }) => params === undefined)) {
        this.#queue.splice(this.#firsts, 0, { params: undefined, must: false, attempts: 0 });
      }
      return true;
    }
    if (this.#inFlight === undefined && this.#knewAll) {
      // A response of the server's own knows all that we have added: it answers what was waiting to be asked.
      this.#queue = this.#queue.filter((create) => create.must);
    }
    const ours = this.#inFlight !== undefined;
    this.#inFlight = undefined;
    if (this.#turn === 'awaiting') this.#turn = 'none';
    else if (this.#turn === 'speaking' && !ours) {
      if (this.#late) this.#late = false;
      else this.#early = responseId;
    }
    return false;
  }

  /** `cut`: it ended because the caller went on, so that it answers nothing. */
  done(responseId: string, cut = false): void {
    this.#know(responseId);
    if (this.#active === responseId) this.#active = undefined;
    if (cut && this.#early === responseId) this.#early = undefined;
    this.#unblock();
    this.#pump();
  }

  /** This response is not to be heard any more, and is being cancelled. Whoever asks next waits for its end, but not for ever. */
  giveUp(responseId: string): void {
    this.#know(responseId);
    this.#kill(responseId);
    if (this.#early === responseId) this.#early = undefined;
    if (this.#active !== responseId) return;
    this.#unblock();
    this.#blocked = this.#clock.after(BLOCKED_MS, () => {
      this.#blocked = undefined;
      if (this.#active === responseId) this.#active = undefined;
      this.#pump();
    });
  }

  /** The answer to the caller's turn was heard, whoever made it: the server is not waited for. */
  answered(): void {
    if (this.#turn !== 'awaiting') return;
    this.#turn = 'none';
    this.#pump();
  }

  /**
   * An `error` event. True when it was about one of our creates and is dealt with: refused because another response is active, it is
   * asked again when that one is done; refused for another reason, it is given up (false). `limit`: the code speaks of a limit or of the
   * server's state, so that it can only be about what was asked last.
   */
  failed(code: string, eventId: string | undefined, limit = false): boolean {
    this.#refused = undefined;
    const busy = code === 'conversation_already_has_active_response';
    const sent = this.#sent;
    // Some servers name no event in their errors.
    const about = eventId === undefined ? busy || (limit && this.#inFlight !== undefined) : eventId === sent?.eventId;
    if (sent === undefined || !about) return busy;
    this.#sent = undefined;
    const answered = this.#inFlight !== sent.create;
    if (!answered) this.#inFlight = undefined;
    if (!busy) {
      this.#refused = sent.create;
      this.#pump();
      return false;
    }
    // The response that began in the meantime knows all our items, so it is the answer.
    if (answered && this.#knewAll && !sent.create.must) return true;
    sent.create.attempts++;
    if (sent.create.attempts >= MAX_ATTEMPTS) return false;
    this.#putBack(sent.create);
    if (this.#active === undefined) {
      // We know of no active response. Its `created` is on the way, or its `done` just passed: then nobody would wake us.
      this.#blocked ??= this.#clock.after(BLOCKED_MS, () => {
        this.#blocked = undefined;
        this.#pump();
      });
    }
    return true;
  }

  /** All responses seen so far are interrupted; one asked for and not yet begun is cancelled when it begins. */
  interrupt(): void {
    this.#deadUpTo = this.#ordinal;
    this.#cancelNext = this.#inFlight !== undefined;
    if (this.#active !== undefined) this.giveUp(this.#active);
  }

  /** Whether audio of this response may still be heard. */
  isLive(responseId: string): boolean {
    return this.#know(responseId) > this.#deadUpTo;
  }

  /** The connection is gone: nothing is active any more, and what was asked for and not begun is asked of the next session. */
  reset(): void {
    this.#deadUpTo = this.#ordinal;
    this.#active = undefined;
    this.#unblock();
    if (this.#inFlight !== undefined) this.#putBack(this.#inFlight);
    this.#inFlight = undefined;
    this.#sent = undefined;
    this.#unseen.clear();
    this.#turn = 'none';
    this.#cancelNext = false;
    this.#late = false;
    this.#early = undefined;
  }

  /** A session is there (again): sends what waits. */
  resume(): void {
    this.#pump();
  }

  dispose(): void {
    this.#active = undefined;
    this.#unblock();
    this.#queue = [];
  }

  #pump(): void {
    if (this.#active !== undefined || this.#inFlight !== undefined) return;
    if (this.#turn !== 'none' || this.#blocked !== undefined) return;
    const create = this.#queue[0];
    if (create === undefined) return;
    const eventId = `bridge_response_${++this.#eventNumber}`;
    if (!this.#hooks.send(responseCreate(eventId, create.params))) return;
    this.#queue.shift();
    this.#inFlight = create;
    this.#sent = { eventId, create };
    this.#hooks.requested();
  }

  /** Before all that waits, but for what goes before any other answer. */
  #putBack(create: Create): void {
    this.#queue.splice(create.must === 'first' ? 0 : this.#firsts, 0, create);
  }

  /** How many of those that wait go before any other answer: the first ones. */
  get #firsts(): number {
    const others = this.#queue.findIndex(({ must }) => must !== 'first');
    return others < 0 ? this.#queue.length : others;
  }

  #unblock(): void {
    this.#blocked?.cancel();
    this.#blocked = undefined;
  }

  #kill(responseId: string): void {
    this.#ordinals.set(responseId, 0);
  }

  /** The ordinal of a response, given when it is first seen. */
  #know(responseId: string): number {
    let ordinal = this.#ordinals.get(responseId);
    if (ordinal === undefined) {
      ordinal = ++this.#ordinal;
      this.#ordinals.set(responseId, ordinal);
      if (this.#ordinals.size > MAX_KNOWN) this.#ordinals.delete(this.#ordinals.keys().next().value!);
    }
    return ordinal;
  }
}
