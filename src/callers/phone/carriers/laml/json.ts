import { isUtf8 } from 'node:buffer';
import type { FaultReport, PhoneMessage } from '../../protocol.ts';

/** How messages of JSON with an `event` are taken apart, whatever their names: nothing of them is believed, and nothing is taken from a prototype. */

/** Parameters beyond this many are ignored; a carrier's own limit on their size is far below. */
const MAX_PARAMETERS = 64;
/** Names of unknown events are cut to this many characters before they reach a log. */
const MAX_NAME = 32;

export type Json = Record<string, unknown>;

/** A JSON object, not an array and not null. */
export function object(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** A string that says something, read only from the object's own fields. */
export function text(from: Json | undefined, key: string): string | undefined {
  if (from === undefined || !Object.hasOwn(from, key)) return undefined;
  const value = from[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A whole number that is not negative, written as a number or, as these carriers do, as a string. */
export function whole(from: Json, key: string): number | undefined {
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
}

/** A number of the format: `missing` where it is not given, NaN where what is given is no number. "24000 Hz" is one. */
export function stated(from: Json, key: string, missing: number): number {
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  if (value === undefined || value === null || value === '') return missing;
  if (typeof value !== 'string') return whole(from, key) ?? Number.NaN;
  return /^\s*\d{1,6}\s*(h|hz)?\s*$/i.test(value) ? Number.parseInt(value, 10) : Number.NaN;
}

export function own(from: Json, key: string): Json | undefined {
  return Object.hasOwn(from, key) ? object(from[key]) : undefined;
}

export function parameters(from: Json | undefined): Map<string, string> {
  const map = new Map<string, string>();
  if (from === undefined) return map;
  for (const name of Object.keys(from)) {
    if (map.size >= MAX_PARAMETERS) break;
    const value = from[name];
    if (typeof value === 'string') map.set(name, value);
    else if (typeof value === 'number' || typeof value === 'boolean') map.set(name, String(value));
  }
  return map;
}

/** Null, with the reason in the report. */
export function fail(report: FaultReport | undefined, fault: FaultReport['fault']): null {
  if (report !== undefined) report.fault = fault;
  return null;
}

/** A message and its event; null, with the reason in the report, for what is none. */
export function eventOf(
  bytes: Buffer,
  report?: FaultReport,
): { readonly event: string; readonly message: Json } | null {
  if (!isUtf8(bytes)) return fail(report, 'json');
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    return fail(report, 'json');
  }
  const message = object(parsed);
  const event = text(message, 'event');
  return message === undefined || event === undefined ? fail(report, 'shape') : { event, message };
}

/** An event that nobody has heard of. */
export const unheardOf = (event: string): PhoneMessage => ({
  type: 'unknown',
  name: event.slice(0, MAX_NAME).replace(/[^\w.:-]/g, '?'),
});
