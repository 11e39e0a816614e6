/** A carrier's phone: calls a bridge by its webhook or its media WebSocket and measures what is heard. */

export { type BridgeMessage, type Fault, parseBridgeMessage } from './bridge-message.ts';
export { CARRIERS, type Carrier } from './carrier.ts';
export { CODEC_NAMES, type CodecName, parseCodecName, streamCodec } from './codec.ts';
export type { DialledParty } from './dial.ts';
export { type Dialect, type StreamIdentity, TwilioDialect } from './dialect.ts';
export type { FarEnd } from './far-end.ts';
export { createDialect, FAR_ENDS } from './far-ends.ts';
export { formatDuration, formatReport } from './format.ts';
export type { Interruption } from './interruptions.ts';
export { type ConnectOptions, Phone, type PhoneOptions, type PlaceCallOptions, TEST_NUMBERS } from './phone.ts';
export { Playback, type PlaybackListener } from './playback.ts';
export type { CallReport } from './report.ts';
export { sign } from './signature.ts';
export {
  AudioSource,
  firstWords,
  pcmSource,
  scriptSource,
  silenceSource,
  toneSource,
  wavSource,
} from './source.ts';
export { MediaStream, type MediaStreamOptions } from './stream.ts';
export type { StreamReport } from './stream-report.ts';
export { Timeline, type TimelineEntry } from './timeline.ts';
export { parseTwiml, TwimlError, type Verb } from './twiml.ts';
