import { BridgeError } from '../../errors.ts';
import { type Codec, l16, pcmu } from '../../media/codecs.ts';
import { RESAMPLER_RATES } from '../../media/resample.ts';

/**
 * The codec of a format by its name: pcm_16000, ulaw_8000. Throws MODEL_FORMAT_MISMATCH for one that is none, or of a rate that cannot be converted while
 * it flows (22050, 44100): that is a setting of the agent's.
 */
export function codecOfFormat(format: string): Codec {
  if (format === 'ulaw_8000') return pcmu;
  const rate = Number(/^pcm_(\d+)$/.exec(format)?.[1]);
  if (RESAMPLER_RATES.some((known) => known === rate)) return l16(rate, 'le');
  const name = /^\w{1,20}$/.test(format) ? format : 'another';
  throw new BridgeError(
    'MODEL_FORMAT_MISMATCH',
    `the agent's audio format is ${name}: set it to ulaw_8000, or pcm_ with ${RESAMPLER_RATES.join(', ')}`,
  );
}
