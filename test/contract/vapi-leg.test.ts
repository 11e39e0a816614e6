import { z } from 'zod';
import { vapiLeg } from '../../src/agents/vapi/leg.ts';
import { vapiTarget } from '../../src/agents/vapi/target.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type AgentLegHarness, describeAgentLeg } from './agent-leg.ts';
import { StreamFar } from './stream-far.ts';

/** An assistant that is played by hand. `tells`: whether it sends speech updates, as an assistant may not. */
function harness(tells: boolean): AgentLegHarness {
  const clock = new FakeClock();
  const far = new StreamFar({ opened: () => {} });
  // The line is all that makes it ready, so that the answer to the request is what is held back.
  const held = Promise.withResolvers<void>();
  let isHeld = false;
  const fetchIt = (async (_url: string, { signal }: RequestInit) => {
    const given = new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    if (isHeld) await Promise.race([held.promise, given]);
    const call = { id: 'call-1', transport: { websocketCallUrl: 'wss://api.vapi.example/call-1/transport' } };
    return new Response(JSON.stringify(call), { status: 201 });
  }) as unknown as typeof fetch;
  const target = z.strictObject(vapiTarget).parse({ assistant_id: 'assistant-1' });
  const leg = vapiLeg({ key: 'key', url: 'https://api.vapi.example', fetch: fetchIt }, target, far.connect);
  const speech = (role: string, status: string) => far.says({ type: 'speech-update', role, status });
  let speaking = false;
  const speak = (ms: number, level = 0x11) => {
    for (let at = 0; at < ms; at += 20) far.sounds(Buffer.alloc(640, level));
  };
  return {
    leg,
    clock,
    reconnects: false,
    settle: () => far.settle(),
    refuse() {
      far.state = 'refuses';
    },
    holdBack() {
      isHeld = true;
    },
    confirm: () => held.resolve(),
    begin() {
      speaking = true;
      if (tells) speech('assistant', 'started');
      // Untold, it is a breath that says so.
      else far.sounds(Buffer.from(new Int16Array(320).fill(100).buffer));
    },
    speak,
    finish() {
      speaking = false;
      if (tells) speech('assistant', 'stopped');
      speak(tells ? 100 : 500, 0);
    },
    callerSpeaks() {
      speech('user', 'started');
      if (speaking) far.says({ type: 'user-interrupted' });
    },
    callerStops: () => speech('user', 'stopped'),
    asked: () =>
      far.sent.filter(({ type, triggerResponseEnabled }) => type === 'add-message' && triggerResponseEnabled).length,
    heardMs: () => far.heardBytes / 32,
    lose: () => far.closes(1006),
    open: () => far.open,
  };
}

describeAgentLeg('an assistant of Vapi, which tells who speaks', () => harness(true));
describeAgentLeg('an assistant of Vapi, which tells nothing of its answers', () => harness(false));
