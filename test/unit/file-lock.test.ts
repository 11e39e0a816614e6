import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../src/file-lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-lock-'));
  path = join(folder, 'one.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a lock on a file', () => {
  it('is one process’s until that lets go', () => {
    const lock = takeLock(path);
    expect(takeLock(path)).toBeUndefined();
    // Another look has dropped nothing.
    expect(takeLock(path)).toBeUndefined();
    lock?.release();
    const next = takeLock(path);
    expect(next).toBeDefined();
    next?.release();
  });

  it('may be taken by whoever has the folder in common with its maker, whatever his mask is', () => {
    const mask = process.umask(0o022);
    try {
      takeLock(path)?.release();
    } finally {
      process.umask(mask);
    }
    expect(statSync(path).mode & 0o777).toBe(0o666);
  });

  it.runIf(process.getuid?.() === 0)('is nobody’s who may not write its file', () => {
    writeFileSync(path, '');
    chmodSync(path, 0o444);
    chmodSync(folder, 0o777);
    // Of another user, as whom this process cannot go on.
    const script = `process.setuid(65534); try { console.log(takeLock(${JSON.stringify(path)}) ? 'got' : 'busy') } catch (e) { console.log(e.code) }`;
    const url = new URL('../../src/file-lock.ts', import.meta.url).href;
    const { stdout } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', `import { takeLock } from ${JSON.stringify(url)}; ${script}`],
      { encoding: 'utf8' },
    );
    expect(stdout.trim()).toBe('EACCES');
  });

  it('is not taken for another’s where the file is something else', () => {
    writeFileSync(path, 'This is no database, and long enough to be taken for one: '.repeat(20));
    expect(() => takeLock(path)).toThrow('file is not a database');
  });
});
