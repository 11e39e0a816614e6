import { readFileSync } from 'node:fs';
import { type ComfortSounds, comfortTone } from './call/comfort.ts';
import { BridgeError, errorMessage } from './errors.ts';
import type { PcmFrame } from './media/frame.ts';
import { RESAMPLER_RATES } from './media/resample.ts';
import { decodeWav } from './media/wav.ts';

/** Longest sound of an operator's own, s: an answer waits for nothing, but what is played again and again is short. */
const LONGEST_S = 30;

/** "One moment, please.", 24 kHz. */
function oneMoment(): PcmFrame {
  const { channels, sampleRate } = decodeWav(readFileSync(new URL('./assets/one-moment.wav', import.meta.url)));
  return { samples: channels[0] ?? new Int16Array(), sampleRate };
}

/**
 * What a caller hears who waits for an answer, as `ANSWER_FILLER` has it: `tone` (words where the wait is known to last), `words`, `off`, or the path of a WAV file (PCM16 or G.711; the first
 * channel is taken). Throws CONFIG_INVALID, with the setting's name, for a file that cannot be played.
 */
export function comfortSounds(setting: string): ComfortSounds | undefined {
  if (/^(off|false|no|0)$/i.test(setting)) return undefined;
  if (/^(tone|on|true|yes|1)$/i.test(setting)) return { model: comfortTone(), limits: oneMoment() };
  if (/^words$/i.test(setting)) return { model: oneMoment(), limits: oneMoment() };
  const wrong = (why: string, cause?: unknown) =>
    new BridgeError(
      'CONFIG_INVALID',
      `ANSWER_FILLER must be tone, words, off, or the path of a WAV file: ${setting} ${why}`,
      {
        cause,
      },
    );
  try {
    const { channels, sampleRate } = decodeWav(readFileSync(setting));
    const samples = channels[0] ?? new Int16Array();
    if (samples.length === 0) throw wrong('is empty');
    if (samples.length > LONGEST_S * sampleRate) throw wrong(`is longer than ${LONGEST_S} s`);
    if (!(RESAMPLER_RATES as readonly number[]).includes(sampleRate)) {
      throw wrong(`has ${sampleRate} samples a second; it needs ${RESAMPLER_RATES.join(', ')}`);
    }
    const own = { samples, sampleRate };
    return { model: own, limits: own };
  } catch (error) {
    throw error instanceof BridgeError ? error : wrong(`cannot be read (${errorMessage(error)})`, error);
  }
}
