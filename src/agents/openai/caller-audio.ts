import type { Count } from '../../call/counters.ts';
import { type AudioSink, nullSink, type PcmFrame, samplesToMs } from '../../media/frame.ts';
import { rmsDbfs } from '../../media/level.ts';
import { link } from '../../media/link.ts';
import type { ModelConnection } from './connection.ts';

/** Nothing quieter is a caller who speaks, dBFS: the noise of a telephone line, and of a room, is below it. */
const SPEECH_DBFS = -42;
/** How far above the line's own noise speech is, dB; what is louder than the last is never taken for noise, dBFS. */
const ABOVE_NOISE_DB = 12;
const LOUDEST_NOISE_DBFS = -28;
/** The noise is followed downwards at once and upwards slowly, dB a second: the pauses between words keep it below them. */
const NOISE_RISE_DB_S = 3;
/** Nobody speaks for so long without a pause of half a second, ms of audio: what sounds is not speech. */
const LONGEST_SPEECH_MS = 60_000;

/** Somebody who wants to know when the caller is silent. Counted in audio: where none comes, the caller says nothing, but nobody listens either. */
interface QuietWait {
  readonly ms: number;
  readonly told: (quietMs: number) => void;
  quietMs: number;
  leftMs: number;
  noiseDbfs: number;
}

/**
 * The leg's ear: one sink for the whole call, whatever connection is behind it. Without one the audio is dropped and counted: the call
 * keeps it while it waits for `ready`.
 */
export class CallerAudio implements AudioSink {
  readonly sampleRate: number;
  #count: Count = () => {};
  #connection: ModelConnection | undefined;
  #wait: QuietWait | undefined;
  #sink: AudioSink;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
    this.#sink = nullSink(sampleRate);
  }

  countWith(count: Count): void {
    this.#count = count;
  }

  connect(connection: ModelConnection | undefined): void {
    this.#connection = connection;
    this.#sink = connection === undefined ? nullSink(this.sampleRate) : link(this.sampleRate, sinkOf(connection));
  }

  /** Tells once when the caller has been silent for `ms` of audio, or has made a noise for longer than anybody speaks. */
  awaitQuiet(ms: number, told: (quietMs: number) => void): void {
    this.#wait = { ms, told, quietMs: 0, leftMs: LONGEST_SPEECH_MS, noiseDbfs: SPEECH_DBFS - ABOVE_NOISE_DB };
  }

  stopWaiting(): void {
    this.#wait = undefined;
  }

  write(frame: PcmFrame): void {
    if (frame.sampleRate !== this.sampleRate) this.#count('frames_invalid');
    else if (this.#connection === undefined)
      this.#count('ms_uplink_dropped', samplesToMs(frame.samples.length, frame.sampleRate));
    else {
      this.#sink.write(frame);
      if (this.#wait !== undefined) this.#listen(this.#wait, frame);
    }
  }

  #listen(wait: QuietWait, frame: PcmFrame): void {
    const ms = samplesToMs(frame.samples.length, frame.sampleRate);
    const level = rmsDbfs(frame.samples);
    const quiet = level < Math.max(SPEECH_DBFS, wait.noiseDbfs + ABOVE_NOISE_DB);
    const noise = Math.min(level, wait.noiseDbfs + (NOISE_RISE_DB_S * ms) / 1000, LOUDEST_NOISE_DBFS);
    // Digital silence, as it fills a gap, says nothing of the line.
    wait.noiseDbfs = Math.max(noise, SPEECH_DBFS - ABOVE_NOISE_DB);
    wait.quietMs = quiet ? wait.quietMs + ms : 0;
    wait.leftMs -= ms;
    if (wait.quietMs < wait.ms && wait.leftMs > 0) return;
    this.#wait = undefined;
    wait.told(Math.round(wait.quietMs));
  }

  clear(): void {
    this.#sink.clear();
  }

  toString(): string {
    return this.#connection === undefined ? 'openai(not connected)' : this.#sink.toString();
  }
}

function sinkOf(connection: ModelConnection): AudioSink {
  return {
    sampleRate: connection.inputRate,
    write: (frame) => connection.sendAudio(frame.samples),
    clear: () => connection.clearAudio(),
    toString: () => `${connection.toString()} -> openai`,
  };
}
