import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Carrier } from '../callers/phone/carriers/carrier.ts';
import type { AccountChecks, NumberChange, OwnedNumber } from '../callers/phone/carriers/checks.ts';
import { addressOf } from '../callers/phone/http/answers.ts';
import { errorMessage } from '../errors.ts';
import { type Finding, fail, pass, skip, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';

/** What the carrier does with calls to the number, and setting that right. */

export interface NumberOptions {
  /** Number to look at, E.164; OUTBOUND_FROM without it. */
  readonly number?: string | undefined;
  /** Whether a wrong webhook of the number is set right. */
  readonly fix: boolean;
  /** Whether the number is also taken from a trunk or an application that has its calls now. */
  readonly takeOver?: boolean;
}

export interface AccountAt {
  readonly carrier: Carrier;
  readonly account: AccountChecks;
}

/** Where the settings that `--fix` replaced are kept, in DATA_DIR. */
const BEFORE_FILE = 'doctor-fixes.jsonl';

export async function numberSetting(
  deps: DoctorDeps,
  accounts: readonly AccountAt[],
  options: NumberOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const { PUBLIC_URL, OUTBOUND_FROM } = deps.config;
  const number = options.number ?? OUTBOUND_FROM;
  if (number === undefined) return skip('name the number with --number or OUTBOUND_FROM');
  if (PUBLIC_URL === undefined) return skip('needs PUBLIC_URL');
  let needs: string | undefined;
  for (const { carrier, account } of accounts) {
    const answer = await account.number(number, signal);
    if (answer.found === 'unreadable')
      return fail(`${carrier.name} answers HTTP ${answer.status} without a list of numbers`, 'Try again later.');
    if (answer.found === 'unasked') needs ??= answer.needs;
    if (answer.found === 'yes')
      return judge(deps, carrier, answer.owned, PUBLIC_URL + addressOf(carrier, 'incoming-call'), options, signal);
  }
  if (needs !== undefined) return skip(`needs ${needs}`);
  return fail(
    `the number is not in the account (${accounts.map(({ carrier }) => carrier.name).join(', ')})`,
    'Check the number, in E.164 form, and in which account or project it was bought.',
  );
}

async function judge(
  deps: DoctorDeps,
  carrier: Carrier,
  owned: OwnedNumber,
  wanted: string,
  { fix, takeOver = false }: NumberOptions,
  signal: AbortSignal,
): Promise<Finding> {
  if (!owned.takesCalls)
    return fail('the number takes no calls', 'It is for messages alone: get one with voice at the carrier.');
  const changes = owned.changes(wanted);
  if (changes.length === 0) return pass(`calls to the number go to ${wanted}`);
  const other = owned.otherOwner;
  const seen = other?.seen ?? `calls to the number go to ${shown(owned.webhook)}`;
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
      `${JSON.stringify({ at: new Date(deps.clock.wall()), carrier: carrier.name, ...owned.shown })}\n`,
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
  const { status, owned: now } = await owned.change(changes, signal);
  if (status < 200 || status > 299)
    return fail(
      `${seen}; setting it was answered with HTTP ${status}`,
      `Set it to ${wanted} in the carrier’s console.`,
    );
  // What was asked for is not always what was done: the answer shows the number as it is now.
  if (now === undefined || now.changes(wanted).length > 0)
    return fail(
      `${seen}; the carrier took ${told(changes)}, but shows other settings afterwards`,
      `Look at the number in the carrier’s console: its webhook should be ${wanted} (POST).`,
    );
  return warn(
    `${seen}; changed: ${told(changes)}`,
    `Nothing more is to be done: call the number. What was set before is in ${kept}.`,
  );
}

/** "VoiceUrl from A to B, TrunkSid from C to nothing". */
function told(changes: readonly NumberChange[]): string {
  return changes
    .map(({ field, from, to, isUrl = false }) => `${field} from ${isUrl ? shown(from) : from} to ${to || 'nothing'}`)
    .join(', ');
}

/** Another's webhook may hold a token in its query: only where it is, is told. */
function shown(url: string): string {
  if (url === '') return 'no webhook at all';
  if (!URL.canParse(url)) return 'something that is no URL';
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}
