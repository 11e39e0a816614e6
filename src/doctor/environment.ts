import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errorMessage } from '../errors.ts';
import { type Check, type Finding, fail, pass, skip, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';

/** What the machine gives: disk, ports, files. */

const MB = 1024 * 1024;
const DISK_FAIL_BYTES = 100 * MB;
const DISK_WARN_BYTES = 1024 * MB;
/** Open files of one call at most: media socket, model socket or UDP sockets of each interface, recording. */
const FILES_A_CALL = 8;
const FILES_BESIDE = 256;
/** Ports tried at once, so that a wide range does not take all files there are. */
const PORTS_AT_ONCE = 64;

/** What later checks need to know of the machine. */
export interface Machine {
  /** Whether a UDP port can be had for media. */
  mediaPorts: boolean;
  /** Whether the WebRTC library can be loaded. */
  webrtc: boolean;
}

export function environmentChecks(deps: DoctorDeps, machine: Machine): Check[] {
  return [
    { name: 'disk', run: () => disk(deps) },
    { name: 'file limit', run: () => fileLimit(deps) },
    { name: 'port range', run: () => portRange(deps, machine) },
  ];
}

async function disk({ config, freeBytes }: DoctorDeps): Promise<Finding> {
  const folder = resolve(config.DATA_DIR);
  let there = folder;
  // The daemon makes the folder itself: what counts then is the nearest one above it.
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  const cure = 'Set DATA_DIR to a folder that the daemon’s user may write to.';
  if (!statSync(there).isDirectory()) return fail(`DATA_DIR: ${there} is no folder`, cure);
  try {
    // Rights alone do not say it: root has all of them, and the disk may be mounted for reading.
    rmdirSync(mkdtempSync(join(there, '.doctor-')));
  } catch (error) {
    return fail(`DATA_DIR: ${there} cannot be written to: ${errorMessage(error)}`, cure);
  }
  const free = await freeBytes(there);
  const seen = `${Math.floor(free / MB)} MB free in ${folder}`;
  if (free < DISK_FAIL_BYTES) return fail(seen, 'Free disk space: records and recordings can no longer be written.');
  if (free < DISK_WARN_BYTES)
    return warn(seen, 'Free disk space, or move DATA_DIR: a recorded hour takes some 100 MB.');
  return pass(seen);
}

async function fileLimit({ config, limits }: DoctorDeps): Promise<Finding> {
  const text = await limits().catch(() => '');
  const [, soft] = /^Max open files\s+(\S+)/m.exec(text) ?? [];
  if (soft === undefined) return skip('this system does not tell its limits (/proc/self/limits)');
  const most = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  const needed = config.MAX_CALLS * FILES_A_CALL + FILES_BESIDE;
  const seen = `${soft} open files; MAX_CALLS=${config.MAX_CALLS} needs up to ${needed}`;
  return most >= needed
    ? pass(seen)
    : warn(
        seen,
        'Raise the limit (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile of a container) or lower MAX_CALLS.',
      );
}

async function portRange({ config }: DoctorDeps, machine: Machine): Promise<Finding> {
  const range = config.RTC_PORT_RANGE;
  if (range === undefined) return skip('RTC_PORT_RANGE is not set: the system chooses ports for media');
  const all = range.max - range.min + 1;
  let free = 0;
  for (let first = range.min; first <= range.max; first += PORTS_AT_ONCE) {
    const some = Array.from({ length: Math.min(PORTS_AT_ONCE, range.max - first + 1) }, (_, i) => first + i);
    free += (await Promise.all(some.map(isFree))).filter(Boolean).length;
  }
  const seen = `${free} of ${all} UDP ports from ${range.min} to ${range.max} are free`;
  machine.mediaPorts = free > 0;
  if (free === 0) return fail(seen, 'Find what holds them (ss -ulpn), or choose another RTC_PORT_RANGE.');
  if (free < all) return warn(seen, 'Calls that run hold some; else find what does (ss -ulpn).');
  if (all < config.MAX_CALLS)
    return warn(
      `${seen}, but MAX_CALLS is ${config.MAX_CALLS}`,
      'Widen RTC_PORT_RANGE to at least one port a call, or lower MAX_CALLS.',
    );
  return pass(seen);
}

/** Whether this UDP port can be bound on all addresses of this machine. */
function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      done(false);
    });
    socket.bind({ port, exclusive: true }, () => socket.close(() => done(true)));
  });
}
