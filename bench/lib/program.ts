import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { sleep } from './child.ts';
import { childrenOf, type ProcessUsage, usageOf } from './processes.ts';

/** A program that is no role of a bench: started by its command, measured from outside with all processes that it starts, and ended with them. */

/** So long a program may take until it answers, ms. */
const START_MS = 180_000;
/** So long it may take to end before it is killed, ms. */
const END_MS = 3_000;

export interface ProgramOptions {
  /** Its working directory. */
  readonly dir: string;
  readonly command: readonly [string, ...string[]];
  /** Beside PATH, HOME and PORT, which is made up here. */
  readonly env: Readonly<Record<string, string>>;
}

/** What `npm start` runs in the checkout that is there, without npm, which would be measured with it. */
export function startCommand(dir: string): [string, ...string[]] {
  const { scripts } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const [node, ...args] = scripts.start.split(' ');
  if (node !== 'node') throw new Error(`${dir}: npm start begins with ${node}`);
  return [process.execPath, ...args];
}

export interface Program {
  /** Where it listens: http://127.0.0.1:PORT. */
  readonly url: string;
  /** Of all its processes together. */
  usage(): ProcessUsage;
  stop(): Promise<void>;
}

/** Starts it with a free port in PORT. Rejects when it ends, or does not answer HTTP there within three minutes; its last words are in the error. */
export async function startProgram({ dir, command, env }: ProgramOptions): Promise<Program> {
  const port = await freePort();
  const [file, ...args] = command;
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(file, args, {
    cwd: dir,
    // A group of its own: what it starts ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, ...env, PORT: String(port) },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-2_000);
    });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      said += error.message;
      resolve();
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = () => end(child, ended);
  const over = ended.then(() => 'over' as const);
  for (const deadline = performance.now() + START_MS; ; ) {
    if (await answers(url)) break;
    const isOver = (await Promise.race([over, sleep(50)])) === 'over';
    if (!isOver && performance.now() < deadline) continue;
    await stop();
    throw new Error(`${command.join(' ')} in ${dir} ${isOver ? 'ended' : 'does not answer'}:\n${said}`);
  }
  return { url, usage: () => sum(familyOf(child.pid)), stop };
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // All of it is gone.
    }
  };
  signal('SIGTERM');
  await Promise.race([ended, sleep(END_MS)]);
  signal('SIGKILL');
  await ended;
}

/** Any answer is one: what it says at its root is its own affair. */
async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function familyOf(pid: number | undefined): number[] {
  return pid === undefined ? [] : [pid, ...childrenOf(pid).flatMap(familyOf)];
}

function sum(pids: readonly number[]): ProcessUsage {
  let [cpuMs, rss, threads] = [0, 0, 0];
  for (const pid of pids) {
    const one = usageOf(pid);
    cpuMs += one.cpuMs;
    rss += one.rss;
    threads += one.threads;
  }
  return { cpuMs, rss, threads };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
