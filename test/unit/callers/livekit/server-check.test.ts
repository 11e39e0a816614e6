import { expect, it } from 'vitest';
import { BridgeError } from '../../../../src/errors.ts';
import { FakeServer, livekitRig } from './rooms-rig.ts';

const REFUSED = new BridgeError('LIVEKIT_REFUSED', "LiveKit's server refuses: it does not take the key");

async function started(prepare: (server: FakeServer) => void) {
  const server = new FakeServer();
  prepare(server);
  const made = await livekitRig({ server });
  await made.settle();
  const told = () => made.log.lines.map(({ level, message }) => `${level}: ${message}`);
  const pass = async (ms: number) => {
    made.clock.advance(ms);
    await made.settle();
  };
  return { ...made, server, told, pass };
}

it('a server that takes the key is asked once at the start', async () => {
  const { server, told, livekit, clock, pass } = await started(() => {});
  expect(told()).toEqual(['info: rooms can be joined']);
  await pass(600_000);
  expect([server.probes, livekit.problems, clock.pending]).toEqual([1, [], 0]);
});

it('a key that is refused is an error, told once, and a problem until the server takes it', async () => {
  const { server, told, livekit, clock, pass } = await started((it) => {
    it.refusal = REFUSED;
  });
  const error = 'error: no room can be joined with the key that is set';
  expect(told()).toEqual([error]);
  expect(livekit.problems).toEqual(["LiveKit's server refuses: it does not take the key; no room can be joined"]);
  await pass(60_000);
  await pass(60_000);
  expect([told(), server.probes]).toEqual([[error], 3]);
  server.refusal = undefined;
  await pass(60_000);
  expect(told()).toEqual([error, 'info: rooms can be joined']);
  expect([livekit.problems, clock.pending]).toEqual([[], 0]);
});

it('a server that is away is a warning and no problem, and one that refuses when it is there is both', async () => {
  const { server, told, livekit, pass } = await started((it) => {
    it.down = true;
  });
  expect([told(), livekit.problems]).toEqual([['warn: it is not known yet whether rooms can be joined'], []]);
  server.down = false;
  server.refusal = REFUSED;
  await pass(60_000);
  expect(told().at(-1)).toBe('error: no room can be joined with the key that is set');
  expect(livekit.problems).toHaveLength(1);
});

it('asks nothing more when the daemon closes', async () => {
  const { server, clock, livekit, pass, told } = await started((it) => {
    it.refusal = REFUSED;
  });
  await livekit.close();
  expect(clock.pending).toBe(0);
  await pass(600_000);
  expect([server.probes, told().length]).toEqual([1, 1]);
});
