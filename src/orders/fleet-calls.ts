import { isFinal } from '../callers/phone/control/index.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { CallList, CallView, ListQuery } from './calls-api-routes.ts';

/** What one desk knows. */
export interface KnownCalls {
  /** The newest first. */
  list(): Iterable<CallView>;
  find(id: string): CallView | undefined;
}

/** What is known of calls by all instances, asked by whoever shows them. */
export interface CallsOfAll {
  /** The newest first. Never rejects. */
  list(query: ListQuery): Promise<CallList>;
  /** Undefined: nobody knows of such a call. Never rejects. */
  find(id: string): Promise<CallView | undefined>;
}

/** How long another instance may take, ms. */
const ASK_MS = 1_500;

/** Those of this desk that are asked for. */
function listed(desk: Pick<KnownCalls, 'list'>, { state, limit }: ListQuery): CallView[] {
  const calls: CallView[] = [];
  for (const call of desk.list()) {
    if (calls.length >= limit) break;
    if (state === 'all' || isFinal(call.status) === (state === 'ended')) calls.push(call);
  }
  return calls;
}

/** One view for each call: two instances may know of one, where it was ordered and where it is. The one that goes on counts, then the one that says more. */
function once(views: readonly CallView[]): CallView[] {
  const weight = (view: CallView) => (isFinal(view.status) ? 0 : 100) + Object.keys(view).length;
  const byId = Map.groupBy(views, ({ id }) => id);
  return [...byId.values()].flatMap((same) => same.toSorted((a, b) => weight(b) - weight(a))[0] ?? []);
}

/** Those of one desk that is alone. */
export function ownCalls(desk: KnownCalls): CallsOfAll {
  return { list: async (query) => ({ calls: listed(desk, query) }), find: async (id) => desk.find(id) };
}

/** Shows the calls of all instances, and answers the others for those of this one. */
export function callsOfAll(desk: KnownCalls, fleet: Fleet): CallsOfAll {
  if (fleet.isAlone) return ownCalls(desk);
  const own = (view: CallView): CallView => ({ ...view, instance: fleet.self });
  fleet.serve('calls.list', async (query: ListQuery) => listed(desk, query).map(own));
  fleet.serve('calls.find', async ({ id }: { readonly id: string }) => {
    const view = desk.find(id);
    return view === undefined ? null : own(view);
  });
  return {
    async list(query) {
      const answers = await fleet.askAll<ListQuery, CallView[]>('calls.list', query, { withinMs: ASK_MS });
      const unreachable = answers.flatMap(({ instance, answer }) => (answer === undefined ? [instance] : []));
      const calls = once(answers.flatMap(({ answer }) => answer ?? []))
        // A call that goes on here and ended there, since it moved, is none that is over.
        .filter(({ status }) => query.state === 'all' || isFinal(status) === (query.state === 'ended'))
        .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
        .slice(0, query.limit);
      return { calls, ...(unreachable.length === 0 ? {} : { unreachable }) };
    },
    async find(id) {
      const answers = await fleet.askAll<object, CallView | null>('calls.find', { id }, { withinMs: ASK_MS });
      return once(answers.flatMap(({ answer }) => answer ?? []))[0];
    },
  };
}
