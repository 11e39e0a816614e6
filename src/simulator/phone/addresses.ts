import { isPrivateHost } from '../../addresses.ts';

/**
 * Two names of one bridge. A bridge behind a tunnel or proxy signs and writes its public address; a phone on the same machine reaches it at
 * a local one. Signatures are always made over the public form, as a carrier would, and connections go to the local one.
 */
export class Addresses {
  readonly #pairs: ReadonlyArray<{ public: string; local: string }>;
  readonly #webhook: URL;

  /** `webhookUrl`: where the phone dials. `publicUrl`: the bridge's own idea of its origin; left out, both are the same. */
  constructor(webhookUrl: string, publicUrl?: string) {
    this.#webhook = new URL(webhookUrl);
    if (publicUrl === undefined) {
      this.#pairs = [];
      return;
    }
    const pair = (scheme: 'http' | 'ws') => ({
      public: new URL(publicUrl).origin.replace(/^http/, scheme),
      local: new URL(webhookUrl).origin.replace(/^http/, scheme),
    });
    this.#pairs = [pair('http'), pair('ws')];
  }

  /** The address to connect to. */
  toLocal(url: string): string {
    for (const pair of this.#pairs) {
      const rest = after(url, pair.public);
      if (rest !== undefined) return pair.local + rest;
    }
    return this.#isWebhooks(url) ? this.#atWebhook(url) : url;
  }

  /**
   * Where a stream may be that cannot be opened at its address: a bridge on this machine, or in this network, writes the name of its tunnel, which leads
   * nowhere while that is not up. Undefined where there is nothing else to try.
   */
  insteadOf(url: string): string | undefined {
    if (this.#webhook.protocol !== 'http:' || !isPrivateHost(this.#webhook.hostname)) return undefined;
    const other = this.#atWebhook(url);
    return other === this.toLocal(url) ? undefined : other;
  }

  /** The address to sign. */
  toPublic(url: string): string {
    for (const pair of this.#pairs) {
      const rest = after(url, pair.local);
      if (rest !== undefined) return pair.public + rest;
    }
    return url;
  }

  /**
   * Whether a secure address is the plain webhook's own: bridges write `wss://` before the host they were asked by, whatever it speaks, and some lose
   * the port. One port does not speak both.
   */
  #isWebhooks(url: string): boolean {
    if (this.#webhook.protocol !== 'http:' || !/^(https|wss):\/\//i.test(url) || !URL.canParse(url)) return false;
    const { hostname, port } = new URL(url);
    if (hostname !== this.#webhook.hostname) return false;
    return port === '' ? isPrivateHost(hostname) : port === (this.#webhook.port || '80');
  }

  /** The same path at the webhook's own address. */
  #atWebhook(url: string): string {
    const { protocol, pathname, search } = new URL(url);
    return `${/^ws/.test(protocol) ? 'ws' : 'http'}://${this.#webhook.host}${pathname}${search}`;
  }
}

/** What follows `origin` in `url`; undefined when it has another origin. */
function after(url: string, origin: string): string | undefined {
  if (!url.startsWith(origin)) return undefined;
  const rest = url.slice(origin.length);
  return rest === '' || /^[/?#]/.test(rest) ? rest : undefined;
}
