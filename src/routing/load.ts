import { dirname, resolve as resolvePath } from 'node:path';
import { z } from 'zod';
import { kindOfTarget, parseTarget, type TargetKind } from '../agents/target.ts';
import { partyText } from '../call/party.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { parsePrefix } from '../numbering/number.ts';
import { parseParty } from '../numbering/party.ts';
import { filesOnDisk, plainText, readYaml } from '../operator-file.ts';
import { isLanguage, isVoice, LANGUAGE_RULE, SAY_MOST, VOICE_RULE } from '../spoken.ts';
import { hint } from '../suggest.ts';
import { isZone } from '../zone.ts';
import { isCatchAll, type Route, type RoutedAgent, type Routes } from './routes.ts';
import { parseDays, parseHours } from './schedule.ts';

/** Reads the file of routes and checks it against the prompts and tools there are. */

/** Identities, as networks write them. */
const IDENTITY = /^(?:sips?|client|whatsapp|page):\S+$/i;

/** An entry for callers or called numbers in the form that calls are compared with; undefined for what is none. */
function entryOf(text: string): string | undefined {
  if (text === 'withheld') return text;
  const begins = text.endsWith('*');
  if (IDENTITY.test(text)) return begins ? beginningOf(text) : identityOf(text);
  return begins ? parsePrefix(text.slice(0, -1))?.concat('*') : parsePrefix(text);
}

/** Who is meant, as for a call that comes in: the number in an identity is the number, and one that says so is withheld. */
function identityOf(text: string): string | undefined {
  if (text.startsWith('page:')) return text;
  // A sign for anything stands at the end alone: no call would ever be found by another.
  if (/\*@/.test(text)) return undefined;
  return partyText(parseParty(text)) ?? 'withheld';
}

/** The beginning of identities. One with a number is none, so none begins as a number does. */
function beginningOf(text: string): string | undefined {
  const [scheme = '', ...rest] = text.split(':');
  const name = rest.join(':');
  return name.startsWith('+') ? undefined : `${scheme.toLowerCase().replace('sips', 'sip')}:${name}`;
}

const number = z.string('must be a text: write numbers in quotes').transform((text, context) => {
  const entry = entryOf(text);
  if (entry !== undefined) return entry;
  context.addIssue({
    code: 'custom',
    message: 'must be a number such as "+12025550100", or its beginning and *: "+1202*"',
  });
  return z.NEVER;
});
const list = z.union([z.string().transform((one) => [one]), z.array(z.string())]);
const window = z.strictObject({
  days: z.string().optional(),
  dates: z.array(z.iso.date()).optional(),
  hours: z.string().optional(),
});
const said = z.string().max(SAY_MOST, `has more than ${SAY_MOST} characters`);
const words = z.strictObject({
  language: z.string().refine(isLanguage, LANGUAGE_RULE).optional(),
  voice: z.string().refine(isVoice, VOICE_RULE).optional(),
  fallback: said.optional(),
  busy: z.union([said, z.literal(false).transform(() => 'off')]).optional(),
  apology: z.string().min(1).optional(),
});
const route = z.strictObject({
  name: z.string().min(1).optional(),
  to: list.optional(),
  from: list.optional(),
  when: z.union([window.transform((one) => [one]), z.array(window).min(1)]).optional(),
  /** Left out where the agent needs no words. */
  prompt: z.string().min(1).optional(),
  tools: z.array(z.string()).optional(),
  /** The kind of agent that answers in place of the prompt's, or an object that says which of that kind. */
  agent: z.unknown().optional(),
  say: words.optional(),
});
/** The file; what a route says by keys of a kind of agents' is left to that kind. */
const fileOf = (agentKeys: Readonly<Record<string, z.ZodType>>) =>
  z.strictObject({
    timezone: z.string().optional(),
    /** Named lists of callers: numbers, or a file with one a line. */
    callers: z.record(z.string(), z.union([z.array(number), z.strictObject({ file: z.string().min(1) })])).default({}),
    routes: z.array(z.strictObject({ ...agentKeys, ...route.shape })).min(1),
  });

/** What a route may say of agents of one kind; see `AgentOptions`. */
export interface RouteKind extends TargetKind {
  readonly options: TargetKind['options'] & {
    readonly route: Readonly<Record<string, z.ZodType>>;
    mayBeWordless?(options: Readonly<Record<string, unknown>>): boolean;
  };
}

/** What the routes may name. */
export interface RouteTargets {
  /** The kinds of agents that there are; the first where neither route nor prompt names one. */
  readonly agents: readonly RouteKind[];
  hasPrompt(name: string): boolean;
  /** Of which kind a prompt's agent is, and whether the prompt says anything that only that kind understands. */
  agentOf(prompt: string): { readonly kind: string; readonly isParticular: boolean } | undefined;
  hasTool(name: string): boolean;
  /** The zone of a file that names none. */
  readonly timezone: string;
}

/** Loads the file. Rejects with CONFIG_INVALID, one line a problem: `routes.yaml:7: ...`. */
export async function loadRoutes(path: string, targets: RouteTargets, files = filesOnDisk): Promise<Routes> {
  let text: string;
  try {
    text = await files.read(path);
  } catch (error) {
    throw new BridgeError('CONFIG_INVALID', `${path}: cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  const folder = dirname(path);
  return parseRoutes(path, text, targets, (name) => files.read(resolvePath(folder, name)));
}

/** As `loadRoutes`, from a text. `readList` gives the text of a file of numbers, named as in the routes. */
export async function parseRoutes(
  path: string,
  text: string,
  targets: RouteTargets,
  readList: (name: string) => Promise<string>,
): Promise<Routes> {
  const document = readYaml(text);
  const problems = document.problems.map(({ line, problem }) => `${path}:${line}: ${problem}`);
  const report = (at: readonly PropertyKey[], problem: string) => {
    problems.push(`${path}:${document.lineOf(at)}: ${[...at, ''].join('.').slice(0, -1)}: ${problem}`);
  };
  const ofRoute = (i: number) => (field: readonly PropertyKey[], problem: string) =>
    report(['routes', i, ...field], problem);
  const stop = (): never => {
    throw new BridgeError('CONFIG_INVALID', problems.join('\n'));
  };
  if (problems.length > 0) stop();
  const agentKeys = Object.assign({}, ...targets.agents.map(({ options }) => options.route));
  const anything = Object.fromEntries(Object.keys(agentKeys).map((key) => [key, z.unknown().optional()]));
  const fileSchema = fileOf(anything);
  const parsed = fileSchema.safeParse(document.value);
  if (!parsed.success) {
    // All keys there are, for hints at what was meant.
    const known = [fileSchema.shape, agentKeys, route.shape, window.shape, words.shape].flatMap((shape) =>
      Object.keys(shape),
    );
    for (const issue of parsed.error.issues)
      report(
        issue.path,
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => `there is no ${key}${hint(key, known)}`).join(', ')
          : issue.message,
      );
    for (const [i, raw] of routesIn(document.value).entries()) agentOf(raw, targets, ofRoute(i));
    return stop();
  }
  const file = parsed.data;
  const timezone = file.timezone ?? targets.timezone;
  if (!isZone(timezone)) report(['timezone'], `"${timezone}" is no time zone, e.g. America/New_York`);

  const lists = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(file.callers)) {
    if (entryOf(name) !== undefined)
      report(['callers', name], `"${name}" stands for callers already: name it otherwise`);
    if (Array.isArray(value)) lists.set(name, value);
    else lists.set(name, await readNumbers(value.file, readList, (problem) => report(['callers', name], problem)));
  }

  const routes = file.routes.map((raw, i): Route => {
    const at = (field: string) => ['routes', i, field];
    if (raw.prompt !== undefined && !targets.hasPrompt(raw.prompt))
      report(at('prompt'), `there is no prompt "${raw.prompt}"`);
    for (const tool of raw.tools ?? []) if (!targets.hasTool(tool)) report(at('tools'), `there is no tool "${tool}"`);
    const numbers = (field: 'to' | 'from') =>
      raw[field]?.flatMap((entry) => {
        const own = entryOf(entry);
        if (own !== undefined && (field === 'from' || own !== 'withheld')) return [own];
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
      agent: agentOf(raw, targets, ofRoute(i)),
      say: raw.say === undefined ? undefined : { ...raw.say, ...apologyAt(path, raw.say.apology) },
    };
  });
  const last = routes.findIndex(isCatchAll);
  if (last < 0) report(['routes', routes.length - 1], 'the last route must take everything: no to, from or when');
  else if (last < routes.length - 1)
    report(['routes', last], `takes everything, so that no call gets to the ${routes.length - 1 - last} behind it`);
  if (problems.length > 0) stop();
  return { timezone, routes };
}

/** Those of a file that is wrong, as far as who answers by them can be told. */
function routesIn(file: unknown): Array<Parameters<typeof agentOf>[0]> {
  const { routes } = z
    .object({ routes: z.array(z.unknown()).catch([]) })
    .catch({ routes: [] })
    .parse(file);
  const answered = z.looseObject({ prompt: z.string().optional().catch(''), agent: z.unknown().optional() });
  return routes.map((raw) => answered.catch({ prompt: '', agent: undefined }).parse(raw));
}

/** What a route says of its agent, checked by the kind that it is of. */
function agentOf(
  raw: Readonly<Record<string, unknown>> & { readonly prompt?: string | undefined; readonly agent?: unknown },
  { agents, agentOf: ofPrompt }: RouteTargets,
  report: (field: readonly PropertyKey[], problem: string) => void,
): RoutedAgent {
  const prompted = raw.prompt === undefined ? undefined : ofPrompt(raw.prompt);
  const chosen = kindOfTarget(raw.agent);
  // A name alone is enough where the prompt is of that kind: it may say the rest.
  const isPrompts = raw.agent === undefined ? prompted !== undefined : raw.agent === prompted?.kind;
  const parsed = isPrompts ? undefined : parseTarget(raw.agent ?? agents[0]?.name, agents);
  if (parsed?.ok === false) for (const { path, problem } of parsed.problems) report(['agent', ...path], problem);
  const target = parsed?.ok === true ? parsed.target : undefined;
  const kind = target?.kind ?? (parsed?.ok === false ? parsed.kind : prompted?.kind) ?? '';
  const found = agents.find(({ name }) => name === kind);
  if (found === undefined) return { chosen, kind, options: {} };
  if (prompted !== undefined && prompted.kind !== kind && prompted.isParticular)
    report(['agent'], `"${raw.prompt}" is a prompt for ${prompted.kind}: it says what ${kind} does not understand`);
  const given = Object.fromEntries(
    Object.entries(raw).filter(([key]) => agents.some(({ options }) => key in options.route)),
  );
  const result = z.strictObject(found.options.route).safeParse(given);
  const options = result.success ? result.data : {};
  for (const issue of result.success ? [] : result.error.issues) {
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys) report([key], `is nothing that ${kind} understands`);
    else report(issue.path, issue.message);
  }
  const isWordless = () => found.options.mayBeWordless?.({ ...target?.options, ...options }) === true;
  if (raw.prompt === undefined && parsed?.ok !== false && !isWordless())
    report(['prompt'], `is missing: an agent of the kind ${kind} needs the words of one`);
  return { chosen, kind, options, target: target?.options };
}

/** A recording is named from the folder of the routes. */
const apologyAt = (routes: string, file: string | undefined) =>
  file === undefined ? {} : { apology: resolvePath(dirname(routes), file) };

async function readNumbers(
  name: string,
  readList: (name: string) => Promise<string>,
  report: (problem: string) => void,
): Promise<readonly string[]> {
  let text: string;
  try {
    text = plainText(await readList(name));
  } catch (error) {
    report(`${name}: cannot be read: ${(error as Error).message}`);
    return [];
  }
  const numbers: string[] = [];
  text.split('\n').forEach((line, i) => {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') return;
    const number = entryOf(entry);
    if (number !== undefined) numbers.push(number);
    else report(`${name}:${i + 1}: "${entry}" is no number`);
  });
  return numbers;
}
