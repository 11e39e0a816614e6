/** Telnyx: its API on a local port, and behind it calls that really post their events and open media streams. */

export { TelnyxCall } from './call.ts';
export type { CallCodec } from './codecs.ts';
export { callTelnyx } from './phone.ts';
export { type ApiRequest, type Fault, Telnyx, type TelnyxOptions } from './server.ts';
export type { FarParty } from './side.ts';
export type { TelnyxStream } from './stream.ts';
export { TexmlCall, type TexmlInit } from './texml.ts';
export { eventText, proofOf } from './webhooks.ts';
