import type { Calls } from '../../../call/calls.ts';
import type { Log } from '../../../call/leg.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import type { Intake } from '../../../intake/intake.ts';
import type { WhatsappMetrics } from '../metrics.ts';
import { CARRIER } from './incoming.ts';
import type { PlacedCall } from './placed-call.ts';

export interface TalkDeps {
  readonly intake: Pick<Intake, 'admit' | 'turnAway'>;
  readonly calls: Pick<Calls, 'join'>;
  readonly metrics: Pick<WhatsappMetrics, 'count'>;
  readonly log: Log;
}

/**
 * Here the call of an order begins, and the model's session with it: the user has picked up, and media can flow. It is asked for room as any call is,
 * since others may have come while it rang. Resolves with why nobody speaks to him, which its record says, too; undefined where the call has begun, or
 * he hung up meanwhile. Never rejects.
 */
export async function beginTalk(placed: PlacedCall, deps: TalkDeps): Promise<Termination | undefined> {
  const { intake, calls, metrics, log } = deps;
  const { order, media } = placed;
  const turnAway = (why: string): Termination => {
    const end = termination('not-admitted', why);
    metrics.count('not_admitted');
    intake.turnAway(placed.facts, placed.info, end);
    return end;
  };
  const admitted = intake.admit(placed.facts);
  if (!admitted.ok) return turnAway(admitted.reason);
  const { arrival } = admitted;
  try {
    const assigned = await arrival.assign(placed.facts, order.plan, order.id);
    if (placed.isOver) return undefined;
    const { info } = placed;
    const { accountId, callerKind } = info;
    const fields = { carrier: CARRIER, accountId, callerKind };
    const begun = assigned.begin(info, { message: 'a call that was ordered is answered', fields });
    if (!begun.ok) return turnAway(begun.reason);
    placed.call = begun.call;
    // Silence goes from now on, and then the agent's words.
    media.leg.release();
    if (!calls.join(order.id, media.leg)) void begun.call.end(termination('internal', 'the call could not be joined'));
    return undefined;
  } catch (err) {
    log.error({ err, callId: order.id }, 'nobody can speak to a WhatsApp user whom we called');
    if (placed.call === undefined) return turnAway('no prompt answers');
    void placed.call.end(termination('internal'));
    return undefined;
  } finally {
    arrival.free();
  }
}
