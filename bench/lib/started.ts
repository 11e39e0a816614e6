import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usageOf } from './processes.ts';

/** A daemon that nobody has called yet, or a program beside it that says that it listens: how long that took, and what it holds from then on. */

const MB = 1_024 * 1_024;
const root = join(import.meta.dirname, '../..');

/** How the program is started. */
export interface Way {
  readonly name: string;
  readonly args: readonly string[];
  /** Where it is started; here where left out. */
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Start {
  readonly listensMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  /** That part of it which no file backs, so that nobody shares it and it cannot be taken back. */
  readonly ownMb: number;
  readonly threads: number;
}

/** A process that listens. */
export interface Started extends Pick<Start, 'listensMs' | 'cpuMs'> {
  /** What it holds by now. */
  read(): Start;
  /** Calls it by its webhook, the first time: how long the answer takes, ms. */
  call(): Promise<number>;
  end(): Promise<void>;
}

export async function start({ args, env, dir = root }: Way, transport: 'websocket' | 'webrtc'): Promise<Started> {
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'silent',
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: 'http://127.0.0.1:9',
      USE_WEBRTC: String(transport === 'webrtc'),
      ...env,
    },
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  };
  let url: string;
  try {
    url = await new Promise<string>((resolve, reject) => {
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
        const found = /listens on (\S+)/.exec(output)?.[1];
        if (found !== undefined) resolve(found);
      });
      void ended.then(() => reject(new Error('the daemon does not start')));
    });
  } catch (error) {
    await end();
    throw error;
  }
  const listensMs = performance.now() - began;
  const { cpuMs } = usageOf(child.pid);
  return {
    listensMs,
    cpuMs,
    end,
    async call() {
      const began = performance.now();
      const form = {
        CallSid: `CA${'0'.repeat(32)}`,
        AccountSid: `AC${'0'.repeat(32)}`,
        From: '+15005550006',
        To: '+15005550001',
      };
      const body = new URLSearchParams({ ...form, CallStatus: 'ringing', Direction: 'inbound' });
      const answer = await fetch(`${url}/incoming-call`, { method: 'POST', body });
      if (!(await answer.text()).includes('<Stream')) throw new Error(`the webhook answered ${answer.status}`);
      return performance.now() - began;
    },
    read() {
      const { rss, threads } = usageOf(child.pid);
      const own = /^Anonymous:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8'))?.[1];
      return { listensMs, cpuMs, rssMb: rss / MB, ownMb: Number(own) / 1_024, threads };
    },
  };
}
