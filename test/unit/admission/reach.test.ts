import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connectProbe, Reach } from '../../../src/admission/reach.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('whether the model can be reached', () => {
  function make() {
    const clock = new FakeClock();
    const state = { up: true, probes: 0 };
    const changes: Array<[boolean, string | undefined]> = [];
    const reach = new Reach({
      clock,
      probe: async () => {
        state.probes++;
        if (!state.up) throw new Error('connect ECONNREFUSED');
      },
      changed: (reachable, why) => void changes.push([reachable, why]),
      intervalMs: 1_000,
    });
    return { clock, state, changes, reach, looks: (n: number) => clock.advanceAsync(n * 1_000, 500) };
  }

  it('is doubted after three failures in a row, and believed again after two successes', async () => {
    const { state, changes, reach, looks } = make();
    await looks(2);
    expect(reach.reachable).toBe(true);
    state.up = false;
    await looks(2);
    state.up = true;
    await looks(1);
    state.up = false;
    await looks(2);
    expect(reach.reachable).toBe(true);
    await looks(1);
    expect(reach.reachable).toBe(false);
    state.up = true;
    await looks(1);
    expect(reach.reachable).toBe(false);
    await looks(1);
    expect(reach.reachable).toBe(true);
    expect(changes).toEqual([
      [false, 'connect ECONNREFUSED'],
      [true, undefined],
    ]);
  });

  it('looks no more once it is closed', async () => {
    const { clock, state, reach, looks } = make();
    await looks(1);
    reach.close();
    const before = state.probes;
    await looks(5);
    expect([state.probes, clock.pending]).toEqual([before, 0]);
  });
});

describe('the look itself', () => {
  const servers: Array<{ close(): void }> = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  const listening = async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, port: (server.address() as { port: number }).port };
  };

  it('connects and asks nothing', async () => {
    const { port } = await listening();
    await expect(connectProbe(new URL(`http://127.0.0.1:${port}/v1?x=1`), 1_000)()).resolves.toBeUndefined();
  });

  it('fails where nobody listens, and where TLS is spoken to who does not speak it', async () => {
    const { server, port } = await listening();
    await expect(connectProbe(new URL(`https://127.0.0.1:${port}`), 300)()).rejects.toThrow(/no connection within/);
    server.close();
    await expect(connectProbe(new URL(`http://127.0.0.1:${port}`), 1_000)()).rejects.toThrow(/ECONNREFUSED/);
  });
});
