import type { CallInfo } from '../../../call/info.ts';
import { partyText } from '../../../call/party.ts';
import type { Continuity } from '../../../continuity/continuity.ts';
import type { Overrides } from '../../../dispatch.ts';
import type { Arrival, Begun, CallerInfo } from '../../../intake/intake.ts';
import type { CallMemory } from './call-memory.ts';
import type { IncomingCall } from './incoming-call.ts';
import type { Prepared, PreparedCalls } from './prepared-calls.ts';

/** What a call of a phone is brought with: all that is needed to have it answered again as it was. */
export type Brought = Pick<Prepared, 'incoming' | 'overrides'>;

export interface PhoneCallsOptions {
  readonly memory: Pick<CallMemory, 'ended'>;
  readonly prepared?: PreparedCalls;
  /** Has other instances know what they need to go on with a call when this one is gone. */
  readonly continuity?: Pick<Continuity<Brought>, 'begun'> | undefined;
  /** This instance. */
  readonly self: string;
  /** Told of each call that is this instance's from now on, with what its webhook told here or elsewhere. Must not throw. */
  readonly known?: (incoming: IncomingCall) => void;
}

/** Makes phones' calls, those whose webhook came here and those whose stream did. */
export class PhoneCalls {
  readonly #o: PhoneCallsOptions;

  constructor(options: PhoneCallsOptions) {
    this.#o = options;
  }

  /** Rejects with what `Dispatch.assign` rejects with. `id`: ours of the call. */
  async begin(
    arrival: Arrival,
    incoming: IncomingCall,
    overrides: Overrides,
    id: string,
    told: CallerInfo = infoOf(incoming),
  ): Promise<Begun> {
    const { memory, prepared, continuity, self, known } = this.#o;
    const { before, ...chosen } = overrides;
    // One that was taken on is the same call as before.
    const info = before === undefined || before.callId === id ? told : { ...told, continues: before.callId };
    const assigned = await arrival.assign(incoming, overrides, id);
    const { carrier, direction } = incoming;
    const begun = assigned.begin(info, {
      message: messageOf(info),
      fields: { carrier, ...info, direction },
    });
    if (!begun.ok) return begun;
    const { call } = begun;
    known?.(incoming);
    const brought: Brought = { incoming, overrides: { ...chosen, prompt: call.info.prompt } };
    continuity?.begun(call.info, brought, before?.lives);
    prepared?.keep(id, { by: self, incoming, overrides: { ...brought.overrides, before } });
    void call.done.then(({ reason }) => {
      prepared?.forget(id);
      // One that goes on elsewhere is not over.
      if (reason !== 'moved') void memory.ended(incoming);
    });
    return begun;
  }
}

function messageOf({ takenFrom, continues }: CallerInfo): string {
  if (takenFrom !== undefined) return "a call's stream comes here; it is taken on";
  return continues === undefined ? 'a call comes in' : 'a call goes on here whose instance is gone';
}

/** What the record of a call says of its caller. */
export function infoOf({
  accountId,
  carrierCallId,
  direction,
  from,
  to,
  wrapped,
}: IncomingCall): Pick<CallInfo, 'accountId' | 'carrierCallId' | 'from' | 'to' | 'callerKind' | 'fromWrapped'> {
  const [caller, called] = [partyText(from), partyText(to)];
  return {
    accountId,
    carrierCallId,
    ...(caller === undefined ? {} : { from: caller }),
    ...(called === undefined ? {} : { to: called }),
    callerKind: (direction === 'outbound' ? to : from).kind,
    ...(wrapped ? { fromWrapped: true } : {}),
  };
}
