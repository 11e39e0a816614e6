import { type Codec, l16, pcma, pcmu } from '../../media/codecs.ts';
import type { WebsocketTarget } from './target.ts';

/** In which form audio goes both ways, as the codecs have it. */
export interface AudioForms {
  readonly up: Codec;
  readonly down: Codec;
  readonly channels: 1 | 2;
}

export function formsOf({ rate, rate_up, rate_down, encoding, channels }: WebsocketTarget['audio']): AudioForms {
  return { up: codecOf(encoding, rate_up ?? rate), down: codecOf(encoding, rate_down ?? rate), channels };
}

function codecOf(encoding: WebsocketTarget['audio']['encoding'], rate: number): Codec {
  switch (encoding) {
    case 'pcm_s16le':
      return l16(rate, 'le');
    case 'pcm_s16be':
      return l16(rate, 'be');
    // G.711 is a law of amplitudes, which any rate can have.
    case 'mulaw':
      return rate === pcmu.sampleRate ? pcmu : { ...pcmu, name: `pcmu/${rate}`, sampleRate: rate };
    case 'alaw':
      return rate === pcma.sampleRate ? pcma : { ...pcma, name: `pcma/${rate}`, sampleRate: rate };
    default:
      return encoding satisfies never;
  }
}

/** Samples of interleaved channels as one channel, in place; returns how many are left. */
export function mixInPlace(samples: Int16Array, count: number, channels: 1 | 2): number {
  if (channels === 1) return count;
  const mono = count >> 1;
  for (let i = 0; i < mono; i++) samples[i] = (samples[2 * i]! + samples[2 * i + 1]!) >> 1;
  return mono;
}
