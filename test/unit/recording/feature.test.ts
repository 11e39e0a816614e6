import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import type { Base, Feature } from '../../../src/features/feature.ts';
import { openRecordings } from '../../../src/features/recordings.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { parsePrompt } from '../../fakes/prompts.ts';

let dir: string;
let opened: Feature[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'voicebridge-recordings-'));
  opened = [];
});
afterEach(async () => {
  for (const feature of opened) await feature.close?.();
  rmSync(dir, { recursive: true });
});

async function open(settings: Record<string, string>): Promise<Feature> {
  const base = {
    config: loadConfig({ DATA_DIR: dir, ...settings }),
    log: fakeLog(),
    clock: new FakeClock(),
    metrics: { registry: new Registry() },
  } as unknown as Base;
  const feature = await openRecordings(base);
  opened.push(feature);
  return feature;
}

const hooks = { tell: () => undefined, announce: () => undefined, count: () => undefined };

describe('recordings', () => {
  it('are off by default, and leave no folder', async () => {
    const feature = await open({});
    expect(feature.tap?.({ id: 'c1', direction: 'inbound' }, hooks)).toBeUndefined();
    expect(existsSync(join(dir, 'recordings'))).toBe(false);
  });

  it('are not made without saying how people agree', async () => {
    await expect(open({ RECORDING: 'wav' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('RECORDING_CONSENT'),
    });
  });

  it('are refused where their folder cannot be had', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(
      open({ RECORDING: 'wav', RECORDING_CONSENT: 'operator', RECORDINGS_DIR: join(dir, 'file', 'x') }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('RECORDINGS_DIR') });
  });

  it('do not outlive the records of their calls, however long they may be kept by themselves', async () => {
    const folder = join(dir, 'recordings');
    mkdirSync(folder);
    const manifest = (id: string, days: number) =>
      writeFileSync(
        join(folder, `${id}.json`),
        JSON.stringify({
          version: 1,
          callId: id,
          format: 'wav',
          sampleRate: 8_000,
          consent: 'operator',
          startedAt: new FakeClock().wall() - days * 86_400_000,
          pid: 1,
          host: 'x',
          ended: { reason: 'call-ended', durationMs: 1 },
        }),
      );
    manifest('old', 8);
    manifest('young', 6);
    await open({
      RECORDING: 'wav',
      RECORDING_CONSENT: 'operator',
      RECORDINGS_RETENTION_DAYS: '0',
      RECORDS_RETENTION_DAYS: '7',
    });
    expect(readdirSync(folder)).toEqual(['young.json']);
  });

  it('are not made of calls whose prompt forbids it', async () => {
    const { settings } = parsePrompt('x', 'x.md', '---\nrecording: off\n---\nHello');
    expect(settings.recording).toBe(false);
    const feature = await open({ RECORDING: 'wav', RECORDING_CONSENT: 'operator' });
    const call = { direction: 'inbound' } as const;
    expect(feature.tap?.({ ...call, id: 'c1', recording: settings.recording }, hooks)).toBeUndefined();
    expect(feature.tap?.({ ...call, id: 'c2' }, hooks)).toBeDefined();
    expect(() => parsePrompt('x', 'x.md', '---\nrecording: on\n---\nHello')).toThrow('must be off');
  });
});
