import { z } from 'zod';
import { websocketLeg } from '../../src/agents/websocket/leg.ts';
import { websocketTarget } from '../../src/agents/websocket/target.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type AgentLegHarness, describeAgentLeg } from './agent-leg.ts';
import { StreamFar } from './stream-far.ts';

/** A far end that tells everything by messages of its own, and audio in base64 within them. */
const talkative = {
  url: 'wss://agents.example/talk',
  audio: { rate: 16_000, pace: 'burst' },
  start: { type: 'hello', call: '{{call_id}}' },
  send: {
    audio: { type: 'audio', samples: '{{audio}}' },
    interrupt: { type: 'hush' },
    text: { type: 'typed', text: '{{text}}' },
    respond: { type: 'ask', text: '{{text}}' },
    tool_result: { type: 'result', id: '{{id}}', output: '{{output}}' },
  },
  events: [
    { when: { type: 'open' }, is: 'ready', id: 'session' },
    { when: { type: 'audio' }, is: 'audio', data: 'samples' },
    { when: { type: 'talk' }, is: 'answer-started', id: 'id' },
    { when: { type: 'quiet' }, is: 'answer-ended' },
    { when: { type: 'caller', speaks: true }, is: 'interrupted' },
    { when: { type: 'caller', speaks: false }, is: 'caller-stops' },
    { when: { type: 'call' }, is: 'tool-call', id: 'id', name: 'name', arguments: 'arguments' },
  ],
};

/** One that sends audio in real time, and no word beside it but who speaks. */
const plain = {
  url: 'wss://agents.example/plain',
  audio: { rate: 24_000 },
  events: [
    { when: { type: 'open' }, is: 'ready' },
    { when: { speaks: true }, is: 'interrupted' },
    { when: { speaks: false }, is: 'caller-stops' },
  ],
};

function harness(written: typeof talkative | typeof plain): AgentLegHarness {
  const clock = new FakeClock();
  const target = z.strictObject(websocketTarget).parse(written);
  const bytesPerMs = (target.audio.rate * 2) / 1_000;
  const isTalkative = written === talkative;
  let talks = 0;
  let calls = 0;
  const confirm = () => far.says({ type: 'open', session: 'session-1' });
  const far = new StreamFar({ audioOf: (message) => message['samples'], opened: confirm });
  const speak = (ms: number, level = 0x11) => {
    const bytes = Buffer.alloc(ms * bytesPerMs, level);
    if (isTalkative) far.says({ type: 'audio', samples: bytes.toString('base64') });
    else far.sounds(bytes);
  };
  const results = () =>
    far.sent.flatMap(({ type, id, output }) =>
      type === 'result' ? [{ toolCallId: String(id), output: String(output) }] : [],
    );
  return {
    leg: websocketLeg({ target, facts: {}, connect: far.connect }),
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
      talks++;
      if (isTalkative) far.says({ type: 'talk', id: `talk-${talks}` });
    },
    speak,
    // One that tells nothing is silent when it has said all.
    finish: () => (isTalkative ? far.says({ type: 'quiet', id: `talk-${talks}` }) : speak(500, 0)),
    callerSpeaks: () => far.says({ type: 'caller', speaks: true }),
    callerStops: () => far.says({ type: 'caller', speaks: false }),
    ...(isTalkative
      ? {
          callTools(...ids: string[]) {
            calls = ids.length;
            far.says({ type: 'talk', id: 'calls' });
            for (const id of ids) far.says({ type: 'call', id, name: 'look_up', arguments: {} });
            far.says({ type: 'quiet', id: 'calls' });
          },
          results,
          // It answers by itself when it has all results.
          asked: () =>
            far.sent.filter(({ type }) => type === 'typed' || type === 'ask').length +
            (calls > 0 && results().length >= calls ? 1 : 0),
        }
      : {}),
    heardMs: () => far.heardBytes / bytesPerMs,
    lose: () => far.closes(1006),
    open: () => far.open,
  };
}

describeAgentLeg('behind a WebSocket, with messages for everything', () => harness(talkative));
describeAgentLeg('behind a WebSocket, with audio and little else', () => harness(plain));
