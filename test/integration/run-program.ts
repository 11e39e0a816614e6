import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { PROCESS_ENV } from './process-env.ts';

const root = resolve(import.meta.dirname, '../..');

/** Runs one of the project's programs to its end, with these settings and no others. */
export async function runProgram(env: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...PROCESS_ENV, ...env } });
  const text = { out: '', err: '' };
  child.stdout.on('data', (part: Buffer) => {
    text.out += part;
  });
  child.stderr.on('data', (part: Buffer) => {
    text.err += part;
  });
  const [status] = (await once(child, 'close')) as [number];
  return { status, ...text };
}
