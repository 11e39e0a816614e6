/**
 * Every measurement of the project, one after the other, with the targets at the end.
 * Run: npm run bench [-- --quick] [-- --only setup,barge-in,bridge-websocket]
 * The parts, in order: codec, resample, opus, setup, barge-in, bridge-websocket, tools, records, memory-websocket, carriers, bridge-webrtc, memory-webrtc, whatsapp
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { webrtcAvailable } from '../src/transport/peer.ts';
import { bargeIn } from './barge-in.bench.ts';
import { bridge } from './bridge.bench.ts';
import { carriers } from './carriers.bench.ts';
import { header, print, type Verdict, verdicts } from './lib/table.ts';
import { memory } from './memory.bench.ts';
import { records } from './records.bench.ts';
import { setup } from './setup.bench.ts';
import { tools } from './tools.bench.ts';
import { whatsapp } from './whatsapp.bench.ts';

/** A bench that prints by itself and has no targets to compare. */
function script(file: string): () => Promise<Verdict[]> {
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], { stdio: 'inherit' });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (code === 0) resolve([]);
        else reject(new Error(`${file} ended with ${signal ?? code}`));
      });
    });
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
const quick = values.quick;
const webrtc = webrtcAvailable();
const only = webrtc.ok ? {} : { only: 'websocket' };
const parts: Record<string, () => Promise<Verdict[]>> = {
  codec: script('codec.bench.ts'),
  resample: script('resample.bench.ts'),
  opus: script('opus.bench.ts'),
  setup: () => setup({ quick, ...only }),
  'barge-in': () => bargeIn({ quick, ...only }),
  'bridge-websocket': () => bridge({ quick, only: 'websocket' }),
  tools: () => tools({ quick }),
  records: () => records({ quick }),
  'memory-websocket': () => memory({ quick, only: 'websocket' }),
  carriers: () => carriers({ quick }),
  ...(webrtc.ok
    ? {
        'bridge-webrtc': () => bridge({ quick, only: 'webrtc' }),
        'memory-webrtc': () => memory({ quick, only: 'webrtc' }),
        whatsapp: () => whatsapp({ quick }),
      }
    : {}),
};

const names = values.only?.split(',') ?? Object.keys(parts);
const unknown = names.filter((name) => parts[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`there is no bench ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}\n`);
  process.exit(2);
}

header();
if (!webrtc.ok) print(`WebRTC cannot be measured here: ${webrtc.reason}`);
const list: Verdict[] = [];
const broken: string[] = [];
for (const name of names) {
  print(`\n== ${name} ==`);
  const began = performance.now();
  try {
    list.push(...(await parts[name]!()));
  } catch (error) {
    // The others are still worth their numbers; the exit code tells.
    broken.push(name);
    print(`BROKEN: ${error instanceof Error ? error.stack : String(error)}`);
  }
  print(`(${name} took ${Math.round((performance.now() - began) / 1_000)} s)`);
}
verdicts(list);
if (broken.length > 0) print(`\nbroken: ${broken.join(', ')}`);
process.exit(broken.length === 0 ? 0 : 1);
