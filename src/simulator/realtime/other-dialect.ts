import type { ServerEvent } from './response.ts';

/**
 * The protocol as servers of other makers speak it: ids that begin anew with each response, base64 without padding in the URL-safe alphabet, a
 * codec in capitals, and a function call of which nothing but its arguments is told. One a session.
 */
export class OtherDialect {
  /** By our id: the one that is told, `item_0`, `resp_0` or `call_0`. */
  readonly #told = new Map<string, string>();
  /** What such an id means now. */
  readonly #meant = new Map<string, string>();

  /** An event as it is told; undefined for one that such a server does not tell. */
  spell(event: ServerEvent): ServerEvent | undefined {
    const item = event['item'] as { id: string; type?: string; call_id?: string } | undefined;
    const response = event['response'] as { id: string } | undefined;
    if (event.type === 'response.created' && response !== undefined) this.#name(response.id, 'resp_0');
    if (event.type === 'response.output_item.added' && item !== undefined) {
      this.#name(item.id, `item_${String(event['output_index'])}`);
      if (item.call_id !== undefined) this.#name(item.call_id, 'call_0');
    }
    if (item?.type === 'function_call') return undefined;
    const shown = this.#renamed(event) as ServerEvent;
    if (typeof shown['delta'] === 'string' && event.type === 'response.output_audio.delta') {
      shown['delta'] = Buffer.from(shown['delta'], 'base64').toString('base64url');
    }
    if (event.type === 'response.done') (shown['response'] as Record<string, unknown>)['output'] = null;
    return shown;
  }

  /** What a client sends, with the ids as they are kept here. */
  read(text: string): string {
    return text.replace(/"((?:item|resp|call)_\d)"/g, (whole, id: string) => {
      const meant = this.#meant.get(id);
      return meant === undefined ? whole : JSON.stringify(meant);
    });
  }

  #name(id: string, told: string): void {
    this.#told.set(id, told);
    this.#meant.set(told, id);
  }

  #renamed(value: unknown): unknown {
    if (typeof value === 'string') return value === 'audio/pcmu' ? 'audio/PCMU' : (this.#told.get(value) ?? value);
    if (Array.isArray(value)) return value.map((entry) => this.#renamed(entry));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, this.#renamed(entry)]));
  }
}
