import { type CallRecord, isMoved } from './call-record.ts';
import type { RecordedEvent } from './event.ts';
import type { OverviewQuery, OverviewRows } from './figures.ts';
import type { EventRange, RecordQuery, RecordStore, RefusedCaller, RefusedQuery } from './store.ts';

/** What is asked of the store of each instance, where each has one of its own. */
export interface RecordQuestions {
  readonly list: { readonly asked: RecordQuery; readonly answer: CallRecord[] };
  readonly get: { readonly asked: { readonly callId: string }; readonly answer: CallRecord | null };
  readonly events: {
    readonly asked: { readonly callId: string; readonly after: string | undefined; readonly limit: number };
    readonly answer: RecordedEvent[];
  };
  readonly between: { readonly asked: EventRange; readonly answer: RecordedEvent[] };
  readonly spoken: {
    readonly asked: { readonly callIds: readonly string[]; readonly limit: number };
    readonly answer: RecordedEvent[];
  };
  readonly overview: { readonly asked: OverviewQuery; readonly answer: OverviewRows };
  readonly refusedCallers: { readonly asked: RefusedQuery; readonly answer: RefusedCaller[] };
  readonly remove: { readonly asked: { readonly callId: string }; readonly answer: boolean };
}

/** The stores of the others. */
export interface RecordPeers {
  /** The answers of all that answer. Never rejects: of one that does not, nothing is shown meanwhile. */
  ask<K extends keyof RecordQuestions>(
    what: K,
    asked: RecordQuestions[K]['asked'],
  ): Promise<ReadonlyArray<RecordQuestions[K]['answer']>>;
}

/**
 * The stores beside that of `self`, each as those that can be asked for it: processes of one machine have one together, and what is counted there is to be
 * counted once, not once for each of them.
 */
export function otherStores(
  all: ReadonlyArray<{ readonly id: string; readonly machine?: string | undefined }>,
  self: string,
): ReadonlyArray<readonly string[]> {
  const stores = Map.groupBy(all, ({ id, machine }) => machine ?? `only ${id}`);
  const ids = [...stores.values()].map((of) => of.map(({ id }) => id));
  return ids.filter((of) => !of.includes(self));
}

export type ReadableRecords = Pick<RecordStore, keyof RecordQuestions>;

/** The records of all instances, each of which has a store of its own, as if they were in one. Where they share a database it is asked itself. */
export function recordsOfAll(own: ReadableRecords, peers: RecordPeers): ReadableRecords {
  /** A call that was prepared at one instance and went on at another is in both: the one that knows more of it counts. */
  const fuller = (records: readonly CallRecord[]): CallRecord | undefined =>
    records.toSorted((a, b) => Number(isMoved(a)) - Number(isMoved(b)) || b.events - a.events)[0];
  const inOrder = (pages: ReadonlyArray<readonly RecordedEvent[]>, limit: number): RecordedEvent[] => {
    const byId = new Map(pages.flat().map((event) => [event.id, event]));
    return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  };
  return {
    async list(query) {
      const pages = await Promise.all([own.list(query), peers.ask('list', query)]);
      const calls = Map.groupBy([...pages[0], ...pages[1].flat()], ({ id }) => id);
      return [...calls.values()]
        .flatMap((records) => fuller(records) ?? [])
        .sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1))
        .slice(0, query.limit);
    },
    async get(callId) {
      const [mine, others] = await Promise.all([own.get(callId), peers.ask('get', { callId })]);
      return fuller([...(mine === undefined ? [] : [mine]), ...others.filter((one) => one !== null)]);
    },
    async events(callId, after, limit) {
      const [mine, others] = await Promise.all([
        own.events(callId, after, limit),
        peers.ask('events', { callId, after, limit }),
      ]);
      return inOrder([mine, ...others], limit);
    },
    async between(range) {
      const [mine, others] = await Promise.all([own.between(range), peers.ask('between', range)]);
      return inOrder([mine, ...others], range.limit);
    },
    async spoken(callIds, limit) {
      const [mine, others] = await Promise.all([own.spoken(callIds, limit), peers.ask('spoken', { callIds, limit })]);
      return inOrder([mine, ...others], limit);
    },
    async overview(query) {
      const all = [await own.overview(query), ...(await peers.ask('overview', query))];
      return {
        // An instance of an earlier version tells none: what it had added up is of no currency that could be named.
        slots: all.flatMap(({ slots }) => slots.map((slot) => ({ ...slot, currency: slot.currency ?? null }))),
        groups: all.flatMap(({ groups }) => groups),
        refused: all.flatMap(({ refused }) => refused),
      };
    },
    async refusedCallers(query) {
      const pages = [await own.refusedCallers(query), ...(await peers.ask('refusedCallers', query))];
      return pages
        .flat()
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, query.limit);
    },
    async remove(callId) {
      const [mine, others] = await Promise.all([own.remove(callId), peers.ask('remove', { callId })]);
      return mine || others.includes(true);
    },
  };
}
