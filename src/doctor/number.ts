import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PATHS } from '../callers/phone/http/answers.ts';
import { errorMessage } from '../errors.ts';
import { type Account, ask } from './account.ts';
import { type DoctorDeps, type Finding, fail, pass, skip, warn } from './check.ts';

/**
 * What the carrier does with calls to the number, and setting that right. Of a number's settings, a trunk wins over an application, and an
 * application over the webhook: https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource. SignalWire's Compatibility API
 * has the same names.
 */

export interface NumberOptions {
  /** Number to look at, E.164; OUTBOUND_FROM without it. */
  readonly number?: string | undefined;
  /** Whether a wrong webhook of the number is set right. */
  readonly fix: boolean;
  /** Whether the number is also taken from a trunk or an application that has its calls now. */
  readonly takeOver?: boolean;
}

const resource = z.object({
  sid: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
  phone_number: z.string(),
  capabilities: z.object({ voice: z.boolean().nullish() }).nullish(),
  voice_url: z.string().nullish(),
  voice_method: z.string().nullish(),
  voice_application_sid: z.string().nullish(),
  trunk_sid: z.string().nullish(),
});
type Resource = z.infer<typeof resource>;

const list = z.object({ incoming_phone_numbers: z.array(resource) });

/** Where the settings that `--fix` replaced are kept, in DATA_DIR. */
const BEFORE_FILE = 'doctor-fixes.jsonl';

export async function numberSetting(
  deps: DoctorDeps,
  accounts: readonly Account[],
  options: NumberOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const { PUBLIC_URL, OUTBOUND_FROM } = deps.config;
  const number = options.number ?? OUTBOUND_FROM;
  if (number === undefined) return skip('name the number with --number or OUTBOUND_FROM');
  if (PUBLIC_URL === undefined) return skip('needs PUBLIC_URL');
  for (const account of accounts) {
    const response = await ask(deps, account, { query: `?${new URLSearchParams({ PhoneNumber: number })}` }, signal);
    const parsed = list.safeParse(await response.json().catch(() => undefined));
    if (!response.ok || !parsed.success)
      return fail(`${account.carrier} answers HTTP ${response.status} without a list of numbers`, 'Try again later.');
    // The filter also finds numbers that this one is a part of.
    const found = parsed.data.incoming_phone_numbers.find(({ phone_number }) => phone_number === number);
    if (found !== undefined) return judge(deps, account, found, PUBLIC_URL + PATHS.incomingCall, options, signal);
  }
  return fail(
    `the number is not in the account (${accounts.map(({ carrier }) => carrier).join(', ')})`,
    'Check the number, in E.164 form, and in which account or project it was bought.',
  );
}

async function judge(
  deps: DoctorDeps,
  account: Account,
  found: Resource,
  wanted: string,
  { fix, takeOver = false }: NumberOptions,
  signal: AbortSignal,
): Promise<Finding> {
  if (found.capabilities?.voice === false)
    return fail('the number takes no calls', 'It is for messages alone: get one with voice at the carrier.');
  const changes = changesOf(found, wanted);
  if (changes.length === 0) return pass(`calls to the number go to ${wanted}`);
  const other = otherThanWebhook(account, found);
  const seen = other?.seen ?? `calls to the number go to ${shown(found.voice_url)}`;
  if (other !== undefined && !(fix && takeOver))
    return fail(
      fix ? `${seen}; nothing was changed` : seen,
      `${other.advice}, or run with --fix --take-over, which changes ${told(changes)}.`,
    );
  if (!fix)
    return fail(seen, `Run again with --fix, which changes ${told(changes)}; or set it in the carrier’s console.`);

  const kept = join(deps.config.DATA_DIR, BEFORE_FILE);
  try {
    mkdirSync(deps.config.DATA_DIR, { recursive: true, mode: 0o700 });
    appendFileSync(
      kept,
      `${JSON.stringify({ at: new Date(deps.clock.wall()), carrier: account.carrier, ...found })}\n`,
      {
        mode: 0o600,
      },
    );
  } catch (error) {
    return fail(
      `${seen}; nothing was changed, since what is set now could not be kept in ${kept}: ${errorMessage(error)}`,
      'Set DATA_DIR to a folder that can be written to.',
    );
  }
  const form = Object.fromEntries(changes.map(({ field, to }) => [field, to]));
  const answer = await ask(deps, account, { sid: found.sid, form }, signal);
  const now = resource.safeParse(await answer.json().catch(() => undefined));
  if (!answer.ok)
    return fail(
      `${seen}; setting it was answered with HTTP ${answer.status}`,
      `Set it to ${wanted} in the carrier’s console.`,
    );
  // What was asked for is not always what was done: the answer shows the number as it is now.
  if (!now.success || changesOf(now.data, wanted).length > 0)
    return fail(
      `${seen}; the carrier took ${told(changes)}, but shows other settings afterwards`,
      `Look at the number in the carrier’s console: its webhook should be ${wanted} (POST).`,
    );
  return warn(
    `${seen}; changed: ${told(changes)}`,
    `Nothing more is to be done: call the number. What was set before is in ${kept}.`,
  );
}

interface Change {
  readonly field: 'VoiceUrl' | 'VoiceMethod' | 'VoiceApplicationSid' | 'TrunkSid';
  readonly from: string;
  readonly to: string;
}

/** What must be set so that calls come to this webhook, and nothing else. */
function changesOf(found: Resource, wanted: string): Change[] {
  const url = found.voice_url ?? '';
  const method = (found.voice_method ?? 'POST').toUpperCase();
  const changes: Change[] = [
    { field: 'VoiceUrl', from: url, to: wanted },
    // The daemon answers both.
    { field: 'VoiceMethod', from: method, to: method === 'GET' && url === wanted ? 'GET' : 'POST' },
    { field: 'VoiceApplicationSid', from: found.voice_application_sid ?? '', to: '' },
    { field: 'TrunkSid', from: found.trunk_sid ?? '', to: '' },
  ];
  return changes.filter(({ from, to }) => from !== to);
}

/** What has, or may have, the number's calls in its webhook's place: nothing that is taken away without being told to. */
function otherThanWebhook({ carrier }: Account, found: Resource): { seen: string; advice: string } | undefined {
  const owner = found.trunk_sid
    ? `the SIP trunk ${found.trunk_sid}`
    : found.voice_application_sid
      ? `the application ${found.voice_application_sid}`
      : undefined;
  if (owner !== undefined)
    return {
      seen: `calls to the number go to ${owner}, not to its webhook`,
      advice: 'Whoever set that up gets its calls: take the number off there in the carrier’s console',
    };
  // What the newer dashboard gives a number to (scripts, resources) is not in this API.
  if (carrier === 'signalwire' && !found.voice_url)
    return {
      seen: 'the number has no webhook; whether a script in SignalWire’s dashboard has its calls cannot be seen from here',
      advice: 'Set the webhook in the dashboard, where it shows what the number does now',
    };
  return undefined;
}

/** "VoiceUrl from A to B, TrunkSid from C to nothing". */
function told(changes: readonly Change[]): string {
  return changes
    .map(({ field, from, to }) => `${field} from ${field === 'VoiceUrl' ? shown(from) : from} to ${to || 'nothing'}`)
    .join(', ');
}

/** Another's webhook may hold a token in its query: only where it is, is told. */
function shown(url: string | null | undefined): string {
  if (url === null || url === undefined || url === '') return 'no webhook at all';
  if (!URL.canParse(url)) return 'something that is no URL';
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}
