import { expect, it } from 'vitest';
import { inLanguage, promptedAgent } from '../../../../src/agents/openai/prompted.ts';
import { Run } from './run.ts';

it('a note is a line of the conversation that asks for no answer', async () => {
  const run = new Run();
  await run.start();
  run.leg.note('[Now speaking: "Ben".]');
  const { sent } = run.model.last;
  expect(sent.at(-1)).toEqual({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: '[Now speaking: "Ben".]' }] },
  });
  expect(sent.map(({ type }) => type)).not.toContain('response.create');
});

it('a language is spoken and written down: it stands over the several that may be', () => {
  const options = { transcription: { languages: ['en', 'es'], prompt: 'names' } };
  const agent = promptedAgent(inLanguage('pt-BR', { instructions: 'Be kind.', options }), { transcriptionModel: 'm' });
  expect(agent).toMatchObject({
    instructions: 'Be kind.\n\nSpeak Brazilian Portuguese, unless you are asked for another language.',
    transcription: { model: 'm', language: 'pt', prompt: 'names' },
  });
  expect(agent.transcription).not.toHaveProperty('languages');
});

it('a language that has no code of two letters is spoken all the same', () => {
  const { instructions, options } = inLanguage('haw', { instructions: '', options: {} });
  expect(instructions).toBe('Speak Hawaiian, unless you are asked for another language.');
  expect(options.language).toBeUndefined();
});

it("no words of ours stand in the place of a stored prompt's", () => {
  const stored = { instructions: '', options: { storedPrompt: { id: 'pmpt_1' } } };
  expect(inLanguage('de', stored)).toMatchObject({ instructions: '', options: { language: 'de' } });
  expect(inLanguage(undefined, stored)).toEqual(stored);
});
