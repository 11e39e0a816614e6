import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RunKeeper } from '../../../src/suites/run-keeper.ts';
import { RunRefused } from '../../../src/suites/runs.ts';
import { newRunId, RunStore } from '../../../src/suites/store.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2030, 5, 15, 12);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voicebridge-run-keeper-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A run that began so many days ago, and of which something was written `written` days ago. */
async function run(begun: number, written?: number): Promise<string> {
  const id = newRunId(NOW - begun * DAY_MS);
  await mkdir(join(folder, id, 'one'), { recursive: true });
  await writeFile(join(folder, id, 'one', 'tape.wav'), 'audio');
  if (written === undefined) return id;
  const file = join(folder, id, 'run.json');
  const at = (NOW - written * DAY_MS) / 1000;
  await writeFile(file, '{}');
  await utimes(file, at, at);
  return id;
}

/** Looks through the folder for an hour from the start, and says what is left there. */
async function left(
  retentionMs: number | undefined,
  going: readonly string[] = [],
  fixed: readonly string[] = [],
  log = fakeLog(),
  speechFolder = join(folder, 'none'),
): Promise<string[]> {
  const clock = new FakeClock(NOW);
  const store = new RunStore(folder);
  const runs = {
    remove: async (id: string) => {
      if (going.includes(id)) throw new RunRefused('run-running', 'the run goes on');
      if (fixed.includes(id)) throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      return store.remove(id);
    },
  };
  const keeper = new RunKeeper({ store, runs, clock, log, retentionMs, speechFolder });
  keeper.start();
  clock.advance(60_000);
  // The next look is planned when this one is over.
  if (retentionMs !== undefined) while (clock.pending === 0) await new Promise(setImmediate);
  keeper.close();
  expect(clock.pending).toBe(0);
  return (await readdir(folder)).sort();
}

it('runs of tests are removed when nothing of theirs was written for so long, those alone, and their tapes with them', async () => {
  await run(40, 31);
  const judgedAgain = await run(40, 2);
  const fresh = await run(1, 1);
  // Killed before anything but a tape was written.
  await run(50);
  const beginning = await run(0);
  const going = await run(45, 44);
  await writeFile(join(folder, 'note.txt'), 'no run');
  expect(await left(30 * DAY_MS, [going])).toEqual([beginning, fresh, going, judgedAgain, 'note.txt'].sort());
});

it('one run that cannot be removed keeps no older and no newer one from it, and is named', async () => {
  const ids = [await run(45), await run(44), await run(43)];
  const [fixed = ''] = ids.slice(1);
  const log = fakeLog();
  expect(await left(30 * DAY_MS, [], [fixed], log)).toEqual([fixed]);
  const warned = log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
  expect(warned).toEqual([{ run: fixed, reason: 'EACCES: permission denied' }]);
});

it('runs of tests are kept for good where no age is set', async () => {
  const id = await run(4_000, 4_000);
  expect(await left(undefined)).toEqual([id]);
});

it('speech that no run had said for as long is removed, too, whatever became of the runs', async () => {
  const speech = join(folder, 'speech');
  await mkdir(speech);
  const names = ['a', 'b'].map((letter) => `${letter.repeat(64)}.wav`);
  for (const [i, name] of names.entries()) {
    await writeFile(join(speech, name), 'audio');
    const at = (NOW - [31, 29][i]! * DAY_MS) / 1000;
    await utimes(join(speech, name), at, at);
  }
  const log = fakeLog();
  await left(undefined, [], [], log, speech);
  expect((await readdir(speech)).sort()).toEqual(names);
  await left(30 * DAY_MS, [], [], log, speech);
  expect(await readdir(speech)).toEqual([names[1]]);
  expect(log.lines.map(({ fields }) => fields)).toEqual([{ files: 1 }]);
  await left(30 * DAY_MS, [], [], log, join(speech, names[1]!));
  expect(log.lines.at(-1)).toMatchObject({ level: 'warn' });
});
