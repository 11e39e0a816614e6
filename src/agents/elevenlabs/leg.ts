import type { AudioForm } from '../../media/form.ts';
import { StreamLeg } from '../stream/leg.ts';
import { type ConnectStream, connectStream } from '../stream/session.ts';
import type { ElevenLabsAccount } from './reach.ts';
import { ElevenLabsSession } from './session.ts';
import type { ElevenLabsTarget } from './target.ts';

export interface ElevenLabsLegOptions {
  readonly account: ElevenLabsAccount;
  readonly target: ElevenLabsTarget;
  /** Of the caller's side: the leg has a rate before the agent says what its own are. */
  readonly form: AudioForm;
  readonly connect?: ConnectStream;
}

/** The leg of an agent of ElevenLabs'. Nothing is asked of the provider before it is started. */
export function elevenLabsLeg({ account, target, form, connect = connectStream }: ElevenLabsLegOptions): StreamLeg {
  const rate = form === 'pcmu' ? 8_000 : 24_000;
  return new StreamLeg({
    kind: 'elevenlabs',
    path: 'base64 -> websocket',
    inputRate: rate,
    rate,
    pace: 'burst',
    can: { text: true, note: true, tools: true },
    open: (told, context) => ElevenLabsSession.open({ account, target, rate, told, context, connect }),
  });
}
