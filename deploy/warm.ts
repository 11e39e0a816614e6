import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Starts the daemon, by itself and with nobody to call, until it listens, and ends it: what was compiled stays for the starts that follow. For an image, whose
 * program cannot be written when it runs. Exit status 0 when it listened, 1 when it did not within two minutes.
 */

const MOST_MS = 120_000;

const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-warm-'));
const daemon = spawn(process.execPath, [join(import.meta.dirname, '../src/start.js')], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, DATA_DIR: dataDir, HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error' },
});
const limit = setTimeout(() => daemon.kill('SIGKILL'), MOST_MS);
let printed = '';
let hasListened = false;
daemon.stdout.on('data', (text) => {
  printed += text;
  if (hasListened || !printed.includes('listens on')) return;
  hasListened = true;
  daemon.kill();
});
daemon.once('close', (code) => {
  clearTimeout(limit);
  rmSync(dataDir, { recursive: true, force: true });
  process.exitCode = hasListened ? (code ?? 1) : 1;
});
