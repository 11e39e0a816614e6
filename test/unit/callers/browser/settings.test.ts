import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config.ts';

describe('the settings of calls from pages', () => {
  it('let nobody in but operators, and no other site, unless they say so', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      BROWSER_ACCESS: 'admin',
      BROWSER_ORIGINS: [],
      BROWSER_SYSTEM_PROMPT: false,
      BROWSER_AGENTS: [],
      BROWSER_MAX_CALLS: 10,
      BROWSER_MAX_PENDING: 8,
      BROWSER_CONNECT_MS: 8_000,
      RTC_PUBLIC_IP: [],
    });
    expect(
      loadConfig({
        BROWSER_ORIGINS: 'https://WWW.Example.com, http://localhost:3000',
        RTC_PUBLIC_IP: '203.0.113.9, 2001:db8::1',
      }),
    ).toMatchObject({
      BROWSER_ORIGINS: ['https://www.example.com', 'http://localhost:3000'],
      RTC_PUBLIC_IP: ['203.0.113.9', '2001:db8::1'],
    });
  });

  it.each([
    { BROWSER_ORIGINS: '*' },
    { BROWSER_ORIGINS: 'https://www.example.com/page' },
    { RTC_PUBLIC_IP: 'voice.example.com' },
    { BROWSER_ACCESS: 'everybody' },
    { BROWSER_ACCESS: 'public', MAX_CALLS: '1' },
    { BROWSER_MAX_CALLS: '0' },
    { BROWSER_CONNECT_MS: '60000' },
  ])('refuse %o', (env) => {
    expect(() => loadConfig(env)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
