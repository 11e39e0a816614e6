import { describe, expect, it } from 'vitest';
import { longDescriptions, sessionLengths, tokensOf } from '../../../../src/agents/openai/session-size.ts';

const tool = (description: string) => ({ type: 'function', name: 'lookup', description }) as const;
const lengths = (body: string, tools: Parameters<typeof sessionLengths>[1] = []) => sessionLengths(body, tools);

describe('the length of what a model is told', () => {
  it.each([
    ['abcdefgh', 2],
    ['語語語', 3],
    ['', 0],
  ])('%j comes to %d tokens', (text, tokens) => expect(tokensOf(text)).toBe(tokens));

  it('is nothing to speak of in an ordinary prompt', () => {
    expect(lengths('Be brief.', [tool('Looks up.')])).toEqual({ problems: [], warnings: [] });
  });

  it('is told when some models take less, by words or by tools', () => {
    expect(lengths('word '.repeat(14_000)).warnings).toEqual([
      expect.stringMatching(/about 17500 tokens \(17500 and 0\)/),
    ]);
    expect(lengths('Hi', [tool('word '.repeat(14_000))]).warnings).toEqual([
      expect.stringMatching(/tokens \(1 and 17\d{3}\)/),
    ]);
  });

  it('is an error when no model is known to take it', () => {
    const { problems } = lengths('語'.repeat(128_001));
    expect(problems).toEqual([expect.stringMatching(/about 128001 tokens .* more than 128000/)]);
  });

  it('is told when a data channel does not take it, counted as it may come back', () => {
    expect(lengths('語'.repeat(43_000)).warnings.at(-1)).toMatch(/are 258\d{3} bytes; WebRTC takes 253952/);
    expect(lengths('x'.repeat(60_000)).warnings.join()).not.toMatch(/WebRTC/);
  });

  it('is told of descriptions of tools', () => {
    expect(longDescriptions([tool('x'.repeat(1_024)), tool('x'.repeat(1_025))])).toEqual([
      'the description of lookup is 1025 characters; some models take 1024.',
    ]);
  });
});
