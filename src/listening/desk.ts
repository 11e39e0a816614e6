import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { ApiError } from '../http/api-error.ts';
import type { Operator } from '../http/operators.ts';
import type { Done } from '../people/audit.ts';
import type { CallEars } from './call-ears.ts';
import { type ListenedCall, type Mode, NOTICE_MS, type Outlet, Session } from './session.ts';
import { Takeovers } from './takeovers.ts';

/** Somebody who is to listen, and was asked who he is. */
export interface Listening {
  readonly callId: string;
  readonly operator: Operator;
  /** Where it was asked from. */
  readonly address: string;
}

export interface ListeningDeskOptions {
  readonly calls: { get(id: string): ListenedCall | undefined };
  readonly ears: CallEars;
  readonly clock: Pick<Clock, 'now'>;
  readonly listenNotice: string | undefined;
  readonly takeoverNotice: string | undefined;
  /** Most that listen at once. */
  readonly most: number;
  /** Has the audit log know. */
  readonly note: (done: Done) => void;
  readonly log: Pick<Log, 'error'>;
}

/** What was done, in the audit log's words. */
const ACTIONS = { listen: 'stopSpeaking', whisper: 'whisperByVoice', takeover: 'takeOver' } as const satisfies Record<
  Mode,
  string
>;

const TOO_MANY = 'too many listen already';

/** An operator took over whose coming the caller should have been told of, and was not. */
const UNTOLD = 'takeOverUnannounced';

/** Lets operators listen to calls of this process. */
export class ListeningDesk {
  readonly #o: ListeningDeskOptions;
  readonly #announced = new WeakMap<ListenedCall, Promise<boolean>>();
  readonly #takeovers = new Takeovers();
  #listening = 0;

  constructor(options: ListeningDeskOptions) {
    this.#o = options;
  }

  /** Whether the call is here. */
  has(callId: string): boolean {
    return this.#o.calls.get(callId) !== undefined;
  }

  /** Throws CALL_UNKNOWN (404), CALL_ENDED (409) and LISTENERS_TOO_MANY (503). */
  check(callId: string): void {
    const call = this.#o.calls.get(callId);
    if (call === undefined) throw new ApiError(404, 'CALL_UNKNOWN', 'there is no such call');
    if (call.state === 'ended' || call.state === 'leaving') throw new ApiError(409, 'CALL_ENDED', 'the call is over');
    if (this.#isFull) throw new ApiError(503, 'LISTENERS_TOO_MANY', TOO_MANY, { headers: { 'retry-after': '10' } });
  }

  get #isFull(): boolean {
    return this.#listening >= this.#o.most;
  }

  /** Begins: what there is to hear and to tell goes to `outlet` from now on, or `outlet.end` says why not. Returns where the operator's messages go, and how to end it. */
  begin(
    { callId, operator, address }: Listening,
    outlet: Outlet,
  ): { text(message: string): void; audio(bytes: Uint8Array): void; close(): void } {
    const { calls, ears, clock, takeoverNotice, listenNotice, note, log } = this.#o;
    const call = calls.get(callId);
    let session: Session | undefined;
    let over = false;
    // Many may have been let in before the first of them is here.
    const isFull = this.#isFull;
    this.#listening++;
    const close = () => {
      if (over) return;
      over = true;
      this.#listening--;
      session?.close();
    };
    const did = (action: string, status = 200) => note({ operator, action, target: callId, status, address });
    const end = (reason: string) => {
      if (over) return;
      close();
      outlet.end(reason);
    };
    // Nobody waits for what comes of a socket: what breaks there would end the process, and so it ends the line.
    const broke = (err: unknown) => log.error({ err, callId }, 'an operator’s line broke; the call goes on');
    const open = (announced: boolean) => {
      if (over || call === undefined) return;
      did('listen');
      session = new Session({
        ...{ call, by: operator.name, ears, clock, announced, takeoverNotice, takeovers: this.#takeovers },
        outlet: { ...outlet, end },
        did: (mode, untold) => did(untold ? UNTOLD : ACTIONS[mode]),
        broke,
      });
    };
    const begun = async () => {
      if (call === undefined) end('call-ended');
      else if (isFull) {
        did('listen', 503);
        outlet.tell({ kind: 'refused', code: 'LISTENERS_TOO_MANY', message: TOO_MANY });
        end('too-many-listen');
      } else if (listenNotice === undefined) open(false);
      else if (await this.#announce(call, listenNotice)) open(true);
      else {
        did('listen', 409);
        outlet.tell({ kind: 'refused', code: 'LISTEN_NOT_ANNOUNCED', message: 'the caller could not be told' });
        end('not-announced');
      }
    };
    begun().catch((error: unknown) => {
      broke(error);
      end('internal');
    });
    return {
      text: (message) => session?.text(message),
      audio: (bytes) => session?.audio(bytes),
      close,
    };
  }

  /** Once for each call; where the caller did not hear it the next operator has it said again. */
  #announce(call: ListenedCall, words: string): Promise<boolean> {
    const said = this.#announced.get(call) ?? (call.state === 'joined' ? call.announce(words, NOTICE_MS) : undefined);
    if (said === undefined) return Promise.resolve(false);
    this.#announced.set(call, said);
    const again = () => void this.#announced.delete(call);
    void said.then((heard) => {
      if (!heard) again();
    }, again);
    return said;
  }
}
