import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../../src/file-lock.ts';
import type { OperatorFiles } from '../../../src/operator-file.ts';
import { AgentFiles } from '../../../src/workbench/files.ts';
import { FakeClock } from '../../fakes/clock.ts';

const NAME = 'prompts/default.md';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-files-'));
  writeFileSync(join(folder, 'default.md'), 'one');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function rig(check: (files: OperatorFiles) => Promise<string[]> = async () => []) {
  const clock = new FakeClock();
  const files = new AgentFiles({
    prompts: folder,
    routes: join(folder, 'routes.yaml'),
    history: join(folder, 'history'),
    editable: true,
    clock,
    check: async (of) => ({ problems: await check(of), warnings: [], seen: [] }),
  });
  return { clock, files };
}

/** Resolves when something waits for the clock: the disk takes as long as it takes. */
async function waiting(clock: FakeClock): Promise<void> {
  while (clock.pending === 0) await new Promise(setImmediate);
}

describe('files of agents', () => {
  it('of two who save at once from the same text, one does', async () => {
    const { files } = rig();
    const { hash } = await files.read(NAME);
    const saved = await Promise.allSettled(['ada', 'grace'].map((by) => files.save(NAME, `by ${by}`, by, hash)));
    expect(saved.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(saved.find((one) => one.status === 'rejected')).toMatchObject({ reason: { code: 'FILE_CHANGED' } });
    expect(readFileSync(join(folder, 'default.md'), 'utf8')).toBe('by ada');
  });

  it.each([
    ['lines that end as Windows has them', 'one\r\nmore\r\n', 'one\r\ntwo\r\n'],
    ['some such lines', 'one\r\nmore\nlast\n', 'one\ntwo\n'],
    ['a byte order mark', '\ufeffone\r\n', '\ufeffone\r\ntwo\r\n'],
    ['neither', 'one\n', 'one\ntwo\n'],
  ])('are read as plain text, and saved in the form that they had: %s', async (_, found, saved) => {
    const path = join(folder, 'default.md');
    writeFileSync(path, found);
    const { files } = rig();
    const { text, hash } = await files.read(NAME);
    expect(text).not.toMatch(/[\r\ufeff]/);
    expect(await files.save(NAME, 'one\ntwo\n', 'ada', hash)).toMatchObject({ text: 'one\ntwo\n' });
    expect(readFileSync(path, 'utf8')).toBe(saved);
    // Whoever saves next, and whoever takes it back, has the same text in hand.
    const next = await files.read(NAME);
    await files.save(NAME, text, 'ada', next.hash);
    expect((await files.read(NAME)).text).toBe(text);
  });

  it('of two processes that save at once from the same text, one does', async () => {
    // One is still being checked when the other is asked to save.
    const [checking, checked] = [Promise.withResolvers<void>(), Promise.withResolvers<string[]>()];
    const first = rig(() => {
      checking.resolve();
      return checked.promise;
    });
    const second = rig();
    const { hash } = await first.files.read(NAME);
    const saving = first.files.save(NAME, 'by ada', 'ada', hash);
    await checking.promise;
    const other = second.files.save(NAME, 'by grace', 'grace', hash);
    const refused = expect(other).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    await waiting(second.clock);
    checked.resolve([]);
    await saving;
    second.clock.advance(20);
    await refused;
    expect(readFileSync(join(folder, 'default.md'), 'utf8')).toBe('by ada');
    expect((await second.files.versions(NAME)).map(({ by }) => by)).toEqual(['ada', null]);
  });

  it('are not waited for without an end where another process hangs in the middle of saving', async () => {
    const lock = takeLock(join(folder, '.saving.lock'));
    const { files, clock } = rig();
    const { hash } = await files.read(NAME);
    const refused = expect(files.save(NAME, 'two', 'ada', hash)).rejects.toMatchObject({ code: 'FILES_BUSY' });
    await waiting(clock);
    await clock.advanceAsync(10_000);
    await refused;
    lock?.release();
    await expect(files.save(NAME, 'two', 'ada', hash)).resolves.toMatchObject({ text: 'two' });
  });

  it('are not waited for where what should be the lock is something else', async () => {
    writeFileSync(join(folder, '.saving.lock'), 'This is no database. '.repeat(50));
    const { files } = rig();
    const { hash } = await files.read(NAME);
    await expect(files.save(NAME, 'two', 'ada', hash)).rejects.toMatchObject({
      code: 'FILES_UNLOCKABLE',
      message: expect.stringContaining('.saving.lock cannot be locked: file is not a database'),
    });
    expect(readFileSync(join(folder, 'default.md'), 'utf8')).toBe('one');
  });

  it('are checked with the new text in the place of the old, also one that is in no file yet', async () => {
    const seen: string[] = [];
    const { files } = rig(async ({ scan, read }) => {
      for (const { path, name } of await scan(folder))
        if (name.endsWith('.md')) seen.push(`${name}: ${await read(path)}`);
      return [];
    });
    await files.check('prompts/new.md', 'fresh');
    expect(seen).toEqual(['default.md: one', 'new.md: fresh']);
    seen.length = 0;
    await files.check(NAME, 'two\r\nlines');
    expect(seen).toEqual(['default.md: two\nlines']);
  });

  it('are refused for what the text brings, and not for what was wrong before', async () => {
    const wrong = async ({ read }: OperatorFiles) => {
      const text = await read(join(folder, 'default.md'));
      return ['elsewhere.md: wrong since long', ...(text.includes('bad') ? ['default.md: bad'] : [])];
    };
    const { files } = rig(wrong);
    const { hash } = await files.read(NAME);
    await expect(files.save(NAME, 'bad', 'ada', hash)).rejects.toMatchObject({
      code: 'FILE_WRONG',
      details: { problems: ['default.md: bad'] },
    });
    await expect(files.save(NAME, 'good', 'ada', hash)).resolves.toMatchObject({ text: 'good' });
    // Nothing is left of what was written beside it; the lock stays.
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual(['.saving.lock']);
  });

  it('keep the last hundred of their texts, each with who saved it and when', async () => {
    const { files, clock } = rig();
    let { hash } = await files.read(NAME);
    for (let n = 0; n < 105; n++) {
      clock.advance(1_000);
      ({ hash } = await files.save(NAME, `text ${n}`, `person ${n}`, hash));
    }
    const versions = await files.versions(NAME);
    expect(versions).toHaveLength(100);
    expect(versions[0]).toEqual({ hash, at: clock.wall(), by: 'person 104', characters: 'text 104'.length });
    expect(await files.version(NAME, versions[99]!.hash)).toMatchObject({ text: 'text 5' });
    // A line that was cut off, as by a full disk, costs that one alone.
    writeFileSync(join(folder, 'history/prompts~default.md.jsonl'), '{"text":"a","at":1,"by":null}\n{"text":"b","a', {
      flag: 'w',
    });
    expect(await files.versions(NAME)).toMatchObject([{ at: 1, by: null, characters: 1 }]);
  });
});
