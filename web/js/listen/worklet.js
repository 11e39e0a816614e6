import { PlayQueue } from './play-queue.js';

/**
 * Runs on the browser's audio thread: plays what comes of a call, and cuts the microphone into pieces. Both ends of a worklet talk by messages alone.
 */

const scope = /** @type {any} */ (globalThis);

/** Hz of what is sent, and of what comes. */
const WIRE_RATE = 16_000;
/** A piece of the microphone, samples: 20 ms. */
const PIECE = 320;

class ListenPlayer extends scope.AudioWorkletProcessor {
  queue = new PlayQueue(scope.sampleRate);
  peak = 0;
  ticks = 0;

  constructor() {
    super();
    this.port.onmessage = (/** @type {MessageEvent<Int16Array>} */ { data }) => this.queue.push(data);
  }

  /** @param {unknown} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const [left, right] = outputs[0] ?? [];
    if (left === undefined || right === undefined) return true;
    this.peak = Math.max(this.peak, this.queue.fill(left, right));
    if (++this.ticks % 12 === 0) {
      this.port.postMessage(this.peak);
      this.peak = 0;
    }
    return true;
  }
}

class ListenMicrophone extends scope.AudioWorkletProcessor {
  piece = new Int16Array(PIECE);
  filled = 0;
  /** Where the next sample of the wire lies in the input, samples from the input's next one. */
  next = 0;
  last = 0;

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const input = inputs[0]?.[0];
    if (input === undefined) return true;
    const step = scope.sampleRate / WIRE_RATE;
    for (; this.next < input.length; this.next += step) {
      // The mean of what lies between two samples of the wire: a microphone's voice has little above.
      const from = Math.max(0, Math.floor(this.next - step + 1));
      const to = Math.min(input.length - 1, Math.floor(this.next));
      let sum = 0;
      for (let i = from; i <= to; i++) sum += input[i] ?? 0;
      const value = sum / (to - from + 1);
      this.piece[this.filled++] = Math.max(-32_768, Math.min(32_767, Math.round(value * 32_767)));
      if (this.filled < PIECE) continue;
      this.port.postMessage(this.piece.slice());
      this.filled = 0;
    }
    this.next -= input.length;
    return true;
  }
}

scope.registerProcessor('listen-player', ListenPlayer);
scope.registerProcessor('listen-microphone', ListenMicrophone);
