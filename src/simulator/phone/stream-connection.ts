/**
 * The WebSocket of a media stream: opens it as the carrier does, joins it to a `MediaStream`, and sees it closed by whichever side is first.
 */

import { BridgeError, errorMessage } from '../../errors.ts';
import { CLOSE, openSocket, type Socket } from '../../transport/socket.ts';
import type { Addresses } from './addresses.ts';
import { newStreamSid, SIGNATURE_HEADER } from './carrier.ts';
import { createDialect } from './dialect.ts';
import type { StreamEnd } from './flow.ts';
import { sign } from './signature.ts';
import { MediaStream, type MediaStreamOptions } from './stream.ts';
import { tenth } from './timeline.ts';
import type { StreamInstruction } from './twiml.ts';

export interface StreamConnectionOptions extends Omit<MediaStreamOptions, 'dialect' | 'send' | 'cut'> {
  readonly accountSid: string;
  readonly callSid: string;
  readonly instruction: StreamInstruction;
  /** Address of the document the instruction stood in: what a relative URL is relative to. */
  readonly base: string;
  readonly addresses: Addresses;
  readonly secret: string | undefined;
  readonly connectTimeoutMs: number;
  /** Reports the stream's life where the instruction asked for it; the form holds what is special to the stream. */
  readonly callback: (form: Record<string, string>) => void;
}

/** A bridge that has this much unread, bytes, does not read at all: frames are then lost, as on a line. */
const UNREAD_LIMIT = 1_048_576;

/** The largest message taken, bytes. Far above what a bridge sends in one message, ten minutes of mu-law included. */
const MAX_MESSAGE_BYTES = 16 * 1_048_576;

/** Closing codes with which a stream ends as it should (RFC 6455 section 7.4.1); 1005 stands for a close without a code. */
const NORMAL_CLOSES: readonly number[] = [1000, 1001, 1005];

export class StreamConnection {
  readonly stream: MediaStream;
  readonly #o: StreamConnectionOptions;
  readonly #streamSid: string;
  #socket: Socket | undefined;
  #socketMs: number | undefined;

  constructor(options: StreamConnectionOptions) {
    this.#o = options;
    this.#streamSid = newStreamSid(options.carrier);
    const { accountSid, callSid, codecName, instruction } = options;
    this.stream = new MediaStream({
      ...options,
      dialect: createDialect(options.carrier, {
        accountSid,
        callSid,
        streamSid: this.#streamSid,
        codec: codecName,
        parameters: instruction.parameters,
      }),
      send: (text) => {
        const socket = this.#socket;
        return socket !== undefined && socket.bufferedBytes < UNREAD_LIMIT && socket.send(text);
      },
      cut: () => this.#socket?.terminate(),
    });
  }

  /** Whether the WebSocket was opened. */
  get opened(): boolean {
    return this.#socketMs !== undefined;
  }

  /** How long opening it took, ms. */
  get socketMs(): number | undefined {
    return this.#socketMs;
  }

  /** Runs the stream from the handshake to its end; `began` is called once it has started. Never rejects. */
  async run(hungUp: AbortSignal, began: (stream: MediaStream) => void): Promise<StreamEnd> {
    const { timeline, clock, instruction, addresses } = this.#o;
    const url = new URL(instruction.url, this.#o.base.replace(/^http/, 'ws')).href;
    // The signature is over the text of the url attribute; only a relative one has to be resolved first.
    const written = URL.canParse(instruction.url) ? instruction.url : url;
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    const beganMs = clock.now();
    const local = addresses.toLocal(url);
    timeline.add('socket', `opening ${url}${local === url ? '' : ` at ${local}`}`);
    const open = (at: string) =>
      openSocket(
        at,
        {
          text: (data) => this.stream.receive(data),
          binary: (data) => this.stream.receiveBinary(data.length),
          close: (code, reason) => closed.resolve({ code, reason }),
        },
        {
          maxMessageBytes: MAX_MESSAGE_BYTES,
          // Carriers do not ping; the bridge's own heartbeat is answered by the socket.
          pingIntervalMs: 0,
          headers: this.#headers(written),
          connectTimeoutMs: this.#o.connectTimeoutMs,
          signal: hungUp,
          clock,
        },
      );
    try {
      this.#socket = await open(local).catch((error: unknown) => {
        const other = addresses.insteadOf(url);
        // Who answers with a refusal is there, and means it.
        const refused = error instanceof BridgeError && error.code === 'SOCKET_REFUSED';
        if (other === undefined || refused || hungUp.aborted) throw error;
        timeline.add('socket', `not there (${errorMessage(error)}); opening ${other}, where the webhook is`);
        return open(other);
      });
    } catch (error) {
      if (hungUp.aborted) return 'caller-hung-up';
      timeline.add('fault', `the stream could not be opened: ${errorMessage(error)}`);
      this.#callback('stream-error', this.#connectError(error));
      return 'failed';
    }
    this.#socketMs = clock.now() - beganMs;
    timeline.add('socket', `open after ${tenth(this.#socketMs)} ms`);
    this.stream.start();
    this.#callback('stream-started');
    began(this.stream);
    const onHangUp = () => {
      this.stream.stop();
      this.#socket?.close(CLOSE.normal);
    };
    if (hungUp.aborted) onHangUp();
    else hungUp.addEventListener('abort', onHangUp, { once: true });
    const { code, reason } = await closed.promise;
    hungUp.removeEventListener('abort', onHangUp);
    this.stream.end();
    return this.#ended(hungUp.aborted, code, reason);
  }

  #ended(byCaller: boolean, code: number, reason: string): StreamEnd {
    const { timeline, carrier } = this.#o;
    if (!byCaller) {
      timeline.add('socket', `closed by the bridge with ${code}${reason === '' ? '' : ` (${reason})`}`);
      // https://www.twilio.com/docs/api/errors/31921; SignalWire documents no word for it.
      if (!NORMAL_CLOSES.includes(code) && carrier === 'twilio') {
        this.#callback('stream-error', `31921: the WebSocket was closed with ${code}`);
      }
    }
    this.#callback('stream-stopped');
    return byCaller ? 'caller-hung-up' : 'bridge-closed';
  }

  /** Twilio signs the upgrade; SignalWire documents no signature there and carries the stream's own token instead. */
  #headers(url: string): Record<string, string> {
    const { carrier, secret, instruction, addresses } = this.#o;
    if (carrier === 'twilio') {
      return secret === undefined ? {} : { [SIGNATURE_HEADER.twilio]: sign(secret, addresses.toPublic(url)) };
    }
    const token = instruction.authBearerToken;
    return token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  #connectError(error: unknown): string {
    if (this.#o.carrier === 'twilio') return `31920: ${errorMessage(error)}`;
    const refused = error instanceof BridgeError && error.code === 'SOCKET_REFUSED';
    return refused ? 'connection_refused' : 'connection_refused_timeout_or_ssl_error';
  }

  #callback(event: 'stream-started' | 'stream-stopped' | 'stream-error', error?: string): void {
    const { carrier, callSid, instruction, clock } = this.#o;
    const form: Record<string, string> = {
      StreamSid: this.#streamSid,
      StreamName: instruction.name ?? this.#streamSid,
      StreamEvent: event,
      Timestamp: new Date(clock.wall()).toISOString(),
    };
    if (error !== undefined) form['StreamError'] = error;
    if (carrier === 'signalwire') {
      form['StreamTrack'] = 'inbound_track';
      form['Unique-ID'] = callSid;
    }
    this.#o.callback(form);
  }
}
