/** Bodies of Meta's webhooks, as it writes them, for tests. */

export const NUMBER_ID = '106540352242922';

/** A call that a user places. */
export const connectOf = (id: string, more: object = {}) => ({
  id,
  to: '12025550199',
  from: '12025550143',
  event: 'connect',
  timestamp: '1700000000',
  direction: 'USER_INITIATED',
  session: { sdp_type: 'offer', sdp: 'v=0\r\n' },
  ...more,
});

/** Its end at Meta. */
export const terminateOf = (id: string, more: object = {}) => ({
  id,
  event: 'terminate',
  timestamp: '1700000010',
  direction: 'USER_INITIATED',
  status: 'COMPLETED',
  ...more,
});

/** One change of calls of one number. */
export const metaChange = (calls: readonly unknown[], phoneNumberId = NUMBER_ID) => ({
  field: 'calls',
  value: {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '12025550199', phone_number_id: phoneNumberId },
    contacts: [{ profile: { name: 'A user' }, wa_id: '12025550143', user_id: 'US.1349' }] as unknown[],
    calls,
  },
});

/** A whole webhook with one change. */
export const metaBody = (...calls: readonly unknown[]) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '2', changes: [metaChange(calls)] }],
});
