import * as nodeFs from 'node:fs';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOggOpus } from '../../../src/media/ogg-opus.ts';
import { opusAvailable } from '../../../src/media/opus.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { decodeWav, interleave } from '../../../src/media/wav.ts';
import type { Format, Fs } from '../../../src/recording/files.ts';
import type { Waveform } from '../../../src/recording/peaks.ts';
import { type Question, Scribe, type Told } from '../../../src/recording/scribe.ts';

const RATE = 8_000;
let dir: string;
let told: Told[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'voicebridge-scribe-'));
  told = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const scribeOf = (fs: Fs = nodeFs, minFreeBytes = 0, now?: () => number) =>
  new Scribe({ dir, minFreeBytes, fs, ...(now === undefined ? {} : { now }) }, (message) => told.push(message));

const open = (scribe: Scribe, id: string, format: Format = 'wav', startedAt = Date.now()) =>
  scribe.take({ type: 'open', id, format, sampleRate: RATE, consent: 'operator', startedAt });

/** `ms` of a caller at half and an agent at a quarter of full scale. */
function stereo(ms: number): Int16Array {
  const samples = new Int16Array((ms * RATE * 2) / 1000);
  for (let i = 0; i < samples.length; i++) samples[i] = i % 2 === 0 ? 16_384 : -8_192;
  return samples;
}

function ask<T>(scribe: Scribe, question: Question): T {
  return scribe.answer(question) as T;
}

/** Records half a second of a call; closes it unless it goes on. */
const record = (scribe: Scribe, id: string, goesOn = false) => {
  open(scribe, id);
  scribe.take({ type: 'write', id, stereo: stereo(500) });
  if (!goesOn) scribe.take({ type: 'close', id, reason: 'call-ended' });
};

const manifest = (id: string) => JSON.parse(readFileSync(join(dir, `${id}.json`), 'utf8'));
const failures = () => told.filter((message) => message.type === 'failed');

/** A file system whose writes fail with `code` once `room` bytes of audio are written. */
function limited(room: number, code: string): Fs {
  let left = room;
  const audio = new Set<number>();
  return {
    ...nodeFs,
    openSync: (...args: Parameters<typeof nodeFs.openSync>) => {
      const fd = nodeFs.openSync(...args);
      if (!String(args[0]).endsWith('.json')) audio.add(fd);
      return fd;
    },
    closeSync: (fd: number) => {
      audio.delete(fd);
      nodeFs.closeSync(fd);
    },
    writeSync: ((fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
      // What lies in the file already needs no room.
      const fresh = Math.max(0, at + length - nodeFs.fstatSync(fd).size);
      if (!audio.has(fd) || fresh === 0) return nodeFs.writeSync(fd, bytes, offset, length, at);
      if (left === 0) throw Object.assign(new Error('no'), { code });
      const n = Math.min(length, length - fresh + left);
      left -= Math.min(left, fresh);
      return nodeFs.writeSync(fd, bytes, offset, n, at);
    }) as unknown as Fs['writeSync'],
  };
}

describe('Scribe', () => {
  it('has the consent on the disk before the first byte of audio', () => {
    const order: string[] = [];
    const fs: Fs = {
      ...nodeFs,
      openSync: (...args: Parameters<typeof nodeFs.openSync>) => {
        order.push(`open ${String(args[0]).split('.').at(-1)}`);
        return nodeFs.openSync(...args);
      },
      fsyncSync: (fd) => {
        order.push('sync');
        nodeFs.fsyncSync(fd);
      },
    };
    open(scribeOf(fs), 'c1');
    expect(order).toEqual(['open json', 'sync', 'open wav']);
    expect(manifest('c1')).toMatchObject({ callId: 'c1', consent: 'operator', format: 'wav', sampleRate: RATE });
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o777, name).toBe(0o600);
  });

  it('leaves a file that can be played after every piece, and a whole one at the end', () => {
    const scribe = scribeOf();
    open(scribe, 'c1');
    for (let i = 1; i <= 3; i++) {
      scribe.take({ type: 'write', id: 'c1', stereo: stereo(500) });
      const file = decodeWav(readFileSync(join(dir, 'c1.wav')));
      expect(file.channels.map((side) => [side.length, side[0]])).toEqual([
        [4_000 * i, 16_384],
        [4_000 * i, -8_192],
      ]);
    }
    scribe.take({ type: 'close', id: 'c1', reason: 'call-ended' });
    expect(manifest('c1').ended).toEqual({ reason: 'call-ended', durationMs: 1_500 });
    expect(told).toContainEqual({ type: 'closed', id: 'c1' });
    expect(failures()).toEqual([]);
  });

  it.for(['wav', 'opus'] as const)('stops at a full disk and keeps what it has: %s', (format, { skip }) => {
    const opus = opusAvailable();
    if (format === 'opus' && !opus.ok) skip(`NOT TESTED: ${opus.reason}`);
    const scribe = scribeOf(limited(format === 'wav' ? 20_001 : 5_001, 'ENOSPC'));
    open(scribe, 'c1', format);
    const tone = makeTone(440, RATE, 250);
    for (let i = 0; i < 10; i++) {
      scribe.take({ type: 'write', id: 'c1', stereo: new Int16Array(interleave([tone, tone]).buffer) });
    }
    scribe.take({ type: 'close', id: 'c1', reason: 'call-ended' });
    expect(failures()).toMatchObject([{ id: 'c1', reason: 'disk-full' }]);
    // All of it was taken off the queue nevertheless.
    expect(told.filter((message) => message.type === 'written')).toHaveLength(10);
    const bytes = readFileSync(join(dir, `c1.${format}`));
    const ms = format === 'wav' ? (decodeWav(bytes).channels[0]?.length ?? 0) / 8 : readOggOpus(bytes).length48k / 48;
    expect(ms).toBeGreaterThan(400);
    expect(manifest('c1').ended.reason).toBe('disk-full');
  });

  it('tells another failure by another name', () => {
    const scribe = scribeOf(limited(1_000, 'EIO'));
    open(scribe, 'c1');
    scribe.take({ type: 'write', id: 'c1', stereo: stereo(250) });
    expect(failures()).toMatchObject([{ reason: 'write-failed' }]);
  });

  it('begins nothing, and stops, while there is too little room', () => {
    let now = 0;
    let free = 10_000_000;
    const fs: Fs = { ...nodeFs, statfsSync: (() => ({ bavail: free, bsize: 1 })) as unknown as Fs['statfsSync'] };
    const scribe = scribeOf(fs, 5_000_000, () => now);
    open(scribe, 'c1');
    scribe.take({ type: 'write', id: 'c1', stereo: stereo(250) });
    expect(failures()).toEqual([]);
    free = 4_000_000;
    now = 6_000;
    scribe.take({ type: 'write', id: 'c1', stereo: stereo(250) });
    open(scribe, 'c2');
    expect(failures()).toMatchObject([
      { id: 'c1', reason: 'disk-full' },
      { id: 'c2', reason: 'disk-full' },
    ]);
    expect(readdirSync(dir).sort()).toEqual(['c1.json', 'c1.wav']);
  });

  it('does not write over what is there', () => {
    open(scribeOf(), 'c1');
    open(scribeOf(), 'c1');
    expect(failures()).toMatchObject([{ id: 'c1', reason: 'write-failed' }]);
  });

  it.for(['wav', 'opus'] as const)('makes whole what a killed process left: %s', (format, { skip }) => {
    const opus = opusAvailable();
    if (format === 'opus' && !opus.ok) skip(`NOT TESTED: ${opus.reason}`);
    const killed = scribeOf();
    open(killed, 'c1', format);
    for (let i = 0; i < 4; i++) killed.take({ type: 'write', id: 'c1', stereo: stereo(500) });
    const path = join(dir, `c1.${format}`);
    truncateSync(path, statSync(path).size - 3);
    const scribe = scribeOf();
    expect(ask(scribe, { type: 'sweep', before: undefined })).toEqual({ repaired: 1, deleted: 0 });
    const bytes = readFileSync(path);
    const length = format === 'wav' ? decodeWav(bytes).channels[0]?.length : undefined;
    if (format === 'wav') {
      expect(length).toBe(15_999);
      expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
    } else {
      expect(readOggOpus(bytes)).toMatchObject({ ended: true });
    }
    const { ended } = manifest('c1');
    expect(ended.reason).toBe('interrupted');
    expect(ended.durationMs).toBeGreaterThan(1_400);
    // The outline is drawn from the audio, and the second time read.
    for (let i = 0; i < 2; i++) {
      const outline = ask<Waveform>(scribe, { type: 'waveform', id: 'c1', buckets: 4 });
      expect(outline.caller).toHaveLength(4);
      // A constant does not survive a codec of speech as it is.
      if (format === 'wav') expect([outline.caller[2], outline.agent[2]]).toEqual([0.502, 0.251]);
    }
    expect(readdirSync(dir)).toContain('c1.peaks');
    expect(ask(scribe, { type: 'sweep', before: undefined })).toEqual({ repaired: 0, deleted: 0 });
  });

  it('repairs a recording that was killed before its first byte', () => {
    open(scribeOf(), 'c1');
    rmSync(join(dir, 'c1.wav'));
    const scribe = scribeOf();
    expect(ask(scribe, { type: 'sweep', before: undefined })).toEqual({ repaired: 1, deleted: 0 });
    expect(ask<Waveform>(scribe, { type: 'waveform', id: 'c1', buckets: 2 }).caller).toEqual([0, 0]);
  });

  it('deletes what is old, and never what is being written', () => {
    const scribe = scribeOf();
    for (const [id, at] of [
      ['old', 1_000],
      ['new', 9_000],
      ['running', 1_000],
    ] as const) {
      open(scribe, id, 'wav', at);
      scribe.take({ type: 'write', id, stereo: stereo(100) });
      if (id !== 'running') scribe.take({ type: 'close', id, reason: 'call-ended' });
    }
    expect(ask(scribe, { type: 'sweep', before: 5_000 })).toEqual({ repaired: 0, deleted: 1 });
    expect(readdirSync(dir).filter((name) => name.startsWith('old'))).toEqual([]);
    expect(ask(scribe, { type: 'find', id: 'new' })).toMatchObject({ path: join(dir, 'new.wav') });
    expect(ask(scribe, { type: 'delete', id: 'running' })).toBe('busy');
    expect(ask(scribe, { type: 'delete', id: 'new' })).toBe('deleted');
    expect(ask(scribe, { type: 'delete', id: 'new' })).toBe('unknown');
    expect(ask(scribe, { type: 'find', id: 'new' })).toBeUndefined();
  });

  it('closes all that is open at the end', () => {
    const scribe = scribeOf();
    open(scribe, 'c1');
    scribe.take({ type: 'write', id: 'c1', stereo: stereo(100) });
    scribe.close();
    expect(manifest('c1').ended).toEqual({ reason: 'interrupted', durationMs: 100 });
  });
});

describe('forgetting calls', () => {
  it('deletes all files of those there are, leaves the others, and what is being recorded', () => {
    const scribe = scribeOf();
    for (const id of ['c1', 'c2', 'c10']) record(scribe, id);
    record(scribe, 'running', true);
    expect(readdirSync(dir).filter((name) => name.startsWith('c1.'))).toHaveLength(3);
    expect(ask(scribe, { type: 'forget', ids: ['c1', 'nobody', 'running'] })).toEqual({ busy: ['running'] });
    expect([...new Set(readdirSync(dir).map((name) => name.split('.')[0]))].sort()).toEqual(['c10', 'c2', 'running']);
  });
});
