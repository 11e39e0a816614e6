import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/errors.ts';
import { createLog } from '../../../src/log.ts';
import { newRecord } from '../../../src/records/call-record.ts';
import { RecordKeeper } from '../../../src/records/keeper.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeRecordStore } from '../../fakes/record-store.ts';

async function rig(
  retentionMs?: number,
  lives?: (instance: string) => Promise<boolean>,
  more: { quiet?: () => boolean; others?: boolean } = {},
) {
  const clock = new FakeClock();
  const store = new FakeRecordStore();
  store.others = more.others ?? true;
  const forgotten: string[][] = [];
  const lost: string[] = [];
  const disk: { failure: Error | undefined } = { failure: undefined };
  const keeper = new RecordKeeper({
    store,
    forget: async (callIds) => {
      if (disk.failure !== undefined) throw disk.failure;
      forgotten.push([...callIds]);
    },
    instance: 'aaaaaa',
    clock,
    log: createLog({ level: 'silent' }) as never,
    retentionMs,
    lives,
    quiet: more.quiet,
    lost: (calls) => void lost.push(...calls.map(({ id }) => id)),
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
  return { clock, store, keeper, pass, forgotten, disk, lost };
}

describe('the keeper of records', () => {
  it('says at once and every ten seconds that this process lives', async () => {
    const { store, pass } = await rig();
    expect(store.beats).toEqual(['aaaaaa']);
    await pass(30_000);
    expect(store.beats).toHaveLength(4);
  });

  it('leaves a store alone for minutes that knows of nobody else, while nothing goes on here', async () => {
    const here = { quiet: true };
    const { store, pass, keeper, clock } = await rig(undefined, undefined, { quiet: () => here.quiet, others: false });
    await pass(299_000);
    expect(store.beats).toHaveLength(1);
    await pass(1_000);
    expect(store.beats).toHaveLength(2);

    here.quiet = false;
    keeper.stir();
    await pass(0);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(store.beats, 'before anything of it is stored').toHaveLength(3);
    keeper.stir();
    await pass(30_000);
    expect(store.beats, 'as it does while anything goes on').toHaveLength(6);
    expect(clock.pending, 'one timer for the signs of life, one for the sweep').toBe(2);

    here.quiet = true;
    store.others = true;
    await pass(30_000);
    expect(store.beats, 'others are to be looked after').toHaveLength(9);
    store.others = false;
    await pass(100_000);
    expect(store.beats).toHaveLength(10);
    store.failure = new BridgeError('STORE_UNAVAILABLE', 'down');
    await pass(210_000);
    expect(store.beats, 'a store that is away is asked again soon').toHaveLength(10);
    store.failure = undefined;
    await pass(10_000);
    expect(store.beats).toHaveLength(11);
  });

  it('does not rest where nobody knows whether anything goes on', async () => {
    const { store, pass } = await rig(undefined, undefined, { others: false });
    await pass(30_000);
    expect(store.beats).toHaveLength(4);
  });

  it('closes the calls of others that fell silent only when the store took its own beats for as long', async () => {
    const { store, pass } = await rig();
    store.silentOnes.set('bbbbbb', []);
    await pass(59_000);
    expect(store.closed).toEqual([]);
    await pass(11_000);
    expect(store.closed[0]).toEqual({ silentMs: 60_000, except: ['aaaaaa'] });
  });

  it('closes none of a process that answers, and tells of those it closed, once', async () => {
    const living = new Set(['bbbbbb']);
    const { store, pass, lost } = await rig(undefined, async (instance) => living.has(instance));
    store.silentOnes.set('bbbbbb', [newRecord('b1', 'bbbbbb', { at: 1, offsetMs: 0 })]);
    await pass(90_000);
    expect(store.closed).toEqual([]);
    store.silentOnes.set('cccccc', [newRecord('c1', 'cccccc', { at: 1, offsetMs: 0 })]);
    await pass(30_000);
    expect(lost).toEqual(['c1']);
    living.clear();
    await pass(20_000);
    expect(lost).toEqual(['c1', 'b1']);
  });

  it('after a break of the store gives the others time to be heard again', async () => {
    const { store, pass } = await rig();
    await pass(70_000);
    store.silentOnes.set('bbbbbb', []);
    await pass(10_000);
    store.silentOnes.set('cccccc', []);
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

  it('has this process forget what any process removed, once each, also what comes to be seen a little late', async () => {
    const { store, pass, forgotten } = await rig();
    store.gone.push({ callId: 'a', at: 100_000 });
    await pass(10_000);
    store.gone.push({ callId: 'b', at: 130_000 });
    await pass(10_000);
    store.gone.splice(0, 1, { callId: 'late', at: 99_000 }, { callId: 'a', at: 100_000 });
    await pass(60_000);
    expect(forgotten).toEqual([['a'], ['b'], ['late']]);
  });

  it('follows what was removed while it was away, page by page, and tries again what could not be removed', async () => {
    const { store, pass, forgotten, disk } = await rig();
    for (let i = 0; i < 2_500; i++) store.gone.push({ callId: `c${String(i).padStart(4, '0')}`, at: 1_000 + i });
    disk.failure = new Error('the disk is read-only');
    await pass(20_000);
    expect(forgotten).toEqual([]);
    disk.failure = undefined;
    await pass(10_000);
    expect(forgotten.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    await pass(30_000);
    expect(forgotten).toHaveLength(3);
  });

  it('remembers removals for a month', async () => {
    const { store, pass, clock } = await rig();
    await pass(61_000);
    expect(store.removals).toEqual([]);
    expect(clock.wall() - (store.forgotten[0] ?? 0)).toBeGreaterThanOrEqual(30 * 86_400_000);
  });

  it('stops when it is closed', async () => {
    const { store, keeper, clock, pass } = await rig(86_400_000);
    keeper.close();
    expect(clock.pending).toBe(0);
    await pass(60_000);
    expect(store.beats).toHaveLength(1);
  });
});
