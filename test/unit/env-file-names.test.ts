import { expect, it } from 'vitest';
import { strayNames } from '../../src/config.ts';

it.each([
  ['OPENAI_VIOCE', 'OPENAI_VOICE'],
  ['ADMINTOKEN', 'ADMIN_TOKEN'],
  ['Admin_Token', 'ADMIN_TOKEN'],
  ['PUBLICURL', 'PUBLIC_URL'],
  ['OPENAI_TRANSCRIBE_MODEL', 'OPENAI_TRANSCRIPTION_MODEL'],
  ['TWILIO_TOKEN', 'TWILIO_AUTH_TOKEN'],
])('names %s of the environment, and %s that was meant', (name, meant) => {
  expect(strayNames({ [name]: 'a-secret-value' })).toEqual([
    `${name} is set in the environment, and there is no such setting: it has no effect. Did you mean ${meant}?`,
  ]);
});

it('says nothing of what is a setting, is empty, or is another’s', () => {
  const env = {
    OPENAI_VOICE: 'marin',
    OPENAI_VIOCE: '',
    PATH: '/bin',
    HOSTNAME: 'h',
    PORTS: '1',
    HTTP_PROXY: 'p',
    NODE_ENV: 'x',
  };
  expect(strayNames(env)).toEqual([]);
});
