import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonPrefix } from '../../../src/tools/json-prefix.ts';

it('is the beginning of what JSON.stringify gives, for any value and length', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 400 }), (value, most) => {
      const whole = JSON.stringify(value);
      const prefix = jsonPrefix(value, most);
      expect(prefix?.length).toBe(Math.min(most, whole.length));
      expect(whole.startsWith(prefix ?? '?')).toBe(true);
    }),
  );
});

it('leaves out what JSON leaves out, and asks toJSON', () => {
  const value = { a: undefined, b: () => 1, c: new Date(0), d: [undefined, Number.NaN], e: Symbol('e') };
  expect(jsonPrefix(value, 1_000)).toBe(JSON.stringify(value));
});

it('looks no further than it shows', () => {
  let looked = 0;
  const row = {
    get text() {
      looked++;
      return 'x'.repeat(100);
    },
  };
  const prefix = jsonPrefix(
    Array.from({ length: 100_000 }, () => row),
    1_000,
  );
  expect(prefix).toHaveLength(1_000);
  expect(looked).toBeLessThan(30);
});

it('is nothing where what it looked at is no JSON', () => {
  const loop: unknown[] = [];
  loop.push(loop);
  expect(jsonPrefix(loop, 100)).toBeUndefined();
  expect(jsonPrefix([10n], 100)).toBeUndefined();
});
