import { BASE64, type BridgeMessage, fault, isObject } from '../bridge-message.ts';
import type { CodecName } from '../codec.ts';
import type { Dialect, StreamIdentity } from '../dialect.ts';
import type { MarkCause } from '../playback.ts';

/**
 * A Plivo stream's messages, both ways, as its reference shows them: numbers are numbers, but the time of audio, which is the wall's.
 * https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference
 */

const FORMATS: Partial<Record<CodecName, { readonly encoding: string; readonly rate: number }>> = {
  'PCMU@8000': { encoding: 'audio/x-mulaw', rate: 8_000 },
  'L16@8000': { encoding: 'audio/x-l16', rate: 8_000 },
  'L16@16000': { encoding: 'audio/x-l16', rate: 16_000 },
};

export class PlivoDialect implements Dialect {
  readonly streamSid: string;
  readonly #identity: StreamIdentity;
  readonly #format: { readonly encoding: string; readonly rate: number };
  readonly #extra: string;
  readonly #mediaEnd: string;
  /** Wall time of the stream's start, ms since the epoch. */
  readonly #began = Date.now();
  #sequence = 0;
  #chunk = 0;

  constructor(identity: StreamIdentity) {
    const { streamSid, codec, parameters } = identity;
    const format = FORMATS[codec];
    if (format === undefined) throw new RangeError(`Plivo has no streams of ${codec}`);
    this.#identity = identity;
    this.streamSid = streamSid;
    this.#format = format;
    const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
    this.#extra = pairs.length === 0 ? '' : `,"extra_headers":${JSON.stringify(pairs.join(';'))}`;
    this.#mediaEnd = `"}${this.#extra}}`;
  }

  read(text: string): BridgeMessage {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return fault('bad-json', text);
    }
    if (!isObject(message)) return fault('bad-json', text);
    const event = message['event'];
    switch (event) {
      case 'playAudio':
        return this.#audio(message['media']);
      case 'checkpoint':
      case 'clearAudio': {
        const { streamId, name } = message;
        if (streamId !== this.streamSid)
          return streamId === undefined
            ? fault('missing-field', `${event} without streamId`)
            : fault('wrong-stream', String(streamId));
        if (event === 'clearAudio') return { event: 'clear' };
        return typeof name === 'string' && name !== ''
          ? { event: 'mark', name }
          : fault('missing-field', 'checkpoint.name');
      }
      default:
        return fault('unknown-event', String(event));
    }
  }

  /** What is not in the stream's format is played as if it were: static. https://support.plivo.com/hc/en-us/sections/32252450281369-Audio-Stream */
  #audio(media: unknown): BridgeMessage {
    if (!isObject(media)) return fault('missing-field', 'playAudio.media');
    const { contentType, sampleRate, payload } = media;
    if (typeof contentType !== 'string' || typeof sampleRate !== 'number')
      return fault('missing-field', 'media.contentType and media.sampleRate');
    if (typeof payload !== 'string' || payload === '') return fault('missing-field', 'media.payload');
    if (payload.length % 4 !== 0 || !BASE64.test(payload)) return fault('bad-base64', payload);
    const isRight = contentType === this.#format.encoding && sampleRate === this.#format.rate;
    return { event: 'media', payload, ...(isRight ? {} : { fault: 'wrong-format' as const }) };
  }

  /** It begins with `start`. */
  connected(): undefined {}

  start(): string {
    const { accountSid, callSid } = this.#identity;
    const { encoding, rate } = this.#format;
    return (
      `{"event":"start","sequenceNumber":${++this.#sequence},"start":{"callId":"${callSid}","streamId":"${this.streamSid}",` +
      `"accountId":"${accountSid}","tracks":["inbound"],"mediaFormat":{"encoding":"${encoding}","sampleRate":${rate}}}${this.#extra}}`
    );
  }

  media(timestampMs: number, payload: string): string {
    return `{"event":"media","sequenceNumber":${++this.#sequence},"streamId":"${this.streamSid}","media":{"track":"inbound","timestamp":"${this.#began + timestampMs}","chunk":${++this.#chunk},"payload":"${payload}${this.#mediaEnd}`;
  }

  dtmf(digit: string): string {
    return `{"event":"dtmf","sequenceNumber":${++this.#sequence},"streamId":"${this.streamSid}","dtmf":{"track":"inbound","digit":"${digit}","timestamp":"${Date.now()}"}${this.#extra}}`;
  }

  /** Only of what was played: https://plivo.com/docs/voice/xml/the-stream-element/checkpoint-event */
  mark(name: string, cause: MarkCause): string | undefined {
    if (cause === 'cleared') return undefined;
    return `{"event":"playedStream","sequenceNumber":${++this.#sequence},"streamId":"${this.streamSid}","name":${JSON.stringify(name)}}`;
  }

  cleared(): string {
    return `{"event":"clearedAudio","sequenceNumber":${++this.#sequence},"streamId":"${this.streamSid}"}`;
  }

  /** Closing says it. */
  stop(): undefined {}
}
