import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isToneAlone } from '../src/media/tone.ts';
import { scriptSource, toneSource } from '../src/simulator/phone/index.ts';
import { startRealtimeServer } from '../src/simulator/realtime/index.ts';
import { freePort } from './image/container.ts';
import { NEW_USERS, type NewUser, NUMBER, type StandIn } from './new-users.ts';

/**
 * `npm run newuser`: a new user's way, timed: a fresh clone, the README's commands, and the steps of "a real number", with stand-ins for
 * the carrier and the model. `new-user.js` begins it. Exit status 0 when the call to the number was answered and both sides heard each other.
 */

const usage = () => `Usage: npm run newuser -- [options]

  --carrier NAME   twilio (default), ${Object.keys(NEW_USERS).slice(1).join(', ')}
  --from DIR       clone this repository instead of this one
  --test           run all tests as well, the second of the two commands
  --keep           leave the clone where it is
`;

const KEY = 'sk-of-a-new-user';
/** What the caller sounds; the model says it back, so hearing it proves both directions. Hz. */
const TONE_HZ = 1_020;
/** How much of the tone must come back, ms. */
const ENOUGH_MS = 600;
/** Loud enough, and nothing beside it; dB. */
const ALONE = { minDb: -30, maxOtherDb: -45 };
const CALL_LIMIT_MS = 40_000;

const began = performance.now();
const seconds = (since: number) => `${((performance.now() - since) / 1_000).toFixed(1)} s`;
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Says how long a step took. */
async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  say(`${seconds(began).padStart(8)}  ${what}: ${seconds(start)}`);
  return result;
}

interface Ended {
  readonly status: number | null;
  readonly out: string;
}

/** Runs a program in a folder to its end. The environment is a new user's: none of the settings that are set here. */
function run(folder: string, command: string, ...args: string[]): Promise<Ended> {
  const child = start(folder, command, ...args);
  let out = '';
  child.stdout?.on('data', (data) => {
    out += String(data);
  });
  child.stderr?.on('data', (data) => {
    out += String(data);
  });
  return new Promise((done) => child.once('close', (status) => done({ status, out })));
}

function start(folder: string, command: string, ...args: string[]): ChildProcess {
  const own = Object.entries(process.env).filter(([name]) =>
    /^(HOME|TMPDIR|LANG|npm_config_.*|.*_proxy|.*CERT.*)$/i.test(name),
  );
  // Nor the Node that this project brings, which a new user has not got yet.
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.endsWith('node_modules/.bin'));
  return spawn(command, args, {
    cwd: folder,
    env: { ...Object.fromEntries(own), PATH: path.join(delimiter) },
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm starts a shell, and that the program: the whole group is ended together.
    detached: true,
  });
}

async function must(folder: string, command: string, ...args: string[]): Promise<string> {
  const { status, out } = await run(folder, command, ...args);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${out.slice(-4_000)}`);
  return out;
}

/** Starts the daemon; resolves when it says that it listens. */
function daemonIn(folder: string): Promise<ChildProcess> {
  const child = start(folder, 'npm', 'start');
  return new Promise((resolve, reject) => {
    let out = '';
    const heard = (data: unknown) => {
      out += String(data);
      if (out.includes('voicebridge listens on')) resolve(child);
    };
    child.stdout?.on('data', heard);
    child.stderr?.on('data', heard);
    child.once('exit', (status) => reject(new Error(`npm start ended with ${status}:\n${out.slice(-4_000)}`)));
  });
}

/** The doctor's lines that are neither pass nor skip. */
async function doctor(folder: string, ...flags: string[]): Promise<string[]> {
  const { out } = await run(folder, 'npm', 'run', '--silent', 'doctor', '--', '--number', NUMBER, '--json', ...flags);
  const from = out.indexOf('[\n');
  if (from < 0) throw new Error(`the doctor printed no results:\n${out.slice(-4_000)}`);
  const results = JSON.parse(out.slice(from, out.lastIndexOf(']') + 1)) as {
    name: string;
    status: string;
    detail: string;
  }[];
  return results
    .filter(({ status }) => status === 'warn' || status === 'fail')
    .map(({ name, status, detail }) => `${status} ${name}: ${detail}`);
}

/** Waits until the caller has heard his own tone from the model. */
async function heard(call: ReturnType<StandIn['call']>): Promise<number> {
  const end = performance.now() + CALL_LIMIT_MS;
  for (;;) {
    const { agent, sampleRate } = call.recordedChannels() ?? { agent: new Int16Array(), sampleRate: 8_000 };
    const window = sampleRate / 5;
    let ms = 0;
    for (let at = 0; at + window <= agent.length; at += window)
      if (isToneAlone(agent.subarray(at, at + window), sampleRate, TONE_HZ, ALONE)) ms += 200;
    if (ms >= ENOUGH_MS) return ms;
    if (call.isOver || performance.now() > end)
      throw new Error(`the caller heard ${ms} ms of the tone; the call is ${call.status}`);
    await delay(200);
  }
}

/** What the caller sounds: silence while the agent greets, his tone, silence. */
const source = () => scriptSource([{ pauseMs: 6_500 }, toneSource(TONE_HZ, { ms: 1_500 }), { pauseMs: 30_000 }]);

/** The steps of "a real number in ten minutes", in a folder where the project is installed. Rejects at the first that does not come out. */
export async function realNumber(folder: string, user: NewUser): Promise<void> {
  const port = await freePort();
  const model = await startRealtimeServer({ port: 0, apiKeys: [KEY] });
  const carrier = await user(source());
  let daemon: ChildProcess | undefined;
  try {
    await step('settings are written', async () => {
      const settings = {
        HOST: '127.0.0.1',
        PORT: port,
        PUBLIC_URL: `http://127.0.0.1:${port}`,
        OPENAI_API_KEY: KEY,
        OPENAI_BASE_URL: model.url,
        ...carrier.settings,
      };
      writeFileSync(
        join(folder, '.env'),
        Object.entries(settings)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(''),
      );
    });
    daemon = await step('npm start, until it listens', () => daemonIn(folder));
    const before = await step('npm run doctor', () => doctor(folder));
    for (const line of before) say(`          ${line}`);
    if (!before.some((line) => line.startsWith('fail number')))
      throw new Error('the doctor does not see that the number leads elsewhere');
    const { dashboard } = carrier;
    if (dashboard === undefined) {
      const mended = await step('npm run doctor -- --fix', () => doctor(folder, '--fix'));
      for (const line of mended) say(`          ${line}`);
    } else {
      await step('the webhook is set in the dashboard', async () =>
        dashboard(`http://127.0.0.1:${port}/incoming-call`),
      );
    }
    const after = await step('npm run doctor, once more', () => doctor(folder));
    for (const line of after) say(`          ${line}`);
    const failed = after.filter((line) => line.startsWith('fail'));
    if (failed.length > 0) throw new Error('the doctor still finds something wrong');
    const call = carrier.call();
    const ms = await step('somebody calls the number, and hears his own tone said back', () => heard(call));
    say(`          ${ms} ms of the caller's ${TONE_HZ} Hz tone came back alone`);
    call.hangUp();
    await call.done;
  } finally {
    daemon?.removeAllListeners('exit');
    if (daemon?.pid !== undefined) process.kill(-daemon.pid, 'SIGTERM');
    await carrier.close();
    await model.close();
  }
}

/** Rejects with what went wrong. */
export async function main(): Promise<void> {
  const flags = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      carrier: { type: 'string', default: 'twilio' },
      from: { type: 'string', default: resolve(import.meta.dirname, '..') },
      test: flags,
      keep: flags,
      help: flags,
    },
  });
  if (values.help) return say(usage());
  const user = Object.hasOwn(NEW_USERS, values.carrier) ? NEW_USERS[values.carrier] : undefined;
  if (user === undefined) throw new Error(`--carrier: ${Object.keys(NEW_USERS).join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-new-user-'));
  try {
    const version = async (program: string) => (await must(folder, program, '--version')).trim();
    say(`node ${await version('node')}, npm ${await version('npm')}`);
    await step('git clone', () => must(tmpdir(), 'git', 'clone', '--quiet', resolve(values.from), folder));
    await step('npm ci', () => must(folder, 'npm', 'ci'));
    await step('npm run demo (two calls in real time)', () => must(folder, 'npm', 'run', 'demo'));
    if (values.test) {
      const printed = await step('npm test', () => must(folder, 'npm', 'test'));
      say(`          ${printed.trim().split('\n').at(-1)}`);
    }
    await realNumber(folder, user);
    say(`${seconds(began).padStart(8)}  from nothing to a call that was answered`);
  } finally {
    if (values.keep) say(`the clone is in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}
