import { spokenText } from './call-record.ts';
import type { RecordedEvent } from './event.ts';
import { askedWords, wordsOf, wordsWithPlaces } from './words.ts';

/** Where in a call the words stand that a search asked for. */
export interface Hit {
  readonly eventId: string;
  /** Ms since the call began. */
  readonly offsetMs: number;
  readonly role: 'caller' | 'agent' | 'operator' | 'summary';
  /** The words around it, cut at words. */
  readonly text: string;
  /** What of `text` was asked for: beginning and end of each word, in UTF-16 units. */
  readonly marks: ReadonlyArray<readonly [number, number]>;
}

/** Longest excerpt, UTF-16 units, and how much of it stands before the first word that was asked for. */
const EXCERPT = 180;
const BEFORE = 60;

/**
 * The line with most of the words that a search asks for, the first of several; for each call that has any. The words of a search may stand in
 * different lines of a call, so a line need not have all.
 */
export function hitsOf(text: string, events: readonly RecordedEvent[]): Map<string, Hit> {
  const asked = askedWords(text);
  const best = new Map<string, { readonly found: number; readonly event: RecordedEvent; readonly spoken: string }>();
  for (const event of events) {
    const spoken = spokenText(event);
    if (spoken === undefined) continue;
    const words = wordsOf(spoken);
    const found = asked.filter((one) => words.some((word) => word.startsWith(one))).length;
    if (found > (best.get(event.callId)?.found ?? 0)) best.set(event.callId, { found, event, spoken });
  }
  return new Map([...best].map(([callId, { event, spoken }]) => [callId, hitIn(event, spoken, asked)]));
}

function hitIn({ id, offsetMs, type, data }: RecordedEvent, spoken: string, asked: readonly string[]): Hit {
  const places = wordsWithPlaces(spoken);
  const wanted = places.filter(({ words }) => words.some((word) => asked.some((one) => word.startsWith(one))));
  // Cut between words, so that none is halved.
  const first = wanted[0]?.from ?? 0;
  const from = first <= BEFORE ? 0 : (places.find((place) => place.from >= first - BEFORE)?.from ?? first);
  const last = places.findLast(({ to }) => to <= from + EXCERPT)?.to ?? Math.min(spoken.length, from + EXCERPT);
  const to = spoken.length <= from + EXCERPT ? spoken.length : Math.max(last, wanted[0]?.to ?? 0);
  const [before, after] = [from > 0 ? '… ' : '', to < spoken.length ? ' …' : ''];
  return {
    eventId: id,
    offsetMs,
    role: roleOf(type, data),
    text: `${before}${spoken.slice(from, to)}${after}`,
    marks: wanted
      .filter((place) => place.to <= to)
      .map((place) => [place.from - from + before.length, place.to - from + before.length]),
  };
}

function roleOf(type: string, data: RecordedEvent['data']): Hit['role'] {
  if (type === 'caller.text') return 'caller';
  if (type !== 'agent.transcript') return 'summary';
  if (data['operator'] === true) return 'operator';
  return data['role'] === 'agent' ? 'agent' : 'caller';
}
