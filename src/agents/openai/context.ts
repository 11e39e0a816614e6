import type { Said } from '../../call/said.ts';
import { heardPart, spokenLength } from './heard-part.ts';

/**
 * What was said, kept so that a new session can take up the conversation: the API has no resume. Text only, bounded, in the order of
 * the conversation (a caller's transcript arrives after the answer to it has begun, so a turn's place is taken when it is announced).
 */

export type ContextItem =
  | { readonly kind: 'message'; readonly role: 'user' | 'assistant'; readonly text: string }
  | { readonly kind: 'call'; readonly callId: string; readonly name: string; readonly arguments: string }
  | { readonly kind: 'output'; readonly callId: string; readonly output: string };

interface Turn {
  readonly kind: 'message';
  readonly role: 'user' | 'assistant';
  text: string;
  final: boolean;
  /** How much of it was heard, as `spokenLength` counts, or the share of words that were not known yet; undefined for all. */
  heard: Heard | undefined;
}

type Heard = { readonly length: number } | { readonly share: number };

type Entry = Turn | Exclude<ContextItem, { kind: 'message' }>;

export interface ContextLimits {
  readonly items: number;
  readonly chars: number;
}

const DEFAULT_LIMITS: ContextLimits = { items: 80, chars: 32_000 };
/** A result longer than this is replayed cut: what matters of it the model has said since. */
const MAX_OUTPUT_CHARS = 4_000;
/** In place of a result that was lost with the process that waited for it: the model must neither take it for done nor do it twice. */
const RESULT_LOST =
  '{"error":"The connection broke before the result came. Whether this was done is not known: find out before you do it again."}';

export class ConversationContext {
  readonly #limits: ContextLimits;
  /** Key: the item's id, or "call:<id>" and "output:<id>"; in the order of the conversation. */
  readonly #entries = new Map<string, Entry>();
  #chars = 0;

  constructor(limits: ContextLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** A turn exists from here on; its words come later. */
  open(itemId: string, role: 'user' | 'assistant'): void {
    if (this.#entries.has(itemId)) return;
    this.#entries.set(itemId, { kind: 'message', role, text: '', final: false, heard: undefined });
    this.#trim();
  }

  append(itemId: string, role: 'user' | 'assistant', delta: string): void {
    this.open(itemId, role);
    const turn = this.#turn(itemId);
    if (turn === undefined || turn.final) return;
    turn.text += delta;
    this.#chars += delta.length;
    this.#trim();
  }

  /** The turn's words as a whole: they replace the deltas. */
  finish(itemId: string, role: 'user' | 'assistant', text: string): void {
    this.open(itemId, role);
    const turn = this.#turn(itemId);
    if (turn === undefined) return;
    this.#chars += text.length - turn.text.length;
    turn.text = text;
    turn.final = true;
    this.#trim();
  }

  call(callId: string, name: string, args: string): void {
    this.#add(`call:${callId}`, { kind: 'call', callId, name, arguments: args }, name.length + args.length);
  }

  output(callId: string, output: string): void {
    const kept = output.slice(0, MAX_OUTPUT_CHARS);
    this.#add(`output:${callId}`, { kind: 'output', callId, output: kept }, kept.length);
  }

  /**
   * The caller heard only a part: `share` (0 to 1) of the words known now, or what can be said in `ms` when the length of the whole is
   * not known. Returns the words that were heard, undefined for an unknown turn.
   */
  cut(itemId: string, by: { share: number } | { ms: number }): string | undefined {
    const turn = this.#turn(itemId);
    if (turn === undefined) return undefined;
    if ('ms' in by) turn.heard = { length: by.ms * LENGTH_PER_MS };
    else turn.heard = turn.text === '' ? by : { length: spokenLength(turn.text) * by.share };
    return heardText(turn);
  }

  /** The words of a turn that were heard; undefined for an unknown turn. */
  textOf(itemId: string): string | undefined {
    const turn = this.#turn(itemId);
    return turn === undefined ? undefined : heardText(turn);
  }

  /** How long a turn's words take to say, ms, as far as they are known. */
  lengthMs(itemId: string): number {
    const turn = this.#turn(itemId);
    return turn === undefined ? 0 : spokenLength(turn.text) / LENGTH_PER_MS;
  }

  /** Whether the last turn is the caller's, and whether its words are known. */
  lastTurn(): { readonly role: 'user' | 'assistant'; readonly known: boolean } | undefined {
    let last: Turn | undefined;
    for (const entry of this.#entries.values()) if (entry.kind === 'message') last = entry;
    return last === undefined ? undefined : { role: last.role, known: last.final && last.text !== '' };
  }

  /** The conversation so far, oldest first; a result whose call was dropped is left out, for the API refuses it. */
  items(): ContextItem[] {
    const items: ContextItem[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.kind === 'output' && !this.#entries.has(`call:${entry.callId}`)) continue;
      if (entry.kind !== 'message') {
        items.push(entry);
        continue;
      }
      const text = heardText(entry).trim();
      if (text !== '') items.push({ kind: 'message', role: entry.role, text });
    }
    return items;
  }

  /** The same, as any agent may go on from it. */
  said(): Said[] {
    return this.items().map((item): Said => {
      if (item.kind === 'message')
        return { kind: 'message', role: item.role === 'user' ? 'caller' : 'agent', text: item.text };
      const { callId: toolCallId } = item;
      return item.kind === 'call'
        ? { kind: 'tool_call', toolCallId, name: item.name, arguments: item.arguments }
        : { kind: 'tool_result', toolCallId, output: item.output };
    });
  }

  /** Takes up a conversation that another had. A call whose result is not known gets one that says so: the model waits for every one of its own. */
  takeUp(said: readonly Said[]): void {
    const results = new Set(said.flatMap((one) => (one.kind === 'tool_result' ? [one.toolCallId] : [])));
    // Ids of our own: the next session may give those of the other's again.
    const ids = new Map<string, string>();
    for (const [n, one] of said.entries()) {
      const id = `before_${n}`;
      if (one.kind === 'message') this.finish(id, one.role === 'caller' ? 'user' : 'assistant', one.text);
      else if (one.kind === 'tool_result') this.output(ids.get(one.toolCallId) ?? '', one.output);
      else {
        ids.set(one.toolCallId, id);
        this.call(id, one.name, one.arguments);
        if (!results.has(one.toolCallId)) this.output(id, RESULT_LOST);
      }
    }
  }

  #turn(itemId: string): Turn | undefined {
    const entry = this.#entries.get(itemId);
    return entry?.kind === 'message' ? entry : undefined;
  }

  #add(key: string, entry: Entry, chars: number): void {
    if (this.#entries.has(key)) return;
    this.#entries.set(key, entry);
    this.#chars += chars;
    this.#trim();
  }

  #trim(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#limits.items && this.#chars <= this.#limits.chars) return;
      // The newest turn stays even when it alone is over the limit: it is the one that matters.
      if (this.#entries.size === 1) return;
      this.#entries.delete(key);
      this.#chars -= size(entry);
    }
  }
}

/** Speech runs at about 15 letters a second; only used where the transport does not tell an item's length. */
const LENGTH_PER_MS = 0.015;

function heardText({ text, heard }: Turn): string {
  if (heard === undefined) return text;
  return heardPart(text, 'length' in heard ? heard.length : spokenLength(text) * heard.share);
}

function size(entry: Entry): number {
  if (entry.kind === 'message') return entry.text.length;
  return entry.kind === 'call' ? entry.name.length + entry.arguments.length : entry.output.length;
}
