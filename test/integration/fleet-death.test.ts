import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_REDIS, redisProgram } from '../redis-server.ts';
import { readBySocket, type SocketReader } from './events-reader.ts';
import { FleetPair } from './fleet-pair.ts';
import { postgresMissing } from './postgres.ts';
import { asked, sleep, until } from './rig.ts';

/** Redis dies and comes back under the calls of two instances, and then one of these dies with its calls. In full size, and with what the callers heard: bench/fleet-death.ts. */

const missing = redisProgram === undefined ? NO_REDIS : postgresMissing();
/** At each instance. */
const CALLS = 3;
const REDIS_AWAY_MS = 5_000;

it('is tried with a real Redis and a real PostgreSQL', ({ skip }) => {
  skip(missing !== undefined, missing);
});

describe.skipIf(missing !== undefined)('a fleet of two', () => {
  let pair: FleetPair;
  let reader: SocketReader;

  beforeAll(async () => {
    // Room for the calls of both, and for none that is counted twice.
    pair = await FleetPair.start({ FLEET_MAX_CALLS: String(2 * CALLS) });
    reader = await readBySocket(pair.daemons[0]!.url);
  }, 120_000);
  afterAll(async () => {
    reader?.close();
    await pair?.close();
  });
  const over = () => pair.placed.filter((one) => one.over);

  it('loses no call while Redis is dead, takes new ones meanwhile, and shows all calls at each before, meanwhile and after', async () => {
    await pair.call(0, CALLS - 1);
    await pair.call(1, CALLS);
    const ids = async () =>
      (await Promise.all([pair.active(0), pair.active(1)])).map((all) => all.map(({ id }) => id).sort());
    const before = await ids();
    expect(before[0]).toHaveLength(2 * CALLS - 1);
    expect(before[1]).toEqual(before[0]);
    await pair.redis.kill();
    const away = sleep(REDIS_AWAY_MS);
    await pair.call(0, 1);
    const meanwhile = await ids();
    expect(meanwhile[0]).toHaveLength(2 * CALLS);
    expect(meanwhile[1]).toEqual(meanwhile[0]);
    await away;
    await pair.redis.start();
    await pair.reachRedis(10_000);
    expect(await ids()).toEqual(meanwhile);
    expect(over()).toEqual([]);
  });

  it('brings the callers of one that is killed into conversations that go on at the other, and loses none of the other', async () => {
    const before = pair.model.sessions.length;
    expect(new Set((await pair.active(1)).map(({ instance }) => instance)).size).toBe(2);
    // The carriers come to the other, when its own is gone.
    pair.proxy.choose = () => 1;
    const killedAt = performance.now();
    await pair.daemons[0]!.kill('SIGKILL');
    // What it told last is read after its end may be known.
    await until(() => reader.ended !== undefined, 'the reader to be at the end of it');
    const seen = reader.events.at(-1)!.id;

    await until(() => pair.answered(before, 1).length === CALLS, 'all callers of the killed one are talked to again');
    for (const session of pair.answered(before, 1)) {
      const told = JSON.stringify(session.received.filter(({ type }) => type === 'conversation.item.create'));
      expect(told).toContain('You said this');
      expect(told).toContain('"role":"assistant"');
      const [first] = session.received.filter(({ type }) => type === 'response.create');
      expect(JSON.stringify(first)).toContain('the line broke and that you are back');
    }
    expect(over()).toEqual([]);

    // Whoever watched the dead one comes to the other.
    const again = await readBySocket(pair.daemons[1]!.url, `?after=${seen}`);
    const lost = await asked(
      async () => {
        const records = await pair.records('&result=indeterminate');
        return records.length === CALLS ? records : undefined;
      },
      'the calls of the dead one are closed as lost',
      35_000,
    );
    expect(performance.now() - killedAt).toBeLessThan(30_000);
    expect(new Set(lost.map(({ reason }) => reason))).toEqual(new Set(['process-lost']));
    const records = await pair.records();
    const next = records.filter(({ continues }) => continues !== null);
    expect(next.map(({ continues }) => continues).sort()).toEqual(lost.map(({ id }) => id).sort());
    const live = records.filter(({ endedAt }) => endedAt === null);
    expect([records.length, live.length]).toEqual([3 * CALLS, 2 * CALLS]);
    expect((await pair.active(1)).map(({ id }) => id).sort()).toEqual(live.map(({ id }) => id).sort());

    // Each event once, and the lost ones ended once, for somebody who watched one and then the other.
    await until(() => again.events.filter(({ type }) => type === 'call_ended').length >= CALLS, 'the ends are told');
    const told = [...reader.events, ...again.events];
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
    const of = (type: string) =>
      told
        .filter((event) => event.type === type)
        .map(({ callId }) => callId)
        .sort();
    expect(of('call_started')).toEqual(records.map(({ id }) => id).sort());
    expect(of('call_ended')).toEqual(lost.map(({ id }) => id).sort());
    again.close();

    const reports = await pair.hangUp();
    expect(reports.map(({ streams }) => streams.length).sort()).toEqual([
      ...Array<number>(CALLS).fill(1),
      ...Array<number>(CALLS).fill(2),
    ]);
    expect(reports.flatMap(({ streams }) => streams).filter(({ agentSpoke }) => agentSpoke.length === 0)).toEqual([]);
    await asked(async () => ((await pair.active(1)).length === 0 ? true : undefined), 'no call is left');
    // Places in the fleet are free again: as many as there are are taken.
    await pair.call(1, 2 * CALLS);
  }, 120_000);
});
