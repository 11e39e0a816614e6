import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

/**
 * The log: one JSON line an event, a static message and the values in fields. At the default level no line holds a secret, a phone
 * number or what anybody said: fields known to hold them are censored by name, and every line once more by pattern.
 */

/** Fields that hold secrets whatever the level. */
const SECRET_FIELDS = [
  'authorization',
  'apiKey',
  'key',
  'token',
  'secret',
  'password',
  'credential',
  'authToken',
  'signingKey',
  'clientSecret',
];
/** Fields that hold people's numbers and words: shown from debug level on. */
const PERSONAL_FIELDS = [
  'from',
  'to',
  'number',
  'digit',
  'digits',
  'text',
  'transcript',
  'arguments',
  'output',
  'instructions',
];

const SECRET_PATTERN = /\b(sk|ek|pk)[-_][A-Za-z0-9_-]{6,}|\bBearer\s+[A-Za-z0-9._~+/=-]{6,}/g;
const NUMBER_PATTERN = /(?<![\w.])(\+|%2B)[1-9]\d{6,14}(?!\d)/g;

const QUOTED_MOST_CHARS = 300;

/**
 * Of what another server said, for quoting it in an error: without keys in whatever form that server writes them (shortened, with stars in
 * them, by name), and cut. This is too wide for texts of ours, which speak of keys and tokens; for those there is `scrub`.
 */
export function scrubQuoted(text: string): string {
  const clean = text
    .replace(/\bBearer\s+\S+/gi, 'Bearer [redacted]')
    .replace(/\b(?:sk|ek|pk)[-_][^\s"'<>,;)]*/gi, '[redacted]')
    .replace(/(api[-_]key["']?\s*[:=]\s*["']?)[^\s"',;&]+/gi, '$1[redacted]');
  return clean.length > QUOTED_MOST_CHARS ? `${clean.slice(0, QUOTED_MOST_CHARS)}...` : clean;
}

/**
 * What another server calls its error, and what it says of it, for quoting both: each is cleaned alone, since a code such as `invalid_api_key` is no
 * name of a key that the words after it would be the value of. Empty where there is neither.
 */
export function quotedError(...parts: ReadonlyArray<string | undefined>): string {
  return parts.flatMap((part) => (part === undefined || part === '' ? [] : [scrubQuoted(part)])).join(': ');
}

/** Removes keys and tokens from a text, and phone numbers too unless `numbers` is false. */
export function scrub(text: string, numbers = true): string {
  const clean = text.replace(SECRET_PATTERN, '[secret]');
  return numbers ? clean.replace(NUMBER_PATTERN, '[number]') : clean;
}

function censored(fields: string[]): string[] {
  return fields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
}

export interface LogSettings {
  level: string;
  /** Where lines go; standard output when left out. */
  destination?: DestinationStream;
}

/** Makes the process's log. */
export function createLog({ level, destination }: LogSettings): Logger {
  const personal = level !== 'debug' && level !== 'trace';
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: censored(personal ? [...SECRET_FIELDS, ...PERSONAL_FIELDS] : SECRET_FIELDS),
      censor: '[redacted]',
    },
    hooks: { streamWrite: (line) => scrub(line, personal) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

export type { Logger };
