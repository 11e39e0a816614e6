/**
 * What tells one carrier from another before a word of media is spoken: the shapes of its ids and the header it signs with.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import { CODEC_NAMES, type CodecName } from './codec.ts';

export type Carrier = 'twilio' | 'signalwire';

export const CARRIERS: readonly [Carrier, ...Carrier[]] = ['twilio', 'signalwire'];

/** What whoever calls as this carrier should know of it. */
export interface CarrierFacts {
  /** As people write it. */
  readonly title: string;
  /** What its signing secret is called there. */
  readonly secret: string;
  /** What its streams can be in. */
  readonly codecs: readonly CodecName[];
}

export const CARRIER_FACTS: Readonly<Record<Carrier, CarrierFacts>> = {
  twilio: { title: 'Twilio', secret: 'auth token', codecs: ['PCMU@8000'] },
  signalwire: { title: 'SignalWire', secret: 'signing key', codecs: CODEC_NAMES },
};

/** The value of `ApiVersion` in both carriers' webhooks. */
export const API_VERSION = '2010-04-01';

/** The header that carries a webhook's signature (and, at Twilio only, that of a media stream's upgrade). */
export const SIGNATURE_HEADER: Readonly<Record<Carrier, string>> = {
  twilio: 'X-Twilio-Signature',
  signalwire: 'X-SignalWire-Signature',
};

/** Twilio's ids are a two-letter kind and 32 hex digits; SignalWire's are UUIDs. */
function newSid(carrier: Carrier, kind: 'AC' | 'CA' | 'MZ'): string {
  return carrier === 'twilio' ? kind + randomBytes(16).toString('hex') : randomUUID();
}

export const newAccountSid = (carrier: Carrier): string => newSid(carrier, 'AC');
export const newCallSid = (carrier: Carrier): string => newSid(carrier, 'CA');
export const newStreamSid = (carrier: Carrier): string => newSid(carrier, 'MZ');
