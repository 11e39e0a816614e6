import { type IdentityParty, identityKey, isMemoryKey, type Party, WITHHELD } from '../call/party.ts';
import { parseCallerNumber } from './number.ts';
import { percentDecoded, plainText } from './spelling.ts';
import { isPlaceholder, saysWithheld } from './withheld.ts';

/** What is known of where the text comes from. */
export interface Origin {
  /**
   * Within what the carrier's own identities (clients, WhatsApp users) are one person's, such as the carrier and its account, where it proved
   * that it is the one who says so. Undefined: nothing is proven, and no identity is remembered.
   */
  readonly provenScope?: string | undefined;
}

/** Longest text that is looked at, and longest name that is carried on, characters. */
const LONGEST = 1_000;
const NAME_MOST = 128;

/**
 * Who is meant by what a network writes for one end of a call: the `From` and `To` of webhooks. The number in it is his number, however it is
 * wrapped (`<sip:+1…@host;transport=udp>`, `tel:`, `whatsapp:+1…`, digits alone); without one he is an identity; and what says that there
 * is neither is `withheld`.
 */
export function parseParty(text: string, origin: Origin = {}): Party {
  const written = innermost(plainText(text.slice(0, LONGEST)));
  const [scheme, rest] = schemeOf(written);
  const address = rest.split(/[?>]/, 1)[0] ?? '';
  const { user, host } = scheme === 'sip' ? userAndHost(address) : { user: address, host: '' };
  const name = plainText(percentDecoded(user)).slice(0, NAME_MOST);
  if (isNobody(name) || /(?:^|\.)invalid$|^anonymous$/i.test(host)) return WITHHELD;
  // The name of a client is its application's: digits there are as well the number of a customer.
  const number = scheme === 'client' && !name.startsWith('+') ? undefined : parseCallerNumber(numberPart(name, scheme));
  if (number !== undefined) return { kind: 'number', number };
  return identity(text, scheme, name, host, origin);
}

/**
 * Whether somebody may be remembered under this text: a key as `memoryKey` gives it, and no placeholder for a number. For what keeps people's
 * data and is handed a text, from whomever.
 */
export function canBeRemembered(text: string): boolean {
  return isMemoryKey(text) && !(text.startsWith('+') && isPlaceholder(text.slice(1)));
}

/** A web page's call. The conversation's name is whatever the page says: it stands for somebody only where `proven`, that is, an operator says it. */
export function pageParty(conversationId: string, proven: boolean): IdentityParty {
  const key = proven ? identityKey('page', conversationId) : undefined;
  return { kind: 'identity', scheme: 'page', text: `page:${conversationId}`, key };
}

/** A participant of a room, by the identity that whoever let him in gave him. What stands for somebody beyond this one room nobody proves here. */
export function roomParty(identity: string): IdentityParty {
  return { kind: 'identity', scheme: 'room', text: `room:${plainText(identity).slice(0, NAME_MOST)}`, key: undefined };
}

/** What a webhook of WhatsApp says of a person; each may be missing. */
export interface WhatsAppIds {
  /** The business-scoped user id, `US.13491208655302741918`: of one user, for one business, for as long as he keeps his number. */
  readonly userId?: string | undefined;
  /** His number without `+`; not told of who goes by a username. */
  readonly waId?: string | undefined;
  /** As `waId`, beside the call. */
  readonly from?: string | undefined;
}

/** Ids are carried into keys and addresses: nothing passes that could leave its place there, and no scope of another's key. */
const USER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** Whether this is an id that stands for a user and for no number: a country's two letters, a dot, what is nobody's to read. */
export function isUserId(text: string): boolean {
  return /^[A-Z]{2}\./.test(text) && USER_ID.test(text);
}

/**
 * A person who calls, or is called, by WhatsApp; the webhook's signature has proven each of the ids. Known by his user id, else by his number.
 * Digits of a user id are never a number. One who has both has a number for routes and tools, and is remembered by the user id: a number is
 * handed on to somebody else one day, and that one has another user id.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
 */
export function whatsappParty({ userId, waId, from }: WhatsAppIds): Party {
  const ids = [waId, from].map((id) => id?.trim() ?? '');
  const user = [userId?.trim() ?? '', ...ids.filter(isUserId)].find((id) => USER_ID.test(id));
  const key = user === undefined ? undefined : identityKey('whatsapp', user);
  for (const id of ids) {
    const number = /^\+?[1-9]\d{6,14}$/.test(id) ? parseCallerNumber(id.startsWith('+') ? id : `+${id}`) : undefined;
    if (number !== undefined) return key === undefined ? { kind: 'number', number } : { kind: 'number', number, key };
  }
  const named = user ?? ids.find((id) => USER_ID.test(id));
  if (named === undefined) return WITHHELD;
  return { kind: 'identity', scheme: 'whatsapp', text: `whatsapp:${named}`, key: identityKey('whatsapp', named) };
}

/** The ids in an address that `whatsappAddress` gives. */
export function whatsappIds(address: string): WhatsAppIds {
  const rest = address.slice('whatsapp:'.length);
  return rest.startsWith('+') ? { waId: rest.slice(1) } : { userId: rest };
}

/**
 * Whom a text names that is to be called by WhatsApp: `whatsapp:+12025550143` for every spelling of a number behind the scheme, `whatsapp:US.1349…`
 * for a user id; undefined for anything else.
 */
export function whatsappAddress(text: string): string | undefined {
  const rest = /^whatsapp:(.*)$/is.exec(plainText(text.slice(0, LONGEST)))?.[1]?.trim();
  if (rest === undefined) return undefined;
  if (isUserId(rest)) return `whatsapp:${rest}`;
  // A wa_id is a whole number without its plus sign, however short.
  const number = parseCallerNumber(/^[1-9]\d{6,14}$/.test(rest) ? `+${rest}` : rest);
  return number === undefined ? undefined : `whatsapp:${number}`;
}

type Scheme = 'sip' | 'tel' | 'client' | 'whatsapp' | 'other';

/** The address within `"Display name" <address>;tag=…`, RFC 3261 section 20.10; of several (P-Asserted-Identity, RFC 3325) one with a number. */
function innermost(text: string): string {
  const addresses = [...text.matchAll(/<([^<>]*)>/g)].map(([, address = '']) => address.trim());
  const uris = addresses.length > 0 ? addresses : text.split(/,(?=\s*(?:sips?|tel):)/i).map((one) => one.trim());
  return uris.find((uri) => /^(?:tel:|sips?:)(?:\+|%2b)/i.test(uri)) ?? uris[0] ?? '';
}

function schemeOf(written: string): [Scheme, string] {
  const match = /^([a-z][a-z0-9+.-]*):(?:\/\/)?(.*)$/is.exec(written);
  if (match === null) return /^[^@\s]*@[^@\s]+$/.test(written) ? ['sip', written] : ['other', written];
  const [, name = '', rest = ''] = match;
  switch (name.toLowerCase()) {
    case 'sip':
    case 'sips':
      return ['sip', rest];
    case 'tel':
      return ['tel', rest];
    case 'client':
      return ['client', rest];
    case 'whatsapp':
      return ['whatsapp', rest];
    default:
      return ['other', written];
  }
}

/** The parts of a SIP URI before its parameters. A password is nobody's name. */
function userAndHost(address: string): { user: string; host: string } {
  const at = address.lastIndexOf('@');
  if (at === -1) {
    // "sip:pbx.example.com" has no user; "sip:+12025550143" has nothing else.
    const alone = address.split(';', 1)[0] ?? '';
    return /^(?:\+|%2b)?[\d().-]+$/i.test(alone) ? { user: alone, host: '' } : { user: '', host: hostOf(address) };
  }
  return { user: address.slice(0, at).replace(/:.*$/s, ''), host: hostOf(address.slice(at + 1)) };
}

const hostOf = (text: string) => (/^(?:\[[^\]]*\]|[^:;]*)/.exec(text)?.[0] ?? '').toLowerCase().replace(/\.$/, '');

/** A user of SIP may carry a number's parameters: `+12025550143;npdi`. */
function numberPart(name: string, scheme: Scheme): string {
  return scheme === 'sip' || scheme === 'tel' ? (name.split(';', 1)[0] ?? '') : name;
}

/** Whether a name says that nobody is named, in words or by a number that is none. */
function isNobody(name: string): boolean {
  const bare = name.split(';', 1)[0] ?? '';
  if (saysWithheld(bare)) return true;
  const digits = bare.replace(/[\s().\-/+]/g, '');
  return /^\d+$/.test(digits) && isPlaceholder(digits.replace(/^(?:00|011)(?=[1-9])/, ''));
}

function identity(raw: string, scheme: Scheme, name: string, host: string, { provenScope }: Origin): IdentityParty {
  const shown = name.replace(/\s+/g, ' ');
  switch (scheme) {
    case 'client':
    case 'whatsapp': {
      // As the carrier wrote it, letter for letter: two names that look alike are two.
      const exact = `${scheme}:${name}` === raw && name.length < NAME_MOST;
      const key = exact && provenScope !== undefined ? identityKey(scheme, name, provenScope) : undefined;
      return { kind: 'identity', scheme, text: `${scheme}:${shown}`, key };
    }
    // Whoever may send a call to a SIP domain writes its From as he likes, and a short number is another's elsewhere: neither proves anything.
    case 'sip':
      return { kind: 'identity', scheme, text: host === '' ? `sip:${shown}` : `sip:${shown}@${host}`, key: undefined };
    default:
      return { kind: 'identity', scheme: 'other', text: shown, key: undefined };
  }
}
