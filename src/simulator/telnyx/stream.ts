import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import { errorMessage } from '../../errors.ts';
import type { Codec } from '../../media/codecs.ts';
import { CLOSE, openSocket, type Socket } from '../../transport/socket.ts';
import type { CallRecorder } from '../phone/recorder.ts';
import type { AudioSource, SourceFrame } from '../phone/source.ts';
import { Talk } from '../phone/talk.ts';
import type { Timeline } from '../phone/timeline.ts';

/**
 * A media stream, the carrier's side of it, as strict as the document is and as the world was seen to be: audio of ours below 20 ms is refused, without
 * the mode `rtp` it is dropped and nothing says so, and a leg on which none comes is given up. The caller's frames overtake each other.
 * https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
 */

/** Shortest and longest audio of one message, ms. */
const LEAST_MS = 20;
const MOST_MS = 30_000;
/** How long a leg may be silent, ms. */
const SILENT_MS = 1_500;
/** In such steps that time is counted: one that is late is a standstill of this process, and no silence of the bridge. */
const STEP_MS = 100;
const CONNECT_MS = 5_000;
const MAX_MESSAGE_BYTES = 16 * 1_048_576;
/** Every so many frames one is overtaken by the next. */
const OVERTAKEN_EVERY = 9;

export interface TelnyxStreamOptions {
  /** Where the bridge is. */
  readonly url: string;
  readonly authToken: string | undefined;
  /** What `start` says of the call. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Name and codec of the caller's audio. */
  readonly sent: { readonly name: string; readonly codec: Codec };
  /** Codec of the agent's; undefined: it was not asked for in a mode that is played. */
  readonly played: Codec | undefined;
  readonly source: AudioSource;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly timeline: Timeline;
  readonly recorder?: CallRecorder | undefined;
  readonly onTick?: ((stream: TelnyxStream, now: number) => void) | undefined;
  readonly onBegan?: ((stream: TelnyxStream) => void) | undefined;
}

/** How a stream ended. `silent`: the bridge sent nothing, and the call ends of it. */
export type StreamEnd = 'carrier' | 'bridge' | 'broken' | 'silent' | 'unopened';

export class TelnyxStream {
  readonly id: string = randomUUID();
  readonly talk: Talk;
  /** What was wrong with the bridge's messages. */
  readonly faults: string[] = [];
  /** Why it could not be opened. */
  error = '';
  readonly #o: TelnyxStreamOptions;
  readonly #ended = Promise.withResolvers<StreamEnd>();
  #socket: Socket | undefined;
  #watch: Timer | undefined;
  #sequence = 0;
  #chunk = 0;
  #held: string | undefined;
  #samples = new Int16Array(4_096);

  constructor(options: TelnyxStreamOptions) {
    this.#o = options;
    this.talk = new Talk(
      {
        codec: options.sent.codec,
        ...(options.played === undefined ? {} : { heard: options.played }),
        source: options.source,
        clock: options.clock,
        ticker: options.ticker,
        timeline: options.timeline,
        recorder: options.recorder,
        keepArrivals: options.recorder !== undefined,
        onTick: (now) => options.onTick?.(this, now),
      },
      {
        media: (frame, timestampMs) => this.#media(frame, timestampMs),
        key: (digit) => this.#send('dtmf', { dtmf: { digit }, occurred_at: new Date().toISOString() }),
        mark: (name) => this.#send('mark', { mark: { name } }),
      },
    );
  }

  /** What both sides' audio is in, the bridge's after the caller's where it differs: "PCMA@8000, back L16@16000". */
  get codec(): string {
    const { sent, played } = this.#o;
    const label = (name: string, { sampleRate }: Codec) => `${name.replace(/\/.*/, '').toUpperCase()}@${sampleRate}`;
    const there = label(sent.name, sent.codec);
    const back = played === undefined ? 'unplayed' : label(played.name, played);
    return there === back ? there : `${there}, back ${back}`;
  }

  /** Opens the socket and runs to its end. Never rejects. */
  async run(): Promise<StreamEnd> {
    const { url, authToken, clock, about, sent } = this.#o;
    try {
      this.#socket = await openSocket(
        url,
        {
          text: (data) => this.#receive(data.toString()),
          binary: () => this.#fault('a binary message'),
          close: (code) => this.#end(code === CLOSE.normal ? 'bridge' : 'broken'),
        },
        {
          maxMessageBytes: MAX_MESSAGE_BYTES,
          pingIntervalMs: 0,
          headers: authToken === undefined ? {} : { 'x-telnyx-streaming-auth-token': authToken },
          connectTimeoutMs: CONNECT_MS,
          clock,
        },
      );
    } catch (error) {
      this.error = errorMessage(error);
      this.#end('unopened');
      return 'unopened';
    }
    this.#socket.send('{"event":"connected","version":"1.0.0"}');
    this.#send('start', {
      start: {
        ...about,
        media_format: { encoding: sent.name, sample_rate: sent.codec.sampleRate, channels: 1 },
      },
    });
    this.talk.start();
    this.talk.speak();
    this.#heard();
    this.#o.onBegan?.(this);
    return this.#ended.promise;
  }

  /** The call is over, or the stream is taken away. */
  stop(): void {
    this.#send('stop', { stop: { call_control_id: this.#o.about['call_control_id'] } });
    this.#end('carrier');
    this.#socket?.close(CLOSE.normal);
  }

  /** The line to the bridge breaks, without a word. */
  breakLine(): void {
    this.#end('broken');
    this.#socket?.terminate();
  }

  #end(how: StreamEnd): void {
    this.#watch?.cancel();
    this.talk.end();
    this.#ended.resolve(how);
  }

  /** The bridge is alive: it has so much time again. */
  #heard(leftMs = SILENT_MS + this.talk.bufferedMs): void {
    this.#watch?.cancel();
    const stepMs = Math.min(leftMs, STEP_MS);
    this.#watch = this.#o.clock.after(stepMs, () => {
      if (leftMs > stepMs) return this.#heard(leftMs - stepMs);
      this.#o.timeline.add('fault', `nothing came for ${SILENT_MS} ms: the leg is given up`);
      this.#end('silent');
      this.#socket?.close(CLOSE.normal);
    });
  }

  #send(event: string, body: object): void {
    const sequence_number = String(++this.#sequence);
    this.#socket?.send(JSON.stringify({ event, sequence_number, stream_id: this.id, ...body }));
  }

  #media({ payload }: SourceFrame, timestampMs: number): boolean {
    const chunk = String(++this.#chunk);
    const media = { track: 'inbound', chunk, timestamp: String(timestampMs), payload };
    const text = JSON.stringify({
      event: 'media',
      sequence_number: String(++this.#sequence),
      media,
      stream_id: this.id,
    });
    if (this.#chunk % OVERTAKEN_EVERY === 0) {
      this.#held = text;
      return true;
    }
    const sent = this.#socket?.send(text) ?? false;
    if (this.#held !== undefined) this.#socket?.send(this.#held);
    this.#held = undefined;
    return sent;
  }

  #receive(text: string): void {
    if (this.talk.ended) return;
    let message: { event?: unknown; media?: { payload?: unknown }; mark?: { name?: unknown } };
    try {
      message = JSON.parse(text);
    } catch {
      this.#fault('no JSON');
      return;
    }
    const { event, media, mark } = message;
    if (event === 'media' && typeof media?.payload === 'string') this.#play(media.payload);
    else if (event === 'mark' && typeof mark?.name === 'string') this.talk.mark(mark.name);
    else if (event === 'clear') this.talk.clear();
    else this.#fault(`an unknown message: ${text.slice(0, 60)}`);
  }

  #play(payload: string): void {
    const { played } = this.#o;
    if (played === undefined) return;
    if (payload.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(payload)) {
      this.#fault('no base64');
      return;
    }
    const bytes = Buffer.from(payload, 'base64');
    const count = bytes.length / played.bytesPerSample;
    const ms = (count * 1000) / played.sampleRate;
    if (!Number.isInteger(count) || ms < LEAST_MS || ms > MOST_MS) {
      this.#fault(`${ms} ms of audio`);
      return;
    }
    if (count > this.#samples.length) this.#samples = new Int16Array(count * 2);
    played.decode(bytes, this.#samples);
    this.talk.hear(this.#samples, count);
    this.#heard();
  }

  #fault(what: string): void {
    this.faults.push(what);
    this.#o.timeline.add('fault', what);
    this.#send('error', { payload: { code: 100_004, title: 'invalid_media', detail: what } });
  }
}
