/**
 * Every measurement of the project, one after the other, with the targets at the end.
 * Run: npm run bench [-- --quick] [-- --only setup,barge-in,bridge-websocket]
 * or, beside a bridge of somebody else's: npm run bench -- --against DIR [--start COMMAND] [--webhook PATH] [--model-setting NAME] [--model-scheme http|ws] [--model-path PATH] [--calls 200] [--pairs 5]
 * The parts, in order: codec, resample, opus, start, setup, barge-in, bridge-websocket, tools, records, overview, fleet, workers, memory-websocket, carriers, answer, bridge-webrtc, memory-webrtc, whatsapp, livekit
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findServer, noBuilder } from '../src/simulator/livekit/index.ts';
import { webrtcAvailable } from '../src/transport/peer.ts';
import { answer } from './answer.bench.ts';
import { bargeIn } from './barge-in.bench.ts';
import { bridge } from './bridge.bench.ts';
import { carriers } from './carriers.bench.ts';
import { fleet } from './fleet.bench.ts';
import { header, print, type Verdict, verdicts } from './lib/table.ts';
import { livekit } from './livekit.bench.ts';
import { memory } from './memory.bench.ts';
import { type OtherBridge, otherBridge } from './other-bridge.bench.ts';
import { overview } from './overview.bench.ts';
import { records } from './records.bench.ts';
import { setup } from './setup.bench.ts';
import { startUp } from './start.bench.ts';
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

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    against: { type: 'string' },
    start: { type: 'string' },
    webhook: { type: 'string' },
    'model-setting': { type: 'string' },
    'model-scheme': { type: 'string' },
    'model-path': { type: 'string' },
    calls: { type: 'string' },
    pairs: { type: 'string' },
  },
});
const quick = values.quick;
/** The other bridge as the flags describe it; what is no number or no scheme ends the run. */
function readOther(dir: string): OtherBridge {
  const { start, webhook, calls, pairs } = values;
  const scheme = values['model-scheme'];
  const count = (name: string, text: string | undefined) => {
    if (text !== undefined && !/^[1-9]\d{0,3}$/.test(text)) fail(`--${name} must be a number from 1 to 9999`);
    return text === undefined ? {} : { [name]: Number(text) };
  };
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'ws') fail('--model-scheme must be http or ws');
  if (webhook !== undefined && !webhook.startsWith('/')) fail('--webhook must be a path');
  return {
    dir,
    ...(start === undefined ? {} : { start }),
    ...(webhook === undefined ? {} : { webhook }),
    ...(scheme === undefined ? {} : { modelScheme: scheme as 'http' | 'ws' }),
    ...(values['model-setting'] === undefined ? {} : { modelSetting: values['model-setting'] }),
    ...(values['model-path'] === undefined ? {} : { modelPath: values['model-path'] }),
    ...count('calls', calls),
    ...count('pairs', pairs),
  };
}

function fail(what: string): never {
  process.stderr.write(`${what}\n`);
  process.exit(2);
}

const webrtc = webrtcAvailable();
const noRooms = findServer() === undefined ? noBuilder() : undefined;
const only = webrtc.ok ? {} : { only: 'websocket' };
const parts: Record<string, () => Promise<Verdict[]>> = {
  codec: script('codec.bench.ts'),
  resample: script('resample.bench.ts'),
  opus: script('opus.bench.ts'),
  start: () => startUp({ quick }),
  setup: () => setup({ quick, ...only }),
  'barge-in': () => bargeIn({ quick, ...only }),
  'bridge-websocket': () => bridge({ quick, only: 'websocket' }),
  tools: () => tools({ quick }),
  records: () => records({ quick }),
  overview: () => overview({ quick }),
  fleet: () => fleet({ quick }),
  workers: script('workers.bench.ts'),
  'memory-websocket': () => memory({ quick, only: 'websocket' }),
  carriers: () => carriers({ quick }),
  ...(webrtc.ok
    ? {
        answer: () => answer({ quick }),
        'bridge-webrtc': () => bridge({ quick, only: 'webrtc' }),
        'memory-webrtc': () => memory({ quick, only: 'webrtc' }),
        whatsapp: () => whatsapp({ quick }),
      }
    : {}),
  ...(noRooms === undefined ? { livekit: () => livekit({ quick }) } : {}),
};

if (values.against !== undefined) parts['against'] = () => otherBridge(readOther(values.against ?? ''), { quick });
const names = values.only?.split(',') ?? (values.against === undefined ? Object.keys(parts) : ['against']);
const unknown = names.filter((name) => parts[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`there is no bench ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}\n`);
  process.exit(2);
}

header();
if (!webrtc.ok) print(`WebRTC cannot be measured here: ${webrtc.reason}`);
if (noRooms !== undefined) print(`rooms of LiveKit's cannot be measured here: ${noRooms}`);
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
