import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../../src/records/event.ts';
import { readSpool, SpoolFile, spoolFiles } from '../../../src/records/spool.ts';
import { parseLine, storable } from '../../../src/records/storable.ts';

const event = (data: Record<string, unknown>, id = 'e1'): RecordedEvent => ({
  id,
  callId: 'c1',
  seq: 1,
  at: 1_700_000_000_000,
  offsetMs: 12.5,
  type: 'agent.transcript',
  data,
  transient: false,
});

/** All texts and names in a value. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, field]) => [name, ...textsOf(field)]);
}

describe('an event on its way to a store', () => {
  it('is itself when there is nothing to change', () => {
    const told = event({ text: 'good morning 🙂', n: 1 });
    const { event: kept, line } = storable(told);
    expect(kept).toBe(told);
    expect(parseLine(line)).toEqual(told);
  });

  it('loses what PostgreSQL cannot hold and what is too long, and nothing else', () => {
    const { event: kept } = storable(
      event({ nul: 'a\0b', half: 'x\ud800y', long: 'z'.repeat(20_000), deep: [{ ok: 'ok' }] }),
    );
    expect(kept.data['nul']).toBe('a\ufffdb');
    expect(kept.data['half']).toBe('x\ufffdy');
    expect(kept.data['long']).toMatch(/^z{16384} \[cut from 20000\]$/);
    expect(kept.data['deep']).toEqual([{ ok: 'ok' }]);
  });

  it('that is no JSON or huge is kept without its data', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(storable(event(cycle)).event.data).toEqual({ notKept: 'it cannot be written as JSON' });
    const huge = { list: Array.from({ length: 100 }, () => 'y'.repeat(10_000)) };
    expect(storable(event(huge)).event.data).toMatchObject({ notKept: expect.stringMatching(/long/) });
  });

  it('has one line and comes back, whatever is in it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })), (data) => {
        const { event: kept, line } = storable(event(data));
        expect(line).not.toContain('\n');
        expect(parseLine(line)).toEqual(JSON.parse(JSON.stringify(kept)));
        for (const text of textsOf(kept)) expect(text.isWellFormed() && !text.includes('\0')).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a spool file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-spool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const lineOf = (id: string) => `${storable(event({}, id)).line}\n`;

  it('gives back what was appended, in order, and is for its owner alone', async () => {
    const file = await SpoolFile.create(folder, 3);
    await file.append(lineOf('e1') + lineOf('e2'));
    await file.append(lineOf('e3'));
    await file.sync();
    await file.close();
    const { events, damaged } = await readSpool(file.path);
    expect(events.map(({ id }) => id)).toEqual(['e1', 'e2', 'e3']);
    expect(damaged).toBe(0);
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    await expect(file.append('x')).rejects.toThrow(/closed/);
    await expect(SpoolFile.create(folder, 3)).rejects.toThrow(/EEXIST/);
  });

  it('that ends in a torn line gives all whole ones, wherever it was torn', async () => {
    const file = await SpoolFile.create(folder, 0);
    await file.append(lineOf('e1') + lineOf('e2'));
    await file.close();
    const whole = readFileSync(file.path);
    const second = lineOf('e1').length;
    for (let cut = second + 1; cut < whole.length - 1; cut += 7) {
      appendFileSync(join(folder, `torn-${cut}`), whole.subarray(0, cut));
      const { events, damaged } = await readSpool(join(folder, `torn-${cut}`));
      expect(events.map(({ id }) => id)).toEqual(['e1']);
      expect(damaged).toBe(1);
    }
  });

  it('is told from other files by its name', () => {
    expect(spoolFiles(['00000010.jsonl', 'owner.lock', '00000002.jsonl', 'x.jsonl', 'owner.lock-journal'])).toEqual([
      '00000002.jsonl',
      '00000010.jsonl',
    ]);
  });
});
