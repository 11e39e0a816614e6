import { hasTrunkPrefix, judgeNumber, type NumberJudgement, type NumberRefusal } from '../numbering/judgement.ts';
import { parseNumber, parsePrefix } from '../numbering/number.ts';
import { whatsappAddress } from '../numbering/party.ts';

/**
 * Whom the bridge may call on somebody's behalf. It is decided here, outside the model: whatever a caller talks the model into, a number
 * that is none, that costs its caller, or that is not on the list is not dialled. An empty list allows nothing.
 */

export interface DestinationPolicy {
  /**
   * E.164 prefixes that may be called: "+1202", or a whole number. A country's code alone means that country and no other of the same code. By WhatsApp
   * alone: "whatsapp:+1202", and of user ids "whatsapp:US.", or a whole one.
   */
  readonly allow: readonly string[];
  /** Prefixes that may not, whatever `allow` says. */
  readonly deny?: readonly string[];
}

export type DestinationRefusal =
  | NumberRefusal
  /** Not a number in international form. */
  | 'not_e164'
  | 'nothing_allowed'
  | 'denied'
  | 'high_risk'
  | 'special_rate'
  | 'not_listed';

export type DestinationDecision =
  | { readonly allowed: true; readonly number: string }
  | { readonly allowed: false; readonly code: DestinationRefusal; readonly reason: string };

/** What is said to whoever asked, of numbers that no list can allow. */
const NEVER: Readonly<Record<NumberRefusal, string>> = {
  not_valid: 'There is no such number.',
  premium_rate: 'Premium-rate numbers may not be called.',
  emergency: 'Emergency services may not be called.',
};

/** Countries that the FCC names for call-back fraud: https://www.fcc.gov/consumers/guides/one-ring-wireless-phone-scam */
const RISKY = new Set(['222', '232']);

/** Whether an entry of an allow or deny list is usable: `+` and 1 to 15 digits, without a trunk prefix, which no number would match. */
export function isPrefix(text: string): boolean {
  return /^\+[1-9]\d{0,14}$/.test(text) && !hasTrunkPrefix(text);
}

/**
 * Whether a number may be dialled, transfers included. What it is comes before any list, and lists see its canonical form: a trunk prefix
 * in it (+1 1 900, +44 0 909) takes it past neither. Pure.
 */
export function checkDestination(text: string, policy: DestinationPolicy): DestinationDecision {
  const written = parseNumber(text);
  if (written === undefined) return refuse('not_e164', 'The number must be international, with + and country code.');
  const judgement = judgeNumber(written);
  if (!judgement.ok) return refuse(judgement.code, NEVER[judgement.code]);
  const { number } = judgement;
  if (policy.allow.length === 0) return refuse('nothing_allowed', 'This line may not call any number.');
  if ((policy.deny ?? []).some((prefix) => number.startsWith(prefix)))
    return refuse('denied', 'This number may not be called.');
  const allowed = policy.allow.filter((prefix) => number.startsWith(prefix));
  if (allowed.length === 0) return refuse('not_listed', 'This number is not among those this line may call.');
  const { kind, home, code } = judgement;
  if (kind === 'ordinary' && home && !RISKY.has(code)) return { allowed: true, number };
  if (allowed.some((prefix) => names(prefix, judgement))) return { allowed: true, number };
  return kind === 'special'
    ? refuse('special_rate', 'Shared-cost, personal and service numbers may not be called.')
    : refuse('high_risk', 'Numbers of this range may not be called.');
}

/**
 * Whether an entry means this very range, and does not just contain it: "+1" does not bring the Caribbean with it, nor "+7" Kazakhstan, nor "+49"
 * shared-cost numbers; "+1876", "+770" and "+49180" do. Of networks and risky countries their own code is enough.
 */
function names(prefix: string, { code, kind }: Extract<NumberJudgement, { ok: true }>): boolean {
  if (!prefix.startsWith(`+${code}`)) return false;
  if (kind === 'network' || RISKY.has(code)) return true;
  // An area of the North American plan has three digits.
  return prefix.length > code.length + (code === '1' ? 3 : 2);
}

/**
 * Whether somebody may be called by WhatsApp. One who is named by his number is judged by it, as on the phone, by the entries for numbers and those
 * of WhatsApp's own; a user id tells no more than the country in front of it, and is allowed by entries for ids alone. Pure.
 */
export function checkWhatsApp(text: string, policy: DestinationPolicy): DestinationDecision {
  const written = whatsappAddress(text);
  if (written === undefined) return refuse('not_valid', 'There is no such WhatsApp user.');
  if (written.startsWith('whatsapp:+')) {
    const own = (entries: readonly string[] = []) => entries.map((entry) => entry.replace(/^whatsapp:(?=\+)/, ''));
    const decision = checkDestination(written.slice('whatsapp:'.length), {
      allow: own(policy.allow),
      deny: own(policy.deny),
    });
    return decision.allowed ? { allowed: true, number: `whatsapp:${decision.number}` } : decision;
  }
  if (policy.allow.length === 0) return refuse('nothing_allowed', 'This line may not call anybody.');
  if ((policy.deny ?? []).some((entry) => written.startsWith(entry)))
    return refuse('denied', 'This WhatsApp user may not be called.');
  if (policy.allow.some((entry) => written.startsWith(entry))) return { allowed: true, number: written };
  return refuse('not_listed', 'This WhatsApp user is not among those this line may call.');
}

/** The beginning of WhatsApp users, as lists have them: `whatsapp:+1202`, `whatsapp:US.`; undefined for what is none. */
export function whatsappPrefix(text: string): string | undefined {
  const rest = /^whatsapp:(.*)$/i.exec(text.trim())?.[1];
  if (rest === undefined) return undefined;
  if (/^[A-Z]{2}\.[A-Za-z0-9._-]{0,199}$/.test(rest)) return `whatsapp:${rest}`;
  const prefix = parsePrefix(rest);
  return prefix !== undefined && isPrefix(prefix) ? `whatsapp:${prefix}` : undefined;
}

/** What a carrier can play as tones: 0-9, *, #, A-D and `w`, half a second's pause. At most 32. */
export function isDigits(text: string): boolean {
  return /^[0-9*#A-Dw]{1,32}$/.test(text);
}

function refuse(code: DestinationRefusal, reason: string): DestinationDecision {
  return { allowed: false, code, reason };
}
