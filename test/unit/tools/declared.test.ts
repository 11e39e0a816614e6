import { describe, expect, it } from 'vitest';
import { declaredOnly } from '../../../src/tools/declared.ts';

const text = { type: 'string' };
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

describe('what a schema declares of arguments', () => {
  it.each([
    ['fields beside it', object({ a: text }), { a: '1', b: '2' }, { a: '1' }],
    ['everything, where it has no fields', object({}), { a: '1' }, {}],
    ['fields in objects', object({ a: object({ b: text }) }), { a: { b: '1', c: '2' } }, { a: { b: '1' } }],
    [
      'fields in lists',
      object({ a: { type: 'array', items: object({ b: text }) } }),
      { a: [{ b: '1', c: '2' }, 'x'] },
      { a: [{ b: '1' }, 'x'] },
    ],
    [
      'fields in lists of fixed length',
      object({ a: { type: 'array', prefixItems: [text, object({ b: text })] } }),
      { a: ['x', { b: '1', c: '2' }] },
      { a: ['x', { b: '1' }] },
    ],
    [
      'names of prototypes',
      object({ a: text }),
      JSON.parse('{"a":"1","__proto__":{"b":1},"constructor":1}'),
      { a: '1' },
    ],
    [
      'fields of none of its branches',
      object(
        { a: text },
        { anyOf: [object({ b: text }), { $ref: '#/$defs/more' }], $defs: { more: object({ c: text }) } },
      ),
      { a: '1', b: '2', c: '3', d: '4' },
      { a: '1', b: '2', c: '3' },
    ],
    [
      'fields in a schema that is named again in itself',
      object({ tree: { $ref: '#/$defs/tree' } }, { $defs: { tree: object({ down: { $ref: '#/$defs/tree' } }) } }),
      { tree: { down: { down: { x: 1 }, x: 1 } } },
      { tree: { down: { down: {} } } },
    ],
    [
      'fields of another pattern',
      { type: 'object', patternProperties: { '^x_': text } },
      { x_a: '1', y: '2' },
      { x_a: '1' },
    ],
    ['nothing by a pattern that is none', { type: 'object', patternProperties: { '(': text } }, { a: '1' }, {}],
  ])('leaves out %s', (_, schema, given, kept) => expect(declaredOnly(schema, given)).toEqual(kept));

  it.each([
    ['an object it says nothing about', object({ a: { type: 'object' } }), { a: { b: { c: 1 } } }],
    ['more, where it says so', object({ a: object({}, { additionalProperties: true }) }), { a: { b: 1 } }],
    ['more of a kind', object({ a: object({}, { additionalProperties: text }) }), { a: { b: '1' } }],
    [
      'a field with the name of a method',
      object({ toString: text, constructor: text }),
      { toString: 'a', constructor: 'b' },
    ],
  ])('keeps %s', (_, schema, given) => expect(declaredOnly(schema, given)).toEqual(given));
});
