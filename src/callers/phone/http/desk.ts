import type { RefusalReason } from '../../../admission/admission.ts';
import type { Calls } from '../../../call/calls.ts';
import type { CarrierCall } from '../../../call/carrier-call.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Count } from '../../../call/counters.ts';
import type { CallInfo } from '../../../call/info.ts';
import type { Log } from '../../../call/leg.ts';
import { numberOf, partyText } from '../../../call/party.ts';
import { termination } from '../../../call/termination.ts';
import type { Config } from '../../../config.ts';
import type { Dispatch } from '../../../dispatch.ts';
import { errorCode } from '../../../errors.ts';
import type { Arrival, Intake } from '../../../intake/intake.ts';
import type { OutboundPlan } from '../../../orders/outbound-call.ts';
import type { Carriers } from '../carriers/index.ts';
import { withL16 } from '../detect.ts';
import { PhoneStream } from '../stream.ts';
import type { CallMemory } from './call-memory.ts';
import type { CallDesk, IncomingCall, Preparation, Refusal } from './incoming-call.ts';
import type { MediaStream } from './media-stream.ts';
import type { StreamClaims } from './stream-token.ts';

/** Where a carrier's webhook and its media stream become one call. */

export interface DeskDeps {
  readonly intake: Intake;
  readonly calls: Calls;
  readonly dispatch: Pick<Dispatch, 'words'>;
  readonly memory: CallMemory;
  /** What was ordered of a call that we placed; undefined: nothing of this one. */
  readonly claim?: (call: CarrierCall, to: string) => Promise<OutboundPlan | undefined>;
}

/** Makes a call of each new webhook: the model's session is being set up while the carrier still opens its stream. */
export function phoneDesk({ intake, calls, dispatch, memory, claim }: DeskDeps): CallDesk {
  const made = async (incoming: IncomingCall, arrival: Arrival): Promise<Preparation> => {
    const { carrier, accountId, carrierCallId, direction, to } = incoming;
    const plan = direction === 'outbound' ? await claim?.(incoming, numberOf(to) ?? '') : undefined;
    // An order is of one call: when the carrier brings it a second time, that is another conversation.
    const id = plan === undefined || memory.isVisitedAgain(incoming) ? arrival.id : plan.callId;
    // What was ordered for this call is worth more than what the webhook's address says for all.
    const overrides = { ...plan, variables: { ...incoming.custom, ...plan?.variables } };
    const assigned = await arrival.assign(incoming, overrides, id);
    const info = { accountId, carrierCallId, ...ends(incoming) };
    const fields = { carrier, ...info, direction };
    const begun = assigned.begin(info, { message: 'a call comes in', fields });
    if (!begun.ok) return { refused: refusalFor(begun.reason) };
    void begun.call.done.then(() => memory.ended(incoming));
    return { callId: id };
  };

  return {
    async prepare(incoming) {
      const running = calls.atCarrier(incoming);
      if (running !== undefined) return { callId: running.info.id };
      const admitted = intake.admit();
      if (!admitted.ok) return { refused: refusalFor(admitted.reason) };
      try {
        return await made(incoming, admitted.arrival);
      } finally {
        admitted.arrival.free();
      }
    },
    words: (incoming) => dispatch.words(incoming),
    continuation: (call) => calls.continuation(call),
    again: (call) => calls.again(call),
    transferEnded: (call, report) => calls.transferEnded(call, report),
  };
}

/** What a phone is told of a refusal: all that is for want of room or time is one to a caller. */
function refusalFor(reason: RefusalReason): Refusal {
  return reason === 'draining' || reason === 'model' ? reason : 'busy';
}

/** Both ends of a call, as its record has them. */
function ends({
  direction,
  from,
  to,
  wrapped,
}: IncomingCall): Pick<CallInfo, 'from' | 'to' | 'callerKind' | 'fromWrapped'> {
  const [caller, called] = [partyText(from), partyText(to)];
  return {
    ...(caller === undefined ? {} : { from: caller }),
    ...(called === undefined ? {} : { to: called }),
    callerKind: (direction === 'outbound' ? to : from).kind,
    ...(wrapped ? { fromWrapped: true } : {}),
  };
}

export interface StreamDeps {
  /** Whose streams these are. */
  readonly carriers: Pick<Carriers, 'all'>;
  readonly calls: Calls;
  /** Told of streams that were opened. */
  readonly memory?: Pick<CallMemory, 'opened'>;
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  /** Counts what streams that never became a call counted. */
  readonly count: Count;
}

/** Takes over each media socket: it must show a token in its `start`, and is then plugged into the call the token names. */
export function phoneStreams(deps: StreamDeps): (stream: MediaStream) => void {
  const { calls, memory, config, log, clock, count } = deps;
  const carriers = withL16(deps.carriers.all.map(({ media }) => media));
  const leg = {
    holdMs: config.MAX_HOLD_MINUTES * 60_000,
    leadMs: config.PLAYOUT_LEAD_MS,
    cushionMs: config.PLAYOUT_CUSHION_MS,
    chunkMs: config.PLAYOUT_CHUNK_MS,
  };
  return (stream) => {
    new PhoneStream<StreamClaims>((handlers) => stream.attach(handlers), {
      carriers,
      async authorize({ token, callId }) {
        try {
          return { ok: true, grant: await stream.authorizeStart(token, callId) };
        } catch (error) {
          return { ok: false, code: errorCode(error) };
        }
      },
      accepted(phone, claims) {
        if (calls.join(claims.callId, phone)) {
          if (memory !== undefined) opened(calls.get(claims.callId)?.info, memory);
          return;
        }
        // The call ended while its stream was on the way.
        log.warn({ callId: claims.callId }, 'a media stream came too late for its call');
        void phone.close(termination('no-stream'));
      },
      refused: (reason) => log.warn({ reason, remoteAddress: stream.remoteAddress }, 'a media stream was refused'),
      clock,
      log,
      count,
      leg,
    });
  };
}

/** The carrier has opened the stream that it was answered with. */
function opened(
  { carrier, accountId, carrierCallId }: Partial<CallInfo> = {},
  memory: Pick<CallMemory, 'opened'>,
): void {
  if (carrier !== undefined && accountId !== undefined && carrierCallId !== undefined)
    void memory.opened({ carrier, accountId, carrierCallId });
}
