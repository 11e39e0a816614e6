import type { Carrier } from './carrier.ts';
import { signalwireFarEnd, twilioFarEnd } from './carriers/laml.ts';
import { plivoFarEnd } from './carriers/plivo.ts';
import { vonageFarEnd } from './carriers/vonage.ts';
import type { Dialect, StreamIdentity } from './dialect.ts';
import type { FarEnd } from './far-end.ts';

/** The carriers whose phones are simulated, one line each. */
export const FAR_ENDS: Readonly<Record<Carrier, FarEnd>> = {
  twilio: twilioFarEnd,
  signalwire: signalwireFarEnd,
  plivo: plivoFarEnd,
  vonage: vonageFarEnd,
};

export const createDialect = (carrier: Carrier, identity: StreamIdentity): Dialect =>
  FAR_ENDS[carrier].dialect(identity);
