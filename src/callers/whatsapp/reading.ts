/** Readers of JSON that somebody else wrote: each gives what it is asked for, or nothing, and none throws. */

export type Fields = Readonly<Record<string, unknown>>;

/** Longest text that is carried on, characters: an SDP has a few thousand. */
const TEXT_MOST = 65_536;

/** An object's fields; none of what is no object. */
export function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text that is not empty; numbers, which some write where others write texts, are one, too. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' && value.length <= TEXT_MOST ? value : undefined;
}

/** A whole number, also one that is written as a text. */
export function integerOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}
