/**
 * This checkout, another one and the plain sample (`bench/sample`) at the same time, each with calls of its own from one load: whatever else the machine does
 * hits all of them alike in each window, so that the ratios hold where windows one after the other (`against`, `--against`) say what minute it was. They take the
 * processor's caches from one another, so that each costs more than it does alone.
 * Run: node bench/together.bench.ts [--before /path/of/the/other/checkout] [--calls 40] [--windows 5]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sleep, startChild } from './lib/child.ts';
import { daemonEnv } from './lib/daemon-env.ts';
import type { LoadMethods } from './lib/load.ts';
import { type ProgramOptions, startCommand, startProgram } from './lib/program.ts';
import { header, n, table } from './lib/table.ts';

/** Until what is hot is compiled, and one window, ms. */
const WARM_MS = 12_000;
const WINDOW_MS = 5_000;
const MB = 1_024 * 1_024;

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    calls: { type: 'string', default: '40' },
    windows: { type: 'string', default: '5' },
  },
});
const calls = Number(values.calls);
const dataDirs: string[] = [];

function daemonIn(dir: string, modelUrl: string): ProgramOptions {
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
  dataDirs.push(dataDir);
  const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: 'false', GREETING: 'off', LOG_LEVEL: 'silent' };
  return { dir, command: startCommand(dir), env: { ...daemonEnv(dataDir), ...env } };
}

header();
const load = startChild<LoadMethods>('load.ts');
const modelUrl = await load.ask('listen');
const here = join(import.meta.dirname, '..');
const parties: Record<string, ProgramOptions> = {
  ...(values.before === undefined ? {} : { before: daemonIn(values.before, modelUrl) }),
  'this daemon': daemonIn(here, modelUrl),
  sample: {
    dir: join(here, 'bench/sample'),
    command: [process.execPath, 'index.js'],
    env: { OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: modelUrl },
  },
};
const names = Object.keys(parties);
const running = await Promise.all(Object.values(parties).map(startProgram));
try {
  const idle = running.map((program) => program.usage().rss);
  const targets = running.map(({ url }) => `${url}/incoming-call`);
  await Promise.all(targets.map((target) => load.ask('call', { target, calls, perSecond: 30, marked: true })));
  await sleep(WARM_MS);
  const rows: string[][] = [];
  for (let window = 1; window <= Number(values.windows); window++) {
    const from = running.map((program) => program.usage().cpuMs);
    const began = performance.now();
    await sleep(WINDOW_MS);
    const elapsed = performance.now() - began;
    const cpu = running.map((program, i) => (100 * (program.usage().cpuMs - from[i]!)) / elapsed / calls);
    const sample = cpu.at(-1)!;
    rows.push([String(window), ...cpu.map((one) => n(one, 3)), ...cpu.slice(0, -1).map((one) => n(one / sample))]);
  }
  const ratios = names.slice(0, -1).map((name) => `${name} / sample`);
  table(`CPU, % of a core a call: ${calls} calls each, at the same time`, ['window', ...names, ...ratios], rows);
  const memory = running.map((program, i) => n((program.usage().rss - idle[i]!) / MB / calls));
  table('Memory that the calls added, MB a call', names, [memory]);
  await load.ask('hangUpAll');
} finally {
  await Promise.all(running.map((program) => program.stop()));
  await load.stop();
  for (const dir of dataDirs) rmSync(dir, { recursive: true, force: true });
}
process.exit(0);
