import { afterEach, expect, it } from 'vitest';
import { WorkerThread, type WorkerThreadOptions } from '../../src/thread/worker-thread.ts';
import { FakeClock } from '../fakes/clock.ts';

const open: WorkerThread[] = [];
afterEach(async () => {
  for (const thread of open.splice(0)) await thread.close();
});

function ledger(workerData: unknown = {}, more: Pick<WorkerThreadOptions, 'idleMs' | 'clock'> = {}) {
  const told: unknown[] = [];
  const gone: Array<[message: string | undefined, ready: boolean]> = [];
  const thread = new WorkerThread({
    module: new URL('../fixtures/threads/ledger.ts', import.meta.url),
    name: 'ledger',
    workerData,
    what: 'the ledger',
    told: (message) => told.push(message),
    gone: (failure, ready) => gone.push([failure?.message, ready]),
    ...more,
  });
  open.push(thread);
  return { thread, told, gone };
}

it('a thread answers in the order of what it was asked and told, from before it is ready on', async () => {
  const { thread } = ledger();
  const samples = new Int16Array([1, 2, 3]);
  thread.tell('first');
  thread.tell(samples, [samples.buffer]);
  expect(samples.length, 'given away, not copied').toBe(0);
  expect(await thread.ask('noted')).toEqual(['first', 3]);
  const asked = thread.ask('noted');
  thread.tell('after the question');
  expect(await asked).toEqual(['first', 3]);
  expect(await thread.ask('noted')).toEqual(['first', 3, 'after the question']);
});

it('a throw is the asker’s alone, with what the database said', async () => {
  const { thread, gone } = ledger();
  await expect(thread.ask('throw')).rejects.toMatchObject({ message: 'refused', errcode: 19 });
  expect(await thread.ask('noted')).toEqual([]);
  await expect(
    thread.ask(() => 1),
    'what cannot be copied is never pending',
  ).rejects.toThrow(/could not be cloned/);
  expect(await thread.ask('noted')).toEqual([]);
  expect(gone).toEqual([]);
});

it.each([
  ['by leaving', (thread: WorkerThread) => thread.ask('exit'), 'the ledger ended'],
  [
    'of a message',
    (thread: WorkerThread) => {
      thread.tell('throw');
      return thread.ask('noted');
    },
    'it cannot be taken',
  ],
] as const)('one that dies %s rejects all that was asked, says so once, and is begun anew', async (_, kill, why) => {
  const { thread, gone } = ledger();
  thread.tell('lost');
  await thread.start();
  const asked = [kill(thread), thread.ask('noted')];
  for (const answer of asked) await expect(answer).rejects.toMatchObject({ code: 'ABORTED' });
  expect(gone).toEqual([[why, true]]);
  expect(await thread.ask('noted'), 'a new thread knows nothing').toEqual([]);
});

it('one that cannot open says why by the code of what failed, CONFIG_INVALID where that is none of ours', async () => {
  for (const [broken, code] of [
    ['STORE_REFUSED', 'STORE_REFUSED'],
    ['ENOENT', 'CONFIG_INVALID'],
  ] as const) {
    const { thread, gone } = ledger({ broken });
    await expect(thread.start()).rejects.toMatchObject({ code, message: 'broken' });
    expect(gone).toEqual([['broken', false]]);
  }
});

it('closing waits for what was asked and told; after it questions are refused and words ignored', async () => {
  const { thread, told, gone } = ledger();
  thread.tell('kept');
  const asked = thread.ask('noted');
  // The question leaves when the thread is ready: closing must not overtake it.
  await thread.start();
  await thread.close();
  expect(await asked).toEqual(['kept']);
  expect(told).toEqual([{ closedWith: 1 }]);
  expect(gone).toEqual([[undefined, true]]);
  await expect(thread.ask('noted')).rejects.toMatchObject({ code: 'ABORTED' });
  thread.tell('nobody is there');
  await thread.close();
  expect(gone).toHaveLength(1);
});

it('one that has had nothing to do for so long is ended, and begun anew by the next question', async () => {
  const clock = new FakeClock();
  const { thread, gone } = ledger({}, { idleMs: 1_000, clock });
  thread.tell('first');
  await thread.start();
  clock.advance(900);
  expect(await thread.ask('noted')).toEqual(['first']);
  clock.advance(900);
  thread.tell('second');
  clock.advance(999);
  expect(await thread.ask('noted'), 'whatever it is for, it was not idle').toEqual(['first', 'second']);
  thread.tell('taken before it ends');
  clock.advance(1_000);
  expect(await thread.ask('noted'), 'a new thread knows nothing').toEqual([]);
  await thread.close();
  expect(gone).toEqual([
    [undefined, true],
    [undefined, true],
  ]);
  expect(clock.pending).toBe(0);
});

it('one that is still opening, or has not answered yet, is not idle', async () => {
  const clock = new FakeClock();
  const { thread, gone } = ledger({}, { idleMs: 1_000, clock });
  const asked = thread.ask('noted');
  clock.advance(5_000);
  expect(await asked).toEqual([]);
  const again = thread.ask('noted');
  await Promise.resolve();
  clock.advance(5_000);
  expect(await again).toEqual([]);
  expect(gone).toEqual([]);
});
