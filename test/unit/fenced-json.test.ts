import { describe, expect, it } from 'vitest';
import { parseFencedJson } from '../../src/fenced-json.ts';

describe('JSON as models write it', () => {
  it.each([
    '{"a":1}',
    ' \n{"a": 1}\n ',
    '```json\n{"a":1}\n```',
    '```\n{"a":1}\n```\n',
    '  ```json {"a":1}```  ',
    '{"a":1}\n```',
  ])('is read with its fence and without: %j', (text) => expect(parseFencedJson(text)).toEqual({ a: 1 }));

  it.each(['', '```', '``````', '```json', 'a {"a":1}'])('is none: %j', (text) =>
    expect(() => parseFencedJson(text)).toThrow(SyntaxError),
  );

  it('is found to be none as fast where it is nothing but spaces for long', () => {
    const began = performance.now();
    expect(() => parseFencedJson(`{"a":${' '.repeat(250_000)}x`)).toThrow(SyntaxError);
    // By a pattern it took half a minute.
    expect(performance.now() - began).toBeLessThan(500);
  });
});
