/**
 * The messages a carrier sends on a media stream, exactly as each documents them. Numbers that the protocols carry as strings are strings.
 *
 * Twilio: https://www.twilio.com/docs/voice/media-streams/websocket-messages
 * SignalWire: https://developer.signalwire.com/compatibility-api/cxml/voice/stream ("WebSocket connection")
 *
 * Media is built by joining strings: a load of hundreds of phones sends tens of thousands of these a second.
 */

import { type BridgeMessage, parseBridgeMessage } from './bridge-message.ts';
import { type CodecName, mediaFormatJson } from './codec.ts';
import type { MarkCause } from './playback.ts';

/** Who and what a stream is about. */
export interface StreamIdentity {
  readonly accountSid: string;
  readonly callSid: string;
  readonly streamSid: string;
  readonly codec: CodecName;
  /** The `<Parameter>`s of the stream. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One stream's outgoing messages. It numbers them, so each is made once and in the order it is sent. */
export interface Dialect {
  readonly streamSid: string;
  /** Whether audio is in binary messages, of one frame each both ways; then `media` is not asked. */
  readonly isBinary?: boolean;
  /** The most that waits to be played, ms; ten minutes without it. */
  readonly bufferMs?: number;
  /** Reads a text message of the bridge's. Never throws. */
  read(text: string): BridgeMessage;
  /** Undefined where the stream begins with `start`, as below what a carrier has no word for. */
  connected(): string | undefined;
  start(): string;
  /** `timestampMs`: start of the frame, whole ms since the stream began. */
  media(timestampMs: number, payloadBase64: string): string;
  /** `durationMs`: how long the key was down. */
  dtmf(digit: string, durationMs: number): string;
  mark(name: string, cause: MarkCause): string | undefined;
  /** That all was discarded that was not played. */
  cleared?(): string;
  stop(): string | undefined;
}

export class TwilioDialect implements Dialect {
  readonly streamSid: string;
  readonly #identity: StreamIdentity;
  readonly #mediaEnd: string;
  #sequence = 0;
  #chunk = 0;

  constructor(identity: StreamIdentity) {
    this.#identity = identity;
    this.streamSid = identity.streamSid;
    this.#mediaEnd = `"},"streamSid":"${identity.streamSid}"}`;
  }

  /** It knows no `dtmf` of the bridge's. */
  read(text: string): BridgeMessage {
    return parseBridgeMessage(text, this.streamSid, false);
  }

  connected(): string {
    return '{"event":"connected","protocol":"Call","version":"1.0.0"}';
  }

  start(): string {
    const { accountSid, callSid, streamSid, codec, parameters } = this.#identity;
    return (
      `{"event":"start","sequenceNumber":"${++this.#sequence}","start":{"accountSid":"${accountSid}","streamSid":"${streamSid}",` +
      `"callSid":"${callSid}","tracks":["inbound"],"mediaFormat":${mediaFormatJson(codec)},` +
      `"customParameters":${JSON.stringify(parameters)}},"streamSid":"${streamSid}"}`
    );
  }

  media(timestampMs: number, payload: string): string {
    return `{"event":"media","sequenceNumber":"${++this.#sequence}","media":{"track":"inbound","chunk":"${++this.#chunk}","timestamp":"${timestampMs}","payload":"${payload}${this.#mediaEnd}`;
  }

  dtmf(digit: string): string {
    return `{"event":"dtmf","streamSid":"${this.streamSid}","sequenceNumber":"${++this.#sequence}","dtmf":{"track":"inbound_track","digit":"${digit}"}}`;
  }

  mark(name: string): string {
    return `{"event":"mark","sequenceNumber":"${++this.#sequence}","streamSid":"${this.streamSid}","mark":{"name":${JSON.stringify(name)}}}`;
  }

  stop(): string {
    const { accountSid, callSid } = this.#identity;
    return `{"event":"stop","sequenceNumber":"${++this.#sequence}","stop":{"accountSid":"${accountSid}","callSid":"${callSid}"},"streamSid":"${this.streamSid}"}`;
  }
}

/** Differs from Twilio's in what it leaves out: no streamSid beside `start`, `media` and `stop`, no number on a mark, no body in `stop`. */
export class SignalWireDialect implements Dialect {
  readonly streamSid: string;
  readonly #identity: StreamIdentity;
  #sequence = 0;
  #chunk = 0;

  constructor(identity: StreamIdentity) {
    this.#identity = identity;
    this.streamSid = identity.streamSid;
  }

  read(text: string): BridgeMessage {
    return parseBridgeMessage(text, this.streamSid, true);
  }

  connected(): string {
    return '{"event":"connected","protocol":"Call","version":"0.2.0"}';
  }

  start(): string {
    const { accountSid, callSid, streamSid, codec, parameters } = this.#identity;
    // The documentation: "Only present when custom parameters are defined."
    const custom = Object.keys(parameters).length === 0 ? '' : `"customParameters":${JSON.stringify(parameters)},`;
    return (
      `{"event":"start","sequenceNumber":"${++this.#sequence}","start":{"streamSid":"${streamSid}","accountSid":"${accountSid}",` +
      `"callSid":"${callSid}","tracks":["inbound"],${custom}"mediaFormat":${mediaFormatJson(codec)}}}`
    );
  }

  media(timestampMs: number, payload: string): string {
    return `{"event":"media","sequenceNumber":"${++this.#sequence}","media":{"track":"inbound","chunk":"${++this.#chunk}","timestamp":"${timestampMs}","payload":"${payload}"}}`;
  }

  dtmf(digit: string, durationMs: number): string {
    return `{"event":"dtmf","sequenceNumber":"${++this.#sequence}","streamSid":"${this.streamSid}","dtmf":{"digit":"${digit}","duration":${durationMs}}}`;
  }

  mark(name: string): string {
    return `{"event":"mark","streamSid":"${this.streamSid}","mark":{"name":${JSON.stringify(name)}}}`;
  }

  stop(): string {
    return `{"event":"stop","sequenceNumber":"${++this.#sequence}"}`;
  }
}
