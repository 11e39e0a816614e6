import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Image } from './build.ts';
import { exitOf, type Jail, runJailed, spawnJailed } from './jail.ts';

/** An image's process as `docker run --read-only --network host -v DATA:/data` would start it. */
export interface Container {
  /** Everything printed so far. */
  output(): string;
  /** Resolves when the output has `text`. Rejects after `withinMs`, or when the process ends before. */
  printed(text: string, withinMs: number): Promise<void>;
  /** What the image's HEALTHCHECK says at this moment. */
  healthy(): Promise<boolean>;
  /** SIGTERM to process 1. Resolves with the exit status. */
  stop(): Promise<number | NodeJS.Signals>;
  kill(): void;
}

function jailOf(image: Image, data: string, env: Readonly<Record<string, string>>): Jail {
  mkdirSync(data, { recursive: true });
  chownSync(data, image.user, image.user);
  return {
    root: image.root,
    cwd: image.workdir,
    user: image.user,
    readOnly: true,
    mounts: image.volumes.map((volume) => [data, volume] as const),
    env: { ...image.env, ...env },
  };
}

/** Starts the image in the background. `data` is a folder of this machine that becomes its volume. */
export function startContainer(
  image: Image,
  data: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Container {
  const jail = jailOf(image, data, env);
  const child = spawnJailed(jail, [...image.entrypoint, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  child.stderr?.on('data', (chunk) => (text += String(chunk)));
  const ended = exitOf(child);
  return {
    output: () => text,
    async printed(wanted, withinMs) {
      const until = performance.now() + withinMs;
      while (!text.includes(wanted)) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before "${wanted}":\n${text}`);
        if (performance.now() > until) throw new Error(`no "${wanted}" within ${withinMs} ms:\n${text}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    healthy: () =>
      runJailed(jail, image.healthcheck).then(
        () => true,
        () => false,
      ),
    stop() {
      process.kill(processOne(child), 'SIGTERM');
      return ended;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Runs a command of the image to its end; resolves with what it printed, rejects when it fails. */
export function runInContainer(
  image: Image,
  data: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return runJailed(jailOf(image, data, env), [...image.entrypoint, ...command]);
}

/** This machine's number of the process that is 1 within: the only child of `unshare`. */
function processOne(child: ChildProcess): number {
  return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
}

/** A TCP port of loopback that is free at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** `npm run call` of this work tree, from outside of the container. Rejects with its output when the call was not OK. */
export async function placeCall(project: string, webhook: string, carrier: string): Promise<CallSummary> {
  const args = [join(project, 'src/cli/call.ts'), '--webhook', webhook, '--carrier', carrier, '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  if ((await exitOf(child)) !== 0) throw new Error(`the call from ${carrier} failed:\n${err}\n${out}`);
  return JSON.parse(out) as CallSummary;
}

/** The part of the report that is looked at here. */
export interface CallSummary {
  readonly ok: boolean;
  readonly reason: string;
}
