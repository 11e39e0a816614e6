import type { RecordedEvent } from './event.ts';

/** What an event is on its way to a store: one line of JSON that every database takes, of bounded size. */

/** Longest text inside an event, UTF-16 units: an agent's longest turn is far shorter, a tool's argument may be anything. */
const LONGEST_TEXT = 16_384;
/** Longest line, UTF-16 units. */
const LONGEST_LINE = 262_144;

const ESCAPED = /\\u(?:0000|d[89a-f][0-9a-f]{2})/;

const plainText = (text: string): string => text.toWellFormed().replaceAll('\0', '\u{fffd}');

/** A replacer for `JSON.stringify`: the names of fields without what PostgreSQL cannot hold. */
function withPlainNames(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [plainText(name), field]));
}

export interface Storable {
  readonly event: RecordedEvent;
  /** Its JSON, without a line feed. */
  readonly line: string;
}

/**
 * Cuts what is too long, and replaces what PostgreSQL's JSON cannot hold: NUL and halves of surrogate pairs. An event that is as it should be
 * is returned itself. Never throws.
 */
export function storable(event: RecordedEvent): Storable {
  let changed = false;
  const clean = (_key: string, value: unknown): unknown => {
    if (typeof value !== 'string') return value;
    const short = value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)} [cut from ${value.length}]` : value;
    const plain = plainText(short);
    if (plain !== value) changed = true;
    return plain;
  };
  let line: string;
  try {
    line = JSON.stringify(event, clean);
  } catch {
    // A cycle or a BigInt: nothing that an event should hold.
    return withoutData(event, 'it cannot be written as JSON');
  }
  // Texts are clean by now: what is still escaped like this is in a name (or looks so and is not, which does no harm).
  if (ESCAPED.test(line)) {
    line = JSON.stringify(JSON.parse(line), withPlainNames);
    changed = true;
  }
  if (line.length > LONGEST_LINE) return withoutData(event, `it is ${line.length} long`);
  return { event: changed ? (JSON.parse(line) as RecordedEvent) : event, line };
}

function withoutData(event: RecordedEvent, why: string): Storable {
  const { id, callId, seq, at, offsetMs, type } = event;
  const bare = { id, callId, seq, at, offsetMs, type, data: { notKept: why }, transient: false };
  return { event: bare, line: JSON.stringify(bare) };
}

/** The event of a line; undefined when the line is torn or is no event. */
export function parseLine(line: string): RecordedEvent | undefined {
  try {
    const event = JSON.parse(line) as RecordedEvent | null;
    const whole =
      typeof event?.id === 'string' &&
      typeof event.callId === 'string' &&
      typeof event.type === 'string' &&
      typeof event.at === 'number' &&
      typeof event.offsetMs === 'number' &&
      typeof event.data === 'object' &&
      event.data !== null;
    return whole ? event : undefined;
  } catch {
    return undefined;
  }
}
