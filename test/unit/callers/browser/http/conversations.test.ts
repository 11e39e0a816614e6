import { describe, expect, it } from 'vitest';
import type { Asker } from '../../../../../src/callers/browser/http/bridge-access.ts';
import { Conversations } from '../../../../../src/callers/browser/http/conversations.ts';
import { AloneFleet } from '../../../../../src/fleet/alone.ts';
import type { Fleet } from '../../../../../src/fleet/fleet.ts';
import { ApiError } from '../../../../../src/http/api-error.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { member, Network } from '../../../fleet/rig.ts';

const OPERATOR: Asker = { operator: true };
const stranger = (session?: string): Asker => ({ operator: false, session });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An instance with calls of pages, without their media. */
function instance(fleet: Fleet, memory: LocalMemory) {
  /** Ids of calls by conversation. */
  const calls = new Map<string, string>();
  const done: string[] = [];
  const owned = (id: string, asker: Asker) => {
    if (!asker.operator && calls.has(id) && asker.session !== calls.get(id))
      throw new ApiError(403, 'BRIDGE_FORBIDDEN', 'not yours');
  };
  const end = (id: string, how: string) => {
    if (!calls.delete(id)) return;
    done.push(`${how} ${id}`);
    conversations.release(id);
  };
  const conversations: Conversations = new Conversations({
    fleet,
    memory,
    own: {
      async replace(id, asker) {
        owned(id, asker);
        end(id, 'replaced');
      },
      async close(id, asker) {
        owned(id, asker);
        end(id, 'closed');
      },
      async text(id, asker, text) {
        owned(id, asker);
        if (!calls.has(id)) throw new ApiError(404, 'BRIDGE_UNKNOWN', 'none');
        done.push(`${text} to ${id}`);
      },
    },
  });
  return {
    conversations,
    calls,
    done,
    async open(id: string, session: string, asker: Asker) {
      await conversations.claim(id, asker);
      calls.set(id, session);
    },
  };
}

async function two() {
  const network = new Network();
  const memory = new LocalMemory({ clock: new FakeClock() });
  const [a, b] = [await member('a', { memory, network }), await member('b', { memory, network })];
  return { network, memory, a: instance(a.fleet, memory), b: instance(b.fleet, memory) };
}

describe('one call at a time of a conversation, over instances', () => {
  it('ends the call at the other instance before it is opened here', async () => {
    const { a, b } = await two();
    await a.open('c', 's1', OPERATOR);
    await b.open('c', 's2', OPERATOR);
    expect(a.done).toEqual(['replaced c']);
    expect([a.calls.size, b.calls.size]).toEqual([0, 1]);
    await a.open('c', 's3', OPERATOR);
    expect(b.done).toEqual(['replaced c']);
    expect([a.calls.size, b.calls.size]).toEqual([1, 0]);
  });

  it('lets nobody take the call of somebody else’s away, and leaves it where it is', async () => {
    const { a, b } = await two();
    await a.open('c', 's1', stranger());
    await expect(b.open('c', 's2', stranger())).rejects.toMatchObject({ code: 'BRIDGE_FORBIDDEN' });
    await expect(b.conversations.close('c', stranger('guessed'))).rejects.toMatchObject({ code: 'BRIDGE_FORBIDDEN' });
    await expect(b.conversations.text('c', stranger(), 'hello')).rejects.toMatchObject({ code: 'BRIDGE_FORBIDDEN' });
    expect(a.calls.get('c')).toBe('s1');
    await b.open('c', 's2', stranger('s1'));
    expect(a.done).toEqual(['replaced c']);
  });

  it('has what is asked of a conversation done where its call is', async () => {
    const { a, b } = await two();
    await a.open('c', 's1', stranger());
    expect(await b.conversations.text('c', stranger('s1'), 'hello')).toBe(true);
    expect(await b.conversations.close('c', stranger('s1'))).toBe(true);
    expect(a.done).toEqual(['hello to c', 'closed c']);
    await turn();
    expect(await b.conversations.close('c', OPERATOR)).toBe(false);
    expect(await a.conversations.text('c', OPERATOR, 'anybody?')).toBe(false);
  });

  it('leaves one instance with it where two open it at once', async () => {
    const { a, b } = await two();
    await Promise.all([a.open('c', 's1', OPERATOR), b.open('c', 's2', OPERATOR)]);
    expect(a.calls.size + b.calls.size).toBe(1);
  });

  it('takes it over from an instance that is gone, and without the memory opens it all the same', async () => {
    const { network, memory, a, b } = await two();
    await a.open('c', 's1', OPERATOR);
    network.down.add('a.test');
    await b.open('c', 's2', OPERATOR);
    expect(b.calls.size).toBe(1);
    expect(await a.conversations.close('other', OPERATOR)).toBe(false);
    const failing = Object.assign(Object.create(memory) as LocalMemory, {
      space: () => ({
        putIfAbsent: () => Promise.reject(new Error('away')),
        get: () => Promise.reject(new Error('away')),
      }),
    });
    const alone = new Conversations({
      fleet: { ...(await member('c', { memory, network })).fleet, isAlone: false, self: 'c', serve: () => {} } as never,
      memory: failing,
      own: { replace: async () => {}, close: async () => {}, text: async () => {} },
    });
    await alone.claim('c', OPERATOR);
    expect(await alone.close('c', OPERATOR)).toBe(false);
  });

  it('asks nobody where there is no other instance', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const fleet = new AloneFleet({ self: 'a', clock, calls: () => 0, maxCalls: 1, isDraining: () => false });
    const a = instance(fleet, memory);
    await a.open('c', 's1', OPERATOR);
    expect(memory.size('conversations')).toBe(0);
    expect(await a.conversations.close('c', OPERATOR)).toBe(false);
  });
});
