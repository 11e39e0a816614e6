import { NUMBER } from '../../src/simulator/whatsapp/index.ts';

/** What the daemon of a bench must be told to take calls of the bench's Meta. */
export const ACCOUNT = {
  WHATSAPP_PHONE_NUMBER_ID: NUMBER.id,
  WHATSAPP_ACCESS_TOKEN: 'the-access-token-of-the-bench',
  WHATSAPP_APP_SECRET: 'the-app-secret-of-the-bench',
  WHATSAPP_VERIFY_TOKEN: 'the-verify-token-of-the-bench',
} as const;
