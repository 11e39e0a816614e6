import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/errors.ts';
import { createLog } from '../../../src/log.ts';
import { RecordKeeper } from '../../../src/records/keeper.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeRecordStore } from '../../fakes/record-store.ts';

async function rig(retentionMs?: number) {
  const clock = new FakeClock();
  const store = new FakeRecordStore();
  const keeper = new RecordKeeper({
    store,
    instance: 'aaaaaa',
    clock,
    log: createLog({ level: 'silent' }) as never,
    retentionMs,
    beatMs: 10_000,
    leaseMs: 60_000,
  });
  const pass = async (ms: number) => {
    for (let t = 0; t < ms; t += 1_000) {
      clock.advance(1_000);
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
  };
  keeper.start();
  await pass(0);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return { clock, store, keeper, pass };
}

describe('the keeper of records', () => {
  it('says at once and every ten seconds that this process lives', async () => {
    const { store, pass } = await rig();
    expect(store.beats).toEqual(['aaaaaa']);
    await pass(30_000);
    expect(store.beats).toHaveLength(4);
  });

  it('closes the calls of others that fell silent only when the store took its own beats for as long', async () => {
    const { store, pass } = await rig();
    await pass(59_000);
    expect(store.closed).toEqual([]);
    await pass(11_000);
    expect(store.closed[0]).toEqual({ silentMs: 60_000 });
  });

  it('after a break of the store gives the others time to be heard again', async () => {
    const { store, pass } = await rig();
    await pass(70_000);
    const before = store.closed.length;
    store.failure = new BridgeError('STORE_UNAVAILABLE', 'down');
    await pass(120_000);
    store.failure = undefined;
    await pass(60_000);
    expect(store.closed).toHaveLength(before);
    await pass(20_000);
    expect(store.closed.length).toBeGreaterThan(before);
  });

  it('removes what is too old a few at a time, until there is none', async () => {
    const { store, pass, clock } = await rig(86_400_000);
    store.old = 250;
    await pass(61_000);
    expect(store.old).toBe(0);
    expect(store.removals).toHaveLength(3);
    expect(clock.wall() - store.removals[0]!).toBeGreaterThanOrEqual(86_400_000);
    store.old = 1;
    await pass(3_601_000);
    expect(store.old).toBe(0);
  });

  it('removes nothing without an age', async () => {
    const { store, pass } = await rig();
    await pass(120_000);
    expect(store.removals).toEqual([]);
  });

  it('stops when it is closed', async () => {
    const { store, keeper, clock, pass } = await rig(86_400_000);
    keeper.close();
    expect(clock.pending).toBe(0);
    await pass(60_000);
    expect(store.beats).toHaveLength(1);
  });
});
