import { BridgeError } from '../../src/errors.ts';
import type { SocketHandlers } from '../../src/transport/socket.ts';
import { FakeClock } from '../fakes/clock.ts';
import { BuoyLeg } from '../fixtures/kinds/agent/leg.ts';
import { type AgentLegHarness, describeAgentLeg } from './agent-leg.ts';

/** The made-up agent's leg, with a far end that is played by hand. */
function harness(): AgentLegHarness {
  const clock = new FakeClock();
  const lines: SocketHandlers[] = [];
  let open = 0;
  let heardMs = 0;
  let talks = 0;
  let far: 'opens' | 'waits' | 'refuses' = 'opens';
  const says = (message: object) => lines.at(-1)?.text(Buffer.from(JSON.stringify(message)));
  const confirm = () => says({ type: 'open', session: 'session-1' });
  const leg = new BuoyLeg({
    hello: { instructions: '', tone: 620, pace: 'burst' },
    async connect(handlers) {
      if (far === 'refuses') throw new BridgeError('SOCKET_REFUSED', 'HTTP 503', { status: 503 });
      lines.push(handlers);
      open++;
      return {
        send(text) {
          if (far === 'opens' && JSON.parse(text).type === 'hello') confirm();
          return true;
        },
        sendBinary(bytes) {
          heardMs += bytes.length / 32;
          return true;
        },
        close: () => void open--,
      };
    },
  });
  return {
    leg,
    clock,
    reconnects: false,
    async settle() {
      for (let i = 0; i < 60; i++) await Promise.resolve();
    },
    refuse() {
      far = 'refuses';
    },
    holdBack() {
      far = 'waits';
    },
    confirm,
    begin: () => says({ type: 'talk', id: `talk-${++talks}` }),
    speak: (ms) => lines.at(-1)?.binary(Buffer.alloc(ms * 32, 0x11)),
    finish: () => says({ type: 'quiet', id: `talk-${talks}` }),
    callerSpeaks: () => says({ type: 'caller', speaks: true }),
    callerStops: () => says({ type: 'caller', speaks: false }),
    heardMs: () => heardMs,
    lose: () => lines.at(-1)?.close(1006, ''),
    open: () => open,
  };
}

describeAgentLeg('one that listens and speaks, and nothing else', harness);
