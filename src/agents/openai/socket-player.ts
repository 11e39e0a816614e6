import type { Heard } from '../../call/events.ts';
import { type Codec, l16, pcmu } from '../../media/codecs.ts';
import { samplesToMs } from '../../media/frame.ts';
import type { AudioDelta } from './events.ts';
import { itemTruncate, responseCancel } from './messages.ts';
import type { LegFormat } from './options.ts';
import type { Player, PlayerDeps } from './player.ts';
import { isSilent } from './player.ts';

/** Base64 characters decoded at a time (a multiple of 4): the working memory is bounded, however long a delta is. */
const SLICE_CHARS = 32_768;
const SLICE_BYTES = (SLICE_CHARS / 4) * 3;

/** Working memory of one delta, shared by all calls: a delta is decoded and written before the next one is looked at. */
const bytes = Buffer.alloc(SLICE_BYTES + 1);
const samples = new Int16Array(SLICE_BYTES + 1);

interface Item {
  readonly responseId: string;
  readonly itemId: string;
  readonly contentIndex: number;
  generated: number;
  /** Half a sample that the last delta ended in; -1 for none. */
  half: number;
  started: boolean;
  /** Something of it is not silence. */
  sounded: boolean;
  done: boolean;
  cut: boolean;
}

const MAX_ITEMS = 64;

/**
 * Audio that comes as events. The model generates faster than speech and holds nothing back: all is written to the caller's leg at once,
 * which paces it, and what was heard at an interruption is told by the one who knows, the call.
 */
export class SocketPlayer implements Player {
  readonly #deps: PlayerDeps;
  readonly #codec: Codec;
  readonly #items = new Map<string, Item>();
  readonly #frame: { samples: Int16Array; readonly sampleRate: number };
  #playsUntil = 0;

  constructor(format: LegFormat, deps: PlayerDeps) {
    this.#deps = deps;
    this.#codec = format === 'pcmu' ? pcmu : l16(24_000, 'le');
    this.#frame = { samples, sampleRate: this.#codec.sampleRate };
  }

  delta(event: AudioDelta): void {
    const item = this.#item(event);
    if (item.cut || !this.#deps.sequencer.isLive(event.response_id)) {
      this.#deps.count('ms_dropped_interrupted', this.#ms(byteLength(event.delta) / this.#codec.bytesPerSample));
      return;
    }
    const base64 = wholeBase64(event.delta);
    if (base64 === undefined) {
      this.#deps.drops.tell('model_event_malformed', 'the model sent audio that is not base64');
      return;
    }
    for (let at = 0; at < base64.length; at += SLICE_CHARS) {
      const slice = base64.length <= SLICE_CHARS ? base64 : base64.slice(at, at + SLICE_CHARS);
      if (!this.#write(item, slice)) {
        this.#deps.drops.tell('model_event_malformed', 'the model sent audio that is not base64');
        return;
      }
    }
  }

  itemDone(itemId: string): void {
    const item = this.#items.get(itemId);
    if (item !== undefined) this.#finish(item);
  }

  responseDone(responseId: string): void {
    for (const item of this.#items.values()) if (item.responseId === responseId) this.#finish(item);
  }

  interrupt(heard: readonly Heard[]): void {
    const { sequencer, send, clock } = this.#deps;
    const active = sequencer.active;
    // The server cancels by itself when its own turn detection saw the caller; then this is answered with an error that harms nothing.
    if (active !== undefined) send(responseCancel(active));
    sequencer.interrupt();
    let listed = false;
    for (const item of this.#items.values()) {
      const entry = heard.find((part) => part.itemId === item.itemId);
      if (entry !== undefined) listed = true;
      // An item that is not in play was heard to its end, unless it comes after one that was not, or is being generated unheard.
      else if (!item.started || !(listed || (item.responseId === active && !item.done))) continue;
      this.#cut(item, entry?.contentIndex ?? item.contentIndex, entry?.heardMs ?? 0);
    }
    this.#playsUntil = clock.now();
  }

  sounded(responseId: string): boolean {
    for (const item of this.#items.values()) if (item.responseId === responseId && item.sounded) return true;
    return false;
  }

  playing(): boolean {
    return this.#deps.clock.now() < this.#playsUntil;
  }

  /** All that was generated lies with the caller's leg already. */
  end(): undefined {
    for (const item of this.#items.values()) this.#finish(item);
    this.#items.clear();
  }

  /** Decodes and writes one slice; false when it is not base64. */
  #write(item: Item, slice: string): boolean {
    const carried = item.half >= 0 ? 1 : 0;
    if (carried === 1) bytes[0] = item.half;
    const decoded = bytes.write(slice, carried, 'base64');
    if (decoded !== byteLength(slice)) return false;
    const length = decoded + carried;
    item.half = this.#codec.bytesPerSample === 2 && length % 2 === 1 ? bytes[length - 1]! : -1;
    const count = this.#codec.decode(bytes.subarray(0, length), samples);
    if (count === 0) return true;
    if (!item.started) {
      item.started = true;
      this.#deps.emit({
        type: 'audio_started',
        responseId: item.responseId,
        itemId: item.itemId,
        contentIndex: item.contentIndex,
      });
    }
    item.sounded ||= !isSilent(samples.subarray(0, count));
    item.generated += count;
    this.#playsUntil = Math.max(this.#deps.clock.now(), this.#playsUntil) + this.#ms(count);
    this.#frame.samples = samples.subarray(0, count);
    this.#deps.peer.write(this.#frame);
    return true;
  }

  #finish(item: Item): void {
    if (item.done) return;
    item.done = true;
    if (item.started && !item.cut && this.#deps.sequencer.isLive(item.responseId)) {
      this.#deps.emit({ type: 'audio_done', responseId: item.responseId, itemId: item.itemId });
    }
  }

  /** The model's record of the item ends where the caller's hearing did. */
  #cut(item: Item, contentIndex: number, heardMs: number): void {
    if (item.cut) return;
    const generatedMs = this.#ms(item.generated);
    const endMs = Math.floor(Math.max(0, Math.min(heardMs, generatedMs)));
    // Heard to its end: there is nothing to take away, and a truncation would cost the item its transcript.
    if (item.done && heardMs >= generatedMs) return;
    item.cut = true;
    this.#deps.send(itemTruncate(item.itemId, contentIndex, endMs));
    this.#deps.cut(item.itemId, { share: generatedMs === 0 ? 0 : endMs / generatedMs });
  }

  #item(event: AudioDelta): Item {
    let item = this.#items.get(event.item_id);
    if (item === undefined) {
      item = {
        responseId: event.response_id,
        itemId: event.item_id,
        contentIndex: event.content_index,
        generated: 0,
        half: -1,
        started: false,
        sounded: false,
        done: false,
        cut: false,
      };
      this.#items.set(event.item_id, item);
      if (this.#items.size > MAX_ITEMS) this.#items.delete(this.#items.keys().next().value!);
    }
    return item;
  }

  #ms(count: number): number {
    return samplesToMs(count, this.#codec.sampleRate);
  }

  /** Here items are known by their audio, and all of it that came is with the caller's leg. */
  itemAdded(): void {}
  callerSpeaks(): void {}
  /** All that came is sound of the model's own making. */
  fallenSilent(): boolean {
    return false;
  }
  /** There is no other audio here, and no buffer of the server's. */
  audio(): void {}
  buffer(): void {}
}

/** What may stand around and in base64 without a meaning of its own: a data URL's head, line ends. */
const AROUND = /^data:[^,]*;base64,|\s+/g;

/** The text without what means nothing in it; undefined when its length is that of no base64, padded or not. */
function wholeBase64(text: string): string | undefined {
  // Almost all is as RFC 4648 section 4 has it.
  const base64 =
    text.length % 4 === 0 && !text.startsWith('data:') && !/[ \n]/.test(text) ? text : text.replace(AROUND, '');
  return base64.length % 4 === 1 ? undefined : base64;
}

/** Bytes that a base64 text stands for, padded or not. */
function byteLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.floor(((base64.length - padding) * 3) / 4);
}
