import { describe, expect, it } from 'vitest';
import { type Started, StartedCalls } from '../../../../../src/callers/bridge/http/started-calls.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

const ANSWER: Started = { sdpAnswer: 'v=0', bridgeUrl: 'ws://here', ignored: [] };
const STOPPED = { status: 409, code: 'BRIDGE_STOPPED' };

/** Two processes that share what is remembered. */
function rig() {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  const did: string[] = [];
  const one = new StartedCalls(memory, clock);
  const other = new StartedCalls(memory, clock);
  const undo = async () => void did.push('undone');
  const start = (answer: Promise<Started> | Started = ANSWER) => {
    did.push('started');
    return Promise.resolve(answer);
  };
  return { clock, memory, did, one, other, undo, start };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('calls that were started', () => {
  it('are started once, by whichever process is asked, at once or later', async () => {
    const { clock, did, one, other, undo, start } = rig();
    const slow = Promise.withResolvers<Started>();
    const first = one.once('a', () => start(slow.promise), undo);
    await settled();
    const again = one.once('a', start, undo);
    const elsewhere = other.once('a', start, undo);
    await settled();
    slow.resolve(ANSWER);
    expect(await first).toEqual({ answer: ANSWER, repeated: false });
    expect(await again).toEqual({ answer: ANSWER, repeated: true });
    clock.advance(200);
    await settled();
    expect(await elsewhere).toEqual({ answer: ANSWER, repeated: true });
    expect(did).toEqual(['started']);
  });

  it('are not started when they were stopped before, and undone when they are stopped meanwhile', async () => {
    const { did, one, other, undo, start } = rig();
    await one.over('a');
    await expect(other.once('a', start, undo)).rejects.toMatchObject(STOPPED);
    expect(did).toEqual([]);
    const slow = Promise.withResolvers<Started>();
    const late = one.once('b', () => start(slow.promise), undo);
    await settled();
    await other.over('b');
    slow.resolve(ANSWER);
    await expect(late).rejects.toMatchObject(STOPPED);
    expect(did).toEqual(['started', 'undone']);
    expect([await one.isOver('b'), await one.isOver('c')]).toEqual([true, false]);
  });

  it('that failed may be tried again, and stay stopped where they were stopped meanwhile', async () => {
    const { one, undo, start } = rig();
    await expect(one.once('a', () => start(Promise.reject(new Error('no port'))), undo)).rejects.toThrow('no port');
    expect((await one.once('a', start, undo)).repeated).toBe(false);
    const failing = Promise.withResolvers<Started>();
    const late = one.once('b', () => start(failing.promise), undo);
    await settled();
    await one.over('b');
    failing.reject(new Error('no port'));
    await expect(late).rejects.toThrow('no port');
    await expect(one.once('b', start, undo)).rejects.toMatchObject(STOPPED);
  });

  it('are not waited for without end: another process may have died over one', async () => {
    const { clock, one, other, undo, start } = rig();
    void one.once('a', () => start(new Promise(() => {})), undo);
    await settled();
    const waiting = other.once('a', start, undo).catch((error: unknown) => error);
    for (let i = 0; i < 120; i++) {
      clock.advance(100);
      await settled();
    }
    expect(await waiting).toMatchObject({ status: 503 });
  });

  it('are not started where nothing can be remembered', async () => {
    const { did, memory, clock, undo, start } = rig();
    const broken = {
      ...memory.space<never>({ name: 'x', most: 1 }),
      putIfAbsent: () => Promise.reject(new Error('no memory')),
      delete: async () => false,
    };
    const calls = new StartedCalls({ space: () => broken as never }, clock);
    await expect(calls.once('a', start, undo)).rejects.toThrow('no memory');
    expect(did).toEqual([]);
  });
});
