import { ServiceError } from './service-error.ts';

export interface ContentPart {
  type: 'input_text' | 'input_audio' | 'input_image' | 'output_text' | 'output_audio';
  text?: string;
  transcript?: string;
  audio?: string;
  image_url?: string;
  detail?: string;
}

/** A conversation item as the service tells it. */
export interface Item {
  id: string;
  object?: 'realtime.item';
  type: 'message' | 'function_call' | 'function_call_output' | 'mcp_approval_response';
  status?: 'completed' | 'incomplete' | 'in_progress';
  role?: 'user' | 'assistant' | 'system';
  content?: ContentPart[];
  call_id?: string;
  name?: string;
  arguments?: string;
  output?: string;
  approval_request_id?: string;
  approve?: boolean;
  reason?: string | null;
}

/** An item with what is known of its sound. */
export interface Entry {
  readonly item: Item;
  /** Ms of audio in the item, generated (assistant) or committed (user). */
  audioMs: number;
  /** The caller's own words, 24 kHz: kept for the last turn only. */
  audio?: Int16Array | undefined;
}

/** Tokens per second of audio, in and out, as the service bills them. */
const INPUT_TOKENS_PER_SECOND = 10;
const OUTPUT_TOKENS_PER_SECOND = 20;
const LETTERS_PER_TOKEN = 4;
const MAX_ITEMS = 2_000;

export function textTokens(text: string): number {
  return Math.ceil(text.length / LETTERS_PER_TOKEN);
}

export function outputAudioTokens(ms: number): number {
  return Math.ceil((ms * OUTPUT_TOKENS_PER_SECOND) / 1000);
}

/** The items of one session, in order. */
export class Conversation {
  readonly #entries: Entry[] = [];

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get lastId(): string | null {
    return this.#entries.at(-1)?.item.id ?? null;
  }

  get(id: string): Entry | undefined {
    return this.#entries.find((entry) => entry.item.id === id);
  }

  /**
   * Puts an item after `previousItemId` ("root" for the front, undefined for the end) and returns the id it now follows.
   * Throws a ServiceError for a previous item that does not exist, or an id that is taken.
   */
  add(entry: Entry, previousItemId?: string | null): string | null {
    if (this.get(entry.item.id) !== undefined) {
      throw new ServiceError(`Error adding item: an item with id '${entry.item.id}' already exists.`, {
        code: 'item_create_duplicate_item_id',
        param: 'item.id',
      });
    }
    if (entry.audio !== undefined) {
      for (const other of this.#entries) other.audio = undefined;
    }
    let at = this.#entries.length;
    if (previousItemId === 'root') at = 0;
    else if (previousItemId !== undefined && previousItemId !== null) {
      const index = this.#entries.findIndex(({ item }) => item.id === previousItemId);
      if (index < 0) {
        throw new ServiceError(`Error adding item: the previous item with id '${previousItemId}' does not exist.`, {
          code: 'item_create_invalid_previous_item_id',
          param: 'previous_item_id',
        });
      }
      at = index + 1;
    }
    this.#entries.splice(at, 0, entry);
    // The service truncates its context too; a session that nobody ends must not grow for ever.
    if (this.#entries.length > MAX_ITEMS) this.#entries.shift();
    return at === 0 ? null : (this.#entries[at - 1]?.item.id ?? null);
  }

  /** The entry, or a ServiceError `item_<verb>_invalid_item_id`. */
  require(id: string, verb: 'delete' | 'retrieve' | 'truncate'): Entry {
    const entry = this.get(id);
    if (entry !== undefined) return entry;
    const doing = verb === 'retrieve' ? 'retrieving' : verb === 'delete' ? 'deleting' : 'truncating';
    throw new ServiceError(`Error ${doing} item: the item with id '${id}' does not exist.`, {
      code: `item_${verb}_invalid_item_id`,
      param: 'item_id',
    });
  }

  delete(id: string): void {
    const entry = this.require(id, 'delete');
    this.#entries.splice(this.#entries.indexOf(entry), 1);
  }

  /** Cuts an assistant's audio to `audioEndMs` and drops its transcript. Throws a ServiceError when there is not so much audio. */
  truncate(id: string, contentIndex: number, audioEndMs: number): void {
    const entry = this.require(id, 'truncate');
    const part = entry.item.content?.[contentIndex];
    if (entry.item.role !== 'assistant' || part?.type !== 'output_audio') {
      throw new ServiceError('Only model output audio messages can be truncated.', {
        code: 'invalid_value',
        param: 'content_index',
      });
    }
    if (audioEndMs > entry.audioMs) {
      const message = `Audio content of ${Math.floor(entry.audioMs)}ms is already shorter than ${audioEndMs}ms`;
      throw new ServiceError(message, { code: 'invalid_value', param: 'audio_end_ms' });
    }
    entry.audioMs = audioEndMs;
    delete part.transcript;
  }

  hasCall(callId: string): boolean {
    return this.#entries.some(({ item }) => item.type === 'function_call' && item.call_id === callId);
  }

  /** What a response would read, in tokens. */
  inputTokens(instructions: string): { text: number; audio: number } {
    let text = textTokens(instructions);
    let audio = 0;
    for (const { item, audioMs } of this.#entries) {
      const rate = item.role === 'user' ? INPUT_TOKENS_PER_SECOND : OUTPUT_TOKENS_PER_SECOND;
      audio += Math.ceil((audioMs * rate) / 1000);
      text += textTokens(`${item.arguments ?? ''}${item.output ?? ''}`);
      for (const part of item.content ?? []) text += textTokens(part.text ?? '');
    }
    return { text, audio };
  }
}
