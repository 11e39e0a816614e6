import { expect, it } from 'vitest';
import { keyRefusal } from '../../../../src/agents/openai/key-refusal.ts';
import { defaultTranscription } from '../../../../src/agents/openai/settings.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const ask = async (answer: Response | Error, key = 'sk-wrong-0000') => {
  const asked: Request[] = [];
  const refusal = await keyRefusal(
    { baseUrl: 'https://model.example/v1', apiKey: key, headers: {} },
    new FakeClock(),
    async (url, init) => {
      asked.push(new Request(url, init));
      if (answer instanceof Error) throw answer;
      return answer;
    },
  );
  return { refusal, asked };
};
const error = (status: number, code: string, message: string) =>
  new Response(JSON.stringify({ error: { code, message } }), { status });

it('a key that is refused is told in the server’s words, without the key', async () => {
  const { refusal, asked } = await ask(error(401, 'invalid_api_key', 'Incorrect API key provided: sk-wr**0000.'));
  expect(asked.map(({ url }) => url)).toEqual(['https://model.example/v1/models']);
  expect(asked[0]?.headers.get('authorization')).toBe('Bearer sk-wrong-0000');
  expect(refusal).toContain('Incorrect API key provided: [redacted]');
  expect(refusal).not.toContain('sk-wr');
});

it.each([
  ['a list of models', new Response('{"data":[]}', { status: 200 })],
  ['a key that may not see the list', error(403, 'missing_scope', 'Missing scopes: api.model.read')],
  ['a server that has no list', new Response('not found', { status: 404 })],
  ['a server that cannot be reached', new TypeError('fetch failed')],
])('%s says nothing against the key', async (_, answer) => {
  expect((await ask(answer)).refusal).toBeUndefined();
});

it.each([
  [{}, 'gpt-4o-mini-transcribe'],
  [{ OPENAI_TRANSCRIPTION_MODEL: 'off' }, undefined],
  [{ OPENAI_TRANSCRIPTION_MODEL: 'gpt-4o-transcribe' }, 'gpt-4o-transcribe'],
  [{ OPENAI_BASE_URL: 'https://own.example/v1' }, undefined],
  [{ OPENAI_BASE_URL: 'https://own.example/v1', OPENAI_TRANSCRIPTION_MODEL: 'whisper-1' }, 'whisper-1'],
])('%j writes callers’ words down with %s', (settings, model) => {
  expect(defaultTranscription(settings)).toBe(model);
});
