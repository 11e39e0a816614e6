import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A real Redis or Valkey of the tests' own: what is installed on the machine, or what TEST_REDIS_SERVER names, on a free port, which keeps nothing. */
export interface TestRedis {
  readonly url: string;
  /** It answers nothing any more, and takes what is sent to it; until `resume`, which finds all of that. */
  pause(): void;
  resume(): void;
  /** Ends it at once, with all that it holds. */
  kill(): Promise<void>;
  /** After `kill`: another at the same place, empty. */
  start(): Promise<void>;
  /** Ends it, and leaves nothing behind. */
  close(): Promise<void>;
}

const PROGRAMS = ['redis-server', 'valkey-server'];

/** Which program it is, in place of the first that is found: a name in the PATH, or a path. */
const WANTED = process.env['TEST_REDIS_SERVER'];

/** The program, or undefined, in which case whoever needs it skips, loudly: `NO_REDIS` is why. */
export const redisProgram = (WANTED === undefined ? PROGRAMS : [WANTED]).find((name) => {
  try {
    return execFileSync(name, ['--version'], { encoding: 'utf8' }) !== '';
  } catch {
    return false;
  }
});

export const NO_REDIS =
  WANTED === undefined
    ? `neither ${PROGRAMS.join(' nor ')} is in the PATH: apt-get install redis-server`
    : `TEST_REDIS_SERVER: ${WANTED} does not run`;

/** How long a start may take, ms: a busy machine is no hang. */
const START_MS = 20_000;

export async function startRedis(...flags: readonly string[]): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async () => {
    child = await started(port, folder, flags);
  };
  const kill = async () => {
    const gone = child;
    child = undefined;
    if (gone === undefined || gone.exitCode !== null || gone.signalCode !== null) return;
    const exited = new Promise((resolve) => gone.once('exit', resolve));
    gone.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill,
    start,
    async close() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function started(port: number, folder: string, flags: readonly string[]): Promise<ChildProcess> {
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn(redisProgram ?? 'redis-server', [...settings, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const ready = new Promise<void>((resolve, reject) => {
    const said: string[] = [];
    const late = setTimeout(() => reject(new Error(`Redis is not ready:\n${said.join('\n')}`)), START_MS);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Redis does not start:\n${said.join('\n')}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      if (!line.includes('Ready to accept connections')) return;
      clearTimeout(late);
      resolve();
    });
  });
  await ready;
  return child;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
