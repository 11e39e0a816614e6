import { describe, expect, it } from 'vitest';
import { carrierCallKey } from '../../../src/call/carrier-call.ts';
import { BridgeError } from '../../../src/errors.ts';
import { ApiError } from '../../../src/http/api-error.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { member, Network, SECRET } from './rig.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Two instances, the second of which has run for an hour longer and has a wall clock that is five minutes off. */
async function two(secrets?: readonly string[]) {
  const network = new Network();
  const shared = new FakeClock();
  const memory = new LocalMemory({ clock: shared });
  const other = new FakeClock(1_700_000_300_000);
  other.advance(3_600_000);
  const a = await member('a', { memory, network });
  const b = await member('b', { memory, network, clock: other, ...(secrets === undefined ? {} : { secrets }) });
  return { network, memory, shared, a, b };
}

describe('instances that share a memory', () => {
  it('know one another, with load and draining, and what ends is known to be gone', async () => {
    const { shared, a, b } = await two();
    b.calls = 7;
    b.draining = true;
    await b.fleet.drain();
    a.clock.advance(10_000);
    const seen = await a.fleet.instances();
    expect(seen.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(seen[1]).toMatchObject({ url: 'http://b.test', calls: 7, maxCalls: 100, draining: true });
    // Nobody renews the lease of the second one any more.
    shared.advance(30_001);
    a.clock.advance(10_000);
    await turn();
    expect((await a.fleet.instances()).map(({ id }) => id)).toEqual(['a']);
  });

  it('answer one another, whatever their clocks say', async () => {
    const { a, b } = await two();
    b.fleet.serve('add', async ({ x, y }: { x: number; y: number }) => x + y);
    b.fleet.serve('nothing', async () => {});
    expect(await a.fleet.ask('b', 'add', { x: 2, y: 3 }, { withinMs: 1_000 })).toBe(5);
    expect(await a.fleet.ask('b', 'nothing', {}, { withinMs: 1_000 })).toBeUndefined();
    a.fleet.serve('add', async () => 1);
    expect(await a.fleet.askAll('add', { x: 1, y: 1 }, { withinMs: 1_000 })).toEqual([
      { instance: 'a', answer: 1 },
      { instance: 'b', answer: 2 },
    ]);
  });

  it('pass on an error as it was', async () => {
    const { a, b } = await two();
    b.fleet.serve('api', async () => {
      throw new ApiError(409, 'CALL_ENDED', 'the call is over', { details: { more: 1 } });
    });
    b.fleet.serve('bridge', async () => {
      throw new BridgeError('MODEL_QUOTA', 'no credit', { status: 503, retryAfterMs: 2_000 });
    });
    await expect(a.fleet.ask('b', 'api', {}, { withinMs: 1_000 })).rejects.toMatchObject({
      code: 'CALL_ENDED',
      message: 'the call is over',
      answer: { status: 409, error: { more: 1 } },
    });
    await expect(a.fleet.ask('b', 'bridge', {}, { withinMs: 1_000 })).rejects.toMatchObject({
      code: 'MODEL_QUOTA',
      status: 503,
      retryAfterMs: 2_000,
    });
    await expect(a.fleet.ask('b', 'unknown', {}, { withinMs: 1_000 })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
  });

  it('carry out nothing that comes after its time, and nothing twice', async () => {
    const { network, a, b } = await two();
    let done = 0;
    b.fleet.serve('do', async () => ++done);
    await a.fleet.ask('b', 'do', {}, { withinMs: 1_000 });
    const { url, init } = network.sent.at(-1)!;
    const again = await network.fetch(url, init);
    expect(await again.json()).toMatchObject({ error: { error: { code: 'PEER_UNREACHABLE' } } });
    // It lies somewhere until its time is up, while whoever asked has given up.
    network.onTheWay = async () => b.clock.advance(1_001);
    await expect(a.fleet.ask('b', 'do', {}, { withinMs: 1_000 })).rejects.toMatchObject({ code: 'PEER_LATE' });
    expect(done).toBe(1);
  });

  it('say who is not there, and who does not answer in time', async () => {
    const { network, a, b } = await two();
    b.fleet.serve('never', () => new Promise(() => {}));
    const late = expect(a.fleet.ask('b', 'never', {}, { withinMs: 500 })).rejects.toMatchObject({ code: 'PEER_LATE' });
    for (let i = 0; i < 5; i++) await turn();
    b.clock.advance(500);
    await late;
    network.down.add('b.test');
    await expect(a.fleet.ask('b', 'never', {}, { withinMs: 500 })).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    await expect(a.fleet.ask('c', 'never', {}, { withinMs: 500 })).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  });

  it('believe nobody who has another secret, and both while one is being rotated', async () => {
    const stranger = await two(['another secret, of somebody else entirely']);
    await expect(stranger.a.fleet.ask('b', 'x', {}, { withinMs: 500 })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
    // The new one is added on all first, as the second, and then takes the first place on each.
    const rotated = await two(['a newer secret that all of the fleet will share', SECRET]);
    const newer = await two([SECRET, 'a newer secret that all of the fleet will share']);
    newer.b.fleet.serve('x', async () => 1);
    expect(await newer.a.fleet.ask('b', 'x', {}, { withinMs: 500 })).toBe(1);
    await expect(rotated.b.fleet.ask('a', 'x', {}, { withinMs: 500 })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
  });

  it('find the owner of a call by each of its names, for ten minutes after its end, and whether it lives', async () => {
    const { shared, a, b } = await two();
    const id = carrierCallKey({ carrier: 'twilio', accountId: 'AC1', carrierCallId: 'CA1' });
    const owned = b.fleet.own('c1', [{ kind: 'carrier', id }]);
    await turn();
    const lives = { instance: 'b', callId: 'c1', reachable: true };
    expect(await a.fleet.ownerOf({ kind: 'call', id: 'c1' })).toEqual(lives);
    expect(await a.fleet.ownerOf({ kind: 'carrier', id })).toEqual(lives);
    expect(await a.fleet.ownerOf({ kind: 'carrier', id: 'another' })).toBeUndefined();
    owned.release();
    await turn();
    shared.advance(20_000);
    await b.fleet.drain();
    expect(await a.fleet.ownerOf({ kind: 'call', id: 'c1' })).toEqual(lives);
    // The second dies; its lease ends.
    shared.advance(30_001);
    a.clock.advance(10_001);
    expect(await a.fleet.ownerOf({ kind: 'call', id: 'c1' })).toEqual({ ...lives, reachable: false });
    shared.advance(600_000);
    expect(await a.fleet.ownerOf({ kind: 'call', id: 'c1' })).toBeUndefined();
  });

  it('keep the name of a call that another has taken on, when the first lets it go', async () => {
    const { a, b } = await two();
    const first = a.fleet.own('c1', []);
    await turn();
    b.fleet.own('c1', []);
    await turn();
    first.release();
    await turn();
    expect(await a.fleet.ownerOf({ kind: 'call', id: 'c1' })).toEqual({ instance: 'b', callId: 'c1', reachable: true });
  });
});
