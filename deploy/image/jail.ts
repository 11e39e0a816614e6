import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/**
 * Runs a program in a folder as if that were a container: the folder is its root, it sees only its own processes, has the few devices that a
 * container has, and, if asked, may not write and is nobody. Mounts are made in a namespace of their own and vanish with it. The network is
 * this machine's. Needs root.
 */

export interface Jail {
  /** Folder that becomes the root. */
  readonly root: string;
  readonly cwd: string;
  /** Numeric user and group; 0 keeps all of root's powers, any other user has none and can get none. */
  readonly user: number;
  /** Nothing of the root can be written, by nobody. */
  readonly readOnly: boolean;
  /** Folders and files of this machine shown inside: [outside, inside]. What is shown so can be written. */
  readonly mounts: ReadonlyArray<readonly [string, string]>;
  readonly env: Readonly<Record<string, string>>;
}

// $1: root, $2: "ro" or "rw"; then pairs of mounts up to "--"; then the program. It is replaced by it, which so is process 1 of its namespace.
const ENTER = `set -eu
root=$1 mode=$2; shift 2
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"; else [ -e "$root$2" ] || : > "$root$2"; fi
  mount --bind "$1" "$root$2"; shift 2
done
shift
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
for name in null zero full random urandom; do : > "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
if [ "$mode" = ro ]; then mount -o remount,bind,ro "$root"; mount -o remount,ro "$root/dev"; fi
exec chroot "$root" "$@"`;

/** Starts a program in a jail. The child is `unshare`; killing it kills all within. */
export function spawnJailed(jail: Jail, command: readonly string[], options: SpawnOptions): ChildProcess {
  const nobody =
    jail.user === 0
      ? []
      : ['setpriv', `--reuid=${jail.user}`, `--regid=${jail.user}`, '--clear-groups', '--no-new-privs'].concat(
          '--inh-caps=-all',
          '--bounding-set=-all',
        );
  const variables = Object.entries(jail.env).map(([name, value]) => `${name}=${value}`);
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--ipc', '--uts', '--fork', '--kill-child'];
  const enter = ['sh', '-c', ENTER, 'jail', jail.root, jail.readOnly ? 'ro' : 'rw', ...jail.mounts.flat(), '--'];
  const inside = ['env', '-i', `--chdir=${jail.cwd}`, ...variables, ...nobody, ...command];
  return spawn('unshare', [...namespaces, ...enter, ...inside], options);
}

/** Runs a program in a jail to its end; what it prints is returned. Rejects with its output when it fails. */
export async function runJailed(jail: Jail, command: readonly string[]): Promise<string> {
  const child = spawnJailed(jail, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  child.stdout?.on('data', (chunk) => output.push(String(chunk)));
  child.stderr?.on('data', (chunk) => output.push(String(chunk)));
  const code = await exitOf(child);
  if (code !== 0) throw new Error(`${command.join(' ')}\nended with ${code}:\n${output.join('').slice(-4_000)}`);
  return output.join('');
}

/** Exit status, or the name of the signal. Rejects when it could not be started. */
export function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(child.signalCode);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 1));
  });
}
