import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sessionDefaults, transcriptionDefaults } from '../../src/agents/openai/settings.ts';
import { envExample, errorsPage, eventsPage, HANDLER, whatsappPage } from '../../src/cli/docs.ts';
import { settingGroups, settingsPage } from '../../src/cli/settings-docs.ts';
import { loadConfig, settings, settingsOf } from '../../src/config.ts';

const failure = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('what a session of the model can be told', () => {
  it('is left out when it is not set', () => {
    expect(sessionDefaults(loadConfig({}))).toEqual({});
    expect(transcriptionDefaults(loadConfig({}))).toEqual({});
  });

  it('is read from the settings', () => {
    const config = loadConfig({
      OPENAI_REASONING_EFFORT: 'low',
      OPENAI_PARALLEL_TOOL_CALLS: 'false',
      OPENAI_MAX_OUTPUT_TOKENS: '900',
      OPENAI_TRUNCATION: '0.8',
      OPENAI_TRUNCATION_TOKENS: '8000',
      OPENAI_TRANSCRIPTION_KEYWORDS: 'Lakeside, molar',
      OPENAI_TRANSCRIPTION_LANGUAGES: 'en,es',
      OPENAI_TRANSCRIPTION_DELAY: 'high',
      OPENAI_PROMPT_ID: 'pmpt_1',
      OPENAI_PROMPT_VARIABLES: '{"city":"Boston"}',
    });
    expect(sessionDefaults(config)).toEqual({
      reasoningEffort: 'low',
      parallelToolCalls: false,
      maxOutputTokens: 900,
      truncation: { retentionRatio: 0.8, postInstructionTokens: 8_000 },
      storedPrompt: { id: 'pmpt_1', variables: { city: 'Boston' } },
    });
    expect(transcriptionDefaults(config)).toEqual({
      keywords: ['Lakeside', 'molar'],
      languages: ['en', 'es'],
      delay: 'high',
    });
    expect(sessionDefaults(loadConfig({ OPENAI_TRUNCATION: 'auto', OPENAI_MAX_OUTPUT_TOKENS: 'inf' }))).toEqual({
      truncation: 'auto',
      maxOutputTokens: 'inf',
    });
  });

  it.each([
    [{ OPENAI_REASONING_EFFORT: 'most' }, /OPENAI_REASONING_EFFORT/],
    [{ OPENAI_MAX_OUTPUT_TOKENS: '5000' }, /OPENAI_MAX_OUTPUT_TOKENS: must be a whole number from 1 to 4096, or inf/],
    [{ OPENAI_TRUNCATION: '80%' }, /OPENAI_TRUNCATION: must be auto, disabled, or a share from 0 to 1/],
    [{ OPENAI_TRUNCATION: '1.5' }, /OPENAI_TRUNCATION/],
    [{ OPENAI_TRUNCATION_TOKENS: '8000' }, /OPENAI_TRUNCATION_TOKENS: needs a share/],
    [{ OPENAI_TRANSCRIPTION_LANGUAGES: 'english' }, /OPENAI_TRANSCRIPTION_LANGUAGES: must be languages in two letters/],
    [{ ANSWER_RETRY_MS: '40000' }, /ANSWER_RETRY_MS: is above ANSWER_LIMIT_MS/],
    [{ OPENAI_PROMPT_VERSION: '2' }, /OPENAI_PROMPT_VERSION: needs OPENAI_PROMPT_ID/],
    [{ OPENAI_PROMPT_ID: 'p', OPENAI_PROMPT_VARIABLES: '[1]' }, /OPENAI_PROMPT_VARIABLES: must be a JSON object/],
    [
      { OPENAI_KEY_API: 'sessions', OPENAI_REASONING_EFFORT: 'low' },
      /OPENAI_REASONING_EFFORT: is not known to the API/,
    ],
    [{ OPENAI_KEY_API: 'sessions', OPENAI_VOICE: 'voice_1' }, /OPENAI_VOICE: a custom voice/],
    [{ WEBRTC_TIMEOUT_MS: '10' }, /WEBRTC_TIMEOUT_MS: must be a whole number from 500 to 20000/],
  ])('is checked at the start: %j', (env, problem) => {
    expect(() => loadConfig(env)).toThrow(problem);
  });
});

describe('loadConfig', () => {
  it('needs nothing', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      PORT: 8080,
      USE_WEBRTC: true,
      OPENAI_REALTIME_MODEL: 'gpt-realtime-2.1',
      LOG_LEVEL: 'info',
    });
    expect(config.OPENAI_API_KEY).toBeUndefined();
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(loadConfig({ PORT: '', OPENAI_API_KEY: '  ' })).toEqual(loadConfig({}));
  });

  it.each([
    ['USE_WEBRTC', 'FALSE', false],
    ['USE_WEBRTC', '1', true],
    ['EXAMPLE_BUSINESS', 'Off', false],
    ['EXAMPLE_BUSINESS', 'Y', true],
    ['EXAMPLE_BUSINESS', 'n', false],
    ['RTC_PORT_RANGE', '10000-10100', { min: 10_000, max: 10_100 }],
    ['OPENAI_BASE_URL', 'http://127.0.0.1:9/v1/', 'http://127.0.0.1:9/v1'],
    ['OPENAI_BASE_URL', 'https://x.example/openai/v1/?api-version=1', 'https://x.example/openai/v1?api-version=1'],
    ['TWILIO_AUTH_TOKEN', 'new, old', ['new', 'old']],
    ['ADMIN_TOKEN', 'sixteen-letters!', ['sixteen-letters!']],
    [
      'ICE_SERVERS',
      'stun:a.example:3478,stun:b.example',
      [{ urls: 'stun:a.example:3478' }, { urls: 'stun:b.example' }],
    ],
    [
      'ICE_SERVERS',
      '[{"urls":["turn:t.example"],"username":"u","credential":"c"}]',
      [{ urls: ['turn:t.example'], username: 'u', credential: 'c' }],
    ],
    ['OPENAI_HEADERS', '{"api-key":"k"}', { 'api-key': 'k' }],
    ['FALLBACK_DIAL', '+112025550143', '+12025550143'],
  ])('reads %s=%s', (name, text, value) => {
    expect(loadConfig({ [name]: text })[name as 'PORT']).toEqual(value);
  });

  it.each<[string, string, string, Record<string, string>?]>([
    ['PORT', 'http', 'whole number from 0 to 65535'],
    ['PORT', '70000', 'whole number from 0 to 65535'],
    ['ADMIN_TOKEN', 'fifteen-letters', 'at least 16 characters'],
    ['ADMIN_TOKEN', 'sixteen-letters!,fifteen-letters', 'at least 16 characters'],
    ['USE_WEBRTC', 'maybe', 'true or false'],
    ['PUBLIC_URL', 'voice.example.com', 'https://voice.example.com'],
    ['PUBLIC_URL', 'https://voice.example.com/?a=1', 'without query'],
    ['RTC_PORT_RANGE', '10100-10000', 'the lower first'],
    ['RTC_PORT_RANGE', '80-90', '1024'],
    ['ICE_SERVERS', 'example.com', 'stun:/turn: URLs'],
    ['ICE_SERVERS', 'turn:t.example', 'without username'],
    ['ICE_SERVERS', '[{', 'JSON array'],
    ['OPENAI_HEADERS', '{"a":1}', 'JSON object of texts'],
    ['FALLBACK_DIAL', '0123', 'E.164'],
    ['FALLBACK_DIAL', '+15555550143', 'no number that there is'],
    ['FALLBACK_DIAL', '+119005551234', 'premium-rate'],
    ['DIAL_ALLOW', '+1202,+440909', 'without a trunk prefix'],
    ['DIAL_DENY', '+11900', 'without a trunk prefix'],
    ['SAY_LANGUAGE', 'de_DE', 'a language such as de-DE'],
    ['SAY_VOICE', '<woman>', "a carrier's voice"],
    ['TRANSFER_RING_SECONDS', '200', 'whole number from 5 to 120'],
    ['TRANSFER_CALLER_ID', '2025550143', 'E.164'],
    ['STREAM_TOKEN_SECRET', 'short', '16 characters'],
    ['LOG_LEVEL', 'loud', 'debug'],
    ['PLAYOUT_CHUNK_MS', '80', 'half of PLAYOUT_LEAD_MS', { PLAYOUT_LEAD_MS: '100' }],
    ['RTC_PORT_RANGE', '8000-9000', 'contains PORT'],
  ])('stops at %s=%s and says what would be right', (name, text, right, more = {}) => {
    const message = failure({ [name]: text, ...more });
    expect(message).toContain(`${name}: `);
    expect(message).toContain(right);
  });

  it('tells all that is wrong at once, and never the value', () => {
    const message = failure({ PORT: 'x', USE_WEBRTC: 'y', STREAM_TOKEN_SECRET: 's3cret' });
    expect(message.split('\n')).toHaveLength(4);
    expect(message).not.toContain('s3cret');
  });
});

describe('settings of carriers', () => {
  const carrier = (name: string, problems?: (set: Readonly<Record<string, unknown>>) => string[]) => ({
    name,
    title: name,
    settings: {
      calls: { [`${name.toUpperCase()}_KEY`]: z.string().optional().describe('Proves its webhooks.') },
      control: { [`${name.toUpperCase()}_RATE`]: z.coerce.number().default(8).describe('Its rate, kHz.') },
    },
    ...(problems === undefined ? {} : { problems }),
  });
  const carriers = [
    carrier('first', (set) => (set['FIRST_RATE'] === 9 ? ['FIRST_RATE: nine. Take eight.'] : [])),
    carrier('second'),
  ];

  it('are those of the table that is given, with what it says of them', () => {
    const env = {
      FIRST_KEY: 'k',
      SECOND_RATE: '16',
      OUTBOUND_CARRIER: 'second',
      TWILIO_AUTH_TOKEN: 'not of this table',
    };
    const config: Record<string, unknown> = loadConfig(env, { carriers });
    expect(config).toMatchObject({ FIRST_KEY: 'k', FIRST_RATE: 8, SECOND_RATE: 16, OUTBOUND_CARRIER: 'second' });
    expect(config).not.toHaveProperty('TWILIO_AUTH_TOKEN');
    expect(() => loadConfig({ FIRST_RATE: '9' }, { carriers })).toThrow('FIRST_RATE: nine.');
    expect(() => loadConfig({ SECOND_RATE: 'x' }, { carriers })).toThrow('Its rate, kHz.');
    expect(() => loadConfig({ OUTBOUND_CARRIER: 'twilio' }, { carriers })).toThrow('"first"|"second"');
  });

  it('stand before those that all carriers share, and are nobody else’s', () => {
    const names = settingsOf({ carriers }).map(({ name }) => name);
    expect(names.slice(names.indexOf('FIRST_KEY'), names.indexOf('FIRST_KEY') + 3)).toEqual([
      'FIRST_KEY',
      'SECOND_KEY',
      'STREAM_TOKEN_SECRET',
    ]);
    expect(names.slice(names.indexOf('FIRST_RATE'), names.indexOf('FIRST_RATE') + 3)).toEqual([
      'FIRST_RATE',
      'SECOND_RATE',
      'OUTBOUND_CARRIER',
    ]);
  });
});

describe('.env.example', () => {
  it('is what the schema makes', () => {
    expect(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')).toBe(envExample());
  });

  it('has its errors beside it, as the table makes them', () => {
    expect(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')).toBe(errorsPage());
  });

  it('has its events beside it, as the catalogue makes them', () => {
    const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
    expect(page).toBe(eventsPage(page));
  });

  it('has the handler of WhatsApp calls, as it stands beside docs/whatsapp.md', () => {
    const page = readFileSync(new URL('../../docs/whatsapp.md', import.meta.url), 'utf8');
    const handler = readFileSync(new URL(`../../${HANDLER}`, import.meta.url), 'utf8');
    expect(page).toBe(whatsappPage(page, handler));
    expect(page).toContain(handler.trimEnd());
  });

  it('has its settings beside it, as the schema makes them, in docs/settings.md', () => {
    expect(readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8')).toBe(settingsPage());
    expect(settingGroups().flatMap((group) => group.settings)).toEqual(settings);
  });

  it('says a sentence about every setting', () => {
    for (const { name, description } of settings) expect(description, name).toMatch(/\w.{10,}\.$/s);
  });

  it('can be used as it is', () => {
    const env = Object.fromEntries(
      envExample()
        .split('\n')
        .filter((line) => /^[A-Z_]+=/.test(line))
        .map((line) => {
          const at = line.indexOf('=');
          return [line.slice(0, at), line.slice(at + 1).replace(/^"(.*)"$/, '$1')];
        }),
    );
    expect(loadConfig(env)).toEqual(loadConfig({}));
  });
});

describe('numbers in settings', () => {
  it.each([
    '+1 202 555 0143',
    'tel:+1-202-555-0143',
    '+1\u2011202\u2011555\u20110143',
    '0012025550143',
    '＋１２０２５５５０１４３',
  ])('are read as people write them: %j', (text) => {
    const config = loadConfig({
      OUTBOUND_FROM: text,
      FALLBACK_DIAL: text,
      DIAL_ALLOW: `${text}, +44 20, tel:+1-303`,
      DIAL_DENY: text,
    });
    expect(config.OUTBOUND_FROM).toBe('+12025550143');
    expect(config.FALLBACK_DIAL).toBe('+12025550143');
    expect(config.DIAL_ALLOW).toEqual(['+12025550143', '+4420', '+1303']);
    expect(config.DIAL_DENY).toEqual(['+12025550143']);
  });

  it.each(['2025550143', '+1 202 555 0143 x5', 'alice', '+'])(
    'are none without a country, or with more: %j',
    (text) => {
      expect(() => loadConfig({ OUTBOUND_FROM: text })).toThrow('OUTBOUND_FROM');
      expect(() => loadConfig({ DIAL_ALLOW: text })).toThrow('DIAL_ALLOW');
    },
  );
});

describe('the settings of several instances', () => {
  const [REDIS_URL, FLEET_SECRET] = ['redis://10.0.3.9:6379', 'a secret that all of the instances share'];

  it('are taken where all are there that belong together, and where there are none', () => {
    expect(failure({ REDIS_URL, FLEET_SECRET, REDIS_AWAY: 'refuse', INSTANCE_URL: 'http://10.0.3.7:8080' })).toBe('');
    expect(failure({ WORKERS: '2' })).toBe('');
  });

  it.each([
    [{ REDIS_URL }, /REDIS_URL: .* Set FLEET_SECRET, too, the same on all/],
    [{ FLEET_SECRET }, /FLEET_SECRET: .* Set REDIS_URL, too, the same on all/],
    [{ FLEET_SECRET: 'short', REDIS_URL }, /FLEET_SECRET: needs at least 32 characters in each secret/],
    [{ INSTANCE_URL: 'http://10.0.3.7:8080' }, /INSTANCE_URL: .* Set FLEET_SECRET and REDIS_URL/],
    [
      {
        REDIS_URL,
        FLEET_SECRET,
        PUBLIC_URL: 'https://voice.example.com',
        INSTANCE_URL: 'https://voice.example.com:443/',
      },
      /INSTANCE_URL: is PUBLIC_URL/,
    ],
    [{ REDIS_AWAY: 'refuse' }, /REDIS_AWAY: .* Set REDIS_URL/],
    [{ REDIS_URL: 'http://10.0.3.9:6379', FLEET_SECRET }, /REDIS_URL: must be a redis:\/\/ or rediss:\/\/ URL/],
    [{ REDIS_URL: 'redis://10.0.3.9:6379/first', FLEET_SECRET }, /REDIS_URL/],
  ])('are refused at the start where they contradict one another: %o', (env, reason) => {
    expect(failure(env)).toMatch(reason);
  });
});
