import { readFileSync } from 'node:fs';
import { BridgeError, errorMessage } from './errors.ts';
import { convertRate, mixDown } from './media/convert.ts';
import type { PcmFrame } from './media/frame.ts';
import { peakDbfs } from './media/level.ts';
import { decodeWav } from './media/wav.ts';

/** The rate every caller's leg can be reached from, Hz. */
const RATE = 24_000;
/** Nobody listens longer, seconds. */
const LONGEST = 60;
/** Below this nothing is heard on a telephone, dBFS. */
const AUDIBLE = -45;

/** The shipped recording, in English. */
export const SHIPPED_APOLOGY = new URL('./assets/apology.wav', import.meta.url);

/**
 * The recorded words for a caller whose call the bridge must give up, 24 kHz: a WAV file of any rate and number of channels. Throws
 * CONFIG_INVALID for one that cannot be played, with the reason.
 */
export function loadApology(file: string | URL): PcmFrame {
  try {
    const { channels, sampleRate } = decodeWav(readFileSync(file));
    const mono = mixDown(channels);
    if (mono.length > LONGEST * sampleRate) throw new RangeError(`is longer than ${LONGEST} s`);
    if (mono.length === 0 || peakDbfs(mono) < AUDIBLE) throw new RangeError('nothing can be heard in it');
    if (sampleRate < 4_000 || sampleRate > 384_000) throw new RangeError(`has a rate of ${sampleRate} Hz`);
    return { samples: convertRate(mono, sampleRate, RATE), sampleRate: RATE };
  } catch (cause) {
    throw new BridgeError('CONFIG_INVALID', `${file}: ${errorMessage(cause)} (a WAV file of 16-bit PCM is wanted)`, {
      cause,
    });
  }
}
