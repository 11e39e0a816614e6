import { isFinal, type TransferOptions } from '../callers/phone/control/index.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { ApiError, type ErrorAnswer, RepeatedError } from '../http/api-error.ts';
import type { CallView } from './calls-api-routes.ts';

/**
 * What an operator has done to a call. It is carried out by the instance that has the call, whichever he asked: there in time, or not at all. Where
 * that does not answer he is told so, and it is not known whether it was done; asking again for a hang-up is harmless.
 */
export type CallAction =
  | { readonly do: 'hangup' }
  | ({ readonly do: 'transfer'; readonly to: string } & Pick<TransferOptions, 'callerId' | 'say'>)
  | { readonly do: 'digits'; readonly digits: string }
  | { readonly do: 'say' | 'text'; readonly text: string }
  | { readonly do: 'whisper'; readonly text: string };

/** What is told in the call's record as an order; a whisper is told as what it is. */
export type Order = Exclude<CallAction, { readonly do: 'whisper' }>;

/** How long the other instance may take, ms: its carrier is asked within it. */
const ASK_MS = 10_000;

/** Who knows the calls of this instance and can do something about them. Each rejects with an ApiError or a ControlError. */
export interface ActionsDesk {
  find(id: string): CallView | undefined;
  /** Whether its conversation goes on here. */
  lives(id: string): boolean;
  hangup(id: string): Promise<void>;
  transfer(id: string, to: string, options: Pick<TransferOptions, 'callerId' | 'say'>): Promise<void>;
  sendDigits(id: string, digits: string): Promise<void>;
  /** The agent says this, in its own voice. */
  say(id: string, text: string): void;
  /** A typed turn of the caller. */
  text(id: string, text: string): void;
  /** A line to the agent that the caller does not hear. */
  whisper(id: string, text: string, by: string): void;
  /** Has the call's record say who ordered this. Nothing where the call is not here. */
  ordered(id: string, by: string, order: Order): void;
}

export interface CallActionsOptions {
  readonly desk: ActionsDesk;
  /** Left out: this instance has all calls. */
  readonly fleet?: Fleet | undefined;
  /** What is told of errors that are no ApiError; undefined for any other. */
  readonly told: (error: unknown) => ErrorAnswer | undefined;
}

interface Asked {
  readonly id: string;
  readonly action: CallAction;
  /** The operator's name. */
  readonly by: string;
}

export class CallActions {
  readonly #o: CallActionsOptions;

  constructor(options: CallActionsOptions) {
    this.#o = options;
    const { fleet, told } = options;
    if (fleet === undefined || fleet.isAlone) return;
    fleet.serve<Asked, void>('calls.do', async ({ id, action, by }) => {
      try {
        await this.#here(id, action, by);
      } catch (error) {
        const answer = told(error);
        throw answer === undefined ? error : new RepeatedError(answer.error.message, answer);
      }
    });
  }

  /** `by`: the operator's name. Rejects with an ApiError or a ControlError, or with what the instance that has the call was told of one. */
  async carryOut(id: string, action: CallAction, by: string): Promise<void> {
    const { desk, fleet } = this.#o;
    if (fleet === undefined || fleet.isAlone || desk.lives(id)) return this.#here(id, action, by);
    const owner = await fleet.ownerOf({ kind: 'call', id });
    // One that is over, or was lost, is answered by what is known of it here.
    if (owner === undefined || !owner.reachable || owner.instance === fleet.self) return this.#here(id, action, by);
    return fleet.ask<Asked, void>(owner.instance, 'calls.do', { id, action, by }, { withinMs: ASK_MS });
  }

  /** Told with who did it: before the call can end of it, or else when it is done. */
  async #here(id: string, action: CallAction, by: string): Promise<void> {
    const { desk } = this.#o;
    switch (action.do) {
      case 'hangup':
        // A call that is over is as it should be: the request may be repeated.
        if (this.#isOver(id)) return;
        desk.ordered(id, by, action);
        await desk.hangup(id);
        return;
      case 'transfer': {
        const { to, callerId, say } = action;
        this.#answered(id);
        desk.ordered(id, by, action);
        return desk.transfer(id, to, { callerId, say });
      }
      case 'digits':
        this.#answered(id);
        await desk.sendDigits(id, action.digits);
        return desk.ordered(id, by, action);
      case 'say':
        this.#answered(id);
        desk.say(id, action.text);
        return desk.ordered(id, by, action);
      case 'text':
        this.#answered(id);
        desk.text(id, action.text);
        return desk.ordered(id, by, action);
      case 'whisper':
        this.#answered(id);
        return desk.whisper(id, action.text, by);
      default:
        action satisfies never;
    }
  }

  #isOver(id: string): boolean {
    const call = this.#o.desk.find(id);
    if (call === undefined) throw new ApiError(404, 'CALL_UNKNOWN', 'there is no such call');
    return isFinal(call.status);
  }

  #answered(id: string): void {
    if (this.#isOver(id)) throw new ApiError(409, 'CALL_ENDED', 'the call is over');
    if (this.#o.desk.find(id)?.status !== 'in-progress')
      throw new ApiError(409, 'CALL_NOT_ANSWERED', 'nobody has answered yet');
  }
}
