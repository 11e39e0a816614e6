import type { TelnyxSettings } from './settings.ts';

/** What is asked of a stream, in the names of its parameters. */
export interface TelnyxCodecs {
  /** Of what it sends: `stream_codec`. */
  readonly sent: string;
  /** Of what it plays: `stream_bidirectional_codec`, and its rate in Hz. */
  readonly played: string;
  readonly playedHz: number;
}

/** The codecs of both directions, as the settings have them. */
export function telnyxCodecs({
  TELNYX_STREAM_CODEC: sent,
  TELNYX_BIDIRECTIONAL_CODEC: bidirectional,
}: Pick<TelnyxSettings, 'TELNYX_STREAM_CODEC' | 'TELNYX_BIDIRECTIONAL_CODEC'>): TelnyxCodecs {
  const [played = '', hz] = bidirectional.split('@');
  return { sent, played, playedHz: Number(hz) };
}
