import { StreamLeg } from '../stream/leg.ts';
import { type ConnectStream, connectStream } from '../stream/session.ts';
import { formsOf } from './audio-form.ts';
import { reach } from './reach.ts';
import { SocketSession, type StartFacts } from './session.ts';
import type { WebsocketTarget } from './target.ts';

export interface WebsocketLegOptions {
  /** As it was written, every variable filled in. */
  readonly target: WebsocketTarget;
  /** What the first messages, and the request that makes the call, may name, beside `call_id` and the rates. */
  readonly facts: StartFacts;
  readonly connect?: ConnectStream;
  readonly fetch?: typeof fetch;
}

/** The leg of an agent that an operator described. Connects to nothing before it is started. */
export function websocketLeg({ target, facts, connect = connectStream, fetch }: WebsocketLegOptions): StreamLeg {
  const { audio, send } = target;
  const { up, down } = formsOf(audio);
  return new StreamLeg({
    kind: 'websocket',
    path: send.audio === undefined ? up.name : `${up.name} -> base64`,
    inputRate: up.sampleRate,
    rate: down.sampleRate,
    pace: audio.pace,
    frameMs: audio.frame_ms,
    fillsGaps: audio.silence,
    can: {
      text: send.text !== undefined,
      note: send.note !== undefined,
      respond: send.respond !== undefined,
      tools: send.tool_result !== undefined,
    },
    async open(told, context) {
      const rates = { rate_up: up.sampleRate, rate_down: down.sampleRate };
      const all = { ...facts, ...rates, call_id: context.callId };
      const { address, id } = await reach(target, all, context, fetch);
      // Where its messages do not say what the call is called there, the request that made it did.
      const ready = (own: string) => told.ready(own === '' ? id : own);
      return SocketSession.open({ target, facts: all, told: { ...told, ready }, context }, address, connect);
    },
  });
}
