import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings } from '../config.ts';
import { ERRORS } from '../errors.ts';

/** The text of `.env.example`: every setting with its sentence and its default, made from the schema. */
export function envExample(): string {
  const head = [
    '# Settings of the daemon. Copy this file to .env and set what you need; an empty or missing one takes its default.',
    '# Made from the schema by `npm run docs`.',
  ];
  const entries = settings.map(({ name, description, default: value }) => {
    const words = wrap(description, 118).map((line) => `# ${line}`);
    return [
      ...words,
      `${value === undefined || isEmpty(value) ? '#' : ''}${name}=${value === undefined ? '' : text(value)}`,
    ].join('\n');
  });
  return `${head.join('\n')}\n\n${entries.join('\n\n')}\n`;
}

/** The text of `docs/errors.md`. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return [
    '# Errors',
    '',
    'Every code that logs, answers and events carry. Made from `src/errors.ts` by `npm run docs`.',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function text(value: unknown): string {
  if (isEmpty(value)) return '';
  const plain = typeof value === 'string' ? value : JSON.stringify(value);
  return /[\s#"']/.test(plain) ? JSON.stringify(plain) : plain;
}

function wrap(sentence: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../..');
  writeFileSync(join(root, '.env.example'), envExample());
  writeFileSync(join(root, 'docs/errors.md'), errorsPage());
}
