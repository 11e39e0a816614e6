import { type KeyObject, randomUUID, sign } from 'node:crypto';
import { errorMessage } from '../../errors.ts';
import type { Timeline } from '../phone/timeline.ts';

/** How long an answer is waited for, ms: `webhook_timeout_secs` may be 30 at most. */
const TIMEOUT_MS = 10_000;

export interface WebhookSender {
  /** Signs what is posted; without it nothing is signed. */
  readonly key?: KeyObject | undefined;
  /** Wall time, ms. */
  readonly wall: () => number;
  /** Where an address of the bridge's is, whatever it is called outside. */
  readonly here: (url: string) => string;
}

/** Headers of a webhook: Ed25519 over the time in seconds, a bar, and the body. */
export function proofOf(key: KeyObject | undefined, seconds: number, body: string): Record<string, string> {
  if (key === undefined) return {};
  return {
    'telnyx-timestamp': String(seconds),
    'telnyx-signature-ed25519': sign(null, Buffer.from(`${seconds}|${body}`), key).toString('base64'),
  };
}

/** An event as it is posted. https://developers.telnyx.com/docs/voice/programmable-voice/voice-api-webhooks */
export const eventText = (name: string, payload: object, wall: number, url: string): string =>
  JSON.stringify({
    data: {
      event_type: name,
      id: randomUUID(),
      occurred_at: new Date(wall).toISOString(),
      payload,
      record_type: 'event',
    },
    meta: { attempt: 1, delivered_to: url },
  });

/** Posts the events of one call, one after the other. */
export class CallEvents {
  readonly #sender: WebhookSender;
  readonly #timeline: Timeline;
  #posted: Promise<unknown> = Promise.resolve();
  /** Of the first event: how long its answer took, ms, and its HTTP status. */
  first: { readonly ms: number; readonly status: number | undefined } | undefined;

  constructor(sender: WebhookSender, timeline: Timeline) {
    this.#sender = sender;
    this.#timeline = timeline;
  }

  /** Resolves when all so far were answered or given up. */
  get done(): Promise<unknown> {
    return this.#posted;
  }

  post(url: string, name: string, payload: object): void {
    const { key, wall, here } = this.#sender;
    const text = eventText(name, payload, wall(), url);
    this.#posted = this.#posted.then(async () => {
      const began = performance.now();
      let status: number | undefined;
      try {
        const headers = { 'content-type': 'application/json', ...proofOf(key, Math.floor(wall() / 1_000), text) };
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        const answer = await fetch(here(url), { method: 'POST', headers, body: text, signal });
        await answer.body?.cancel();
        status = answer.status;
        this.#timeline.add('webhook', `${name}: HTTP ${status}`);
      } catch (error) {
        this.#timeline.add('fault', `webhook ${name}: ${errorMessage(error)}`);
      }
      this.first ??= { ms: performance.now() - began, status };
    });
  }
}
