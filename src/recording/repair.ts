import { join } from 'node:path';
import { markLastPage, OggError, oggPages } from '../media/ogg.ts';
import { OPUS_PRE_SKIP, readOggOpus } from '../media/ogg-opus.ts';
import { createOpusDecoder } from '../media/opus.ts';
import { WAV_HEADER_BYTES, wavHeader } from '../media/wav.ts';
import { type Fs, pathsOf, RECORDING_ID, writeAll } from './files.ts';
import { type Manifest, readManifest, updateManifest } from './manifest.ts';
import { PeakMeter } from './peaks.ts';

/** What is done to recordings as files: closing those of a process that was killed, deleting old ones, drawing their outline. */

/** Every recording of the folder. */
export function manifests(fs: Fs, dir: string): Manifest[] {
  const found: Manifest[] = [];
  for (const name of fs.readdirSync(dir)) {
    if (!name.endsWith('.json') || !RECORDING_ID.test(name.slice(0, -5))) continue;
    const manifest = readManifest(fs, join(dir, name));
    if (manifest !== undefined && `${manifest.callId}.json` === name) found.push(manifest);
  }
  return found;
}

/** Makes an unfinished recording whole, as far as it was written. Returns its length, ms. */
export function repair(fs: Fs, dir: string, manifest: Manifest): number {
  const paths = pathsOf(dir, manifest.callId, manifest.format);
  let durationMs = 0;
  let fd: number | undefined;
  try {
    fd = fs.openSync(paths.audio, 'r+');
    durationMs = manifest.format === 'wav' ? repairWav(fs, fd, manifest.sampleRate) : repairOpus(fs, fd, paths.audio);
  } catch (error) {
    // Killed between consent and the first byte: there is nothing to repair.
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
  updateManifest(fs, paths.manifest, { ...manifest, ended: { reason: 'interrupted', durationMs } });
  return durationMs;
}

function repairWav(fs: Fs, fd: number, rate: number): number {
  const bytes = Math.max(0, Math.floor((fs.fstatSync(fd).size - WAV_HEADER_BYTES) / 4) * 4);
  fs.ftruncateSync(fd, WAV_HEADER_BYTES + bytes);
  writeAll(fs, fd, wavHeader(2, rate, bytes), 0);
  return (bytes / 4 / rate) * 1000;
}

function repairOpus(fs: Fs, fd: number, path: string): number {
  const bytes = fs.readFileSync(path);
  let end = 0;
  let lastAt = 0;
  let granule = OPUS_PRE_SKIP;
  let ended = false;
  try {
    for (const page of oggPages(bytes)) {
      lastAt = page.at;
      end = page.at + page.length;
      granule = page.granule ?? granule;
      ended = page.last;
    }
  } catch (error) {
    if (!(error instanceof OggError)) throw error;
  }
  fs.ftruncateSync(fd, end);
  if (!ended && end > 0) {
    const last = bytes.subarray(lastAt, end);
    markLastPage(last);
    writeAll(fs, fd, last, lastAt);
  }
  return Math.max(0, granule - OPUS_PRE_SKIP) / 48;
}

/** Deletes a recording and what belongs to it. False when there is none. */
export function remove(fs: Fs, dir: string, callId: string): boolean {
  let found = false;
  // The manifest last: what was deleted by half is found again.
  for (const name of [`${callId}.wav`, `${callId}.opus`, `${callId}.peaks`, `${callId}.json`]) {
    try {
      fs.rmSync(join(dir, name));
      found = true;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    }
  }
  return found;
}

/** Samples of a WAV file read at a time. */
const READ_SAMPLES = 65_536;

/** Draws the outline of a recording from its audio. */
export function outlineOf(fs: Fs, dir: string, manifest: Manifest): Uint8Array {
  const { audio } = pathsOf(dir, manifest.callId, manifest.format);
  const meter = new PeakMeter(manifest.sampleRate);
  if (manifest.format === 'wav') {
    const fd = fs.openSync(audio, 'r');
    try {
      const samples = new Int16Array(READ_SAMPLES);
      const bytes = new Uint8Array(samples.buffer);
      for (let at = WAV_HEADER_BYTES; ; ) {
        const n = fs.readSync(fd, bytes, 0, bytes.length, at);
        const whole = Math.floor(n / 4) * 2;
        if (whole === 0) break;
        meter.push(samples.subarray(0, whole));
        at += whole * 2;
      }
    } finally {
      fs.closeSync(fd);
    }
    return meter.bytes;
  }
  const file = readOggOpus(fs.readFileSync(audio));
  const decoder = createOpusDecoder({ sampleRate: manifest.sampleRate, channels: 2 });
  const buffer = new Int16Array(decoder.maxSamples);
  let skip = Math.round((file.preSkip * manifest.sampleRate) / 48_000) * 2;
  let left = Math.round((file.length48k * manifest.sampleRate) / 48_000) * 2;
  for (const packet of file.packets) {
    const n = decoder.decode(packet, buffer);
    const from = Math.min(skip, n);
    skip -= from;
    const to = Math.min(n, from + left);
    left -= to - from;
    meter.push(buffer.subarray(from, to));
  }
  return meter.bytes;
}
