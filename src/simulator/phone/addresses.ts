/**
 * Two names of one bridge. A bridge behind a tunnel or proxy signs and writes its public address; a phone on the same machine reaches it at
 * a local one. Signatures are always made over the public form, as a carrier would, and connections go to the local one.
 */
export class Addresses {
  readonly #pairs: ReadonlyArray<{ public: string; local: string }>;

  /** `webhookUrl`: where the phone dials. `publicUrl`: the bridge's own idea of its origin; left out, both are the same. */
  constructor(webhookUrl: string, publicUrl?: string) {
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
    return url;
  }

  /** The address to sign. */
  toPublic(url: string): string {
    for (const pair of this.#pairs) {
      const rest = after(url, pair.local);
      if (rest !== undefined) return pair.public + rest;
    }
    return url;
  }
}

/** What follows `origin` in `url`; undefined when it has another origin. */
function after(url: string, origin: string): string | undefined {
  if (!url.startsWith(origin)) return undefined;
  const rest = url.slice(origin.length);
  return rest === '' || /^[/?#]/.test(rest) ? rest : undefined;
}
