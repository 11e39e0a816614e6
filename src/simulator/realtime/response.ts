import type { Answer, Part } from './behaviour.ts';
import type { ContentPart, Entry, Item } from './conversation.ts';
import { newId } from './ids.ts';
import { type ResponseContext, type ResponseStatus, responseResource, usageOf } from './response-resource.ts';
import { SPEECH_RATE, type Utterance } from './speech.ts';
import { WireEncoder } from './wire-audio.ts';

export type ServerEvent = { type: string } & Record<string, unknown>;

/** What a response needs of its session. */
export interface ResponsePort {
  emit(event: ServerEvent): void;
  /** Enters an item into the conversation and returns the id it follows. Not called for out-of-band responses. */
  addItem(entry: Entry): string | null;
  /** Audio that was generated: for the play-out buffer on WebRTC. `itemOffset` is in samples at 24 kHz. */
  generated(responseId: string, itemId: string, audio: Int16Array, itemOffset: number): void;
  /** Told once, after `response.done`. */
  finished(run: ResponseRun): void;
}

export type CancelReason = 'turn_detected' | 'client_cancelled';

/** The part in progress. */
interface Current {
  readonly entry: Entry;
  readonly utterance: Utterance;
  readonly samples: number;
  readonly startedAt: number;
  readonly words: readonly string[];
  generated: number;
  told: number;
}

/**
 * One response from `response.created` to `response.done`, in the service's order of events. Audio appears as fast as `speed` allows;
 * `advance` is called with the time and puts out what is due.
 */
export class ResponseRun {
  readonly id = newId('resp');
  readonly outOfBand: boolean;
  readonly #port: ResponsePort;
  readonly #context: ResponseContext;
  readonly #answer: Answer;
  readonly #readyAt: number;
  readonly #text: boolean;
  readonly #encoder: WireEncoder;
  readonly #output: Entry[] = [];
  readonly #previous = new Map<string, string | null>();
  #status: ResponseStatus = 'in_progress';
  #current: Current | undefined;
  #part = 0;
  #cut = false;

  constructor(port: ResponsePort, context: ResponseContext, answer: Answer, now: number) {
    this.#port = port;
    this.#context = context;
    this.#answer = answer;
    this.outOfBand = context.params.conversation === 'none';
    this.#text =
      answer.as === 'text' || (context.params.output_modalities ?? context.config.output_modalities)[0] === 'text';
    this.#encoder = new WireEncoder(context.params.audio?.output?.format ?? context.config.audio.output.format);
    this.#readyAt = now + (answer.waitMs ?? context.pace.thinkMs);
    this.#emit('response.created', { response: this.#resource() });
  }

  get active(): boolean {
    return this.#status === 'in_progress';
  }

  /** Ms of audio generated so far, over all its items. */
  get audioMs(): number {
    return this.#output.reduce((sum, entry) => sum + entry.audioMs, 0);
  }

  /** Puts out what is due at `now` (monotonic ms). */
  advance(now: number): void {
    if (this.#context.stuck) return;
    while (this.active && now >= this.#readyAt) {
      if (this.#current !== undefined && !this.#generate(this.#current, now)) return;
      const part = this.#cut ? undefined : this.#answer.parts[this.#part++];
      if (part === undefined) this.#conclude();
      else this.#begin(part, now);
    }
  }

  /** Ends it early. The items so far stay, marked incomplete. */
  cancel(reason: CancelReason): void {
    if (!this.active) return;
    if (this.#current !== undefined) this.#endSpeech(this.#current, 'incomplete');
    this.#finish('cancelled', { type: 'cancelled', reason });
  }

  #begin(part: Part, now: number): void {
    if (part.kind === 'call') {
      this.#call(part);
      return;
    }
    const item: Item = {
      id: newId('item'),
      object: 'realtime.item',
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    };
    const entry = this.#open(item);
    this.#emit('response.content_part.added', {
      ...this.#place(item),
      content_index: 0,
      part: this.#text ? { type: 'text', text: '' } : { type: 'audio', transcript: '' },
    });
    item.content?.push(this.#text ? { type: 'output_text', text: '' } : { type: 'output_audio', transcript: '' });
    const words = part.utterance.transcript.match(/\S+\s*/g) ?? [];
    const samples = this.#text ? 0 : this.#withinLimit(part.utterance.audio.length);
    this.#current = { entry, utterance: part.utterance, samples, startedAt: now, words, generated: 0, told: 0 };
  }

  /** A limit on output tokens is a limit on audio: 20 tokens a second. */
  #withinLimit(samples: number): number {
    if (this.#answer.as === 'words_only') return 0;
    const { cutMs } = this.#answer;
    if (cutMs !== undefined && samples * 1000 > cutMs * SPEECH_RATE) {
      this.#cut = true;
      return Math.floor((cutMs * SPEECH_RATE) / 1000);
    }
    const limit = this.#context.params.max_output_tokens ?? this.#context.config.max_output_tokens;
    if (limit === 'inf') return samples;
    const left = Math.max(0, Math.floor((limit / 20) * SPEECH_RATE - (this.audioMs * SPEECH_RATE) / 1000));
    if (samples > left) this.#cut = true;
    return Math.min(samples, left);
  }

  /** True when the part is complete. */
  #generate(current: Current, now: number): boolean {
    const { speed, deltaMs } = this.#context.pace;
    const chunk = Math.max(SPEECH_RATE / 100, Math.round((deltaMs * SPEECH_RATE) / 1000));
    const due = ((now - current.startedAt) * speed * SPEECH_RATE) / 1000 + chunk;
    while (current.generated < current.samples && current.generated + chunk <= Math.max(due, chunk)) {
      const end = Math.min(current.samples, current.generated + chunk);
      this.#tell(current, Math.ceil((end / current.utterance.audio.length) * current.words.length));
      this.#audio(current, end);
    }
    if (current.generated < current.samples) return false;
    this.#tell(current, current.words.length);
    this.#endSpeech(current, this.#cut ? 'incomplete' : 'completed');
    return true;
  }

  #tell(current: Current, words: number): void {
    if (this.#cut && current.generated >= current.samples) return;
    const place = this.#place(current.entry.item);
    const type = this.#text ? 'response.output_text.delta' : 'response.output_audio_transcript.delta';
    for (; current.told < words; current.told++) {
      this.#emit(type, { ...place, content_index: 0, delta: current.words[current.told] });
    }
  }

  #audio(current: Current, end: number): void {
    const audio = current.utterance.audio.subarray(current.generated, end);
    const { item } = current.entry;
    if (this.#context.audioInEvents) {
      this.#emit('response.output_audio.delta', {
        ...this.#place(item),
        content_index: 0,
        delta: this.#encoder.encode(audio),
      });
    }
    this.#port.generated(this.id, item.id, audio, current.generated);
    current.generated = end;
    current.entry.audioMs = (end * 1000) / SPEECH_RATE;
  }

  #endSpeech(current: Current, status: 'completed' | 'incomplete'): void {
    this.#current = undefined;
    const { item } = current.entry;
    const place = { ...this.#place(item), content_index: 0 };
    const said = current.words.slice(0, current.told).join('').trimEnd();
    const content = item.content?.[0] as ContentPart;
    if (this.#text) {
      content.text = said;
      this.#emit('response.output_text.done', { ...place, text: said });
      this.#emit('response.content_part.done', { ...place, part: { type: 'text', text: said } });
    } else {
      content.transcript = said;
      this.#emit('response.output_audio.done', place);
      this.#emit('response.output_audio_transcript.done', { ...place, transcript: said });
      this.#emit('response.content_part.done', { ...place, part: { type: 'audio', transcript: said } });
    }
    this.#close(item, status);
  }

  #call(part: Extract<Part, { kind: 'call' }>): void {
    const callId = newId('call');
    const item: Item = {
      id: newId('item'),
      object: 'realtime.item',
      type: 'function_call',
      status: 'in_progress',
      name: part.name,
      call_id: callId,
      arguments: '',
    };
    this.#open(item);
    const place = { ...this.#place(item), call_id: callId };
    const half = Math.ceil(part.arguments.length / 2);
    for (const delta of [part.arguments.slice(0, half), part.arguments.slice(half)]) {
      if (delta !== '') this.#emit('response.function_call_arguments.delta', { ...place, delta });
    }
    item.arguments = part.arguments;
    this.#emit('response.function_call_arguments.done', { ...place, name: part.name, arguments: part.arguments });
    this.#close(item, 'completed');
  }

  #open(item: Item): Entry {
    const entry: Entry = { item, audioMs: 0 };
    this.#output.push(entry);
    this.#emit('response.output_item.added', { response_id: this.id, output_index: this.#output.length - 1, item });
    if (!this.outOfBand) {
      const previous = this.#port.addItem(entry);
      this.#previous.set(item.id, previous);
      this.#emit('conversation.item.added', { previous_item_id: previous, item });
    }
    return entry;
  }

  #close(item: Item, status: 'completed' | 'incomplete'): void {
    item.status = status;
    const index = this.#output.findIndex((entry) => entry.item === item);
    if (!this.outOfBand) {
      this.#emit('conversation.item.done', { previous_item_id: this.#previous.get(item.id) ?? null, item });
    }
    this.#emit('response.output_item.done', { response_id: this.id, output_index: index, item });
  }

  #place(item: Item): Record<string, unknown> {
    const index = this.#output.findIndex((entry) => entry.item === item);
    return { response_id: this.id, item_id: item.id, output_index: index };
  }

  #conclude(): void {
    const { fail, end } = this.#answer;
    if (fail !== undefined) this.#finish('failed', { type: 'failed', error: fail });
    else if (end !== undefined) this.#finish(end.status, { type: end.status, reason: end.reason });
    else if (this.#cut) this.#finish('incomplete', { type: 'incomplete', reason: 'max_output_tokens' });
    else this.#finish('completed', null);
  }

  #finish(status: ResponseStatus, details: Record<string, unknown> | null): void {
    this.#status = status;
    this.#emit('response.done', { response: this.#resource(details) });
    this.#port.emit({
      type: 'rate_limits.updated',
      rate_limits: [
        { name: 'requests', limit: 10_000, remaining: 9_999, reset_seconds: 0.006 },
        { name: 'tokens', limit: 1_000_000, remaining: 990_000, reset_seconds: 0.6 },
      ],
    });
    this.#port.finished(this);
  }

  #resource(details: Record<string, unknown> | null = null): Record<string, unknown> {
    const usage = this.active ? null : usageOf(this.#context.inputTokens, this.#output, this.audioMs);
    return responseResource(this.id, this.#context, this.#status, details, this.#output, usage);
  }

  #emit(type: string, fields: Record<string, unknown>): void {
    this.#port.emit({ type, ...fields });
  }
}
