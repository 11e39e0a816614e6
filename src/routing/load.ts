import { readFile } from 'node:fs/promises';
import { dirname, resolve as resolvePath } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { BridgeError } from '../errors.ts';
import { isZone } from '../zone.ts';
import { isCatchAll, type Route, type Routes } from './routes.ts';
import { parseDays, parseHours } from './schedule.ts';

/** Reads the file of routes and checks it against the prompts and tools there are. */

const NUMBER = /^\+[1-9]\d{0,14}\*?$|^withheld$/;
const number = z
  .string('must be a text: write numbers in quotes')
  .regex(NUMBER, 'must be a number such as "+12025550100", or its beginning and *: "+1202*"');
const list = z.union([z.string().transform((one) => [one]), z.array(z.string())]);
const window = z.strictObject({
  days: z.string().optional(),
  dates: z.array(z.iso.date()).optional(),
  hours: z.string().optional(),
});
const fileSchema = z.strictObject({
  timezone: z.string().optional(),
  /** Named lists of callers: numbers, or a file with one a line. */
  callers: z.record(z.string(), z.union([z.array(number), z.strictObject({ file: z.string().min(1) })])).default({}),
  routes: z
    .array(
      z.strictObject({
        name: z.string().min(1).optional(),
        to: list.optional(),
        from: list.optional(),
        when: z.union([window.transform((one) => [one]), z.array(window).min(1)]).optional(),
        prompt: z.string().min(1),
        tools: z.array(z.string()).optional(),
        transport: z.enum(['webrtc', 'websocket']).optional(),
      }),
    )
    .min(1),
});

/** What the routes may name. */
export interface RouteTargets {
  hasPrompt(name: string): boolean;
  hasTool(name: string): boolean;
  /** The zone of a file that names none. */
  readonly timezone: string;
}

/** Loads the file. Rejects with CONFIG_INVALID, one line a problem: `routes.yaml:7: ...`. */
export async function loadRoutes(path: string, targets: RouteTargets): Promise<Routes> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new BridgeError('CONFIG_INVALID', `${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const folder = dirname(path);
  return parseRoutes(path, text, targets, (name) => readFile(resolvePath(folder, name), 'utf8'));
}

/** As `loadRoutes`, from a text. `readList` gives the text of a file of numbers, named as in the routes. */
export async function parseRoutes(
  path: string,
  text: string,
  targets: RouteTargets,
  readList: (name: string) => Promise<string>,
): Promise<Routes> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const problems: string[] = [];
  const report = (at: readonly PropertyKey[], problem: string) => {
    problems.push(`${path}:${lineAt(document, counter, at)}: ${[...at, ''].join('.').slice(0, -1)}: ${problem}`);
  };
  const stop = (): never => {
    throw new BridgeError('CONFIG_INVALID', problems.join('\n'));
  };
  for (const error of document.errors)
    problems.push(`${path}:${counter.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`);
  if (problems.length > 0) stop();
  const parsed = fileSchema.safeParse(document.toJS());
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      report(issue.path, issue.code === 'unrecognized_keys' ? `there is no ${issue.keys.join(', ')}` : issue.message);
    return stop();
  }
  const file = parsed.data;
  const timezone = file.timezone ?? targets.timezone;
  if (!isZone(timezone)) report(['timezone'], `"${timezone}" is no time zone, e.g. America/New_York`);

  const lists = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(file.callers)) {
    if (Array.isArray(value)) lists.set(name, value);
    else lists.set(name, await readNumbers(value.file, readList, (problem) => report(['callers', name], problem)));
  }

  const routes = file.routes.map((raw, i): Route => {
    const at = (field: string) => ['routes', i, field];
    if (!targets.hasPrompt(raw.prompt)) report(at('prompt'), `there is no prompt "${raw.prompt}"`);
    for (const tool of raw.tools ?? []) if (!targets.hasTool(tool)) report(at('tools'), `there is no tool "${tool}"`);
    const numbers = (field: 'to' | 'from') =>
      raw[field]?.flatMap((entry) => {
        if (NUMBER.test(entry) && (field === 'from' || entry !== 'withheld')) return [entry];
        const named = field === 'from' ? lists.get(entry) : undefined;
        if (named === undefined) report(at(field), `"${entry}" is neither a number nor a list of callers`);
        return named ?? [];
      });
    const when = raw.when?.map(({ days, dates, hours }, w) => {
      const parsedDays = days === undefined ? undefined : parseDays(days);
      const parsedHours = parseHours(hours ?? '00:00-24:00');
      if (days !== undefined && parsedDays === undefined)
        report([...at('when'), w, 'days'], `"${days}" must be such as mon-fri, or sat, sun`);
      if (parsedHours === undefined) report([...at('when'), w, 'hours'], `"${hours}" must be such as 08:00-18:00`);
      return {
        days: parsedDays,
        dates: dates === undefined ? undefined : new Set(dates),
        from: parsedHours?.from ?? '00:00',
        to: parsedHours?.to ?? '24:00',
      };
    });
    return {
      name: raw.name ?? `route ${i + 1}`,
      to: numbers('to'),
      from: numbers('from'),
      when,
      prompt: raw.prompt,
      tools: raw.tools,
      transport: raw.transport,
    };
  });
  const last = routes.findIndex(isCatchAll);
  if (last < 0) report(['routes', routes.length - 1], 'the last route must take everything: no to, from or when');
  else if (last < routes.length - 1)
    report(['routes', last], `takes everything, so that no call gets to the ${routes.length - 1 - last} behind it`);
  if (problems.length > 0) stop();
  return { timezone, routes };
}

async function readNumbers(
  name: string,
  readList: (name: string) => Promise<string>,
  report: (problem: string) => void,
): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readList(name);
  } catch (error) {
    report(`${name}: cannot be read: ${(error as Error).message}`);
    return [];
  }
  const numbers: string[] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') return;
    if (NUMBER.test(entry)) numbers.push(entry);
    else report(`${name}:${i + 1}: "${entry}" is no number`);
  });
  return numbers;
}

function lineAt(
  document: ReturnType<typeof parseDocument>,
  counter: LineCounter,
  path: readonly PropertyKey[],
): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range != null) return counter.linePos(node.range[0]).line;
  }
  return 1;
}
