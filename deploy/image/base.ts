import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A stand-in for the image `node:24-bookworm-slim`, made of what Debian and npm deliver: a minimal Debian, Node with its headers and npm in
 * /usr/local, and the user `node`. It differs from the original in that Debian's later updates are missing and that its headers are those
 * of this machine's Node.
 */

const run = (command: string, args: string[]) =>
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });

/** Makes the root in `folder`. Takes some 30 s. Throws when a program that it needs is missing or fails. */
export function makeBase(folder: string): void {
  run('debootstrap', ['--variant=minbase', 'bookworm', folder, debianMirror()]);
  const local = join(folder, 'usr/local');
  if (!process.version.startsWith('v24.')) throw new Error(`this must run on Node 24, not ${process.version}`);
  cpSync(process.execPath, join(local, 'bin/node'), { dereference: true });
  const npm = dirname(dirname(realpathSync(which('npm'))));
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  const headers = ['/usr/local/include/node', '/usr/include/node'].find(existsSync);
  if (headers === undefined) throw new Error('no headers of Node on this machine, so that no add-on can be compiled');
  mkdirSync(join(local, 'include'), { recursive: true });
  cpSync(headers, join(local, 'include/node'), { recursive: true, dereference: true });
  run('chroot', [folder, 'groupadd', '--gid', '1000', 'node']);
  run('chroot', [folder, 'useradd', '--uid', '1000', '--gid', 'node', '--shell', '/bin/bash', '--create-home', 'node']);
}

/** The first Debian mirror that this machine installs from, in either form of apt's lists. */
function debianMirror(): string {
  const folder = '/etc/apt/sources.list.d';
  const lists = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder).map((f) => join(folder, f)) : []),
  ];
  const text = lists
    .filter(existsSync)
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const mirror = /(?:^URIs:|^deb(?: \[[^\]]*\])?)\s+(https?:\/\/\S+\/debian)\/?(?:\s|$)/m.exec(text)?.[1];
  if (mirror === undefined) throw new Error("apt's lists name no Debian mirror");
  return mirror;
}

/** Full path of a program. Throws when there is none. */
export function which(name: string): string {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const file = join(folder, name);
    if (!folder.includes('node_modules') && existsSync(file)) return file;
  }
  throw new Error(`${name} is not installed on this machine`);
}
