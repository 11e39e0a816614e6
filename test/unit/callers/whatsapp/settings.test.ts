import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config.ts';

const ACCOUNT = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922, 106540352242923',
  WHATSAPP_ACCESS_TOKEN: 'EAAGm0PX4ZCpsBA',
  WHATSAPP_APP_SECRET: 'first-secret,second-secret',
  WHATSAPP_VERIFY_TOKEN: 'a-token-of-ours',
};

describe('the settings of calls by WhatsApp', () => {
  it('are none without a number, and the current version of the Graph API', () => {
    expect(loadConfig({})).toMatchObject({
      WHATSAPP_PHONE_NUMBER_ID: [],
      WHATSAPP_APP_SECRET: [],
      WHATSAPP_PRE_ACCEPT: true,
      GRAPH_API_VERSION: 'v25.0',
      GRAPH_API_URL: 'https://graph.facebook.com',
    });
  });

  it('take several numbers, and two secrets while one is rotated', () => {
    expect(loadConfig(ACCOUNT)).toMatchObject({
      WHATSAPP_PHONE_NUMBER_ID: ['106540352242922', '106540352242923'],
      WHATSAPP_APP_SECRET: ['first-secret', 'second-secret'],
    });
  });

  it.each([
    [{ WHATSAPP_ACCESS_TOKEN: '' }, 'WHATSAPP_ACCESS_TOKEN: is not set although WHATSAPP_PHONE_NUMBER_ID is'],
    [{ WHATSAPP_APP_SECRET: '' }, 'WHATSAPP_APP_SECRET: is not set although WHATSAPP_PHONE_NUMBER_ID is'],
    [{ WHATSAPP_VERIFY_TOKEN: '' }, 'WHATSAPP_VERIFY_TOKEN: is not set although WHATSAPP_PHONE_NUMBER_ID is'],
    [{ WHATSAPP_PHONE_NUMBER_ID: '+1 202 555 0199' }, 'WHATSAPP_PHONE_NUMBER_ID: must be ids of phone numbers'],
    [{ WHATSAPP_APP_SECRET: 'short' }, 'WHATSAPP_APP_SECRET: is too short'],
    [{ GRAPH_API_VERSION: '25' }, 'GRAPH_API_VERSION: must look like v25.0'],
    [{ GRAPH_API_VERSION: 'v16.0' }, 'GRAPH_API_VERSION: calls need v17.0 or newer'],
    [{ GRAPH_API_URL: 'http://graph.facebook.com' }, 'GRAPH_API_URL: over http:// everybody on the way'],
    [{ GRAPH_API_URL: 'graph.facebook.com' }, 'GRAPH_API_URL: must be an http'],
  ])('stop the start where they are wrong: %j', (wrong, problem) => {
    expect(() => loadConfig({ ...ACCOUNT, ...wrong })).toThrow(problem);
    try {
      loadConfig({ ...ACCOUNT, ...wrong });
    } catch (error) {
      expect(String(error)).not.toMatch(/EAAG|first-secret|a-token/);
    }
  });
});
