/**
 * Who is at one end of a call. It is decided once, where the call comes in (`src/numbering/party.ts` reads what networks write), and carried
 * as this type to whatever goes by who calls: routes, prompts, tools, stores, limits. A text that is no number is nobody's name, so that two
 * people who withhold theirs are never taken for one.
 */
export type Party = NumberParty | IdentityParty | WithheldParty;

/** Somebody with a telephone number. It can be forged, as every caller's number can: it identifies, it does not prove. */
export interface NumberParty {
  readonly kind: 'number';
  /** E.164, of a length that its country has. */
  readonly number: string;
  /** Under what he is remembered instead, where the network proves more than a number does: see `memoryKey`. */
  readonly key?: string | undefined;
}

/** Somebody without a number. */
export interface IdentityParty {
  readonly kind: 'identity';
  /** `page`: a web page's conversation; `room`: a participant of a room; `other`: what names nobody for certain, such as an extension. */
  readonly scheme: 'sip' | 'client' | 'whatsapp' | 'page' | 'room' | 'other';
  /** For people to read: `sip:alice@pbx.example.com`, `client:alice`, `1001`. Never a number in E.164 form that somebody can be called at. */
  readonly text: string;
  /** Under what he may be remembered; undefined where nothing proves that it is he. */
  readonly key: string | undefined;
}

/** Somebody who withholds who he is, or of whom the networks do not know it. */
export interface WithheldParty {
  readonly kind: 'withheld';
}

export type PartyKind = Party['kind'];

/** The one who has no name here. */
export const WITHHELD: WithheldParty = Object.freeze({ kind: 'withheld' });

/** E.164: a plus sign and 7 to 15 digits. https://www.itu.int/rec/T-REC-E.164 */
export const E164 = /^\+[1-9]\d{6,14}$/;

/** The number he can be called at, E.164; undefined where there is none. */
export function numberOf(party: Party): string | undefined {
  return party.kind === 'number' ? party.number : undefined;
}

/** Who it is, for people to read and to search for; undefined for who withholds it. Nothing is remembered by it: see `memoryKey`. */
export function partyText(party: Party): string | undefined {
  if (party.kind === 'number') return party.number;
  return party.kind === 'identity' ? party.text : undefined;
}

/** All that he is named by, for what is chosen by who calls: his number and, where one is proven, his identity beside it. */
export function partyNames(party: Party): readonly string[] {
  if (party.kind === 'number') return party.key === undefined ? [party.number] : [party.number, party.key];
  return party.kind === 'identity' ? [party.text] : [];
}

/**
 * Under what this very person may be remembered: an identity that was proven, or else his number. Undefined: nothing of him may be read, and
 * nothing kept.
 */
export function memoryKey(party: Party): string | undefined {
  if (party.kind === 'number') return party.key ?? party.number;
  return party.kind === 'identity' ? party.key : undefined;
}

/** The forms that `identityKey` gives. */
const KEY = /^(?:client|whatsapp|page):[^\s]{1,300}$/;

/** The key of an identity that was proven. `scope`: within what the name is one person's: the carrier and its account. */
export function identityKey(scheme: 'client' | 'whatsapp' | 'page', name: string, scope?: string): string | undefined {
  const key = `${scheme}:${scope === undefined ? '' : `${scope}/`}${name}`;
  return isMemoryKey(key) ? key : undefined;
}

/** Whether a text is a key that `memoryKey` can give: what is kept under any other text is kept under nobody, and is nobody's to read. */
export function isMemoryKey(text: string): boolean {
  return E164.test(text) || KEY.test(text);
}
