import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { askAsOperator } from './operator.ts';
import { asked, until } from './rig.ts';
import { startWorkers, type Workers } from './workers-rig.ts';

/** Rooms on a real LiveKit server that several processes behind one port have: what is asked of one, and what limits them, is of all. */

interface Answer {
  readonly connectionId: string;
  readonly status: string;
  readonly error?: { readonly code: string };
}

it('is tried with a real LiveKit server', ({ skip }) => {
  if (noLiveKit !== undefined) skip(noLiveKit);
});

describe.skipIf(noLiveKit !== undefined)('rooms of two processes', () => {
  let server: Awaited<ReturnType<typeof startLiveKit>>;
  let daemon: Workers;
  beforeAll(async () => {
    server = await startLiveKit();
    daemon = await startWorkers({
      LIVEKIT_ENABLED: 'true',
      LIVEKIT_SERVER_URL: server.url,
      LIVEKIT_API_KEY: server.apiKey,
      LIVEKIT_API_SECRET: server.apiSecret,
      LIVEKIT_TENANT_ROOMS: '3',
    });
    await until(() => daemon.lines('rooms can be joined').length === 2, 'both processes can join rooms', 60_000);
  }, 180_000);
  afterAll(async () => {
    await daemon?.close();
    await server?.close();
  });

  /** By a connection of its own, so that any of the processes may get it. */
  const ask = async (path: string, body?: object) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const reply = await askAsOperator(`${daemon.url}/livekit/${path}`, { ...init, headers });
    return { code: reply.status, ...((await reply.json()) as Answer) };
  };
  const create = (tenantId: string) => ask('create-room', { participantName: 'Anna', tenantId });
  const create8 = (tenantId: string) => Promise.all(Array.from({ length: 8 }, () => create(tenantId)));
  const idsOf = (all: ReadonlyArray<Answer & { code: number }>) =>
    all.filter(({ code }) => code === 200).map(({ connectionId }) => connectionId);

  it('a tenant has as many as it may have, of both together, and another when one of them is over', async () => {
    const ids = idsOf(await create8('acme'));
    expect(ids).toHaveLength(3);
    expect(await create('acme')).toMatchObject({ code: 429, error: { code: 'LIVEKIT_TENANT_FULL' } });
    // One after the other they go to the processes in turns.
    const others: string[] = [];
    for (let i = 0; i < 4; i++) others.push(...idsOf([await create('other')]));
    expect(others).toHaveLength(3);
    const entered = () =>
      daemon.lines('the agent is in a room').filter(({ callId }) => [...ids, ...others].includes(`${callId}`));
    await until(() => new Set(entered().map(({ worker }) => worker)).size === 2, 'both processes to have rooms');
    expect(await ask('stats')).toMatchObject({ tenants: { acme: 3, other: 3 } });

    // Whichever of them is asked.
    for (const connectionId of ids) expect(await ask('end-call', { connectionId })).toMatchObject({ status: 'ended' });
    for (const connectionId of ids)
      expect(await ask(`connection-status/${connectionId}`)).toMatchObject({ code: 200, status: 'ended' });
    expect(idsOf(await create8('acme'))).toHaveLength(3);
  }, 60_000);

  it('a process that dies takes no place of its tenants along for more than half a minute', async () => {
    await create8('acme');
    expect(await create('acme')).toMatchObject({ code: 429, error: { code: 'LIVEKIT_TENANT_FULL' } });
    const pids = daemon.pids();
    for (const pid of pids.values()) process.kill(pid, 'SIGKILL');
    await until(
      () => [...daemon.pids().values()].filter((pid) => ![...pids.values()].includes(pid)).length === 2,
      'two other processes',
      60_000,
    );
    await asked(async () => (await create('acme')).code === 200, 'a place for the tenant', 45_000);
  }, 120_000);
});
