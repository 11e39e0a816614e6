import { describe, expect, it } from 'vitest';
import { termination } from '../../../src/call/termination.ts';
import type { Base, Feature, Parts } from '../../../src/features/feature.ts';
import { Features } from '../../../src/features/features.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

const CALL = { carrier: 'c', accountId: 'a', carrierCallId: '1' };
const REST = {} as Parameters<Features['install']>[0];

async function rig(...list: readonly Feature[]) {
  const clock = new FakeClock();
  const log = fakeLog();
  const features = await Features.open(
    list.map((feature) => () => feature),
    { clock, log } as unknown as Base,
  );
  return { features, clock, log };
}

/** The ports by which the parts of `list` reach one another. */
async function ports(...list: readonly Feature[]): Promise<Parts> {
  const joined: Parts[] = [];
  const { features } = await rig(...list, { install: (parts) => void joined.push(parts) });
  await features.install(REST);
  return joined[0]!;
}

describe('the parts beside the bridge', () => {
  it('are opened and joined in order, closed in reverse', async () => {
    const did: string[] = [];
    const feature = (name: string): Feature => ({
      install: () => void did.push(`join ${name}`),
      close: async () => void did.push(`close ${name}`),
    });
    const { features } = await rig(feature('a'), {}, feature('b'));
    await features.install(REST);
    await features.close();
    expect(did).toEqual(['join a', 'join b', 'close b', 'close a']);
  });

  it('do not wait for one another to be opened; where one cannot be, those that could are closed, and the first reason is told', async () => {
    const did: string[] = [];
    const slow = Promise.withResolvers<void>();
    const opening = Features.open(
      [
        async () => {
          await slow.promise;
          did.push('open a');
          return { close: async () => void did.push('close a') };
        },
        () => Promise.reject(new Error('wrong')),
        () => {
          did.push('open c');
          return { close: async () => void did.push('close c') };
        },
        () => {
          throw new Error('wrong as well');
        },
      ],
      { clock: new FakeClock(), log: fakeLog() } as unknown as Base,
    );
    expect(did).toEqual(['open c']);
    slow.resolve();
    await expect(opening).rejects.toThrow(/^wrong$/);
    expect(did).toEqual(['open c', 'open a', 'close c', 'close a']);
  });

  it('are closed whatever one of them does: it may fail, and it has five seconds', async () => {
    const closed: string[] = [];
    const { features, clock, log } = await rig(
      { close: async () => void closed.push('a') },
      { close: () => new Promise(() => {}) },
      { close: () => Promise.reject(new Error('no')) },
    );
    const done = features.close();
    await clock.advanceAsync(4_900);
    expect(closed).toEqual([]);
    await clock.advanceAsync(200);
    await done;
    expect(closed).toEqual(['a']);
    expect(log.lines.map(({ message }) => message)).toEqual([
      'a part of the daemon could not be closed',
      'a part of the daemon could not be closed in time',
    ]);
    expect(clock.pending).toBe(0);
  });

  it('are asked as one: what was ordered, what is to be forgotten, who knows what', async () => {
    const told: string[] = [];
    const plan = { callId: 'ordered', variables: {} };
    const lines = {} as NonNullable<Feature['lines']>;
    const parts = await ports(
      { claim: async () => undefined, forget: async (ids) => void told.push(`a ${ids}`) },
      { claim: async () => plan, lines, carrierNews: ({ status }) => void told.push(`b ${status}`) },
      { forget: () => Promise.reject(new Error('held')), carrierNews: ({ status }) => void told.push(`c ${status}`) },
    );
    expect(await parts.claim(CALL, '')).toBe(plan);
    expect([parts.lines, parts.replay]).toEqual([lines, undefined]);
    parts.carrierNews({ ...CALL, status: 'completed' });
    await expect(parts.forget(['1', '2'])).rejects.toThrow('held');
    expect(told).toEqual(['b completed', 'c completed', 'a 1,2']);
    expect(await (await ports()).claim(CALL, '')).toBeUndefined();
  });

  it('watch calls together, and take so many strangers together', async () => {
    const ended: string[] = [];
    const observer = { onEvent: () => {} };
    const sink = { onRecord: () => {} };
    const tap = {} as ReturnType<NonNullable<Feature['tap']>>;
    const { features } = await rig(
      { observers: [observer], strangers: 3, tap: () => tap },
      { sinks: [sink], strangers: 4, tap: () => undefined, ended: ({ info }) => void ended.push(info.id) },
      {},
    );
    expect([features.observers, features.sinks, features.strangers]).toEqual([[observer], [sink], 7]);
    const info = { id: 'c1', direction: 'inbound' } as const;
    expect(features.taps(info, {} as never)).toEqual([tap]);
    features.ended({ info, startedAt: 0 }, termination('caller-hangup'));
    expect(ended).toEqual(['c1']);
  });
});
