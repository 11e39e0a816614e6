/**
 * The table of what each carrier can do here, made of the names of the tests that prove it: a test called "[twilio] clear: what it proves" stands in the
 * cell of Twilio's `clear`, one called "[twilio, signalwire] clear, marks: ..." in both cells of both. A sentence that begins with "none" proves that the carrier has no such
 * thing, and what is done without it. `npm run docs` writes docs/carriers/table.md; `test/unit/carrier-table.test.ts` holds it to the tests.
 */

import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CARRIERS } from '../src/callers/phone/carriers/index.ts';
import { testNames } from './test-names.ts';

/** What is proven of each carrier, in the order of the table, with what it means. */
export const FEATURES = {
  in: 'a call that comes in, from the webhook on, heard both ways',
  out: 'a call that is ordered, machine detection too',
  transfer: 'to another number, and back from one that nobody answers',
  'digits in': 'keys that the caller presses',
  'digits out': 'keys for the far party',
  clear: 'what was not heard yet is discarded when the caller cuts in',
  marks: 'how far playing has come, to 40 ms',
  codecs: 'each codec of each direction, by tones',
  'webhook signature': 'whose webhooks are believed',
  'upgrade signature': 'what the media socket proves before its first message',
  recovery: 'a line that breaks while somebody talks',
  doctor: 'what the doctor asks, and what `--fix` sets',
} as const;

export type Feature = keyof typeof FEATURES;

/** A test that proves something of some carriers. */
export interface Proof {
  readonly carriers: readonly string[];
  readonly feature: string;
  readonly sentence: string;
  readonly file: string;
}

const TITLE = /^\[([^\]]+)\] ([a-z ,]+): (\S.*)$/s;

/** The proofs that the tests of a source are, by their own titles. */
export function proofsIn(file: string, source: string): Proof[] {
  return testNames(source).flatMap(({ full }) => {
    const [, names = '', features = '', sentence = ''] = TITLE.exec(full.split(' > ').at(-1) ?? '') ?? [];
    if (names === '') return [];
    return features.split(', ').map((feature) => ({ carriers: names.split(', '), feature, sentence, file }));
  });
}

/** The proofs of all tests, in the order of the files' names. */
export function allProofs(root: string): Proof[] {
  return globSync('test/**/*.test.ts', { cwd: root })
    .sort()
    .flatMap((file) => proofsIn(file, readFileSync(join(root, file), 'utf8')));
}

export interface Named {
  readonly name: string;
  readonly title: string;
}

/** Names and features that there are not, a line each: a misspelt one would prove nothing. */
export function misspelt(proofs: readonly Proof[], carriers: readonly Named[]): string[] {
  return proofs.flatMap(({ carriers: names, feature, file }) => [
    ...names.filter((name) => !carriers.some((one) => one.name === name)).map((name) => `${file}: no carrier ${name}`),
    ...(Object.hasOwn(FEATURES, feature) ? [] : [`${file}: no feature "${feature}"`]),
  ]);
}

/** What nobody proves, a line each. */
export function unproven(proofs: readonly Proof[], carriers: readonly Named[]): string[] {
  return carriers.flatMap(({ name }) =>
    Object.keys(FEATURES)
      .filter((feature) => of(proofs, name, feature).length === 0)
      .map((feature) => `[${name}] ${feature}`),
  );
}

const of = (proofs: readonly Proof[], name: string, feature: string) =>
  proofs.filter((proof) => proof.feature === feature && proof.carriers.includes(name));

/** The text of docs/carriers/table.md. */
export function tablePage(proofs: readonly Proof[], carriers: readonly Named[]): string {
  const features = Object.keys(FEATURES);
  const cell = ({ name, title }: Named, feature: string) => {
    const found = of(proofs, name, feature);
    if (found.length === 0) return '';
    const hasNone = found.every(({ sentence }) => /^none\b/.test(sentence));
    return `[${hasNone ? 'none' : found.length}](#${title.toLowerCase()})`;
  };
  return [
    '# What each carrier can do here',
    '',
    'Made of the names of the tests that prove it, by `npm run docs`: the number in a cell is how many there are, and they stand below. `none`: the carrier',
    'has no such thing, and the test says what is done without it. The far ends are our own, [no carrier was called](../carriers.md#what-is-not-certain).',
    '',
    row(['', ...carriers.map(({ title }) => title)]),
    row(['---', ...carriers.map(() => '---')]),
    ...features.map((feature) => row([feature, ...carriers.map((carrier) => cell(carrier, feature))])),
    '',
    row(['what', 'is']),
    row(['---', '---']),
    ...Object.entries(FEATURES).map(([feature, meaning]) => row([feature, meaning])),
    '',
    ...carriers.flatMap(({ name, title }) => [
      `## ${title}`,
      '',
      row(['what', 'is proven by']),
      row(['---', '---']),
      ...features.map((feature) => row([feature, of(proofs, name, feature).map(written).join('<br>')])),
      '',
    ]),
  ].join('\n');
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`.replaceAll('  ', ' ');
/** A title's places for values are left open. */
const written = ({ sentence, file }: Proof) =>
  `${sentence.replaceAll('|', '\\|').replace(/%[sdifjop#]|\$\{[^}]*\}|\$[\w.]+/g, '…')} (\`${file}\`)`;

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const file = join(root, 'docs/carriers/table.md');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, tablePage(allProofs(root), CARRIERS));
}
