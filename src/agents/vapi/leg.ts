import { StreamLeg } from '../stream/leg.ts';
import { type ConnectStream, connectStream } from '../stream/session.ts';
import type { VapiAccount } from './call.ts';
import { codecOf, VapiSession } from './session.ts';
import type { VapiTarget } from './target.ts';

/** The leg of an assistant of Vapi's. Nothing is asked of the provider before it is started. `connect`: another way to sockets, for tests. */
export function vapiLeg(account: VapiAccount, target: VapiTarget, connect: ConnectStream = connectStream): StreamLeg {
  const { name, sampleRate } = codecOf(target);
  return new StreamLeg({
    kind: 'vapi',
    path: name,
    inputRate: sampleRate,
    rate: sampleRate,
    pace: 'live',
    can: { text: true, note: true, respond: true },
    open: (told, context) => VapiSession.open({ account, target, told, context, connect }),
  });
}
