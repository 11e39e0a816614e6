import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../errors.ts';
import { ownFolder, takeAbandoned } from '../records/owner.ts';
import { loadPrices } from '../records/prices.ts';
import { WEBHOOK_EVENTS } from '../webhooks/delivery.ts';
import { webhookMetrics } from '../webhooks/metrics.ts';
import { Webhooks } from '../webhooks/webhooks.ts';
import type { Base, Feature } from './feature.ts';

/** What waits, in the folder of each process. */
const FILE = 'webhooks.jsonl';

/** Earlier versions had one file for all. Of several processes that begin at once one gets it. */
function takeEarlier(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Tells the outside of calls by POST, where WEBHOOK_URL is set. */
export async function openWebhooks({ config, clock, log, instance, metrics: { registry } }: Base): Promise<Feature> {
  if (config.WEBHOOK_URL.length === 0) return {};
  const secret = config.WEBHOOK_SECRET;
  if (secret === undefined) log.warn({}, 'webhooks are not signed: set WEBHOOK_SECRET');
  const root = join(config.DATA_DIR, 'webhooks');
  const folder = ownFolder(root, instance);
  takeEarlier(join(config.DATA_DIR, FILE), join(folder.path, FILE));
  const webhooks: Webhooks = new Webhooks({
    urls: config.WEBHOOK_URL,
    secret,
    events: config.WEBHOOK_EVENTS,
    attempts: config.WEBHOOK_ATTEMPTS,
    queue: config.WEBHOOK_QUEUE,
    journal: join(folder.path, FILE),
    left: () =>
      takeAbandoned(root, instance, (path, why) =>
        log.warn({ folder: path, reason: errorMessage(why) }, 'webhooks that a process left cannot be taken up'),
      ).map(({ path, release }) => ({ path: join(path, FILE), release })),
    prices: await loadPrices(config.PRICES_FILE),
    instance,
    clock,
    log,
    count: webhookMetrics(registry, () => webhooks.waiting),
  });
  await webhooks.open();
  return {
    sinks: [webhooks],
    notice({ type, data }) {
      const event = WEBHOOK_EVENTS.find((one) => one === type);
      if (event !== undefined) webhooks.notice(event, data);
    },
    forget: (callIds) => webhooks.forget(callIds),
    async close() {
      folder.release((await webhooks.close()) === 0);
    },
  };
}
