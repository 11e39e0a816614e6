import type { RefusalReason } from '../../../admission/admission.ts';
import type { Calls } from '../../../call/calls.ts';
import type { CarrierCall } from '../../../call/carrier-call.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Count } from '../../../call/counters.ts';
import type { CallInfo } from '../../../call/info.ts';
import type { Log } from '../../../call/leg.ts';
import { numberOf } from '../../../call/party.ts';
import { termination } from '../../../call/termination.ts';
import type { Config } from '../../../config.ts';
import type { Dispatch } from '../../../dispatch.ts';
import { errorCode } from '../../../errors.ts';
import type { Arrival, Intake } from '../../../intake/intake.ts';
import type { OutboundPlan } from '../../../orders/outbound-call.ts';
import type { Carriers } from '../carriers/index.ts';
import { withL16 } from '../detect.ts';
import type { PhoneLeg } from '../leg.ts';
import { PhoneStream } from '../stream.ts';
import type { CallMemory } from './call-memory.ts';
import type { DialledStreams } from './dialled-streams.ts';
import type { CallDesk, IncomingCall, Preparation, Refusal } from './incoming-call.ts';
import type { MediaStream } from './media-stream.ts';
import type { OwnedElsewhere } from './owned-elsewhere.ts';
import type { PhoneCalls } from './phone-calls.ts';
import type { StreamClaims } from './stream-token.ts';
import type { TakenCalls } from './taken-calls.ts';

/** Where a carrier's webhook and its media stream become one call. */

export interface DeskDeps {
  readonly intake: Intake;
  readonly calls: Calls;
  readonly phone: PhoneCalls;
  readonly dispatch: Pick<Dispatch, 'words'>;
  readonly memory: Pick<CallMemory, 'isVisitedAgain'>;
  /** What carriers ask of calls, whichever instance has them. Left out: this one has all. */
  readonly elsewhere?: Pick<OwnedElsewhere, 'continuation' | 'again' | 'transferEnded'>;
  /** Streams of those who were called to answer a call. Left out: nobody is. */
  readonly dialled?: Pick<DialledStreams, 'brought' | 'isOne'> | undefined;
  /** What was ordered of a call that we placed; undefined: nothing of this one. */
  readonly claim?: (call: CarrierCall, to: string) => Promise<OutboundPlan | undefined>;
}

/** Makes a call of each new webhook: the model's session is being set up while the carrier still opens its stream. */
export function phoneDesk({ intake, calls, phone, dispatch, memory, claim, elsewhere, dialled }: DeskDeps): CallDesk {
  const made = async (incoming: IncomingCall, arrival: Arrival): Promise<Preparation> => {
    const { direction, to } = incoming;
    const plan = direction === 'outbound' ? await claim?.(incoming, numberOf(to) ?? '') : undefined;
    // An order is of one call: when the carrier brings it a second time, that is another conversation.
    const id = plan === undefined || memory.isVisitedAgain(incoming) ? arrival.id : plan.callId;
    // What was ordered for this call is worth more than what the webhook's address says for all.
    const { prompt, agent, variables } = plan ?? {};
    const overrides = { prompt, agent, variables: { ...incoming.custom, ...variables } };
    const begun = await phone.begin(arrival, incoming, overrides, id);
    return begun.ok ? { callId: id } : turnedAway(begun.reason);
  };

  return {
    async prepare(incoming) {
      const running = calls.atCarrier(incoming);
      if (running !== undefined) return { callId: running.info.id };
      // No call of its own, and so none that there has to be room for.
      const answers = await dialled?.brought(incoming, numberOf(incoming.to) ?? '');
      if (answers !== undefined) {
        const { id: callId, at } = answers;
        return { callId, ...(at === undefined ? {} : { at }) };
      }
      const admitted = intake.admit(incoming);
      if (!admitted.ok) return turnedAway(admitted.reason);
      try {
        return await made(incoming, admitted.arrival);
      } finally {
        admitted.arrival.free();
      }
    },
    words: (incoming) => dispatch.words(incoming),
    async continuation(call) {
      // Behind the line of somebody who was called to answer comes nothing.
      if (!calls.knows(call) && (await dialled?.isOne(call))) return { next: 'hangup' };
      return (elsewhere ?? calls).continuation(call);
    },
    again: (call) => (elsewhere ?? calls).again(call),
    transferEnded: (call, report) => (elsewhere ?? calls).transferEnded(call, report),
  };
}

/** What a phone is told of a refusal: all that is for want of room or time is one to a caller. */
function turnedAway(reason: RefusalReason): { refused: Refusal; reason: RefusalReason } {
  return { refused: reason === 'draining' || reason === 'model' ? reason : 'busy', reason };
}

export interface StreamDeps {
  /** Whose streams these are. */
  readonly carriers: Pick<Carriers, 'all'>;
  readonly calls: Calls;
  /** Takes on calls that other instances prepared. */
  readonly taken?: Pick<TakenCalls, 'take'>;
  /** Takes on the lines of those who were called to answer a call. */
  readonly dialled?: Pick<DialledStreams, 'join'> | undefined;
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
  const { calls, taken, dialled, memory, config, log, clock, count } = deps;
  const carriers = withL16(deps.carriers.all.map(({ media }) => media));
  const leg = {
    holdMs: config.MAX_HOLD_MINUTES * 60_000,
    leadMs: config.PLAYOUT_LEAD_MS,
    cushionMs: config.PLAYOUT_CUSHION_MS,
    cushionLeastMs: config.PLAYOUT_CUSHION_LEAST_MS,
    chunkMs: config.PLAYOUT_CHUNK_MS,
  };
  const joined = (callId: string, phone: PhoneLeg): boolean => {
    if (!calls.join(callId, phone)) return false;
    if (memory !== undefined) opened(calls.get(callId)?.info, memory);
    return true;
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
      accepted(phone, { callId }) {
        if (joined(callId, phone)) return;
        const late = () => {
          // The call ended while its stream was on the way.
          log.warn({ callId }, 'a media stream came too late for its call');
          void phone.close(termination('no-stream'));
        };
        void (async () => {
          if (await dialled?.join(callId, phone)) return;
          if (!((await taken?.take(callId)) && joined(callId, phone))) late();
        })();
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
