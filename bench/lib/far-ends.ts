import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** WebRTC far ends by other people's libraries, each a program that answers offers by POST and sends back the audio that it hears. */

const FAR = join(import.meta.dirname, '../far');

export const FAR_ENDS = ['libwebrtc', 'pion', 'chromium'] as const;
export type FarEndName = (typeof FAR_ENDS)[number];

export interface FarEnd {
  readonly url: string;
  /** Ends it as a machine that loses its power does: nobody is told. */
  vanish(): void;
  stop(): Promise<void>;
}

/** Why a far end cannot be had here; undefined where it can. */
export function missing(name: FarEndName): string | undefined {
  if (name === 'pion') return spawnSync('go', ['version']).status === 0 ? undefined : 'go is not in the PATH';
  if (name === 'chromium') return existsSync('/usr/bin/chromium') ? undefined : 'there is no /usr/bin/chromium';
  return undefined;
}

/** Starts one. Pion's is built first, which takes a minute and brings its modules. */
export async function startFarEnd(name: FarEndName): Promise<FarEnd> {
  const built = name === 'pion' ? buildPion() : undefined;
  const command: Record<FarEndName, readonly [string, ...string[]]> = {
    libwebrtc: [process.execPath, join(FAR, 'wrtc-echo.ts')],
    chromium: [process.execPath, join(FAR, 'chromium-echo.ts')],
    pion: [built ?? ''],
  };
  const [file, ...args] = command[name];
  // Its standard input is its leash: it ends when that does.
  const child: ChildProcess = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  if (typeof value !== 'string') throw new Error(`the far end by ${name} ended`);
  return {
    url: `${value}/v1/realtime/calls`,
    vanish: () => void child.kill('SIGKILL'),
    async stop() {
      child.stdin!.end();
      const limit = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(limit);
    },
  };
}

let pion: string | undefined;

function buildPion(): string {
  if (pion !== undefined) return pion;
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-bench-pion-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  pion = join(folder, 'echo');
  execFileSync('go', ['build', '-o', pion, '.'], { cwd: join(FAR, 'pion'), stdio: ['ignore', 'inherit', 'inherit'] });
  return pion;
}
