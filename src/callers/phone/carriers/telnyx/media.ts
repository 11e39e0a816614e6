import type { CarrierMedia, L16Wire } from '../../carrier-media.ts';
import type { TelnyxCodecs } from './codecs.ts';
import { parseTelnyx } from './messages.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is set of its streams. */
export interface TelnyxMediaOptions extends Partial<Pick<TelnyxCodecs, 'played' | 'playedHz'>> {
  readonly byteOrder?: L16Wire['byteOrder'];
}

/**
 * Telnyx's media streaming in its mode `rtp`: what it sends is what its `start` says, what it plays is what it was asked for, each in a codec of its own,
 * and messages may overtake each other. A piece of audio must have 20 ms at least. A leg on which nothing comes has been seen to be hung up, so silence is sent.
 * https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
 */
export function telnyxMedia({
  played = 'PCMU',
  playedHz = 8_000,
  byteOrder = 'auto',
}: TelnyxMediaOptions = {}): CarrierMedia {
  const format = { encoding: played.toLowerCase(), sampleRate: playedHz, channels: 1 };
  return {
    name: 'telnyx',
    parse: parseTelnyx,
    signs: ({ streamId, callId }) => 2 + (UUID.test(streamId) ? 1 : 0) + (/^v\d+:/.test(callId) ? 2 : 0),
    l16: { byteOrder, guess: 'be' },
    plays: () => format,
    wholeFrames: { ms: 20, oneAMessage: false },
    wantsSilence: true,
    media: (_streamId, payload) => `{"event":"media","media":{"payload":"${payload}"}}`,
    mark: (_streamId, name) => `{"event":"mark","mark":{"name":${JSON.stringify(name)}}}`,
    clear: () => '{"event":"clear"}',
  };
}
