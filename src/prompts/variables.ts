import { localTime, spoken } from '../zone.ts';

/**
 * The variables of prompts. A template is cut into words and places once, at load; values are put into the places and never looked at
 * again, so nothing in a value can become a variable or a line of instructions of its own.
 */

/** Every variable there is, besides `custom.*`. */
export const VARIABLES = [
  'caller.name',
  'caller.language',
  'caller.notes',
  'caller.known',
  'call.from',
  'call.to',
  'call.direction',
  'call.date',
  'call.time',
  'call.weekday',
  'call.now',
  'business.name',
  'business.phone',
  'business.address',
  'business.timezone',
] as const;
export type VariableName = (typeof VARIABLES)[number] | `custom.${string}`;

/** Longest value, characters: a caller's record cannot push the instructions aside. */
const VALUE_MOST = 500;

export interface Place {
  readonly name: VariableName;
  /** What stands there when the value is missing or empty. */
  readonly fallback: string;
}
export type Template = ReadonlyArray<string | Place>;

export interface TemplateProblem {
  /** Offset in the text. */
  readonly at: number;
  readonly problem: string;
}

/** Cuts a text at its `{{name}}` and `{{name|fallback}}`. `custom` names the custom parameters it may use. */
export function parseTemplate(
  text: string,
  custom: ReadonlySet<string>,
): { template: Template; problems: TemplateProblem[] } {
  const template: Array<string | Place> = [];
  const problems: TemplateProblem[] = [];
  const known: ReadonlySet<string> = new Set(VARIABLES);
  let end = 0;
  for (const match of text.matchAll(/\{\{(.*?)\}\}/gs)) {
    template.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const [written = '', ...rest] = (match[1] ?? '').split('|');
    const name = written.trim();
    if (known.has(name) || (name.startsWith('custom.') && custom.has(name.slice('custom.'.length)))) {
      template.push({ name: name as VariableName, fallback: rest.join('|').trim() });
    } else if (name.startsWith('custom.')) {
      problems.push({ at: match.index, problem: `"${name}" is not among the front matter's variables` });
    } else {
      problems.push({ at: match.index, problem: `unknown variable "${name}"; there are: ${VARIABLES.join(', ')}` });
    }
  }
  template.push(text.slice(end));
  for (const match of text.replace(/\{\{.*?\}\}/gs, (found) => ' '.repeat(found.length)).matchAll(/\{\{|\}\}/g))
    problems.push({ at: match.index, problem: `"${match[0]}" without its counterpart` });
  return { template, problems };
}

export type Values = Readonly<Partial<Record<VariableName, string | undefined>>>;

/** Puts the values into their places. */
export function fill(template: Template, values: Values): string {
  return template
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = asData(values[part.name] ?? '');
      return value === '' ? part.fallback : value;
    })
    .join('');
}

/**
 * A value as one line of plain text: it cannot begin a new line or heading, close a quotation or fence, or pass for a variable. What it
 * says can still try to persuade the model; that is why the tools' policy stands outside it.
 */
export function asData(value: string): string {
  const line = value
    .normalize('NFC')
    // Control, format (bidirectional marks, zero width) and line-separating characters.
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/[{[<]/g, '(')
    .replace(/[}\]>]/g, ')')
    .replace(/[`"]/g, "'")
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > VALUE_MOST ? `${line.slice(0, VALUE_MOST).replace(/[\ud800-\udbff]$/, '')}…` : line;
}

/** What a call knows for its prompt. Numbers are E.164. */
export interface PromptFacts {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly direction: 'inbound' | 'outbound';
  /** Epoch ms. */
  readonly now: number;
  /** The business's zone. */
  readonly timezone: string;
  readonly caller?:
    | { readonly name?: string | null; readonly language?: string | null; readonly notes?: string | null }
    | undefined;
  readonly business?: { readonly name: string; readonly phone: string; readonly address: string } | undefined;
  /** The custom parameters: of the webhook's address, or of the order of an outbound call. */
  readonly custom?: Readonly<Record<string, string>> | undefined;
}

/** The values of all variables for one call. `defaults` are the front matter's custom parameters. */
export function valuesOf(facts: PromptFacts, defaults: Readonly<Record<string, string>> = {}): Values {
  const { date, time } = localTime(facts.now, facts.timezone);
  const now = spoken(facts.now, facts.timezone);
  const values: Partial<Record<VariableName, string | undefined>> = {
    'caller.name': facts.caller?.name ?? undefined,
    'caller.language': facts.caller?.language ?? undefined,
    'caller.notes': facts.caller?.notes ?? undefined,
    'caller.known': facts.caller === undefined ? 'no' : 'yes',
    'call.from': facts.from,
    'call.to': facts.to,
    'call.direction': facts.direction,
    'call.date': date,
    'call.time': time,
    'call.weekday': now.slice(0, now.indexOf(',')),
    'call.now': now,
    'business.name': facts.business?.name,
    'business.phone': facts.business?.phone,
    'business.address': facts.business?.address,
    'business.timezone': facts.timezone,
  };
  for (const [name, fallback] of Object.entries(defaults)) {
    const given = facts.custom !== undefined && Object.hasOwn(facts.custom, name) ? facts.custom[name] : undefined;
    values[`custom.${name}`] = given ?? fallback;
  }
  return values;
}
