import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Beside, runBeside } from '../../cloudflared/beside.ts';
import { TunnelError, tunnelProgram } from '../../cloudflared/run.ts';
import { PROCESS_ENV } from './process-env.ts';
import { seen, WAIT_MS } from './waiting.ts';

/** The tunnel beside the daemon: real processes, with a stand-in for cloudflared and, but for one test, for the daemon. */

const root = resolve(import.meta.dirname, '../..');
let folder: string;
let running: Beside | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-tunnel-'));
});
afterEach(async () => {
  running?.kill();
  await running?.ended;
  running = undefined;
  rmSync(folder, { recursive: true });
});

/** A program that runs `body` and writes what happens to it, one word a line, in a file: that it has started when it is ready for signals. */
function program(name: string, body: string): string {
  const file = join(folder, name);
  const note = `const note = (word) => require('node:fs').appendFileSync('${file}.log', word + '\\n');`;
  writeFileSync(file, `#!${process.execPath}\n${note}\n${body}\nnote('start');`);
  chmodSync(file, 0o755);
  writeFileSync(`${file}.log`, '');
  return file;
}
const words = (name: string) =>
  readFileSync(join(folder, `${name}.log`), 'utf8')
    .trim()
    .split('\n');

const STAYS = `setInterval(() => {}, 1000);
for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => { note(name); process.exit(0); });`;
/** Drains at the first signal, is cut by the second; a signal of its own ends it with status 7. */
const DAEMON = `setInterval(() => {}, 1000); let seen = 0;
process.on('SIGTERM', () => { note('SIGTERM'); if (++seen === 2) process.exit(3); });
process.on('SIGUSR2', () => process.exit(7));`;

function start(daemon: string, tunnel: string, say: (line: string) => void = () => {}, stopMs = WAIT_MS): Beside {
  const of = (command: string) => ({ command, args: [], env: { PATH: process.env['PATH'] } });
  running = runBeside({
    daemon: of(daemon),
    tunnel: of(tunnel),
    listening: async (over) => {
      await vi.waitFor(() => over.aborted || expect(words('daemon')).toContain('start'), { timeout: WAIT_MS });
      return !over.aborted;
    },
    retry: { firstMs: 20, longestMs: 80, steadyMs: 60_000 },
    stopMs,
    say,
  });
  return running;
}
const started = (name: string, times = 1) =>
  vi.waitFor(() => expect(words(name).filter((word) => word === 'start').length).toBeGreaterThanOrEqual(times), {
    // The daemon of one of them is the real one, which starts anew.
    timeout: 3 * WAIT_MS,
  });

describe('the tunnel beside the daemon', () => {
  it('outlives the drain, and is stopped when the daemon has ended', async () => {
    const beside = start(program('daemon', DAEMON), program('tunnel', STAYS));
    await started('tunnel');
    beside.signal('SIGTERM');
    await seen(() => expect(words('daemon')).toEqual(['start', 'SIGTERM']));
    expect(words('tunnel')).toEqual(['start']);
    beside.signal('SIGUSR2');
    expect(await beside.ended).toBe(7);
    expect(words('tunnel')).toEqual(['start', 'SIGTERM']);
  });

  it('passes a second signal on to the daemon', async () => {
    const beside = start(program('daemon', DAEMON), program('tunnel', STAYS));
    await started('tunnel');
    beside.signal('SIGTERM');
    await seen(() => expect(words('daemon')).toEqual(['start', 'SIGTERM']));
    beside.signal('SIGTERM');
    expect(await beside.ended).toBe(3);
  });

  it('starts the tunnel again when it dies, each time later up to a limit, and leaves the daemon alone', async () => {
    const lines: string[] = [];
    const beside = start(program('daemon', DAEMON), program('tunnel', 'setImmediate(() => process.exit(5));'), (line) =>
      lines.push(line),
    );
    await started('tunnel', 5);
    expect(lines.slice(0, 4)).toEqual(
      [20, 40, 80, 80].map((ms) => `the tunnel ended with 5; it is started again in ${ms} ms`),
    );
    expect(words('daemon')).toEqual(['start']);
    beside.signal('SIGUSR2');
    expect(await beside.ended).toBe(7);
  });

  it('ends with the daemon that dies, by status or by signal, and does not start a tunnel for it again', async () => {
    const dying = start(
      program(
        'daemon',
        `setInterval(() => {
          if (require('node:fs').statSync('${join(folder, 'tunnel.log')}').size > 0) process.kill(process.pid, 'SIGKILL');
        }, 20);`,
      ),
      program('tunnel', STAYS),
    );
    expect(await dying.ended).toBe(137);
    expect(words('tunnel').at(-1)).toBe('SIGTERM');
    expect(words('tunnel').filter((word) => word === 'start')).toHaveLength(1);
  });

  it('kills a tunnel that does not end', async () => {
    const deaf = program('tunnel', "setInterval(() => {}, 1000); process.on('SIGTERM', () => note('SIGTERM'));");
    const beside = start(program('daemon', DAEMON), deaf, () => {}, 500);
    await started('tunnel');
    beside.signal('SIGUSR2');
    expect(await beside.ended).toBe(7);
    expect(words('tunnel')).toEqual(['start', 'SIGTERM']);
  });

  it('a daemon that cannot be started ends it all', async () => {
    program('daemon', '');
    const beside = start(join(folder, 'missing'), program('tunnel', STAYS));
    expect(await beside.ended).toBe(127);
    expect(words('tunnel')).toEqual(['']);
  });
});

describe('what cloudflared is started with', () => {
  const config = join(root, 'cloudflared/config.yml');
  const env = () => ({ CLOUDFLARED: program('tunnel', ''), PATH: '/usr/bin', OPENAI_API_KEY: 'sk-secret' });
  const problem = (more: Record<string, string>, file = config) => {
    try {
      return String(tunnelProgram({ ...env(), ...more }, file).args);
    } catch (error) {
      expect(error).toBeInstanceOf(TunnelError);
      return (error as Error).message;
    }
  };

  it('by token: which stays in the environment, with none of the daemon’s secrets beside it', () => {
    const { args, env: given } = tunnelProgram({ ...env(), TUNNEL_TOKEN: 'tok' }, join(folder, 'none.yml'));
    expect(args).toEqual(['tunnel', '--no-autoupdate', 'run']);
    expect(given).toEqual({ PATH: '/usr/bin', TUNNEL_TOKEN: 'tok' });
  });

  it('by credentials file: the rules of the configuration', () => {
    expect(tunnelProgram(env(), config).args).toEqual(['tunnel', '--config', config, 'run']);
    expect(problem({ PUBLIC_URL: 'https://voice.example.com' })).toContain('--config');
  });

  it.each([
    ['no cloudflared', { CLOUDFLARED: '/nowhere/cloudflared' }, 'is not installed'],
    ['a port of the system’s choice', { PORT: '0' }, 'PORT is 0'],
    ['another port', { PORT: '9000' }, 'a rule leads to http://127.0.0.1:8080, but the daemon listens on port 9000'],
    ['another host', { PUBLIC_URL: 'https://calls.example.org' }, 'no rule is for calls.example.org'],
  ])('refuses %s', (_, more, message) => {
    expect(problem(more)).toContain(message);
  });

  it('refuses to run with neither token nor rules', () => {
    expect(problem({}, join(folder, 'none.yml'))).toContain('neither TUNNEL_TOKEN nor');
  });
});

it('npm run tunnel: the real daemon, a tunnel when it listens, and one signal to end both', async () => {
  const tunnel = program('tunnel', STAYS);
  const config = join(folder, 'config.yml');
  // Below those that the system gives to connections.
  const port = 20_000 + (process.pid % 12_000);
  writeFileSync(config, `ingress:\n  - service: http://127.0.0.1:${port}\n`);
  const child = spawn(process.execPath, [join(root, 'cloudflared/run.ts'), '--config', config], {
    cwd: root,
    env: {
      ...PROCESS_ENV,
      CLOUDFLARED: tunnel,
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: folder,
      LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((done) => child.once('exit', done));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  try {
    await started('tunnel');
    await seen(() => expect(output).toContain(`voicebridge listens on http://127.0.0.1:${port}`));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(words('tunnel')).toEqual(['start', 'SIGTERM']);
  } finally {
    child.kill('SIGTERM');
  }
});
