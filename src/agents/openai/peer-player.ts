import type { Heard } from '../../call/events.ts';
import { samplesToMs } from '../../media/frame.ts';
import { Resampler } from '../../media/resample.ts';
import { outputAudioClear, responseCancel } from './messages.ts';
import type { Player, PlayerDeps } from './player.ts';

/** How long frames are dropped while the server's buffer is being cleared, ms; then they pass again, whatever was said. */
const CLEAR_LIMIT_MS = 1_000;
/** What lies in the jitter buffer when "cleared" is told still belongs to the interrupted response: at least so long, ms... */
const CLEAR_TAIL_MS = 100;
/** ...and then until it falls silent, so long at most: a jitter buffer under load holds more. */
const CLEAR_TAIL_MOST_MS = 500;
/** Peak of a frame that counts as silence. */
const SILENT_PEAK = 64;
const MAX_ITEMS = 64;

/**
 * "started" comes over the data channel and overtakes its audio, which still waits in the jitter buffer: an item begins with its first frame
 * that is not silence, or so long after "started", ms.
 */
const ONSET_MOST_MS = 250;

interface Playing {
  readonly responseId: string;
  readonly startedAt: number;
  /** Whether its audio has arrived. */
  audible: boolean;
  /** Undefined until the response announced it. */
  itemId: string | undefined;
  samples: number;
}

/**
 * Audio that comes as a track. The server holds the play-out buffer, sends it in real time and truncates by itself; its events say which
 * response is heard. Frames outside of any response are silence, and pass as well: the caller's line never goes dead.
 * https://platform.openai.com/docs/guides/realtime-conversations#interruption-and-truncation
 */
export class PeerPlayer implements Player {
  readonly #deps: PlayerDeps;
  readonly #rate: number;
  readonly #resampler: Resampler;
  readonly #frame: { samples: Int16Array; readonly sampleRate: number };
  readonly #itemOf = new Map<string, string>();
  #playing: Playing | undefined;
  /** Frames are dropped until then; -Infinity when they pass. */
  #dropUntil = Number.NEGATIVE_INFINITY;
  /** After that, frames that are not silent are dropped until then: the end of what was interrupted. */
  #tailUntil = Number.NEGATIVE_INFINITY;

  /** `rate` is the Hz of `audio`. */
  constructor(rate: number, deps: PlayerDeps) {
    this.#deps = deps;
    this.#rate = rate;
    this.#resampler = new Resampler(rate, deps.peer.sampleRate);
    this.#frame = { samples: new Int16Array(0), sampleRate: deps.peer.sampleRate };
  }

  itemAdded(responseId: string, itemId: string): void {
    // The first message of a response is the one that is told: the track does not say where a second begins.
    if (this.#itemOf.has(responseId)) return;
    this.#itemOf.set(responseId, itemId);
    if (this.#itemOf.size > MAX_ITEMS) this.#itemOf.delete(this.#itemOf.keys().next().value!);
    if (this.#playing?.responseId !== responseId || this.#playing.itemId !== undefined) return;
    this.#playing.itemId = itemId;
    this.#tellBegin(this.#playing);
  }

  audio(samples: Int16Array): void {
    if (this.#drops(samples)) {
      this.#deps.count('ms_dropped_interrupted', samplesToMs(samples.length, this.#rate));
      return;
    }
    if (this.#playing !== undefined) this.#heard(this.#playing, samples);
    this.#frame.samples = this.#resampler.process(samples);
    this.#deps.peer.write(this.#frame);
  }

  /** Counts a frame of what is playing, from its first sound on. */
  #heard(playing: Playing, samples: Int16Array): void {
    if (!playing.audible) {
      if (isSilent(samples) && this.#deps.clock.now() - playing.startedAt < ONSET_MOST_MS) return;
      playing.audible = true;
      this.#tellBegin(playing);
    }
    playing.samples += samples.length;
  }

  /** Whether this frame is still of an interrupted response. */
  #drops(samples: Int16Array): boolean {
    if (this.#tailUntil === Number.NEGATIVE_INFINITY && this.#dropUntil === Number.NEGATIVE_INFINITY) return false;
    const now = this.#deps.clock.now();
    if (now < this.#dropUntil) return true;
    if (now < this.#tailUntil && !isSilent(samples)) return true;
    this.#pass();
    return false;
  }

  /** Lets frames through from now on; the filter's memory belongs to what was cut and would be heard before the next words. */
  #pass(): void {
    this.#resampler.reset();
    this.#dropUntil = Number.NEGATIVE_INFINITY;
    this.#tailUntil = Number.NEGATIVE_INFINITY;
  }

  buffer(what: 'started' | 'stopped' | 'cleared', responseId: string): void {
    if (what === 'started') this.#onStarted(responseId);
    else if (what === 'stopped') this.#onEnded(responseId);
    else this.#onCleared();
  }

  interrupt(_heard: readonly Heard[]): void {
    const { sequencer, send, clock } = this.#deps;
    const active = sequencer.active;
    const playing = this.#playing;
    if (active !== undefined) send(responseCancel(active));
    sequencer.interrupt();
    if (playing === undefined && active === undefined) {
      this.#dropTail();
      return;
    }
    send(outputAudioClear());
    this.#dropUntil = clock.now() + CLEAR_LIMIT_MS;
    this.#playing = undefined;
    if (playing?.itemId !== undefined) this.#deps.cut(playing.itemId, { ms: this.#playedMs(playing) });
  }

  playing(): boolean {
    return this.#playing !== undefined;
  }

  end(): string | undefined {
    const playing = this.#playing;
    // The rest of it lies in the server's buffer.
    if (playing?.itemId !== undefined) this.#deps.cut(playing.itemId, { ms: this.#playedMs(playing) });
    this.#finish();
    return playing?.itemId;
  }

  #onStarted(responseId: string): void {
    if (!this.#deps.sequencer.isLive(responseId)) {
      // Interrupted before its first sound, and on its way all the same.
      this.#deps.send(outputAudioClear());
      this.#dropUntil = this.#deps.clock.now() + CLEAR_LIMIT_MS;
      return;
    }
    this.#finish();
    this.#pass();
    const startedAt = this.#deps.clock.now();
    this.#playing = { responseId, startedAt, audible: false, itemId: this.#itemOf.get(responseId), samples: 0 };
  }

  #onEnded(responseId: string): void {
    if (this.#playing?.responseId === responseId) this.#finish();
  }

  #onCleared(): void {
    if (this.#dropUntil > this.#deps.clock.now()) this.#dropTail();
    this.#finish();
  }

  #dropTail(): void {
    const now = this.#deps.clock.now();
    this.#dropUntil = now + CLEAR_TAIL_MS;
    this.#tailUntil = now + CLEAR_TAIL_MOST_MS;
  }

  #tellBegin({ responseId, itemId, audible }: Playing): void {
    if (itemId !== undefined && audible)
      this.#deps.emit({ type: 'audio_started', responseId, itemId, contentIndex: 0 });
  }

  #finish(): void {
    const playing = this.#playing;
    this.#playing = undefined;
    if (playing?.itemId === undefined) return;
    if (!playing.audible) {
      // Played to its end without a frame of it: told all the same, so that whoever watches over silence can see it.
      playing.audible = true;
      this.#tellBegin(playing);
    }
    this.#deps.emit({ type: 'audio_done', responseId: playing.responseId, itemId: playing.itemId });
  }

  #playedMs(playing: Playing): number {
    return samplesToMs(playing.samples, this.#rate);
  }

  /** Here audio never comes as events, and what the model has generated says nothing about what is heard. */
  delta(): void {}
  itemDone(): void {}
  responseDone(): void {}
}

function isSilent(samples: Int16Array): boolean {
  for (const sample of samples) if (sample > SILENT_PEAK || sample < -SILENT_PEAK) return false;
  return true;
}
