import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { encodeWav } from '../../../src/media/wav.ts';
import { outlineOf } from '../../../src/suites/outline.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outline-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function tapeOf(caller: Int16Array, agent: Int16Array): Promise<string> {
  const path = join(folder, 'tape.wav');
  await writeFile(path, encodeWav([caller, agent], 24_000));
  return path;
}

it('has the highest magnitude of each side in each part, however long the tape is', async () => {
  const caller = new Int16Array(100_003);
  const agent = new Int16Array(100_003);
  caller[0] = -32_768;
  caller[50_001] = 16_384;
  agent[49_999] = 8_192;
  agent[100_002] = -4_096;
  expect(await outlineOf(await tapeOf(caller, agent), 4)).toEqual({
    durationMs: 4_167,
    caller: [1, 0, 0.5, 0],
    agent: [0, 0.25, 0, 0.125],
  });
});

it('has no more parts than there are samples, and none of an empty tape', async () => {
  expect(await outlineOf(await tapeOf(Int16Array.of(16_384), Int16Array.of(0)), 10)).toMatchObject({ caller: [0.5] });
  expect(await outlineOf(await tapeOf(new Int16Array(), new Int16Array()), 10)).toEqual({
    durationMs: 0,
    caller: [],
    agent: [],
  });
  await expect(outlineOf(join(folder, 'none.wav'), 10)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('keeps nobody waiting who has a caller on the line', async () => {
  const path = await tapeOf(new Int16Array(24_000 * 300), new Int16Array(24_000 * 300));
  let isOver = false;
  let longest = 0;
  const watch = () => {
    const began = process.threadCpuUsage();
    setImmediate(() => {
      const { user, system } = process.threadCpuUsage(began);
      longest = Math.max(longest, (user + system) / 1000);
      if (!isOver) watch();
    });
  };
  watch();
  await outlineOf(path, 1_000);
  await new Promise(setImmediate);
  isOver = true;
  expect(longest).toBeLessThan(30);
});
