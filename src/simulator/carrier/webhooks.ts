import { type Form, WebhookClient, type WebhookClientOptions } from '../phone/webhook.ts';

/** What a carrier adds to every webhook of a call that is not in the phone's own form. */
export type Extra = () => Form;

/** The carrier's HTTP client of one call: it says which way the call goes, and who answered where that is known. */
export class CallWebhooks extends WebhookClient {
  readonly #extra: Extra;

  constructor(options: WebhookClientOptions, extra: Extra) {
    super(options);
    this.#extra = extra;
  }

  override instructions(
    url: string,
    method: 'GET' | 'POST',
    form: Form,
    signal: AbortSignal,
  ): Promise<{ document: string; status: number; ms: number }> {
    return super.instructions(url, method, { ...form, ...this.#extra() }, signal);
  }

  override callback(url: string, method: 'GET' | 'POST', form: Form): Promise<number> {
    return super.callback(url, method, { ...form, ...this.#extra() });
  }
}
