import { localTime, spoken } from '../zone.ts';

/** The variables of prompts: which there are, and what each is for one call. Where they stand is `template.ts`'s. */

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

export type Values = Readonly<Partial<Record<VariableName, string | undefined>>>;

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

/** What a call knows for its prompt. `from` and `to` are numbers (E.164) or identities; undefined when withheld. */
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
    // One that came empty, as forms and workflow tools send it, says nothing.
    values[`custom.${name}`] = given === undefined || asData(given) === '' ? fallback : given;
  }
  return values;
}
