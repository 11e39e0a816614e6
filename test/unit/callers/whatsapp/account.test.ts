import { describe, expect, it } from 'vitest';
import { accountOf, META_GRAPH_URL } from '../../../../src/callers/whatsapp/http/account.ts';

const none = { WHATSAPP_PHONE_NUMBER_ID: [], WHATSAPP_APP_SECRET: [], GRAPH_API_URL: META_GRAPH_URL };

describe('the account at Meta', () => {
  it('is that of the settings where they have one', () => {
    const account = accountOf(
      {
        WHATSAPP_PHONE_NUMBER_ID: ['106540352242922'],
        WHATSAPP_ACCESS_TOKEN: 'a-token-of-meta',
        WHATSAPP_APP_SECRET: ['one-secret', 'another-secret'],
        WHATSAPP_VERIFY_TOKEN: 'a-verify-token',
        GRAPH_API_URL: META_GRAPH_URL,
      },
      () => {
        throw new Error('nobody asks for the operators’ token');
      },
    );
    expect(account).toEqual({
      phoneNumberIds: ['106540352242922'],
      token: 'a-token-of-meta',
      secrets: ['one-secret', 'another-secret'],
      verifyToken: 'a-verify-token',
      url: META_GRAPH_URL,
      isTrial: false,
    });
  });

  it('is for trials alone where they have none: on this machine, with secrets that only an operator can make', () => {
    const account = accountOf(none, () => 'the-operators-token');
    expect(account).toEqual(accountOf(none, () => 'the-operators-token'));
    expect(account).toMatchObject({ isTrial: true, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    const secrets = [account.token, account.verifyToken, ...account.secrets];
    expect(new Set(secrets).size).toBe(3);
    for (const secret of secrets) {
      expect(secret).toMatch(/^[\w-]{43}$/);
      expect(secret).not.toContain('operators');
    }
    expect(accountOf(none, () => 'another-token').secrets).not.toEqual(account.secrets);
  });

  it('for trials looks for the Graph API where the settings say', () => {
    const elsewhere = { ...none, GRAPH_API_URL: 'http://127.0.0.1:9999' };
    expect(accountOf(elsewhere, () => 'the-operators-token').url).toBe('http://127.0.0.1:9999');
  });
});
