import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Agents } from '../agents/kind.ts';
import { delay } from '../call/clock.ts';
import { BridgeError, errorCode, errorMessage } from '../errors.ts';
import type { RecordSink } from '../records/event.ts';
import { recordsApi } from '../records/http/records-api.ts';
import { RecordKeeper } from '../records/keeper.ts';
import { takeAbandoned, takeFolder } from '../records/owner.ts';
import { postgresRecordStore } from '../records/postgres-store.ts';
import { isPriced, loadPrices, type PriceList, priceForm } from '../records/prices.ts';
import { sqliteRecordStore } from '../records/sqlite-store.ts';
import type { RecordStore } from '../records/store.ts';
import { RecordWriter } from '../records/writer.ts';
import { type WriterMeters, writerMeters } from '../records/writer-meters.ts';
import type { Base, Feature } from './feature.ts';

/** How long a start waits for the store before it goes on without it, ms. */
const OPEN_MS = 6_000;
/** How long an end waits for what is not stored yet, ms. */
const CLOSE_MS = 2_500;
const DAY_MS = 86_400_000;

/**
 * The records of calls. Rejects when the settings, the prices or the schema are wrong; a database that cannot be reached keeps nobody from
 * calling: what happens waits on disk.
 */
export async function openRecords(base: Base): Promise<Feature> {
  const { config, log, clock, instance, metrics } = base;
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
  await opened(store, base);

  const root = join(config.DATA_DIR, 'spool');
  const folder = ownFolder(root, instance);
  const meters: WriterMeters = writerMeters(metrics.registry, () => writer.waiting);
  const abandoned = takeAbandoned(root, instance);
  const writer: RecordWriter = new RecordWriter({ store, folder, abandoned, clock, log, meters });
  const days = config.RECORDS_RETENTION_DAYS;
  const retentionMs = days === 0 ? undefined : days * DAY_MS;
  let keeper: RecordKeeper | undefined;
  let agents: Agents | undefined;
  writer.start();

  return {
    sinks: [
      writer,
      unpricedModels({
        prices,
        isBilled: (model) => agents?.isBilled(model) ?? true,
        tell: (model) => log.warn({ model }, 'the model has no price: no cost is recorded'),
      }),
    ],
    replay: (range) => store.between(range),
    forget: (callIds) => writer.forget(callIds),
    install({ http, admin, forget, ...rest }) {
      agents = rest.agents;
      agents.watch(({ kind, agent: { model } }) => {
        const form = priceForm(prices, model);
        if (kind.bills !== undefined && form !== undefined && form !== kind.bills)
          log.warn(
            { agent: kind.name, model, bills: kind.bills },
            `PRICES_FILE has a price by ${form} of a model that is billed by ${kind.bills}: its cost is recorded as the file has it`,
          );
      });
      http.app.register(recordsApi, { admin, store, forget });
      keeper = new RecordKeeper({ store, instance, clock, log, retentionMs, forget });
      keeper.start();
    },
    async close() {
      keeper?.close();
      await writer.close(CLOSE_MS);
      await store.close();
    },
  };
}

/** Waits for the store, not for ever. What only an operator can put right ends the start; anything else is tried again with each write. */
async function opened(store: RecordStore, { clock, log }: Base): Promise<void> {
  const waiting = new AbortController();
  const late = delay(clock, OPEN_MS, waiting.signal).then(() => {
    throw new BridgeError('STORE_UNAVAILABLE', `the store did not answer within ${OPEN_MS / 1_000} s`);
  });
  try {
    await Promise.race([store.open(), late]);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'CONFIG_INVALID' || code === 'STORE_SCHEMA_NEWER') {
      await store.close();
      throw error;
    }
    log.error(
      { code, reason: errorMessage(error) },
      'THE STORE OF RECORDS CANNOT BE REACHED: what happens waits on disk',
    );
  } finally {
    waiting.abort();
  }
}

function ownFolder(root: string, instance: string) {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const folder = takeFolder(root, instance);
    if (folder !== undefined) return folder;
    throw new Error('another process has the folder of this one');
  } catch (cause) {
    throw new BridgeError('CONFIG_INVALID', `DATA_DIR: ${root} cannot be used: ${errorMessage(cause)}`, { cause });
  }
}

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
