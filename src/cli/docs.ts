import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HANDED_CALL_ERRORS } from '../callers/bridge/http/errors.ts';
import { BRIDGE_ERRORS, TYPED_TURN_ERRORS } from '../callers/browser/http/errors.ts';
import { LIVEKIT_ERRORS } from '../callers/livekit/http/errors.ts';
import { CARRIERS } from '../callers/phone/carriers/index.ts';
import { CONTROL_ERRORS } from '../callers/phone/control/index.ts';
import { GRAPH_ERRORS } from '../callers/whatsapp/graph/errors.ts';
import { PERMISSION_ERRORS } from '../callers/whatsapp/http/permissions-api.ts';
import { type Setting, settings } from '../config.ts';
import { ERRORS } from '../errors.ts';
import { API_ERRORS, type ApiErrorCode } from '../http/api-error.ts';
import { IDEMPOTENCY_ERRORS } from '../http/idempotency.ts';
import { NO_MORE_CALLS_ERRORS } from '../http/no-more-calls.ts';
import { LISTENING_ERRORS } from '../listening/errors.ts';
import { eventTable } from '../live/catalogue.ts';
import { EVENTS_ERRORS } from '../live/http/errors.ts';
import { CALLS_ERRORS } from '../orders/errors.ts';
import { PEOPLE_ERRORS } from '../people/http/errors.ts';
import { RECORDINGS_ERRORS } from '../recording/http/errors.ts';
import { RECORDS_ERRORS } from '../records/http/errors.ts';
import { TESTS_ERRORS } from '../suites/http/errors.ts';
import { WORKBENCH_ERRORS } from '../workbench/errors.ts';
import { defaultText, settingsPage } from './settings-docs.ts';

/** Somebody else's handler of WhatsApp's webhooks, as an example. */
export const HANDLER = 'docs/examples/whatsapp-handler.ts';

/** The text of `.env.example`: every setting with its sentence and its default, made from the schema. */
export function envExample(all: readonly Setting[] = settings): string {
  const head = [
    '# Settings of the daemon. Copy this file to .env and set what you need; an empty or missing one takes its default.',
    '# Made from the schema by `npm run docs`.',
  ];
  const entries = all.map(({ name, description, default: value }) => {
    const words = wrap(description, 118).map((line) => `# ${line}`);
    const shown = defaultText(value);
    return [...words, `${shown === '' ? '#' : ''}${name}=${quoted(shown)}`].join('\n');
  });
  return `${head.join('\n')}\n\n${entries.join('\n\n')}\n`;
}

/** Every code of the interface for operators; one that is left out is found by the compiler. */
export const OPERATORS_ERRORS = {
  ...API_ERRORS,
  ...PEOPLE_ERRORS,
  ...LISTENING_ERRORS,
  ...EVENTS_ERRORS,
  ...CALLS_ERRORS,
  ...BRIDGE_ERRORS,
  ...NO_MORE_CALLS_ERRORS,
  ...TYPED_TURN_ERRORS,
  ...HANDED_CALL_ERRORS,
  ...LIVEKIT_ERRORS,
  ...PERMISSION_ERRORS,
  ...RECORDS_ERRORS,
  ...RECORDINGS_ERRORS,
  ...TESTS_ERRORS,
  ...IDEMPOTENCY_ERRORS,
  ...WORKBENCH_ERRORS,
} satisfies Readonly<Record<ApiErrorCode, string>>;

/** The text of `docs/errors.md`. */
export function errorsPage(): string {
  return [
    '# Errors',
    '',
    'Every code that logs, answers and events carry. Made from the sources by `npm run docs`.',
    '',
    ...errorTable(ERRORS),
    '',
    '## The interface for operators',
    '',
    'What `/calls` and the other routes for operators answer beside those above.',
    '',
    ...errorTable(OPERATORS_ERRORS),
    '',
    '## Call control',
    '',
    'What a carrier did not do: hang up, transfer, play digits, place a call.',
    '',
    ...errorTable(CONTROL_ERRORS),
    '',
    '## WhatsApp',
    '',
    "What Meta's Graph API did not do, and why Meta says that a call ended. Meta's own numbers are in parentheses.",
    '',
    ...errorTable(GRAPH_ERRORS),
    '',
  ].join('\n');
}

/** `docs/events.md` with its table of events made anew; the words around it are written by hand. */
export function eventsPage(page: string): string {
  return filled(page, 'docs/events.md', 'events', eventTable(CARRIERS.map(({ name }) => name)));
}

/** `docs/whatsapp.md` with the handler that stands beside it. */
export function whatsappPage(page: string, handler: string): string {
  return filled(page, 'docs/whatsapp.md', 'handler', ['```ts', handler.trimEnd(), '```']);
}

/** The page with these lines between its two marks. */
function filled(page: string, file: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} lacks ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n${lines.join('\n')}\n${page.slice(to)}`;
}

function errorTable(codes: Readonly<Record<string, string>>): string[] {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return ['| code | meaning |', '| --- | --- |', ...rows];
}

/** In quotes where a reader of `.env` would stop short without. */
const quoted = (plain: string) => (/[\s#"']/.test(plain) ? JSON.stringify(plain) : plain);

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
  writeFileSync(join(root, 'docs/settings.md'), settingsPage());
  for (const [file, make] of [
    ['docs/events.md', eventsPage],
    ['docs/whatsapp.md', (page: string) => whatsappPage(page, readFileSync(join(root, HANDLER), 'utf8'))],
  ] as const) {
    const path = join(root, file);
    writeFileSync(path, make(readFileSync(path, 'utf8')));
  }
}
