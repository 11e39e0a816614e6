/** The carriers that a phone can be of, and the shapes of their ids. What else tells one from another is in `carriers/`, a file each. */

import { randomBytes, randomUUID } from 'node:crypto';

export type Carrier = 'twilio' | 'signalwire' | 'plivo' | 'vonage';

export const CARRIERS: readonly [Carrier, ...Carrier[]] = ['twilio', 'signalwire', 'plivo', 'vonage'];

/** The value of `ApiVersion` in the webhooks of the carriers that have it. */
export const API_VERSION = '2010-04-01';

/** Twilio's ids are a two-letter kind and 32 hex digits; the others' are UUIDs, but Plivo's accounts, MA and 18 letters and digits. */
function newSid(carrier: Carrier, kind: 'AC' | 'CA' | 'MZ'): string {
  if (carrier === 'plivo' && kind === 'AC') return `MA${randomBytes(9).toString('hex').toUpperCase()}`;
  return carrier === 'twilio' ? kind + randomBytes(16).toString('hex') : randomUUID();
}

export const newAccountSid = (carrier: Carrier): string => newSid(carrier, 'AC');
export const newCallSid = (carrier: Carrier): string => newSid(carrier, 'CA');
export const newStreamSid = (carrier: Carrier): string => newSid(carrier, 'MZ');
