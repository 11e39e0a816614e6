import { randomUUID } from 'node:crypto';
import type { Admission } from '../../../admission/admission.ts';
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
import type { OutboundPlan } from '../../../orders/outbound-call.ts';
import { PhoneStream } from '../stream.ts';
import type { CallMemory } from './call-memory.ts';
import type { CallDesk, IncomingCall } from './incoming-call.ts';
import type { MediaStream } from './media-stream.ts';
import type { StreamClaims } from './stream-token.ts';

/** Where a carrier's webhook and its media stream become one call. */

export interface DeskDeps {
  readonly calls: Calls;
  readonly dispatch: Dispatch;
  readonly memory: CallMemory;
  readonly admission: Admission;
  readonly isDraining: () => boolean;
  /** What was ordered of a call that we placed; undefined: nothing of this one. */
  readonly claim?: (call: CarrierCall, to: string) => Promise<OutboundPlan | undefined>;
}

/** Makes a call of each new webhook: the model's session is being set up while the carrier still opens its stream. */
export function phoneDesk({ calls, dispatch, memory, admission, isDraining, claim }: DeskDeps): CallDesk {
  return {
    async prepare(incoming) {
      const running = calls.atCarrier(incoming);
      if (running !== undefined) return { callId: running.info.id };
      const admitted = admission.admit();
      if (!admitted.ok) return { refused: admitted.reason === 'draining' ? 'draining' : 'busy' };
      const { carrier, accountId, carrierCallId, direction, to } = incoming;
      const plan = direction === 'outbound' ? await claim?.(incoming, numberOf(to) ?? '') : undefined;
      // An order is of one call: when the carrier brings it a second time, that is another conversation.
      const id = plan === undefined || memory.isVisitedAgain(incoming) ? randomUUID() : plan.callId;
      // What was ordered for this call is worth more than what the webhook's address says for all.
      const overrides = { ...plan, variables: { ...incoming.custom, ...plan?.variables } };
      const { agent, tools, apology, ...chosen } = await admission.making(() =>
        dispatch.assign(incoming, id, overrides),
      );
      // Nothing was started yet that would have to end before the process can.
      if (isDraining()) return { refused: 'draining' };
      if (!admission.admitModel(chosen.model).ok) return { refused: 'model' };
      const atCarrier = { carrier, accountId, carrierCallId };
      const call = calls.create({ id, direction, ...atCarrier, ...ends(incoming), ...chosen }, agent, tools, apology);
      const { route, prompt } = chosen;
      call.log.info({ ...atCarrier, ...ends(incoming), direction, route, prompt }, 'a call comes in');
      void call.done.then(() => memory.ended(incoming));
      return { callId: id };
    },
    words: (incoming) => dispatch.words(incoming),
    continuation: (call) => calls.continuation(call),
    again: (call) => calls.again(call),
    transferEnded: (call, report) => calls.transferEnded(call, report),
  };
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
  readonly calls: Calls;
  /** Told of streams that were opened. */
  readonly memory?: Pick<CallMemory, 'opened'>;
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  /** Counts what streams that never became a call counted. */
  readonly count: Count;
}

/** The rate of a stream's codec where that is L16 ("L16@24000h"), Hz. */
const l16HzOf = (codec: string) => (codec.startsWith('L16') ? Number.parseInt(codec.slice(4), 10) : undefined);

/** Takes over each media socket: it must show a token in its `start`, and is then plugged into the call the token names. */
export function phoneStreams({ calls, memory, config, log, clock, count }: StreamDeps): (stream: MediaStream) => void {
  const leg = {
    l16ByteOrder: config.SIGNALWIRE_L16_BYTE_ORDER,
    l16Hz: l16HzOf(config.SIGNALWIRE_CODEC),
    holdMs: config.MAX_HOLD_MINUTES * 60_000,
    leadMs: config.PLAYOUT_LEAD_MS,
    cushionMs: config.PLAYOUT_CUSHION_MS,
    chunkMs: config.PLAYOUT_CHUNK_MS,
  };
  return (stream) => {
    new PhoneStream<StreamClaims>((handlers) => stream.attach(handlers), {
      authorize({ token, callId }) {
        try {
          return { ok: true, grant: stream.authorizeStart(token, callId) };
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
    memory.opened({ carrier, accountId, carrierCallId });
}
