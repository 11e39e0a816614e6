import { hostname } from 'node:os';
import { type AudioFile, createAudioFile, TooLongError } from './audio-file.ts';
import { type Format, type Fs, isFull, PRIVATE, pathsOf, writeAll } from './files.ts';
import { createManifest, isAbandoned, type Manifest, readManifest, updateManifest } from './manifest.ts';
import { PeakMeter, type Waveform, waveform } from './peaks.ts';
import { manifests, outlineOf, remove, repair } from './repair.ts';

/**
 * Writes recordings: the side that touches the disk and the codec. It lives on a thread of its own, and is told what to do by messages;
 * so it is a plain object over a file system.
 */

/** What it is told, beside being asked. `id` is a call's. */
export type Order =
  | { type: 'open'; id: string; format: Format; sampleRate: number; consent: 'notice' | 'operator'; startedAt: number }
  | { type: 'write'; id: string; stereo: Int16Array }
  | { type: 'close'; id: string; reason: string };

export type Question =
  /** Closes what a killed process left, then deletes what began before `before` (wall ms). */
  | { type: 'sweep'; before: number | undefined }
  | { type: 'find'; id: string }
  | { type: 'waveform'; id: string; buckets: number }
  | { type: 'delete'; id: string }
  /** Deletes those of these calls that there are; what is being recorded at the moment stays. */
  | { type: 'forget'; ids: readonly string[] };

export interface Found {
  readonly manifest: Manifest;
  readonly path: string;
}

export interface Answers {
  sweep: { repaired: number; deleted: number };
  find: Found | undefined;
  waveform: Waveform | undefined;
  /** `busy`: it is being recorded at the moment. */
  delete: 'deleted' | 'unknown' | 'busy';
  /** Calls that are being recorded. */
  forget: { busy: string[] };
}

/** What it tells. */
export type Told =
  /** So much was taken from the queue. */
  | { type: 'written'; id: string; samples: number }
  /** Nothing more is written of this call. */
  | { type: 'failed'; id: string; reason: 'disk-full' | 'write-failed' | 'too-long'; message: string }
  | { type: 'closed'; id: string };

export interface ScribeOptions {
  readonly dir: string;
  /** Bytes that must stay free. */
  readonly minFreeBytes: number;
  readonly fs: Fs;
  readonly now?: () => number;
}

/** How often the room on the disk is looked at, ms. */
const ROOM_MS = 5_000;

interface Open {
  readonly manifest: Manifest;
  /** Whether its manifest is on the disk. */
  known: boolean;
  /** Undefined after it failed. */
  audio: AudioFile | undefined;
  readonly meter: PeakMeter;
  /** Samples of each side that are in the file. */
  samples: number;
  reason: string | undefined;
}

export class Scribe {
  readonly #options: ScribeOptions;
  readonly #fs: Fs;
  readonly #now: () => number;
  readonly #tell: (told: Told) => void;
  readonly #open = new Map<string, Open>();
  #roomLookedAt = Number.NEGATIVE_INFINITY;
  #serial = 1;

  constructor(options: ScribeOptions, tell: (told: Told) => void) {
    this.#options = options;
    this.#fs = options.fs;
    this.#now = options.now ?? (() => performance.now());
    this.#tell = tell;
  }

  /** Never throws. */
  take(order: Order): void {
    switch (order.type) {
      case 'open':
        this.#begin(order);
        return;
      case 'write':
        this.#write(order.id, order.stereo);
        return;
      case 'close':
        this.#close(order.id, order.reason);
        return;
      default:
        order satisfies never;
    }
  }

  /** Closes what is still being written, as interrupted. */
  close(): void {
    for (const id of this.#open.keys()) this.#close(id, 'interrupted');
  }

  /** Throws what the file system threw. */
  answer(question: Question): unknown {
    const { dir } = this.#options;
    switch (question.type) {
      case 'sweep':
        return this.#sweep(question.before) satisfies Answers['sweep'];
      case 'find':
        return this.#find(question.id) satisfies Answers['find'];
      case 'waveform':
        return this.#waveform(question.id, question.buckets) satisfies Answers['waveform'];
      case 'delete':
        if (this.#open.has(question.id)) return 'busy' satisfies Answers['delete'];
        return (remove(this.#fs, dir, question.id) ? 'deleted' : 'unknown') satisfies Answers['delete'];
      case 'forget':
        return this.#forget(question.ids) satisfies Answers['forget'];
      default:
        return question satisfies never;
    }
  }

  #begin({ id, format, sampleRate, consent, startedAt }: Extract<Order, { type: 'open' }>): void {
    const { dir } = this.#options;
    const paths = pathsOf(dir, id, format);
    const manifest: Manifest = {
      version: 1,
      callId: id,
      format,
      sampleRate,
      consent,
      startedAt,
      pid: process.pid,
      host: hostname(),
    };
    const meter = new PeakMeter(sampleRate);
    const open: Open = { manifest, known: false, audio: undefined, meter, samples: 0, reason: undefined };
    this.#open.set(id, open);
    try {
      this.#needRoom();
      createManifest(this.#fs, paths.manifest, manifest);
      open.known = true;
      open.audio = createAudioFile(this.#fs, paths.audio, format, { sampleRate, consent, serial: this.#serial++ });
    } catch (error) {
      this.#fail(id, open, error);
    }
  }

  #write(id: string, stereo: Int16Array): void {
    const open = this.#open.get(id);
    if (open?.audio !== undefined) {
      try {
        this.#needRoom();
        open.audio.write(stereo);
        open.meter.push(stereo);
        open.samples += stereo.length / 2;
      } catch (error) {
        this.#fail(id, open, error);
      }
    }
    this.#tell({ type: 'written', id, samples: stereo.length });
  }

  #close(id: string, reason: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    const { manifest, meter } = open;
    const { format, sampleRate } = manifest;
    const paths = pathsOf(this.#options.dir, id, format);
    const durationMs = (open.samples / sampleRate) * 1000;
    try {
      open.audio?.close();
    } catch (error) {
      // The end of a stream that found no room is missing; what is there can be played.
      open.reason ??= reasonOf(error);
      this.#report(id, error);
    }
    try {
      if (open.known) {
        updateManifest(this.#fs, paths.manifest, { ...manifest, ended: { reason: open.reason ?? reason, durationMs } });
        this.#keepOutline(paths.peaks, meter.bytes);
      }
    } catch (error) {
      this.#report(id, error);
    }
    this.#tell({ type: 'closed', id });
  }

  /** The file is closed as it is; the call goes on without it. */
  #fail(id: string, open: Open, error: unknown): void {
    open.reason = reasonOf(error);
    try {
      open.audio?.close();
    } catch {
      // What could not be written cannot always be closed cleanly either; the next start repairs it.
    }
    open.audio = undefined;
    this.#report(id, error);
  }

  #report(id: string, error: unknown): void {
    this.#tell({ type: 'failed', id, reason: reasonOf(error), message: String(error) });
  }

  #needRoom(): void {
    const { dir, minFreeBytes } = this.#options;
    const now = this.#now();
    if (now - this.#roomLookedAt < ROOM_MS) return;
    const { bavail, bsize } = this.#fs.statfsSync(dir);
    if (bavail * bsize < minFreeBytes) throw new NoRoomError(`less than ${minFreeBytes / 1e6} MB are free`);
    this.#roomLookedAt = now;
  }

  #find(id: string): Found | undefined {
    const { dir } = this.#options;
    const manifest = readManifest(this.#fs, pathsOf(dir, id, 'wav').manifest);
    return manifest === undefined ? undefined : { manifest, path: pathsOf(dir, id, manifest.format).audio };
  }

  #waveform(id: string, buckets: number): Waveform | undefined {
    const manifest = this.#find(id)?.manifest;
    if (manifest === undefined) return undefined;
    const { peaks } = pathsOf(this.#options.dir, id, manifest.format);
    const open = this.#open.get(id);
    if (open !== undefined) {
      return waveform(open.meter.sofar, (open.samples / manifest.sampleRate) * 1000, buckets);
    }
    const durationMs = manifest.ended?.durationMs ?? 0;
    let outline: Uint8Array;
    try {
      outline = this.#fs.readFileSync(peaks);
    } catch {
      outline = durationMs === 0 ? new Uint8Array() : outlineOf(this.#fs, this.#options.dir, manifest);
      this.#keepOutline(peaks, outline);
    }
    return waveform(outline, durationMs, buckets);
  }

  #sweep(before: number | undefined): Answers['sweep'] {
    const { dir } = this.#options;
    let repaired = 0;
    let deleted = 0;
    for (const manifest of manifests(this.#fs, dir)) {
      if (this.#open.has(manifest.callId)) continue;
      if (before !== undefined && manifest.startedAt < before) {
        if (remove(this.#fs, dir, manifest.callId)) deleted++;
      } else if (manifest.ended === undefined && isAbandoned(manifest)) {
        repair(this.#fs, dir, manifest);
        repaired++;
      }
    }
    return { repaired, deleted };
  }

  #forget(ids: readonly string[]): Answers['forget'] {
    const { dir } = this.#options;
    const there = new Set(this.#fs.readdirSync(dir).map((name) => name.replace(/\.[a-z]+$/, '')));
    for (const id of ids) if (there.has(id) && !this.#open.has(id)) remove(this.#fs, dir, id);
    return { busy: ids.filter((id) => this.#open.has(id)) };
  }

  /** Kept as far as there is room: it can be drawn again. */
  #keepOutline(path: string, outline: Uint8Array): void {
    try {
      const fd = this.#fs.openSync(path, 'w', PRIVATE);
      try {
        writeAll(this.#fs, fd, outline, 0);
      } finally {
        this.#fs.closeSync(fd);
      }
    } catch {
      try {
        // Half an outline would pass for the whole.
        this.#fs.rmSync(path, { force: true });
      } catch {
        // Then it is not there, or the disk is gone.
      }
    }
  }
}

class NoRoomError extends Error {}

function reasonOf(error: unknown): 'disk-full' | 'write-failed' | 'too-long' {
  if (error instanceof TooLongError) return 'too-long';
  return error instanceof NoRoomError || isFull(error) ? 'disk-full' : 'write-failed';
}
