import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CARRIERS } from '../../src/callers/phone/carriers/index.ts';
import { allProofs, FEATURES, misspelt, proofsIn, tablePage, unproven } from '../carrier-table.ts';

const root = resolve(import.meta.dirname, '../..');
const proofs = allProofs(root);

describe('the table of carriers', () => {
  it('is what the names of the tests say', () => {
    expect(readFileSync(join(root, 'docs/carriers/table.md'), 'utf8'), 'write it with `npm run docs`').toBe(
      tablePage(proofs, CARRIERS),
    );
  });

  it('names carriers and features that there are', () => {
    expect(misspelt(proofs, CARRIERS)).toEqual([]);
  });

  it('has no empty cell: what a carrier has not got is proven to be done without, too', () => {
    expect(unproven(proofs, CARRIERS)).toEqual([]);
    const lacking = proofs.filter(({ sentence }) => /^none\b/.test(sentence)).map(({ sentence }) => sentence);
    expect(lacking.filter((sentence) => !/^none\b.*, so \w/.test(sentence))).toEqual([]);
  });
});

const NAMED = [
  { name: 'tern', title: 'Tern' },
  { name: 'gull', title: 'Gull' },
];

describe('a table of carriers', () => {
  const source = `
    describe('a suite', () => {
      it('[tern, gull] clear, recovery: both do', () => {});
      it.each([1])('[tern] marks: of %s', () => {});
      it('[gull] digits out: none, so they go as tones', () => {});
      it('[tern] claer: misspelt', () => {});
      it('[turn] clear: misspelt', () => {});
      it('proves nothing of anybody', () => {});
    });`;
  const found = proofsIn('test/x.test.ts', source);

  it('is made of the tests that are named so, and of no other', () => {
    expect(found.map(({ carriers, feature, sentence }) => [carriers.join('+'), feature, sentence])).toEqual([
      ['tern+gull', 'clear', 'both do'],
      ['tern+gull', 'recovery', 'both do'],
      ['tern', 'marks', 'of %s'],
      ['gull', 'digits out', 'none, so they go as tones'],
      ['tern', 'claer', 'misspelt'],
      ['turn', 'clear', 'misspelt'],
    ]);
    const page = tablePage(found, NAMED);
    expect(page).toContain('| clear | [1](#tern) | [1](#gull) |');
    expect(page).toContain('| digits out | | [none](#gull) |');
    expect(page).toContain('| marks | of … (`test/x.test.ts`) |');
  });

  it('finds names and features that there are not, and cells that nobody proves', () => {
    expect(misspelt(found, NAMED)).toEqual(['test/x.test.ts: no feature "claer"', 'test/x.test.ts: no carrier turn']);
    const empty = unproven(found, NAMED);
    expect(empty).toContain('[tern] digits out');
    expect(empty).not.toContain('[gull] digits out');
    expect(empty).toHaveLength(2 * Object.keys(FEATURES).length - 6);
  });
});
