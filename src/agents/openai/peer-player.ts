import type { Heard } from '../../call/events.ts';
import { samplesToMs } from '../../media/frame.ts';
import { Resampler } from '../../media/resample.ts';
import { itemTruncate, outputAudioClear, responseCancel } from './messages.ts';
import { isSilent, type Player, type PlayerDeps } from './player.ts';

/** How long frames are dropped while the server's buffer is being cleared, ms; then they pass again, whatever was said. */
const CLEAR_LIMIT_MS = 1_000;
/** What lies in the jitter buffer when "cleared" is told still belongs to the interrupted response: at least so long, ms... */
const CLEAR_TAIL_MS = 100;
/** ...and then until it falls silent, so long at most: a jitter buffer under load holds more. */
const CLEAR_TAIL_MOST_MS = 500;
const MAX_RESPONSES = 64;
/** No pause between words is longer, ms. */
const PAUSE_MOST_MS = 2_000;

/** A response whose end is not told has been played when it was silent for so long, ms. */
const UNTOLD_END_MS = 2_500;

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
  /** Responses that have a message, oldest first: how far the playing of each has come. */
  readonly #played = new Map<string, 'waiting' | 'begun' | 'over'>();
  readonly #sounded = new Set<string>();
  /** When a frame came last that was not silence. */
  #soundAt = Number.NEGATIVE_INFINITY;
  #playing: Playing | undefined;
  /** Whether this server says what it plays. Not every one that speaks the protocol does: then the sound itself has to. */
  #tells = false;
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
    if (this.#played.has(responseId)) return;
    this.#played.set(responseId, this.#playing?.responseId === responseId ? 'begun' : 'waiting');
    if (this.#played.size > MAX_RESPONSES) this.#played.delete(this.#played.keys().next().value!);
    if (this.#playing?.responseId !== responseId || this.#playing.itemId !== undefined) return;
    this.#playing.itemId = itemId;
    this.#tellBegin(this.#playing);
  }

  audio(samples: Int16Array): void {
    if (this.#drops(samples)) {
      this.#deps.count('ms_dropped_interrupted', samplesToMs(samples.length, this.#rate));
      return;
    }
    if (!this.#tells) this.#guess(samples);
    if (this.#playing !== undefined) this.#heard(this.#playing, samples);
    this.#frame.samples = this.#resampler.process(samples);
    this.#deps.peer.write(this.#frame);
  }

  /** Of a server that has not said yet what it plays: the first sound is the oldest response that waits, and a long silence its end. */
  #guess(samples: Int16Array): void {
    if (this.#playing !== undefined) {
      if (this.#deps.clock.now() - this.#soundAt > UNTOLD_END_MS && isSilent(samples)) this.#finish();
      return;
    }
    if (isSilent(samples)) return;
    for (const [responseId, state] of this.#played) {
      if (state !== 'waiting' || !this.#deps.sequencer.isLive(responseId)) continue;
      this.#onStarted(responseId);
      return;
    }
  }

  /** Counts a frame of what is playing, from its first sound on. */
  #heard(playing: Playing, samples: Int16Array): void {
    const silent = isSilent(samples);
    if (!silent) this.#sound(playing.responseId);
    if (!playing.audible) {
      if (silent && this.#deps.clock.now() - playing.startedAt < ONSET_MOST_MS) return;
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
    // The word may come behind the first sound.
    const begun = !this.#tells && this.#playing?.responseId === responseId;
    this.#tells = true;
    if (what === 'started' && begun) return;
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
    const waited = this.#cutWaiting();
    if (playing === undefined && active === undefined && !waited) {
      this.#dropTail();
      return;
    }
    send(outputAudioClear());
    this.#dropUntil = clock.now() + CLEAR_LIMIT_MS;
    this.#playing = undefined;
    if (playing !== undefined) this.#cutPlaying(playing);
  }

  callerSpeaks(): void {
    this.#cutWaiting();
  }

  fallenSilent(): boolean {
    return this.#playing !== undefined && this.#deps.clock.now() - this.#soundAt > PAUSE_MOST_MS;
  }

  sounded(responseId: string): boolean {
    return this.#sounded.has(responseId);
  }

  playing(): boolean {
    return this.#playing !== undefined;
  }

  end(): string | undefined {
    const playing = this.#playing;
    const [waiting] = [...this.#played].find(([, state]) => state === 'waiting') ?? [];
    // The rest of it lies in the server's buffer, and so does what waits behind it.
    if (playing !== undefined) this.#cutPlaying(playing);
    this.#cutWaiting();
    this.#finish();
    return playing?.itemId ?? (waiting === undefined ? undefined : this.#deps.items(waiting)[0]);
  }

  /** Of what was played the caller heard so much; where one response has several items, by how long their words take to say. */
  #cutPlaying(playing: Playing): void {
    this.#played.set(playing.responseId, 'over');
    const items = this.#deps.items(playing.responseId);
    let left = this.#playedMs(playing);
    for (const [at, itemId] of items.entries()) {
      const last = at === items.length - 1;
      const lengthMs = last ? Number.POSITIVE_INFINITY : this.#deps.lengthMs(itemId);
      // Of a later item the server may say nothing: it truncates the one that it plays.
      if (at > 0 && left <= 0) this.#deps.unsay(itemId);
      else if (left < lengthMs) this.#deps.cut(itemId, { ms: Math.max(0, left) });
      left -= lengthMs;
    }
  }

  /** What the server's buffer holds and has not begun to play is thrown away. True when there was any. */
  #cutWaiting(): boolean {
    let any = false;
    for (const [responseId, state] of this.#played) {
      if (state !== 'waiting') continue;
      any = true;
      this.#played.set(responseId, 'over');
      for (const itemId of this.#deps.items(responseId)) {
        // The server truncates what it plays, and says so; of what it never began to play nothing is told.
        this.#deps.send(itemTruncate(itemId, 0, 0));
        this.#deps.unsay(itemId);
      }
    }
    return any;
  }

  #sound(responseId: string): void {
    this.#soundAt = this.#deps.clock.now();
    this.#sounded.add(responseId);
    if (this.#sounded.size > MAX_RESPONSES) this.#sounded.delete(this.#sounded.values().next().value!);
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
    if (this.#played.has(responseId)) this.#played.set(responseId, 'begun');
    const itemId = this.#deps.items(responseId)[0];
    this.#playing = { responseId, startedAt, audible: false, itemId, samples: 0 };
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
    if (playing !== undefined) this.#played.set(playing.responseId, 'over');
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
