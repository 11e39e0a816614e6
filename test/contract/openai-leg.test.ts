import type { ModelTransport } from '../../src/agents/openai/connection.ts';
import { OpenAiLeg } from '../../src/agents/openai/leg.ts';
import { type LegFormat, resolveOptions } from '../../src/agents/openai/options.ts';
import { BridgeError } from '../../src/errors.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeModel, says } from '../fakes/model.ts';
import { type AgentLegHarness, describeAgentLeg } from './agent-leg.ts';

/** The leg with a fake model behind it that speaks as the real one does over this transport. */
function harness(transport: ModelTransport, format: LegFormat): AgentLegHarness {
  const clock = new FakeClock();
  const model = new FakeModel();
  const leg = new OpenAiLeg(
    resolveOptions({ apiKey: 'sk-x', model: 'm', keyApi: 'none', greeting: true, format, transport }),
    model.connectors,
  );
  let responses = 0;
  const responseId = () => `resp_${responses}`;
  const itemId = () => `item_${responses}`;
  const open = () => model.connections.filter((connection) => !connection.closed);
  const event = (...events: object[]) => {
    for (const one of events) model.last.says(one);
  };
  return {
    leg,
    clock,
    reconnects: true,
    async settle() {
      for (let i = 0; i < 60; i++) await Promise.resolve();
    },
    refuse() {
      const gone = new BridgeError('MODEL_UNAVAILABLE', 'HTTP 503', { retryable: true });
      for (let i = 0; i < 20; i++) {
        model.outcomes.webrtc.push(gone);
        model.outcomes.websocket.push(gone);
      }
    },
    holdBack() {
      model.confirms = false;
    },
    confirm: () => event({ type: 'session.updated', session: { id: 'sess_1' } }),
    begin() {
      responses++;
      event(says.created(responseId()), says.message(responseId(), itemId()));
      if (transport === 'webrtc') event(says.buffer('started', responseId()));
    },
    speak(ms) {
      if (transport === 'webrtc') {
        for (let at = 0; at < ms; at += 10) model.last.plays(new Int16Array(480).fill(4000));
        return;
      }
      const bytes = format === 'pcmu' ? Buffer.alloc(ms * 8, 0x10) : Buffer.alloc(ms * 48, 0x11);
      event(says.delta(responseId(), itemId(), bytes.toString('base64')));
    },
    finish() {
      event(says.audioDone(responseId(), itemId()), says.done(responseId()));
      if (transport === 'webrtc') event(says.buffer('stopped', responseId()));
    },
    callerSpeaks: () => event(says.speechStarted),
    callerStops: () => event(says.speechStopped),
    callTools(...toolCallIds) {
      responses++;
      event(
        says.created(responseId()),
        ...toolCallIds.map((id) => says.call(responseId(), id)),
        says.done(responseId()),
      );
    },
    heardMs: () =>
      model.connections.reduce((sum, connection) => sum + (connection.heard * 1000) / connection.inputRate, 0),
    results: () =>
      model.connections
        .flatMap((connection) => connection.of('conversation.item.create'))
        .map((sent) => sent['item'] as { type: string; call_id: string; output: string })
        .filter((item) => item.type === 'function_call_output')
        .map((item) => ({ toolCallId: item.call_id, output: item.output })),
    asked: () => model.connections.reduce((sum, connection) => sum + connection.of('response.create').length, 0),
    lose: () => model.last.breaks(),
    open: () => open().length,
  };
}

describeAgentLeg('OpenAI over the WebSocket, mu-law', () => harness('websocket', 'pcmu'));
describeAgentLeg('OpenAI over the WebSocket, 24 kHz', () => harness('websocket', 'pcm16'));
describeAgentLeg('OpenAI over WebRTC', () => harness('webrtc', 'pcmu'));
