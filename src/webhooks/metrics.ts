import { Counter, Gauge, type Registry } from 'prom-client';
import { WEBHOOK_EVENTS, type WebhookEvent } from './delivery.ts';
import { OUTCOMES, type Outcome } from './destination.ts';

/** `waiting` is read at scrape time. */
export function webhookMetrics(
  registry: Registry,
  waiting: () => number,
): (event: WebhookEvent, outcome: Outcome) => void {
  const registers = [registry];
  new Gauge({
    name: 'voicebridge_webhooks_waiting',
    help: 'Webhooks that are not delivered yet, over all destinations.',
    registers,
    collect() {
      this.set(waiting());
    },
  });
  const deliveries = new Counter({
    name: 'voicebridge_webhook_deliveries_total',
    help: 'Webhooks by what became of them; retried counts tries in vain, the others deliveries.',
    labelNames: ['event', 'outcome'],
    registers,
  });
  for (const event of WEBHOOK_EVENTS) for (const outcome of OUTCOMES) deliveries.inc({ event, outcome }, 0);
  return (event, outcome) => deliveries.inc({ event, outcome });
}
