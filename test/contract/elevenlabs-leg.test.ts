import { elevenLabsLeg } from '../../src/agents/elevenlabs/leg.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type AgentLegHarness, describeAgentLeg } from './agent-leg.ts';
import { StreamFar } from './stream-far.ts';

/** An agent that is played by hand: at 8 kHz it hears mu-law and speaks samples, as formats may differ. */
function harness(): AgentLegHarness {
  const clock = new FakeClock();
  const confirm = () =>
    far.says({
      type: 'conversation_initiation_metadata',
      conversation_initiation_metadata_event: {
        conversation_id: 'conv-1',
        agent_output_audio_format: 'pcm_8000',
        user_input_audio_format: 'ulaw_8000',
      },
    });
  const far = new StreamFar({ audioOf: (message) => message['user_audio_chunk'], opened: confirm });
  const fetchIt = (async () =>
    new Response(JSON.stringify({ signed_url: 'wss://api.eleven.example/conversation?signature=1' }))) as typeof fetch;
  const account = { key: 'key', url: 'https://api.eleven.example', fetch: fetchIt };
  const leg = elevenLabsLeg({ account, target: { agent_id: 'agent-1' }, form: 'pcmu', connect: far.connect });
  let events = 0;
  let calls = 0;
  const results = () =>
    far.sent.flatMap(({ type, tool_call_id, result }) =>
      type === 'client_tool_result' ? [{ toolCallId: String(tool_call_id), output: String(result) }] : [],
    );
  return {
    leg,
    clock,
    reconnects: false,
    settle: () => far.settle(),
    refuse() {
      far.state = 'refuses';
    },
    holdBack() {
      far.state = 'waits';
    },
    confirm,
    begin() {
      far.says({ type: 'agent_response', agent_response_event: { agent_response: 'Good day.', event_id: events + 1 } });
    },
    speak(ms) {
      events++;
      const audio_base_64 = Buffer.alloc(ms * 16, 0x11).toString('base64');
      far.says({ type: 'audio', audio_event: { audio_base_64, event_id: events } });
    },
    // It tells no end: an answer is over when it has been heard.
    finish: () => clock.advance(3_100),
    callerSpeaks: () => far.says({ type: 'interruption', interruption_event: { event_id: events + 1 } }),
    callerStops: () =>
      far.says({ type: 'user_transcript', user_transcription_event: { user_transcript: 'Stop.', event_id: events } }),
    callTools(...ids) {
      calls = ids.length;
      for (const tool_call_id of ids)
        far.says({
          type: 'client_tool_call',
          client_tool_call: { tool_call_id, tool_name: 'look_up', parameters: {} },
        });
    },
    results,
    // It answers by itself when it has all results.
    asked: () =>
      far.sent.filter(({ type }) => type === 'user_message').length + (calls > 0 && results().length >= calls ? 1 : 0),
    heardMs: () => far.heardBytes / 8,
    lose: () => far.closes(1006),
    open: () => far.open,
  };
}

describeAgentLeg('an agent of ElevenLabs', harness);
