/**
 * One media stream, the carrier's side of it, without the socket: messages in, messages out, and in between a caller who talks. Given a fake
 * clock it runs in no time at all.
 */

import type { Carrier } from './carrier.ts';
import { type CodecName, FRAME_MS } from './codec.ts';
import type { Dialect } from './dialect.ts';
import type { Ear } from './ear.ts';
import type { Interruptions } from './interruptions.ts';
import type { Mouth } from './mouth.ts';
import type { StreamReport } from './stream-report.ts';
import type { StreamStats } from './stream-stats.ts';
import { Talk, type TalkOptions } from './talk.ts';

export interface MediaStreamOptions extends TalkOptions {
  readonly carrier: Carrier;
  readonly dialect: Dialect;
  readonly codecName: CodecName;
  /** Puts a message on the wire. False when it could not be: a media frame is then lost, as on a line. */
  readonly send: (message: string | Buffer) => boolean;
  /** Cuts the wire. */
  readonly cut?: (() => void) | undefined;
}

export class MediaStream {
  readonly #o: MediaStreamOptions;
  readonly #talk: Talk;
  #bytes = Buffer.alloc(4_096);
  #samples = new Int16Array(4_096);
  #warnedOverflow = false;

  constructor(options: MediaStreamOptions) {
    this.#o = options;
    const { dialect, send } = options;
    this.#talk = new Talk(
      { ...options, bufferMs: dialect.bufferMs },
      {
        media: ({ payload }, timestampMs) =>
          send(dialect.isBinary ? Buffer.from(payload, 'base64') : dialect.media(timestampMs, payload)),
        key: (digit, durationMs) => void send(dialect.dtmf(digit, durationMs)),
        mark: (name, _dueMs, cause) => this.#say(dialect.mark(name, cause)),
      },
    );
  }

  get mouth(): Mouth {
    return this.#talk.mouth;
  }

  get ear(): Ear {
    return this.#talk.ear;
  }

  get interruptions(): Interruptions {
    return this.#talk.interruptions;
  }

  get stats(): StreamStats {
    return this.#talk.stats;
  }

  /** When `start` was sent, clock ms. */
  get startedMs(): number {
    return this.#talk.startedMs;
  }

  /** See `Talk.callerLastLoudMs`. */
  get callerLastLoudMs(): number | undefined {
    return this.#talk.callerLastLoudMs;
  }

  /** See `Talk.bufferedMs`. */
  get bufferedMs(): number {
    return this.#talk.bufferedMs;
  }

  /** Sends `connected` and `start` and begins to speak. */
  start(): void {
    const { dialect, send, timeline, codec } = this.#o;
    this.#talk.start();
    this.#say(dialect.connected());
    send(dialect.start());
    timeline.add('stream', `stream started, ${codec.name}`);
    this.#talk.speak();
  }

  /** See `Talk.press`. */
  press(digits: string, atMs?: number): void {
    this.#talk.press(digits, atMs);
  }

  /** Takes a text message from the bridge. Never throws. */
  receive(data: Buffer): void {
    if (this.#talk.ended) return;
    const { dialect, timeline } = this.#o;
    const message = dialect.read(data.toString());
    switch (message.event) {
      case 'media':
        if (message.fault !== undefined) {
          this.stats.fault(message.fault);
          // One line for all of it: it comes with every message.
          if (this.stats.faults[message.fault] === 1)
            timeline.add(
              'fault',
              `${message.fault}: audio that says it is in another than the stream's is heard as static`,
            );
        }
        this.#media(message.payload);
        break;
      case 'mark':
        this.#talk.mark(message.name);
        break;
      case 'clear':
        this.#talk.clear();
        this.#say(dialect.cleared?.());
        break;
      case 'dtmf':
        this.stats.digitsReceived += message.digit;
        timeline.add('dtmf', `the bridge sent digit ${message.digit}`);
        break;
      case 'fault':
        this.stats.fault(message.fault);
        timeline.add('fault', `${message.fault}: ${message.detail}`);
        break;
    }
  }

  /** Takes a binary message: audio, where the carrier has it so, of exactly one frame. */
  receiveBinary(data: Buffer): void {
    if (this.#talk.ended) return;
    const { dialect, codec, timeline } = this.#o;
    const fault = (name: 'binary-message' | 'odd-frame', why: string) => {
      this.stats.fault(name);
      timeline.add('fault', `${name}: ${data.length} bytes; ${why}`);
    };
    const whole = (codec.sampleRate * codec.bytesPerSample * FRAME_MS) / 1_000;
    if (!dialect.isBinary) fault('binary-message', 'media must be JSON text');
    else if (data.length !== whole) fault('odd-frame', `each must have ${whole}`);
    else this.#hear(data);
  }

  /** The caller is gone: says so, where the carrier has a word for it. The stream ends with it. */
  stop(): void {
    if (this.#talk.ended) return;
    this.#say(this.#o.dialect.stop());
    this.end();
  }

  /** The line between carrier and bridge breaks: no `stop`, no closing handshake. */
  breakLine(): void {
    this.#o.timeline.add('fault', 'the line to the bridge breaks');
    this.#o.cut?.();
  }

  /** Ends it from whatever cause; nothing is sent any more. Idempotent. */
  end(): void {
    this.#talk.end();
  }

  /** What was measured. Complete once the stream has ended. */
  report(): StreamReport {
    const { carrier, dialect, codecName } = this.#o;
    return this.#talk.report({ carrier, streamSid: dialect.streamSid, codec: codecName });
  }

  /** Sends what the carrier has a word for. */
  #say(text: string | undefined): void {
    if (text !== undefined) this.#o.send(text);
  }

  #media(payload: string): void {
    const { codec, timeline } = this.#o;
    const room = (payload.length / 4) * 3;
    if (room > this.#bytes.length) this.#bytes = Buffer.alloc(room * 2);
    const length = this.#bytes.write(payload, 'base64');
    if (length % codec.bytesPerSample !== 0) {
      this.stats.fault('half-sample');
      timeline.add('fault', `half-sample: ${length} bytes of ${codec.name}`);
    }
    this.#hear(this.#bytes.subarray(0, length - (length % codec.bytesPerSample)));
  }

  /** Plays whole samples of the codec; they are borrowed. */
  #hear(bytes: Buffer): void {
    const { codec, timeline } = this.#o;
    const count = bytes.length / codec.bytesPerSample;
    if (count > this.#samples.length) this.#samples = new Int16Array(count * 2);
    codec.decode(bytes, this.#samples);
    if (this.#talk.hear(this.#samples, count) === count) return;
    // The warning comes once per stream: https://www.twilio.com/docs/api/errors/31931
    if (!this.#warnedOverflow) timeline.add('fault', '31931: more audio queued than is kept; the excess is dropped');
    this.#warnedOverflow = true;
  }
}
