import { describe, expect, it } from 'vitest';
import { isOurs } from '../../../../src/callers/livekit/settings.ts';
import { loadConfig } from '../../../../src/config.ts';

const ALL = {
  LIVEKIT_ENABLED: 'true',
  LIVEKIT_SERVER_URL: 'wss://livekit.example.com',
  LIVEKIT_API_KEY: 'APIkey',
  LIVEKIT_API_SECRET: 'secret-of-32-characters-and-more',
};
const problem = (env: Record<string, string | undefined>) => {
  try {
    loadConfig(env);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('the settings of rooms', () => {
  it('are off unless they are asked for', () => {
    expect(loadConfig({}).LIVEKIT_ENABLED).toBe(false);
    expect(problem({ ...ALL, LIVEKIT_ENABLED: 'false' })).toBe('');
  });

  it.each(['LIVEKIT_SERVER_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET'])('need %s', (name) => {
    expect(problem({ ...ALL, [name]: '' })).toContain(`${name}: is not set although LIVEKIT_ENABLED is true`);
  });

  it('half set, and off, are a mistake, too', () => {
    expect(problem({ LIVEKIT_API_KEY: 'APIkey' })).toContain(
      'LIVEKIT_SERVER_URL, LIVEKIT_API_SECRET: not set, while LIVEKIT_API_KEY is',
    );
    expect(problem({ LIVEKIT_ROOM_PATTERN: 'support-*' })).toContain('LIVEKIT_ROOM_PATTERN');
  });

  it('take the address in every form of it, and no other', () => {
    const url = (text: string) => loadConfig({ ...ALL, LIVEKIT_SERVER_URL: text }).LIVEKIT_SERVER_URL;
    expect(url('https://livekit.example.com/')).toBe('wss://livekit.example.com');
    expect(url('http://127.0.0.1:7880')).toBe('ws://127.0.0.1:7880');
    expect(url('ws://10.0.0.1:7880')).toBe('ws://10.0.0.1:7880');
    for (const bad of ['livekit.example.com', 'ftp://x', 'wss://user:pass@x', 'wss://x?access_token=1'])
      expect(problem({ ...ALL, LIVEKIT_SERVER_URL: bad }), bad).toContain('LIVEKIT_SERVER_URL: must be');
  });

  it.each([
    ['LIVEKIT_TOKEN_MINUTES', '61'],
    ['LIVEKIT_AUDIO', 'loudest'],
    ['LIVEKIT_ROOM_PATTERN', 'support-\u0007*'],
    ['LIVEKIT_ROOM_PATTERN', 'x'.repeat(257)],
    ['LIVEKIT_ROOM_PATTERN', 'support-*,voicebridge-room-*'],
    ['LIVEKIT_API_SECRET', 'short'],
    ['LIVEKIT_IDLE_MINUTES', '0'],
  ])('%s may not be %s', (name, value) => {
    expect(problem({ ...ALL, [name]: value })).toContain(name);
  });

  it('take names of rooms as LiveKit’s SIP makes them, and people’s, for patterns', () => {
    const patterns = (text: string) => loadConfig({ ...ALL, LIVEKIT_ROOM_PATTERN: text }).LIVEKIT_ROOM_PATTERN;
    expect(patterns('support-_+1202*, Zimmer (1. Stock) *')).toEqual(['support-_+1202*', 'Zimmer (1. Stock) *']);
  });

  it('leave a place to callers where strangers may create rooms', () => {
    expect(problem({ ...ALL, LIVEKIT_ACCESS: 'public', MAX_CALLS: '1' })).toContain('LIVEKIT_ACCESS: public');
  });
});

it('a room is ours whose whole name fits a pattern', () => {
  const patterns = ['support-*', 'a.b', '*-agent-*'];
  const ours = ['support-', 'support-1', 'a.b', 'x-agent-y'];
  const others = ['my-support-1', 'aXb', 'agent', '', 'support'];
  expect(ours.filter((name) => !isOurs(name, patterns))).toEqual([]);
  expect(others.filter((name) => isOurs(name, patterns))).toEqual([]);
  expect(isOurs('anything', [])).toBe(false);
});

it('is fitted in no time by a name that somebody made to take long', () => {
  // Stars as an expression of its own, tried one within the other, would take years for it.
  expect(isOurs('-'.repeat(256), [`${'-*'.repeat(12)}x`])).toBe(false);
  expect(isOurs(`${'-'.repeat(256)}x`, [`${'-*'.repeat(12)}x`])).toBe(true);
});

it.each([
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['*ab*ab', 'ab', false],
  ['*ab*ab', 'abab', true],
  ['a*', 'ba', false],
  ['*a', 'ab', false],
  ['*', '', true],
  ['a**b', 'ab', true],
  ['a.c', 'abc', false],
])('%s and %j: %s', (pattern, name, fits) => {
  expect(isOurs(name, [pattern])).toBe(fits);
});
