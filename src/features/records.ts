import { join } from 'node:path';
import type { Agents } from '../agents/kind.ts';
import { delay } from '../call/clock.ts';
import { partyText } from '../call/party.ts';
import { errorMessage } from '../errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { CallRecord } from '../records/call-record.ts';
import { isPriced, type PriceList, priceForm } from '../records/costs.ts';
import type { RecordSink } from '../records/event.ts';
import { otherStores, type RecordPeers, type RecordQuestions, recordsOfAll } from '../records/fleet-records.ts';
import { overviewApi } from '../records/http/overview-api.ts';
import { recordsApi } from '../records/http/records-api.ts';
import { ASKED_BEAT_MS, ASKED_LEASE_MS, RecordKeeper } from '../records/keeper.ts';
import { openWithin } from '../records/open-within.ts';
import { ownFolder, takeAbandoned } from '../records/owner.ts';
import { postgresRecordStore } from '../records/postgres-store.ts';
import { loadPrices } from '../records/prices.ts';
import { RefusedBook } from '../records/refused-callers.ts';
import { sqliteRecordStore } from '../records/sqlite-store.ts';
import type { RecordStore } from '../records/store.ts';
import { RecordWriter } from '../records/writer.ts';
import { type WriterMeters, writerMeters } from '../records/writer-meters.ts';
import type { Base, Feature, Parts } from './feature.ts';

/** How long an end waits for what is not stored yet, ms. */
const CLOSE_MS = 2_500;
/** So long after the last event nothing goes on any more, what is made of calls that are over included, ms. */
const QUIET_MS = 300_000;
/** The same for callers who were refused, ms. */
const REFUSED_CLOSE_MS = 1_000;
const DAY_MS = 86_400_000;

/**
 * The records of calls. Rejects when the settings, the prices or the schema are wrong; a database that cannot be reached keeps nobody from
 * calling: what happens waits on disk.
 */
export async function openRecords(base: Base): Promise<Feature> {
  const { config, log, clock, ids, instance, metrics, fleet } = base;
  const prices = await loadPrices(config.PRICES_FILE);
  const store =
    config.DATABASE_URL === undefined
      ? sqliteRecordStore({
          path: join(config.DATA_DIR, 'records.db'),
          prices,
          onFailure: (err) =>
            log.error({ err }, 'the database of records failed; it is opened again at the next write'),
          onNotice: (problem) => log.error({ problem }, 'the database of records is not as it should be'),
        })
      : postgresRecordStore({ url: config.DATABASE_URL, prices });
  await openWithin(store, base.clock, (why) =>
    base.log.error(why, 'THE STORE OF RECORDS CANNOT BE REACHED: what happens waits on disk'),
  );

  const root = join(config.DATA_DIR, 'spool');
  const folder = ownFolder(root, instance);
  const meters: WriterMeters = writerMeters(metrics.registry, () => writer.waiting);
  const abandoned = takeAbandoned(root, instance, (folder, why) =>
    log.warn({ folder, reason: errorMessage(why) }, 'what a process that ended left to be recorded cannot be taken'),
  );
  let parts: Pick<Parts, 'lost'> | undefined;
  /** What a dead process left is looked at before the parts are joined that are to hear of it. */
  const early: CallRecord[] = [];
  const lost = (calls: readonly CallRecord[]) => {
    if (parts === undefined) early.push(...calls);
    else parts.lost(calls);
  };
  const writer: RecordWriter = new RecordWriter({ store, folder, abandoned, clock, log, meters, lost });
  const days = config.RECORDS_RETENTION_DAYS;
  const retentionMs = days === 0 ? undefined : days * DAY_MS;
  // Instances that share a database have one picture of their calls in it already.
  const readable = fleet.isAlone || store.kind === 'postgres' ? store : recordsOfAll(store, peersOf(fleet));
  let keeper: RecordKeeper | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;
  let agents: Agents | undefined;
  const refused = new RefusedBook({ store, ids, instance, clock, log });
  writer.start();

  return {
    sinks: [
      writer,
      unpricedModels({
        prices,
        isBilled: (model) => agents?.isBilled(model) ?? true,
        tell: (model) => log.warn({ model }, 'the model has no price: no cost is recorded'),
      }),
      {
        onRecord() {
          lastAt = clock.now();
          keeper?.stir();
        },
      },
    ],
    turnedAway: ({ reason, carrier, from, to }) =>
      refused.add({ reason, carrier, from: from && partyText(from), to: to && partyText(to) }),
    replay: (range) => readable.between(range),
    records: store,
    forget: (callIds) => writer.forget(callIds),
    install({ http, admin, forget, calls, ...rest }) {
      parts = rest;
      if (early.length > 0) parts.lost(early.splice(0));
      if (!fleet.isAlone) serveRecords(fleet, store, forget);
      agents = rest.agents;
      agents.watch(({ kind, agent: { model } }) => {
        const form = priceForm(prices, model);
        if (kind.bills !== undefined && form !== undefined && form !== kind.bills)
          log.warn(
            { agent: kind.name, model, bills: kind.bills },
            `PRICES_FILE has a price by ${form} of a model that is billed by ${kind.bills}: its cost is recorded as the file has it`,
          );
      });
      http.app.register(recordsApi, { admin, store: readable, forget });
      http.app.register(overviewApi, { admin, store: readable, clock });
      keeper = new RecordKeeper({
        ...{ store, instance, clock, log, retentionMs, forget, lost },
        // Processes of one machine that take calls together see to one another.
        ...(fleet.isAlone && base.machine === undefined
          ? { quiet: () => calls.size === 0 && clock.now() - lastAt >= QUIET_MS }
          : {}),
        ...(fleet.isAlone ? {} : { lives: livesIn(fleet), beatMs: ASKED_BEAT_MS, leaseMs: ASKED_LEASE_MS }),
      });
      keeper.start();
    },
    async close() {
      keeper?.close();
      // A store that is away must not keep the rest from being written to disk.
      await Promise.race([refused.close(), delay(clock, REFUSED_CLOSE_MS).catch(() => {})]);
      await writer.close(CLOSE_MS);
      await store.close();
    },
  };
}

/** How others are asked of their records, and whether they live. */
const NAMES = {
  list: 'records.list',
  get: 'records.get',
  events: 'records.events',
  between: 'records.between',
  spoken: 'records.spoken',
  overview: 'records.overview',
  refusedCallers: 'records.refused',
  remove: 'records.remove',
} as const satisfies Record<keyof RecordQuestions, string>;
const LIVES = 'records.lives';
/** How long another may take, ms. */
const ASK_MS = 2_000;
const LIVES_MS = 1_000;

function peersOf(fleet: Fleet): RecordPeers {
  return {
    async ask(what, asked) {
      const all = await fleet.instances();
      // Each process has what it still holds of a removed call removed, too.
      const others =
        what === 'remove'
          ? all.filter(({ id }) => id !== fleet.self).map(({ id }) => [id])
          : otherStores(all, fleet.self);
      const ask = (id: string) => fleet.ask<typeof asked, never>(id, NAMES[what], asked, { withinMs: ASK_MS });
      const answers = await Promise.allSettled(others.map((ids) => firstOf(ids, ask)));
      return answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    },
  };
}

/** The answer of the first that answers; rejects as the last does. */
async function firstOf<A>([first = '', ...rest]: readonly string[], ask: (id: string) => Promise<A>): Promise<A> {
  const asked = ask(first);
  return rest.length === 0 ? asked : asked.catch(() => firstOf(rest, ask));
}

/** What this instance has in its own store, for the others. */
function serveRecords(fleet: Fleet, store: RecordStore, forget: Parts['forget']): void {
  type Q<K extends keyof RecordQuestions> = RecordQuestions[K]['asked'];
  fleet.serve(NAMES.list, (query: Q<'list'>) => store.list(query));
  fleet.serve(NAMES.get, async ({ callId }: Q<'get'>) => (await store.get(callId)) ?? null);
  fleet.serve(NAMES.events, ({ callId, after, limit }: Q<'events'>) => store.events(callId, after, limit));
  fleet.serve(NAMES.between, (range: Q<'between'>) => store.between(range));
  fleet.serve(NAMES.spoken, ({ callIds, limit }: Q<'spoken'>) => store.spoken(callIds, limit));
  fleet.serve(NAMES.overview, (query: Q<'overview'>) => store.overview(query));
  fleet.serve(NAMES.refusedCallers, (query: Q<'refusedCallers'>) => store.refusedCallers(query));
  fleet.serve(NAMES.remove, async ({ callId }: Q<'remove'>) => {
    await forget([callId]);
    return store.remove(callId);
  });
  fleet.serve(LIVES, async () => true);
}

/** Whether an instance answers, whatever the database has not heard of it. */
const livesIn = (fleet: Fleet) => (instance: string) =>
  fleet.ask<null, boolean>(instance, LIVES, null, { withinMs: LIVES_MS }).catch(() => false);

interface UnpricedOptions {
  readonly prices: PriceList;
  readonly isBilled: (model: string) => boolean;
  readonly tell: (model: string) => void;
}

/** Tells of each model that is billed and has no price, once. */
function unpricedModels({ prices, isBilled, tell }: UnpricedOptions): RecordSink {
  const told = new Set<string>();
  return {
    onRecord({ type, data }) {
      if (type !== 'call_started') return;
      const { model } = data['info'] as { model?: string };
      if (model === undefined || told.has(model) || !isBilled(model) || isPriced(prices, model)) return;
      told.add(model);
      tell(model);
    },
  };
}
