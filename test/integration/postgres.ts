import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real PostgreSQL server of a test's own, in a temporary folder, on a free port of loopback. */
export interface PostgresCluster {
  /** URL of a database that is there. */
  readonly url: string;
  start(): void;
  /** As a power cut would: nobody is told, nothing is finished. */
  stopAtOnce(): void;
  /** A fresh, empty database; resolves to its URL. */
  database(name: string): string;
  /** Runs SQL on a database by `psql`; gives what it prints, values alone. */
  sql(name: string, text: string): string;
  remove(): void;
}

function newestBinaries(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/** Why there can be no server here; undefined when there can. */
export function postgresMissing(): string | undefined {
  if (newestBinaries() === undefined) return 'PostgreSQL is not installed: no initdb below /usr/lib/postgresql/*/bin';
  if (process.getuid?.() !== 0) return undefined;
  const found = spawnSync('id', ['postgres']).status === 0 && spawnSync('which', ['runuser']).status === 0;
  return found ? undefined : 'PostgreSQL does not run as root, and there is no user postgres or no runuser';
}

export async function postgresCluster(): Promise<PostgresCluster> {
  const bin = newestBinaries();
  if (bin === undefined) throw new Error(postgresMissing());
  const asRoot = process.getuid?.() === 0;
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-pg-'));
  if (asRoot) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres']).toString());
    chownSync(folder, id('-u'), id('-g'));
  }
  const port = await freePort();
  const run = (program: string, args: readonly string[]): string => {
    const command = join(bin, program);
    const options = { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
    return asRoot
      ? execFileSync('runuser', ['-u', 'postgres', '--', command, ...args], options).toString()
      : execFileSync(command, args as string[], options).toString();
  };
  const data = join(folder, 'data');
  run('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']);
  const control = (...args: string[]) => run('pg_ctl', ['-D', data, '-w', '-t', '60', ...args]);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c max_connections=60 -c shared_buffers=16MB`;
  let running = false;
  const start = () => {
    // The server would inherit our pipes and keep them open, so it has a log file.
    control('-l', join(folder, 'server.log'), '-o', options, 'start');
    running = true;
  };
  const stopAtOnce = () => {
    if (running) control('-m', 'immediate', 'stop');
    running = false;
  };
  const sql = (name: string, text: string) =>
    run('psql', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', name, '-At', '-c', text]).trim();
  const urlOf = (name: string) => `postgres://postgres@127.0.0.1:${port}/${name}`;
  start();
  return {
    url: urlOf('postgres'),
    start,
    stopAtOnce,
    sql,
    database(name) {
      sql('postgres', `CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    remove() {
      stopAtOnce();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
