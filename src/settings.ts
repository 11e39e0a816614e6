import { z } from 'zod';
import { judgeNumber } from './numbering/judgement.ts';
import { parseNumber } from './numbering/number.ts';

/** Names of settings, and what each may be. */
export type SettingShape = Readonly<Record<string, z.ZodType>>;

/** What one kind of carrier brings to the schema of settings. */
export interface KindSettings {
  /** As values of settings have it. */
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  /** Its own settings, each with a default or optional: what its calls need, and what the control of them needs. */
  readonly settings: { readonly calls: SettingShape; readonly control: SettingShape };
  /** What of them contradicts itself, a sentence each that begins with the setting's name. */
  problems?(settings: Readonly<Record<string, unknown>>): string[];
}

/** The values of a kind's settings. */
export type SettingsOf<S extends KindSettings['settings']> = Readonly<z.infer<z.ZodObject<S['calls'] & S['control']>>>;

/* The kinds of value a setting can have, each read from the text of an environment variable. */

/** A whole number within bounds, both inclusive. */
export function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^-?\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`);
}

const TRUE = new Set(['true', '1', 'yes', 'on', 'enabled']);
const FALSE = new Set(['false', '0', 'no', 'off', 'disabled']);

/** true or false, in the usual spellings. */
export const flag = z
  .string()
  .refine((s) => TRUE.has(s.toLowerCase()) || FALSE.has(s.toLowerCase()), 'must be true or false')
  .transform((s) => TRUE.has(s.toLowerCase()));

/** Comma-separated values, none empty. */
export const csv = z.string().transform((s) =>
  s
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** An http(s) URL; a trailing slash is dropped, a query string kept. */
export const webUrl = z
  .string()
  .refine((s) => /^https?:$/.test(parseUrl(s)?.protocol ?? ''), 'must be an http:// or https:// URL')
  .transform((s) => s.replace(/\/+(?=$|\?)/, ''));

/** An origin, perhaps with a path, without query, credentials or fragment: carriers append to it. */
export const publicUrl = webUrl.refine((s) => {
  const url = parseUrl(s);
  return url !== undefined && url.search === '' && url.hash === '' && url.username === '';
}, 'must be an http:// or https:// URL without query, credentials or fragment, e.g. https://voice.example.com');

/** "10000-10100", inclusive, within the unprivileged ports. */
export const portRange = z
  .string()
  .regex(/^\d+-\d+$/, 'must look like 10000-10100')
  .transform((s) => {
    const [min = 0, max = 0] = s.split('-').map(Number);
    return { min, max };
  })
  .refine(
    ({ min, max }) => min >= 1024 && max <= 65_535 && min <= max,
    'must be two ports from 1024 to 65535, the lower first',
  );

/** A number with its country, however it is written; read in E.164. */
export const phoneNumber = z.string().transform((text, context) => {
  const number = parseNumber(text);
  if (number !== undefined) return number;
  context.addIssue({ code: 'custom', message: 'must be a number with its country code, e.g. +12025550143' });
  return z.NEVER;
});

const NOT_DIALLED = {
  not_valid: 'is no number that there is',
  premium_rate: 'is a premium-rate number, whose caller pays its owner',
  emergency: 'leads to an emergency service',
} as const;

/** E.164, of a number that there is and that may be dialled; a trunk prefix in it goes. */
export const dialledNumber = phoneNumber.transform((text, context) => {
  const judgement = judgeNumber(text);
  if (judgement.ok) return judgement.number;
  context.addIssue({ code: 'custom', message: NOT_DIALLED[judgement.code] });
  return z.NEVER;
});

function parseJson(text: string, context: z.core.$RefinementCtx, shape: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: `must be ${shape}` });
    return z.NEVER;
  }
}

const headerShape = 'a JSON object of texts, e.g. {"api-key":"..."}';

/** HTTP headers as a JSON object. */
export const headerMap = z
  .string()
  .transform((s, context) => parseJson(s, context, headerShape))
  .pipe(z.record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string(`must be ${headerShape}`), `must be ${headerShape}`));

const textShape = 'a JSON object of texts, e.g. {"city":"Boston"}';

/** Texts by name, as a JSON object. */
export const textMap = z
  .string()
  .transform((s, context) => parseJson(s, context, textShape))
  .pipe(z.record(z.string(), z.string(`must be ${textShape}`), `must be ${textShape}`));

const iceServer = z.object({
  urls: z.union([z.string(), z.array(z.string())]),
  username: z.string().optional(),
  credential: z.string().optional(),
});
const iceShape = 'comma-separated stun:/turn: URLs, or a JSON array of {"urls","username","credential"}';
const iceUrl = /^(stun|stuns|turn|turns):[^\s]+$/;

/** STUN and TURN servers. A TURN server needs username and credential, so it is written as JSON. */
export const iceServers = z
  .string()
  .transform((s, context) =>
    s.startsWith('[')
      ? parseJson(s, context, iceShape)
      : s
          .split(',')
          .map((url) => ({ urls: url.trim() }))
          .filter((server) => server.urls !== ''),
  )
  .pipe(z.array(iceServer, `must be ${iceShape}`))
  .refine(
    (list) => list.every((server) => [server.urls].flat().every((url) => iceUrl.test(url))),
    `must be ${iceShape}`,
  )
  .refine(
    (list) =>
      list.every(
        (server) =>
          ![server.urls].flat().some((url) => url.startsWith('turn')) ||
          (server.username !== undefined && server.credential !== undefined),
      ),
    'names a TURN server without username and credential: write it as JSON',
  )
  .transform((list) =>
    list.map((server) => ({
      urls: server.urls,
      ...(server.username === undefined ? {} : { username: server.username }),
      ...(server.credential === undefined ? {} : { credential: server.credential }),
    })),
  );
