import type { CarrierCall } from '../../src/call/carrier-call.ts';

/** A call at Twilio, in an account. */
export const atTwilio = (carrierCallId: string, accountId = 'AC1'): CarrierCall => ({
  carrier: 'twilio',
  accountId,
  carrierCallId,
});
