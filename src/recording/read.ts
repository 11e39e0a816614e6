import { readFile } from 'node:fs/promises';
import { readOggOpus } from '../media/ogg-opus.ts';
import { createOpusDecoder } from '../media/opus.ts';
import { decodeWav } from '../media/wav.ts';
import { FORMATS, type Format, pathsOf, RECORDING_ID } from './files.ts';

/** What was recorded of a call. */
export interface RecordedAudio {
  readonly sampleRate: number;
  /** The caller and the agent, of the same length. */
  readonly channels: readonly Int16Array[];
}

/** Reads the whole recording of a call; undefined where there is none in this folder. Rejects for a file that is damaged. */
export async function readRecording(dir: string, callId: string): Promise<RecordedAudio | undefined> {
  if (!RECORDING_ID.test(callId)) return undefined;
  for (const format of FORMATS) {
    const bytes = await readFile(pathsOf(dir, callId, format).audio).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes !== undefined) return decoded(bytes, format);
  }
  return undefined;
}

function decoded(bytes: Uint8Array, format: Format): RecordedAudio {
  if (format === 'wav') return decodeWav(bytes);
  const file = readOggOpus(bytes);
  const sampleRate = 48_000;
  const decoder = createOpusDecoder({ sampleRate, channels: 2 });
  const packet = new Int16Array(decoder.maxSamples);
  const channels = [new Int16Array(file.length48k), new Int16Array(file.length48k)] as const;
  let at = -file.preSkip;
  for (const one of file.packets) {
    const count = decoder.decode(one, packet) / 2;
    for (let i = Math.max(0, -at); i < count && at + i < file.length48k; i++) {
      channels[0][at + i] = packet[2 * i]!;
      channels[1][at + i] = packet[2 * i + 1]!;
    }
    at += count;
  }
  return { sampleRate, channels };
}
