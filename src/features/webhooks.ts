import { join } from 'node:path';
import { loadPrices } from '../records/prices.ts';
import { webhookMetrics } from '../webhooks/metrics.ts';
import { Webhooks } from '../webhooks/webhooks.ts';
import type { Base, Feature } from './feature.ts';

/** Tells the outside of calls by POST, where WEBHOOK_URL is set. */
export async function openWebhooks({ config, clock, log, instance, metrics: { registry } }: Base): Promise<Feature> {
  if (config.WEBHOOK_URL.length === 0) return {};
  const secret = config.WEBHOOK_SECRET;
  if (secret === undefined) log.warn({}, 'webhooks are not signed: set WEBHOOK_SECRET');
  const webhooks: Webhooks = new Webhooks({
    urls: config.WEBHOOK_URL,
    secret,
    events: config.WEBHOOK_EVENTS,
    attempts: config.WEBHOOK_ATTEMPTS,
    queue: config.WEBHOOK_QUEUE,
    journal: join(config.DATA_DIR, 'webhooks.jsonl'),
    prices: await loadPrices(config.PRICES_FILE),
    instance,
    clock,
    log,
    count: webhookMetrics(registry, () => webhooks.waiting),
  });
  await webhooks.open();
  return {
    sinks: [webhooks],
    notice: ({ type, data }) => webhooks.notice(type, data),
    forget: (callIds) => webhooks.forget(callIds),
    close: () => webhooks.close(),
  };
}
