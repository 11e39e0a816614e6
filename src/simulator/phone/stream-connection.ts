/**
 * The WebSocket of a media stream: opens it as the carrier does, joins it to a `MediaStream`, and sees it closed by whichever side is first.
 */

import { BridgeError, errorMessage } from '../../errors.ts';
import { CLOSE, openSocket, type Socket } from '../../transport/socket.ts';
import type { Addresses } from './addresses.ts';
import { newStreamSid } from './carrier.ts';
import type { Form, StreamNews } from './far-end.ts';
import { FAR_ENDS } from './far-ends.ts';
import type { StreamEnd } from './flow.ts';
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
  /** Reports the stream's life where the instruction asked for it; `event` for people. */
  readonly callback: (form: Form, event: string) => void;
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
  readonly streamSid: string;
  #socket: Socket | undefined;
  #socketMs: number | undefined;

  constructor(options: StreamConnectionOptions) {
    this.#o = options;
    this.streamSid = newStreamSid(options.carrier);
    const { accountSid, callSid, codecName, instruction } = options;
    this.stream = new MediaStream({
      ...options,
      dialect: FAR_ENDS[options.carrier].dialect({
        accountSid,
        callSid,
        streamSid: this.streamSid,
        codec: codecName,
        parameters: instruction.parameters,
      }),
      send: (message) => {
        const socket = this.#socket;
        if (socket === undefined || socket.bufferedBytes >= UNREAD_LIMIT) return false;
        return typeof message === 'string' ? socket.send(message) : socket.sendBinary(message);
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
          binary: (data) => this.stream.receiveBinary(data),
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
      this.#callback({ event: 'unopened', error });
      return 'failed';
    }
    this.#socketMs = clock.now() - beganMs;
    timeline.add('socket', `open after ${tenth(this.#socketMs)} ms`);
    this.stream.start();
    this.#callback({ event: 'started' });
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
    const { timeline } = this.#o;
    if (!byCaller) {
      timeline.add('socket', `closed by the bridge with ${code}${reason === '' ? '' : ` (${reason})`}`);
      if (!NORMAL_CLOSES.includes(code)) this.#callback({ event: 'broken', code });
    }
    this.#callback({ event: 'stopped' });
    return byCaller ? 'caller-hung-up' : 'bridge-closed';
  }

  #headers(url: string): Form {
    const { carrier, secret, instruction, addresses } = this.#o;
    return FAR_ENDS[carrier].upgrade(addresses.toPublic(url), secret, instruction);
  }

  #callback(news: StreamNews): void {
    const { carrier, callSid, accountSid, instruction, clock } = this.#o;
    const { name } = instruction;
    const stream = { accountSid, callSid, streamSid: this.streamSid, name, at: new Date(clock.wall()) };
    const form = FAR_ENDS[carrier].streamForm(stream, news);
    if (form !== undefined) this.#o.callback(form, `stream ${news.event}`);
  }
}
