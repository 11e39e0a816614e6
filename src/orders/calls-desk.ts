import type { Clock } from '../call/clock.ts';
import { KeysCut } from '../call/digits.ts';
import type { OperatorLine } from '../call/operator-line.ts';
import type { PartyKind } from '../call/party.ts';
import { type Termination, termination } from '../call/termination.ts';
import type { CallControl, TransferOptions } from '../callers/phone/control/index.ts';
import { ControlError } from '../callers/phone/control/index.ts';
import { ApiError, retryAfter } from '../http/api-error.ts';
import type { HourLimit } from '../memory/hour-limit.ts';
import type { CallsDesk } from './calls-api.ts';
import type { CallView } from './calls-api-routes.ts';
import { ownNumber } from './errors.ts';
import type { OutboundCalls } from './outbound-calls.ts';

/** Who calls whom. */
export interface LiveCallInfo {
  readonly id: string;
  readonly direction: 'inbound' | 'outbound';
  readonly carrierCallId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly callerKind?: PartyKind;
  readonly fromWrapped?: true;
}

/** What is needed of a conversation that goes on. */
export interface LiveCall {
  readonly info: LiveCallInfo;
  /** Wall time of its beginning, ms. */
  readonly startedAt: number;
  /** `waiting` for its caller, `joined`, `held` while the line is broken, `away` while he is connected elsewhere, `leaving` or `ended`. */
  readonly state: 'waiting' | 'joined' | 'held' | 'away' | 'leaving' | 'ended';
  end(end: Termination): Promise<unknown>;
  /** What it means when the caller's leg ends from now on; undefined takes it back. */
  expectEnd(end: Termination | undefined): void;
  /** Plays digits on the caller's leg; false where that cannot. Rejects with KeysCut where not all of them were played. */
  sendDigits(digits: string): Promise<boolean>;
  /** Lets the caller hear the agent's last words, then answers the carrier's next question with a dial. False where he is not there any more. */
  handOver(to: string): Promise<boolean>;
  /**
   * The carrier is about to connect the caller to `to`: which of the call's transfers that is, or undefined where the caller cannot come back
   * from one. Left out: he cannot.
   */
  connecting?(to: string): number | undefined;
  /** The carrier connects him now. */
  connected?(): void;
  /** Why this cannot be asked of whoever is on the line, in a sentence; undefined where it can. */
  cannot?(action: 'transfer' | 'digits'): string | undefined;
  /** Has the agent say this; false where it cannot be asked for words. */
  say(text: string): boolean;
  /** A typed turn of the caller; false where the agent takes none. */
  text(text: string): boolean;
  /** What operators do to it beside; left out where nobody is told of it. */
  readonly operators?: Pick<OperatorLine, 'hasCaller' | 'whisper' | 'tell'>;
}

export interface CallsDeskOptions {
  readonly calls: {
    get(id: string): LiveCall | undefined;
    [Symbol.iterator](): Iterator<LiveCall>;
    /** How long this call may go on after a transfer, seconds. */
    transferSeconds(id: string): number;
  };
  readonly outbound: OutboundCalls;
  /** Counts transfers, those of agents among them. */
  readonly transfers: HourLimit;
  readonly clock: Pick<Clock, 'wall'>;
  /** By whom a call is controlled; undefined without credentials. */
  readonly controlOf: (call: LiveCallInfo) => CallControl | undefined;
  /** What a carrier is told of a transfer beside the number; `n`: which of the call's it is, undefined where nobody comes back from it. */
  readonly transferOptions?: (call: LiveCallInfo, n: number | undefined) => Partial<TransferOptions>;
  /** Whether the carrier can be told where to ask what comes after a transfer. */
  readonly comesBack?: boolean;
}

/** The desk of the interface, and what it must be told. */
export interface WatchedCallsDesk extends CallsDesk {
  /** A conversation is over: to be told of every one, once. */
  ended(call: Pick<LiveCall, 'info' | 'startedAt'>, end: Termination): void;
  /** Drops what is remembered of these calls, as far as they are over. */
  forget(callIds: readonly string[]): void;
}

/** How long, and how many, conversations are remembered that are over. */
const REMEMBER_MS = 3_600_000;
const REMEMBER_MOST = 1_000;

/** Only what is given, so that it takes the place of nothing else. */
const withoutGaps = (options: TransferOptions): Partial<TransferOptions> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

const wordless = () => new ControlError('CONTROL_UNSUPPORTED', 'the agent of this call cannot be asked for words');

/** Joins what is known of conversations with what is known of orders, for the interface. */
export function callsDesk({
  calls,
  outbound,
  transfers,
  clock,
  controlOf,
  transferOptions,
  comesBack = false,
}: CallsDeskOptions): WatchedCallsDesk {
  /** Calls that nobody ordered and that are over, the oldest first. */
  const past = new Map<string, { readonly view: CallView; readonly at: number }>();

  const forget = (now: number) => {
    for (const [id, { at }] of past) {
      if (past.size <= REMEMBER_MOST && now - at < REMEMBER_MS) return;
      past.delete(id);
    }
  };

  const viewOf = (call: Pick<LiveCall, 'info' | 'startedAt'>, status: CallView['status']): CallView => {
    const { id, direction, carrierCallId, from, to, callerKind } = call.info;
    return {
      id,
      ...(carrierCallId === undefined ? {} : { carrierCallId }),
      direction,
      status,
      ...(from === undefined || from === '' ? {} : { from }),
      ...(to === undefined || to === '' ? {} : { to }),
      ...(callerKind === undefined ? {} : { callerKind }),
      createdAt: new Date(call.startedAt).toISOString(),
    };
  };

  const view = (call: LiveCall): CallView => ({
    // A call is prepared while the carrier still rings, and answered with its media stream.
    ...(outbound.find(call.info.id) ?? viewOf(call, call.state === 'waiting' ? 'ringing' : 'in-progress')),
    ...cannotOf(call),
  });

  /** A conversation in which somebody can be heard. */
  const joined = (id: string): LiveCall => {
    const call = calls.get(id);
    if (call === undefined || call.state === 'ended' || call.state === 'leaving')
      throw new ApiError(409, 'CALL_ENDED', 'the call is over');
    if (call.state !== 'joined') throw new ApiError(409, 'CALL_NOT_ANSWERED', 'nobody is on the line at the moment');
    return call;
  };

  /** One whose agent can be asked for something: no operator speaks in its place. */
  const spoken = (id: string): LiveCall => {
    const call = joined(id);
    if (call.operators?.hasCaller === true)
      throw new ApiError(409, 'CALL_TAKEN_OVER', 'an operator speaks with the caller');
    return call;
  };

  /** Refuses what this kind of line cannot be asked for, before anything is counted or sent. */
  const able = (call: LiveCall, action: 'transfer' | 'digits') => {
    const why = call.cannot?.(action);
    if (why !== undefined) throw new ControlError('CONTROL_UNSUPPORTED', why);
  };

  const carrierOf = (call: LiveCall): { control: CallControl; carrierCallId: string } => {
    const control = controlOf(call.info);
    const { carrierCallId } = call.info;
    if (control === undefined || carrierCallId === undefined)
      throw new ControlError('CONTROL_UNSUPPORTED', "the credentials of this call's carrier are not set");
    return { control, carrierCallId };
  };

  return {
    place: (order, request) => outbound.place(order, request),
    *list() {
      const seen = new Set<string>();
      forget(clock.wall());
      const known = [...[...calls].map(view), ...outbound.views(), ...[...past.values()].map((one) => one.view)];
      const all = known.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
      for (const one of all) {
        if (seen.has(one.id)) continue;
        seen.add(one.id);
        yield one;
      }
    },
    forget(callIds) {
      for (const id of callIds) past.delete(id);
      outbound.forget(callIds);
    },
    find(id) {
      const call = calls.get(id);
      return call === undefined ? (outbound.find(id) ?? past.get(id)?.view) : view(call);
    },
    lives: (id) => calls.get(id) !== undefined,
    async hangup(id) {
      const call = calls.get(id);
      if (call === undefined) return outbound.hangup(id);
      const { carrierCallId } = call.info;
      const control = controlOf(call.info);
      // Closing our side lets the carrier ask what comes next, and it is told to hang up; asking it outright is quicker and surer.
      call.expectEnd(termination('operator-hangup'));
      const told =
        control === undefined || carrierCallId === undefined ? Promise.resolve() : control.hangup(carrierCallId);
      await Promise.allSettled([told, call.end(termination('operator-hangup'))]);
    },
    async transfer(id, to, options) {
      const call = joined(id);
      able(call, 'transfer');
      const { callerId, say } = options;
      const { direction, to: called } = call.info;
      if (direction === 'inbound' && to === called) throw ownNumber();
      const byCarrier = controlOf(call.info) === undefined && callerId === undefined ? undefined : carrierOf(call);
      const use = await transfers.take();
      if (!use.ok)
        throw new ApiError(429, 'TRANSFER_HOURLY_LIMIT', "this hour's transfers are used up", {
          headers: use.retryAfterMs === undefined ? {} : retryAfter(use.retryAfterMs),
        });
      try {
        // While the use was counted he may have left.
        joined(id);
      } catch (error) {
        use.giveBack();
        throw error;
      }
      if (byCarrier === undefined) {
        if (say !== undefined && !call.say(say)) {
          use.giveBack();
          throw wordless();
        }
        if (await call.handOver(to)) return;
        use.giveBack();
        joined(id);
        throw new ApiError(409, 'CALL_NOT_ANSWERED', 'nobody is on the line at the moment');
      }
      const { control, carrierCallId } = byCarrier;
      // The carrier takes the stream away before it answers: that is no hang-up of the caller's.
      call.expectEnd(termination('transferred'));
      const n = comesBack ? call.connecting?.(to) : undefined;
      const given = { ...options, limitSeconds: calls.transferSeconds(id) };
      try {
        await control.transfer(carrierCallId, to, { ...transferOptions?.(call.info, n), ...withoutGaps(given) });
      } catch (error) {
        call.expectEnd(undefined);
        if (!(error instanceof ControlError && error.uncertain)) use.giveBack();
        throw error;
      }
      if (n === undefined) await call.end(termination('transferred'));
      else call.connected?.();
    },
    async sendDigits(id, digits) {
      const call = joined(id);
      able(call, 'digits');
      if (await call.sendDigits(digits).catch(cutOff)) return;
      const { control, carrierCallId } = carrierOf(call);
      await control.sendDigits(carrierCallId, digits);
    },
    ended(call, end) {
      const now = clock.wall();
      const { id } = call.info;
      outbound.ended(id, end, call.info.direction);
      if (outbound.find(id) !== undefined) return;
      const { result, reason } = end;
      const endedAt = new Date(now).toISOString();
      past.set(id, { view: { ...viewOf(call, 'completed'), endedAt, end: { result, reason } }, at: now });
      forget(now);
    },
    say(id, text) {
      if (!spoken(id).say(text)) throw wordless();
    },
    text(id, text) {
      if (!spoken(id).text(text))
        throw new ControlError('CONTROL_UNSUPPORTED', 'the agent of this call takes no typed turns');
    },
    whisper(id, text, by) {
      if (joined(id).operators?.whisper(by, text) !== true)
        throw new ControlError('CONTROL_UNSUPPORTED', 'the agent of this call takes no notes');
    },
    ordered(id, by, action) {
      calls.get(id)?.operators?.tell({
        type: 'ordered',
        by,
        order: action.do,
        ...('text' in action ? { text: action.text } : {}),
        ...('digits' in action ? { digits: action.digits.length } : {}),
      });
    },
  };
}

/** Digits that were cut off are told as such: the carrier, asked for all of them, would press the first ones twice. */
function cutOff(error: unknown): never {
  if (!(error instanceof KeysCut)) throw error;
  throw new ApiError(409, 'DIGITS_CUT', error.message, { details: { played: error.played } });
}

/** What whoever is on the line cannot be asked for, where there is anything. */
function cannotOf(call: LiveCall): Pick<CallView, 'cannot'> {
  const [transfer, digits] = [call.cannot?.('transfer'), call.cannot?.('digits')];
  if (transfer === undefined && digits === undefined) return {};
  return { cannot: { ...(transfer === undefined ? {} : { transfer }), ...(digits === undefined ? {} : { digits }) } };
}
