/** What is told to the outside. The names are the payloads' `type`. */
export const WEBHOOK_EVENTS = [
  'call.started',
  'tool.called',
  'call.ended',
  'call.summarized',
  'whatsapp.permission',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** One message on its way to one destination. */
export interface Delivery {
  /** The same for every try, for every destination and over restarts. */
  readonly id: string;
  readonly event: WebhookEvent;
  /** Wall time of what it tells, ms. */
  readonly at: number;
  readonly body: string;
}
