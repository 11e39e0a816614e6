import type { FlowEnd } from '../phone/flow.ts';
import type { CallEnd } from './call.ts';
import type { Delivered } from './webhooks.ts';

/** How a call ended in the words of the telephone's report. `refused`: what became of its webhook, where that was not taken. */
export function asFlowEnd({ by, how, code }: CallEnd, wasAccepted: boolean, refused: string | undefined): FlowEnd {
  if (code !== undefined) return { by: 'carrier', reason: `Meta ended the call with ${code}`, callStatus: 'failed' };
  if (refused !== undefined && !wasAccepted)
    return { by: 'carrier', reason: `the webhook was not taken: ${refused}`, callStatus: 'failed' };
  if (how === 'not answered')
    return { by: 'carrier', reason: 'the business did not answer in time', callStatus: 'no-answer' };
  const callStatus = wasAccepted ? 'completed' : how === 'rejected' ? 'busy' : 'no-answer';
  if (by === 'user') return { by: 'caller', reason: 'the caller hung up', callStatus };
  const reason = how === 'rejected' ? 'the business rejected the call' : 'the business hung up';
  return { by: 'bridge', reason, callStatus };
}

/** What a webhook was answered with, for people. */
export const answerOf = ({ status, error }: Delivered): string =>
  status === undefined ? `no answer (${error})` : `HTTP ${status}`;

/** The same where it was not taken, with what is likely to be wrong. */
export const refusalOf = (told: Delivered): string =>
  told.status === 401
    ? `${answerOf(told)}, since it is signed with another secret than the daemon has`
    : answerOf(told);
