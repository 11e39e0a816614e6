import { HIGH_RISK, PREMIUM_RATE } from './premium-ranges.ts';

/**
 * Whom the bridge may call on somebody's behalf. It is decided here, outside the model: whatever a caller talks the model into, a number
 * that is not on the list is not dialled. An empty list allows nothing.
 */

export interface DestinationPolicy {
  /** E.164 prefixes that may be called: "+1202", or a whole number. */
  readonly allow: readonly string[];
  /** Prefixes that may not, whatever `allow` says. */
  readonly deny?: readonly string[];
}

export type DestinationRefusal =
  /** Not a number in international form. */
  'not_e164' | 'nothing_allowed' | 'denied' | 'premium_rate' | 'high_risk' | 'not_listed';

export type DestinationDecision =
  | { readonly allowed: true; readonly number: string }
  | { readonly allowed: false; readonly code: DestinationRefusal; readonly reason: string };

/**
 * A number as people write it, in E.164: separators go, `00` and `011` become `+`. Undefined when that gives no E.164 number. Numbers without
 * a country are not guessed at: a wrong guess calls a stranger. https://www.itu.int/rec/T-REC-E.164
 */
export function normaliseNumber(text: string): string | undefined {
  if (text.length > 40) return undefined;
  // "(0)" in "+44 (0)20" is a trunk prefix that is not dialled from abroad.
  const bare = text
    .trim()
    .replace(/^tel:/i, '')
    .replace(/(?<=^\+\d{1,3}\s?)\(0\)/, '')
    .replace(/[\s().\-/\u2010-\u2015]/g, '');
  const number = bare.replace(/^(00|011)(?=[1-9])/, '+');
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : undefined;
}

/** Whether an entry of an allow or deny list is usable: `+` and 1 to 15 digits. */
export function isPrefix(text: string): boolean {
  return /^\+[1-9]\d{0,14}$/.test(text);
}

/** Whether a number may be dialled, transfers included. Pure. */
export function checkDestination(text: string, policy: DestinationPolicy): DestinationDecision {
  const number = normaliseNumber(text);
  if (number === undefined) return refuse('not_e164', 'The number must be international, with + and country code.');
  if (policy.allow.length === 0) return refuse('nothing_allowed', 'This line may not call any number.');
  if ((policy.deny ?? []).some((prefix) => number.startsWith(prefix)))
    return refuse('denied', 'This number may not be called.');
  if (isPremiumRate(number)) return refuse('premium_rate', 'Premium-rate numbers may not be called.');
  const allowed = policy.allow.filter((prefix) => number.startsWith(prefix));
  if (allowed.length === 0) return refuse('not_listed', 'This number is not among those this line may call.');
  const risk = HIGH_RISK.find(([prefix]) => number.startsWith(prefix));
  // "+1" on the list does not mean the Caribbean; "+1876" does.
  if (risk !== undefined && !allowed.some((prefix) => prefix.startsWith(risk[0])))
    return refuse('high_risk', 'Numbers of this range may not be called.');
  return { allowed: true, number };
}

/** Whether an E.164 number is of a premium-rate range. */
export function isPremiumRate(number: string): boolean {
  return (
    number.startsWith('+979') ||
    PREMIUM_RATE.some(
      ([code, national]) => number.startsWith(`+${code}`) && national.test(number.slice(code.length + 1)),
    )
  );
}

/** What a carrier can play as tones: 0-9, *, #, A-D and `w`, half a second's pause. At most 32. */
export function isDigits(text: string): boolean {
  return /^[0-9*#A-Dw]{1,32}$/.test(text);
}

function refuse(code: DestinationRefusal, reason: string): DestinationDecision {
  return { allowed: false, code, reason };
}
