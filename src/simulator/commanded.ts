/** The carrier that is told over REST what to do with a call, and has a stand-in of its own for that. */

import type { CodecName } from './phone/codec.ts';
import { type CallCodec, callTelnyx, Telnyx, type TelnyxOptions } from './telnyx/index.ts';
import { settingsFor, standInFor } from './telnyx/stand-in.ts';

export type { CallCodec } from './telnyx/index.ts';

const CALL_CODECS = {
  'PCMU@8000': 'PCMU',
  'PCMA@8000': 'PCMA',
  'L16@16000': 'L16@16000',
  'L16@24000': 'L16@24000',
} as const;

export const COMMANDED = 'telnyx';

export const commanded = {
  /** As people write it. */
  title: 'Telnyx',
  /** What signs its webhooks. */
  secret: 'private key, the other half of its public one (a PEM, or the file of one)',
  start: (options: Pick<TelnyxOptions, 'callCodec'> = {}) => Telnyx.start({ record: true, speechScale: 1, ...options }),
  /** What a call is in, of which one speaks by the name of a stream's codec. */
  callCodec: (name: CodecName): CallCodec => (name === 'L16@8000' ? 'PCMU' : CALL_CODECS[name]),
  standInFor,
  settingsFor,
  call: callTelnyx,
} as const;
