import { describe, expect, it } from 'vitest';
import { addressForOthers } from '../../../src/workers/settings.ts';

describe('where the workers of a machine are reached by others', () => {
  const REDIS_URL = 'redis://10.0.0.1';

  it('is where the first process listens, from other machines: none of them reaches the loopback port of a worker', () => {
    expect(addressForOthers({ REDIS_URL, HOST: '10.0.0.7', PORT: 8_080 })).toBe('http://10.0.0.7:8080');
    expect(addressForOthers({ REDIS_URL, HOST: 'fd00::7', PORT: 8_080 })).toBe('http://[fd00::7]:8080');
    expect(addressForOthers({ REDIS_URL, HOST: '0.0.0.0', PORT: 8_080 })).toMatch(/^http:\/\/(?!0\.0\.0\.0).+:8080$/);
  });

  it('is what was set, and a port of each where all are on one machine', () => {
    const INSTANCE_URL = 'http://10.0.0.9:80';
    expect(addressForOthers({ REDIS_URL, INSTANCE_URL, HOST: '10.0.0.7', PORT: 8_080 })).toBe(INSTANCE_URL);
    expect(addressForOthers({ HOST: '10.0.0.7', PORT: 8_080 })).toBeUndefined();
    expect(addressForOthers({ REDIS_URL, HOST: '10.0.0.7', PORT: 0 })).toBeUndefined();
  });
});
