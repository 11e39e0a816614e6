import type { ModelItem, ServerEvent } from './events.ts';

/**
 * The ids of a call's events, made unique. OpenAI's are; those of other servers begin anew with each response (`item_0`, `call_0`) or each session,
 * and some leave ids out where only one thing can be meant. What comes after this can take an id for what it names, in the whole call.
 */

/** Marks an id that the server has given before. */
const AGAIN = /~again\d+$/;
/** Marks an id that the server left out. */
const MADE_UP = /^~/;
const MAX_KNOWN = 4_096;

/** The id as the server knows it; undefined for one that it never gave. */
export function wireId(id: string): string | undefined {
  return MADE_UP.test(id) ? undefined : id.replace(AGAIN, '');
}

/** How often each id was given in a call. Shared by the sessions of the call. */
export class GivenIds {
  readonly #given = new Map<string, number>();

  /** The id itself the first time, then one that is like no other. */
  take(kind: 'response' | 'item' | 'call', id: string): string {
    const key = `${kind} ${id}`;
    const times = (this.#given.get(key) ?? 0) + 1;
    // Deleted first, so that the order of the map is that of the last use.
    this.#given.delete(key);
    this.#given.set(key, times);
    if (this.#given.size > MAX_KNOWN) this.#given.delete(this.#given.keys().next().value!);
    return times === 1 ? id : `${id}~again${times}`;
  }
}

interface Response {
  readonly id: string;
  over: boolean;
  /** The message that was announced last. */
  message: string | undefined;
}

interface CallerItem {
  readonly id: string;
  committed: boolean;
  /** Something followed: another event of the same name is about another turn. */
  settled: boolean;
}

/** The ids of one session. */
export class WireIds {
  readonly #given: GivenIds;
  /** By the server's id: the response that it means now. */
  readonly #responses = new Map<string, Response>();
  /** By our response's id and the server's item or call id. */
  readonly #items = new Map<string, string>();
  readonly #calls = new Map<string, string>();
  readonly #callOfItem = new Map<string, string>();
  readonly #callerItems = new Map<string, CallerItem>();
  /** By the server's item id, what it meant last. */
  readonly #latest = new Map<string, string>();
  #last: Response | undefined;
  /** The pair of ids that came last: audio brings the same again and again. */
  #pair: { wireResponse: string; wireItem: string; response: string; item: string } | undefined;

  constructor(given: GivenIds) {
    this.#given = given;
  }

  /** Puts unique ids into the event. False for one that is about a response when none is known. */
  settle(event: ServerEvent): boolean {
    switch (event.type) {
      case 'response.output_audio.delta':
        return this.#delta(event);
      case 'response.created':
        event.response.id = this.#created(event.response.id);
        return true;
      case 'response.done': {
        const response = this.#responseOf(event.response.id);
        if (response === undefined) return false;
        response.over = true;
        event.response.id = response.id;
        for (const item of event.response.output) this.#itemIn(response, item);
        return true;
      }
      case 'response.output_item.added':
      case 'response.output_item.done': {
        const response = this.#responseOf(event.response_id);
        if (response === undefined) return false;
        event.response_id = response.id;
        this.#itemIn(response, event.item);
        return true;
      }
      case 'response.function_call_arguments.done': {
        const response = this.#responseOf(event.response_id);
        if (response === undefined) return false;
        event.response_id = response.id;
        event.call_id = this.#callIn(response, event.call_id, event.item_id);
        return true;
      }
      case 'response.function_call_arguments.delta':
      case 'response.output_audio.done':
      case 'response.output_audio_transcript.delta':
      case 'response.output_audio_transcript.done':
      case 'response.output_text.delta':
      case 'response.output_text.done': {
        const response = this.#responseOf(event.response_id);
        if (response === undefined) return false;
        event.response_id = response.id;
        if ('item_id' in event) event.item_id = this.#itemOf(response, event.item_id);
        return true;
      }
      case 'output_audio_buffer.started':
      case 'output_audio_buffer.stopped':
      case 'output_audio_buffer.cleared':
        event.response_id = this.#responseOf(event.response_id)?.id ?? event.response_id;
        return true;
      case 'input_audio_buffer.speech_started':
      case 'input_audio_buffer.speech_stopped':
        if (event.item_id !== undefined) event.item_id = this.#callerItem(event.item_id, event.type).id;
        return true;
      case 'input_audio_buffer.committed':
      case 'conversation.item.input_audio_transcription.delta':
      case 'conversation.item.input_audio_transcription.completed':
        event.item_id = this.#callerItem(event.item_id, event.type).id;
        return true;
      case 'conversation.item.truncated':
        event.item_id = this.#latest.get(event.item_id) ?? event.item_id;
        return true;
      default:
        return true;
    }
  }

  #delta(event: Extract<ServerEvent, { type: 'response.output_audio.delta' }>): boolean {
    const wireResponse = event.response_id;
    const wireItem = event.item_id;
    if (this.#pair?.wireResponse !== wireResponse || this.#pair.wireItem !== wireItem) {
      const response = this.#responseOf(wireResponse);
      if (response === undefined) return false;
      this.#pair = { wireResponse, wireItem, response: response.id, item: this.#itemOf(response, wireItem) };
    }
    event.response_id = this.#pair.response;
    event.item_id = this.#pair.item;
    return true;
  }

  #created(wire: string): string {
    this.#pair = undefined;
    for (const item of this.#callerItems.values()) item.settled = item.committed;
    const known = this.#responses.get(wire);
    // Told twice of one that runs, it is the same.
    const response = known !== undefined && !known.over && wire !== '' ? known : this.#newResponse(wire);
    this.#last = response;
    return response.id;
  }

  #newResponse(wire: string): Response {
    const id = this.#given.take('response', wire === '' ? '~response' : wire);
    const response: Response = { id, over: false, message: undefined };
    put(this.#responses, wire, response);
    return response;
  }

  /** The response that an event is about: the one it names, or the last there was. */
  #responseOf(wire: string): Response | undefined {
    if (wire === '') return this.#last;
    const known = this.#responses.get(wire);
    if (known !== undefined) return known;
    this.#last = this.#newResponse(wire);
    return this.#last;
  }

  #itemIn(response: Response, item: ModelItem): void {
    const wire = item.id;
    if (item.type === 'function_call') item.call_id = this.#callIn(response, item.call_id ?? '', wire);
    // An item without an id is the one that was announced, or cannot be told apart.
    if (wire === '' && item.type !== 'message') return;
    item.id = this.#itemOf(response, wire);
    if (item.type === 'message') response.message = item.id;
  }

  #itemOf(response: Response, wire: string): string {
    if (wire === '') {
      response.message ??= this.#given.take('item', `~item of ${response.id}`);
      return response.message;
    }
    const key = `${response.id} ${wire}`;
    const known = this.#items.get(key);
    if (known !== undefined) return known;
    const id = this.#given.take('item', wire);
    put(this.#items, key, id);
    put(this.#latest, wire, id);
    return id;
  }

  /** A call by its own id, or else by its item's. */
  #callIn(response: Response, wireCall: string, wireItem: string): string {
    const itemKey = `${response.id} ${wireItem}`;
    const named = wireCall === '' ? this.#callOfItem.get(itemKey) : this.#calls.get(`${response.id} ${wireCall}`);
    const id = named ?? this.#given.take('call', wireCall === '' ? wireItem : wireCall);
    if (wireCall !== '') put(this.#calls, `${response.id} ${wireCall}`, id);
    if (wireItem !== '') put(this.#callOfItem, itemKey, id);
    return id;
  }

  #callerItem(wire: string, type: string): CallerItem {
    let item = this.#callerItems.get(wire);
    const begins = type === 'input_audio_buffer.speech_started';
    const commits = type === 'input_audio_buffer.committed';
    if (item === undefined || (begins && item.committed) || (commits && item.settled)) {
      item = { id: this.#given.take('item', wire), committed: false, settled: false };
      put(this.#callerItems, wire, item);
      put(this.#latest, wire, item.id);
    }
    if (commits) item.committed = true;
    if (type.endsWith('.completed')) item.settled = item.committed;
    return item;
  }
}

/** Sets an entry; the oldest gives way. */
function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size > MAX_KNOWN) map.delete(map.keys().next().value!);
}
