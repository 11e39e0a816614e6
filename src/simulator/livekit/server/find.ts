/** Where a real livekit-server is on this machine, and how one is built. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The release that everything here was tried with. https://github.com/livekit/livekit/releases */
export const LIVEKIT_VERSION = '1.13.5';
const MODULE = `github.com/livekit/livekit-server/cmd/server@v${LIVEKIT_VERSION}`;

const root = join(import.meta.dirname, '../../../..');
/** Beside the packages, and gone with them; Go's own cache makes the next build a matter of seconds. */
const CACHE = join(root, 'node_modules/.cache/livekit');
const BUILT = join(CACHE, `livekit-server-${LIVEKIT_VERSION}`);

/** How to come by one, for whoever has none. */
export const HOW_TO_GET = `build one with Go: npm run livekit-server -- --build; or put a release of https://github.com/livekit/livekit into PATH as livekit-server`;

/**
 * The program: the one named, else the one built here, else `livekit-server` in PATH or in Go's own folder of programs. Undefined where none is.
 * Throws where the one named is not there.
 */
export function findServer(named?: string): string | undefined {
  if (named !== undefined && named !== '') {
    if (!existsSync(named)) throw new Error(`${named}, named as the livekit-server, is not there`);
    return named;
  }
  if (existsSync(BUILT)) return BUILT;
  const inPath = answerOf('sh', ['-c', 'command -v livekit-server']);
  if (inPath !== undefined && existsSync(inPath)) return inPath;
  const goPath = answerOf('go', ['env', 'GOPATH']);
  const installed = goPath === undefined ? undefined : join(goPath, 'bin/livekit-server');
  return installed !== undefined && existsSync(installed) ? installed : undefined;
}

/** Why none can be built here; undefined when one can. */
export const noBuilder = (): string | undefined =>
  answerOf('go', ['version']) === undefined ? 'Go is not installed (no go in PATH)' : undefined;

/** Builds one where that was not done before, two minutes the first time, and gives its path. Rejects with what the compiler, or the network, said. */
export async function buildServer(): Promise<string> {
  if (existsSync(BUILT)) return BUILT;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'build-'));
  try {
    const args = [`GOBIN=${folder}`, 'GOFLAGS=-mod=mod', 'go', 'install', '-ldflags=-s -w', MODULE];
    const child = spawn('env', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
    });
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (status !== 0) throw new Error(`go install ${MODULE} ended with ${status}: ${said.trim()}`);
    // In one step, so that who looks meanwhile finds all of it or nothing.
    renameSync(join(folder, 'server'), BUILT);
    return BUILT;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function answerOf(command: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout.trim() : undefined;
}
