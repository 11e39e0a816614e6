import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Holds events of the Realtime API against the types that OpenAI publishes (npm openai, resources/realtime). The types are no schema that runs, so
 * the compiler is asked: each event becomes a literal of the type it must have, and what does not fit is an error of its line. A literal has the
 * excess property check as well, so a field that the type does not have is found, too.
 */

export type Side = 'client' | 'service';
type Event = Readonly<Record<string, unknown>>;

/** Where the reference's own examples of the wire have null although the types say the field is left out (API reference, `response.created`, `error`). */
const NULL_ON_THE_WIRE = ['response.status_details', 'response.usage', 'response.conversation_id'] as const;

const PACKAGE = join(dirname(fileURLToPath(import.meta.resolve('openai'))), 'resources/realtime');
const COMPILER = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin/tsc');

const HEADER = [
  `import type * as API from ${JSON.stringify(`${PACKAGE}/realtime.js`)};`,
  `import type { RealtimeSessionCreateResponse } from ${JSON.stringify(`${PACKAGE}/client-secrets.js`)};`,
  // The events' own type says what a client sends; what a session is when it is told is the type of the answer that makes one.
  "interface Told { type: 'session.created' | 'session.updated'; event_id: string; session: RealtimeSessionCreateResponse }",
  'type ServerEvent = Told | Exclude<API.RealtimeServerEvent, API.SessionCreatedEvent | API.SessionUpdatedEvent>;',
];

/** Collects events, one of each shape. */
export class SchemaCheck {
  readonly #events = new Map<string, { side: Side; event: Event }>();
  /** Types seen, with whose they are. */
  readonly seen = new Set<string>();

  readonly note = (side: Side, event: Event): void => {
    this.seen.add(`${side} ${String(event['type'])}`);
    const key = `${side} ${JSON.stringify(shapeOf(event, ''))}`;
    if (!this.#events.has(key)) this.#events.set(key, { side, event });
  };

  /** What does not fit: the event's type, what the compiler says, and the event. */
  async violations(): Promise<string[]> {
    const all = [...this.#events.values()];
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-schema-'));
    try {
      const lines = all.map(({ side, event }, i) => {
        const type = side === 'client' ? 'API.RealtimeClientEvent' : 'ServerEvent';
        return `export const e${i}: ${type} = ${JSON.stringify(shortened(event))};`;
      });
      const file = join(folder, 'events.mts');
      writeFileSync(file, `${[...HEADER, ...lines].join('\n')}\n`);
      const said = await compile(file);
      return said.flatMap((line) => {
        const [, at, what] = /events\.mts\((\d+),\d+\): error (.*)$/.exec(line) ?? [];
        if (at === undefined) return line.startsWith(' ') || line === '' ? [] : [line];
        const found = all[Number(at) - HEADER.length - 1];
        return [
          `${found?.side} ${String(found?.event['type'])}: ${what} in ${JSON.stringify(found && shortened(found.event))}`,
        ];
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function compile(file: string): Promise<string[]> {
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', '--target', 'esnext'];
  const modules = ['--module', 'nodenext', '--moduleResolution', 'nodenext', '--types', ''];
  return new Promise((resolve) => {
    execFile(process.execPath, [COMPILER, ...options, ...modules, file], { cwd: dirname(file) }, (_error, stdout) =>
      resolve(stdout.split('\n')),
    );
  });
}

/** The event as it is checked: without long texts, and without the nulls that the wire has. */
function shortened(value: unknown, path = ''): unknown {
  if (typeof value === 'string') return value.length > 60 ? value.slice(0, 60) : value;
  if (Array.isArray(value)) return value.map((one) => shortened(one, `${path}[]`));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, entry]) => {
      const at = path === '' ? key : `${path}.${key}`;
      const known = entry === null && (NULL_ON_THE_WIRE as readonly string[]).includes(at);
      return known ? [] : [[key, shortened(entry, at)]];
    }),
  );
}

/** What distinguishes events for the check: keys, kinds of values, and words that choose among types. */
function shapeOf(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((one) => JSON.stringify(shapeOf(one, key))))];
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, shapeOf(entry, name)]));
  if (typeof value === 'string' && /^(type|role|status|object|reason|effort|eagerness|tool_choice)$/.test(key))
    return value;
  return value === null ? null : typeof value;
}
