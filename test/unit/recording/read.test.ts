import * as fs from 'node:fs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeTone, toneLevel } from '../../../src/media/tone.ts';
import { createAudioFile } from '../../../src/recording/audio-file.ts';
import { readRecording } from '../../../src/recording/read.ts';

it.each(['wav', 'opus'] as const)('reads a recording of %s back, each side by itself', async (format) => {
  const dir = mkdtempSync(join(tmpdir(), 'read-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const sides = [makeTone(440, 24_000, 1_000, -12), makeTone(1_020, 24_000, 1_000, -12)] as const;
  const options = { sampleRate: 24_000, consent: 'operator', serial: 1 };
  const file = createAudioFile(fs, join(dir, `call-1.${format}`), format, options);
  const stereo = new Int16Array(48_000).map((_, i) => sides[i % 2 === 0 ? 0 : 1][i >> 1]!);
  for (let at = 0; at < stereo.length; at += 960) file.write(stereo.subarray(at, at + 960));
  file.close();
  const read = await readRecording(dir, 'call-1');
  const { sampleRate = 1, channels = [] } = read ?? {};
  expect(channels.map(({ length }) => Math.round((length * 10) / sampleRate))).toEqual([10, 10]);
  const [caller = new Int16Array(), agent = new Int16Array()] = channels.map((one) =>
    one.subarray(sampleRate * 0.2, sampleRate * 0.8),
  );
  expect(toneLevel(caller, sampleRate, 440)).toBeCloseTo(-12, 0);
  expect(toneLevel(agent, sampleRate, 1_020)).toBeCloseTo(-12, 0);
  expect(toneLevel(caller, sampleRate, 1_020)).toBeLessThan(-55);
});

it('has nothing of a call that was not recorded, nor of what is no id', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'read-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'x.wav'), 'no sound');
  expect(await readRecording(dir, 'other')).toBeUndefined();
  expect(await readRecording(dir, '../x')).toBeUndefined();
  await expect(readRecording(dir, 'x')).rejects.toThrow();
});
