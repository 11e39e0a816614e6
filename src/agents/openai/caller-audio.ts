import type { Count } from '../../call/counters.ts';
import { type AudioSink, nullSink, type PcmFrame, samplesToMs } from '../../media/frame.ts';
import { link } from '../../media/link.ts';
import type { ModelConnection } from './connection.ts';

/**
 * The leg's ear: one sink for the whole call, whatever connection is behind it. Without one the audio is dropped and counted: the call
 * keeps it while it waits for `ready`.
 */
export class CallerAudio implements AudioSink {
  readonly sampleRate: number;
  #count: Count = () => {};
  #connection: ModelConnection | undefined;
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

  write(frame: PcmFrame): void {
    if (frame.sampleRate !== this.sampleRate) this.#count('frames_invalid');
    else if (this.#connection === undefined)
      this.#count('ms_uplink_dropped', samplesToMs(frame.samples.length, frame.sampleRate));
    else this.#sink.write(frame);
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
