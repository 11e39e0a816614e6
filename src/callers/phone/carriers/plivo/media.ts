import type { CarrierMedia, L16Wire } from '../../carrier-media.ts';
import type { MediaFormat } from '../../protocol.ts';
import { parsePlivo } from './messages.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ACCOUNT = /^(?:MA|SA)[A-Z0-9]{18}$/;

/** What is set of its streams. */
export interface PlivoMediaOptions {
  /** As the settings have it: "PCMU@8000h", "L16@16000h". */
  readonly codec?: string | undefined;
  /** No page says it. */
  readonly byteOrder?: L16Wire['byteOrder'] | undefined;
}

/** What its documents ask for, and each message of audio says again. */
export function formatOf(codec = 'PCMU@8000h'): MediaFormat {
  const [, name, rate] = /^(PCMU|L16)@(\d+)h?$/.exec(codec) ?? [];
  return { encoding: name === 'L16' ? 'audio/x-l16' : 'audio/x-mulaw', sampleRate: Number(rate ?? 8000), channels: 1 };
}

/**
 * Plivo's bidirectional `<Stream>`: mu-law at 8 kHz, L16 at 8 and 16 kHz, checkpoints; no digits towards the caller, and no word for the end.
 * https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference
 */
export function plivoMedia({ codec, byteOrder = 'auto' }: PlivoMediaOptions = {}): CarrierMedia {
  const format = formatOf(codec);
  const { encoding, sampleRate } = format;
  const playing = `{"event":"playAudio","media":{"contentType":"${encoding}","sampleRate":${sampleRate},"payload":"`;
  return {
    name: 'plivo',
    // Some of its media servers offer it, and want it to be accepted.
    subprotocol: 'audio.plivo.com',
    parse: parsePlivo,
    signs: (start) =>
      (ACCOUNT.test(start.accountId) ? 2 : 0) + (UUID.test(start.streamId) ? 2 : 0) + (UUID.test(start.callId) ? 1 : 0),
    // The call's end is the socket's; a line that breaks is closed without a word (1006).
    isHangUp: (code) => code === 1000 || code === 1005,
    l16: { byteOrder, guess: 'le', hz: encoding === 'audio/x-l16' ? sampleRate : undefined },
    plays: () => format,
    media: (_streamId, payload) => `${playing}${payload}"}}`,
    mark: (streamId, name) =>
      `{"event":"checkpoint","streamId":${JSON.stringify(streamId)},"name":${JSON.stringify(name)}}`,
    clear: (streamId) => `{"event":"clearAudio","streamId":${JSON.stringify(streamId)}}`,
  };
}
