import { readFile, realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { BridgeError, errorMessage } from '../../errors.ts';
import { convertRate, mixDown } from '../../media/convert.ts';
import { makeTone } from '../../media/tone.ts';
import { trimSilence } from '../../media/trim.ts';
import { decodeWav } from '../../media/wav.ts';
import { type SpokenWords, TEST_RATE, type TestCallerDeps } from './kind.ts';

/** Longest file, bytes: an hour of one channel at 8 kHz, ten minutes of two at 24 kHz. */
const MOST_FILE_BYTES = 60 * 1024 * 1024;
const TONE = /^tone:(\d{1,5}(?:\.\d+)?)(?:\/(\d{1,6}))?(?:\/(-?\d{1,3}(?:\.\d+)?))?$/;
const TONE_MS = 500;
const TONE_DBFS = -12;
const FILE = 'wav:';

export type SourceDeps = Pick<TestCallerDeps, 'speech' | 'folder'>;

/**
 * The samples, at 24 kHz, of what a step says: a tone (`tone:1020/800/-12`: Hz, ms, dBFS), a file (`wav:hello.wav`), or words. Of files and words the silence
 * around them is left out, which would be taken for the agent's delay. Rejects with TEST_CALLER_INVALID for what is no tone or file, and as `Speech` does.
 */
export async function samplesOf(source: SpokenWords, deps: SourceDeps, signal?: AbortSignal): Promise<Int16Array> {
  const { text } = source;
  if (text.startsWith('tone:')) return tone(text);
  if (text.startsWith(FILE)) {
    const { sampleRate, channels } = await readWav(text.slice(FILE.length).trim(), deps.folder);
    return trimSilence(convertRate(mixDown(channels), sampleRate, TEST_RATE), TEST_RATE);
  }
  return trimSilence(await deps.speech.say(source, signal), TEST_RATE);
}

const invalid = (problem: string) => new BridgeError('TEST_CALLER_INVALID', problem);

function tone(text: string): Int16Array {
  const [, hz, ms = TONE_MS, dbfs = TONE_DBFS] = TONE.exec(text) ?? [];
  if (hz === undefined || Number(hz) > TEST_RATE / 2 || Number(dbfs) > 0 || Number(ms) > 120_000)
    throw invalid(`"${text}" is no tone: write tone:1020/800/-12, which is Hz (to 12000), ms (to 120000) and dBFS`);
  return makeTone(Number(hz), TEST_RATE, Number(ms), Number(dbfs));
}

/** A WAV file of the folder, and of no other place. Rejects with TEST_CALLER_INVALID. */
export async function readWav(
  name: string,
  folder: string | undefined,
): Promise<{ readonly sampleRate: number; readonly channels: Int16Array[] }> {
  if (folder === undefined) throw invalid('files cannot be said here');
  let path: string;
  try {
    const root = await realpath(folder);
    path = await realpath(resolve(root, name));
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep))
      throw invalid(`the file ${name} is in another folder`);
    if ((await stat(path)).size > MOST_FILE_BYTES) throw invalid(`the file ${name} has more than 60 MB`);
    return decodeWav(await readFile(path));
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw invalid(`the file ${name} ${missing ? 'is not there' : `cannot be read: ${errorMessage(error)}`}`);
  }
}
