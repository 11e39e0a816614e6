import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type CallReport, Phone, type PhoneOptions, silenceSource } from '../../src/simulator/phone/index.ts';
import {
  type RealtimeServer,
  type RealtimeServerOptions,
  startRealtimeServer,
} from '../../src/simulator/realtime/index.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { until } from './rig.ts';

/** The daemon as several processes, as it is run in earnest, in a folder of its own with an `.env` that can change. */

const ROOT = join(import.meta.dirname, '../..');

export interface Workers {
  readonly url: string;
  readonly port: number;
  readonly model: RealtimeServer;
  readonly exit: Promise<number | null>;
  /** Lines of the log of all processes. */
  lines(message?: string): Array<Record<string, unknown>>;
  signal(name: NodeJS.Signals): void;
  /** What `.env` says from now on beside what was set at the start. */
  setEnv(settings: Record<string, string>): void;
  /** What the file of routes says from now on. */
  setRoutes(text: string): void;
  call(options?: Partial<PhoneOptions>): { readonly phone: Phone; readonly report: Promise<CallReport> };
  /** Process ids of those that serve, by instance. */
  pids(): Map<string, number>;
  metric(name: string): Promise<number>;
  health(): Promise<{ status: string; activeSessions: number }>;
  /** Of the records that are stored: instance, reason, and how many ends each has. */
  records(): Array<{ instance: string; route: string; result: string | null; reason: string | null; ends: number }>;
  close(): Promise<void>;
}

export async function startWorkers(
  settings: Record<string, string> = {},
  far: Partial<RealtimeServerOptions> = {},
): Promise<Workers> {
  const model = await startRealtimeServer({ port: 0, voice: { tone: 620, ms: 700, dbfs: -15 }, ...far });
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-workers-'));
  const routes = join(folder, 'routes.yaml');
  copyFileSync(join(ROOT, 'test/fixtures/routes.yaml'), routes);
  const setEnv: Workers['setEnv'] = (extra) => {
    const all = Object.entries({ METRICS_ACCESS: 'public', ...extra });
    writeFileSync(join(folder, '.env'), all.map(([name, value]) => `${name}=${value}\n`).join(''));
  };
  setEnv({});
  const child = spawn(process.execPath, [join(ROOT, 'src/main.ts')], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      WORKERS: '2',
      DATA_DIR: join(folder, 'data'),
      USE_WEBRTC: 'false',
      MAX_LOOP_DELAY_MS: '0',
      ADMIN_TOKEN: OPERATOR_TOKEN,
      OPENAI_API_KEY: 'sk-test-canary-000000000000',
      OPENAI_BASE_URL: model.url,
      ROUTES_FILE: routes,
      PRICES_FILE: join(ROOT, 'prices.json'),
      ...Object.fromEntries(['TOOLS', 'PROMPTS', 'KNOWLEDGE'].map((n) => [`${n}_DIR`, join(ROOT, n.toLowerCase())])),
      ...settings,
    },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const listens = () => {
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`);
    return /listens on (http:[^\s,]+)/.exec(output)?.[1];
  };
  const url = await until(listens, 'the daemon listens', 110_000).catch((error: Error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}: ${errors}${output}`);
  });
  const lines: Workers['lines'] = (message) =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as Record<string, unknown>];
        } catch {
          return [];
        }
      })
      .filter(({ msg }) => message === undefined || String(msg).includes(message));
  const get = async (path: string) => (await fetch(`${url}${path}`)).text();
  return {
    url,
    port: Number(new URL(url).port),
    model,
    exit,
    lines,
    signal: (name) => void child.kill(name),
    setEnv,
    setRoutes: (text) => writeFileSync(routes, text),
    call(options = {}) {
      const phone = new Phone({ carrier: 'twilio', source: silenceSource(), verbTimeScale: 0.05, ...options });
      return { phone, report: phone.placeCall({ webhookUrl: `${url}/incoming-call` }) };
    },
    pids: () => new Map(lines('a process takes calls').map(({ worker, pid }) => [String(worker), Number(pid)])),
    async metric(name) {
      const line = (await get('/metrics')).split('\n').find((one) => one.startsWith(`${name} `));
      return Number(line?.split(' ')[1] ?? Number.NaN);
    },
    health: async () => JSON.parse(await get('/health')) as { status: string; activeSessions: number },
    records() {
      const db = new DatabaseSync(join(folder, 'data/records.db'), { readOnly: true });
      const rows = db
        .prepare(
          "SELECT instance, route, result, reason, (SELECT count(*) FROM call_events WHERE call_id = call_records.id AND type = 'call_ended') AS ends FROM call_records",
        )
        .all();
      db.close();
      return rows as unknown as ReturnType<Workers['records']>;
    },
    async close() {
      if (child.exitCode === null) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await exit;
      clearTimeout(late);
      await model.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
