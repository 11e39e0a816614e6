import { BridgeError } from '../../errors.ts';
import { type Codec, l16, pcmu } from '../../media/codecs.ts';
import { jsonObject } from '../../transport/http.ts';
import { attempts } from '../common/attempts.ts';
import { SocketUplink, STALL_LIMIT_MS } from '../common/socket-uplink.ts';
import type { ConnectStream, OpenContext, StreamSession, StreamTold, StreamWire } from '../stream/session.ts';
import { createCall, endCall, type VapiAccount, type VapiCall } from './call.ts';
import { VapiMessages } from './messages.ts';
import type { VapiTarget } from './target.ts';

export const codecOf = ({ encoding, rate }: VapiTarget): Codec => (encoding === 'mulaw' ? pcmu : l16(rate, 'le'));

export interface VapiSessionOptions {
  readonly account: VapiAccount;
  readonly target: VapiTarget;
  readonly told: StreamTold;
  readonly context: OpenContext;
  readonly connect: ConnectStream;
}

/**
 * A call over Vapi's WebSocket: raw audio in binary messages both ways, control and events as JSON in text messages. It is ready when the line is open:
 * nothing is confirmed.
 */
export class VapiSession implements StreamSession {
  readonly #o: VapiSessionOptions;
  readonly #call: VapiCall;
  readonly #codec: Codec;
  readonly #messages: VapiMessages;
  #wire: StreamWire | undefined;
  #uplink: SocketUplink | undefined;
  #over = false;
  #samples = new Int16Array(960);

  /** Makes the call and joins it. Rejects as `createCall` and `ConnectStream` do; a call that was made and cannot be joined is ended. */
  static async open(options: VapiSessionOptions): Promise<StreamSession> {
    const { account, target, context, connect } = options;
    const call = await createCall(account, target, context);
    const session = new VapiSession(options, call);
    const handlers = {
      text: (data: Buffer) => session.#text(data),
      binary: (data: Buffer) => session.#audio(data),
      close: (code: number) => session.#closed(code),
    };
    try {
      // The address stays good for some seconds: a line that could not be had is tried again.
      session.#began(await attempts(() => connect({ url: call.address }, handlers, context), context));
    } catch (error) {
      void endCall(account, call, context);
      throw error;
    }
    return session;
  }

  private constructor(options: VapiSessionOptions, call: VapiCall) {
    this.#o = options;
    this.#call = call;
    this.#codec = codecOf(options.target);
    this.#messages = new VapiMessages(options.told, (detail, isFailure) => this.#ended(detail, isFailure));
  }

  audio(samples: Int16Array): void {
    if (!this.#over) this.#uplink?.send(samples);
  }

  sendText(content: string): void {
    this.#send({ type: 'add-message', message: { role: 'user', content }, triggerResponseEnabled: true });
  }

  note(content: string): void {
    this.#send({ type: 'add-message', message: { role: 'system', content }, triggerResponseEnabled: false });
  }

  respond(content: string): void {
    this.#send({ type: 'add-message', message: { role: 'system', content }, triggerResponseEnabled: true });
  }

  close(): void {
    if (this.#over) return;
    // A socket that only closes leaves the call to the provider's own time limit.
    this.#send({ type: 'end-call' });
    this.#free();
    this.#wire?.close(1000);
  }

  #began(wire: StreamWire): void {
    // Over before it began: the far end may speak before its socket is in our hands.
    if (this.#over) {
      wire.close(1000);
      return;
    }
    const { context, told } = this.#o;
    this.#wire = wire;
    this.#uplink = new SocketUplink({
      socket: wire,
      codec: this.#codec,
      clock: context.clock,
      count: context.count,
      stalled: () => this.#lost(`the socket took no audio for ${STALL_LIMIT_MS} ms`),
    });
    told.ready(this.#call.id);
  }

  #send(message: object): void {
    if (!this.#over) this.#wire?.send(JSON.stringify(message));
  }

  #text(data: Buffer): void {
    if (this.#over) return;
    const message = jsonObject(data);
    if (message === undefined) this.#o.told.unreadable('the agent sent a text that is no JSON object');
    else this.#messages.read(message);
  }

  #audio(bytes: Buffer): void {
    if (this.#over) return;
    const most = Math.ceil(bytes.length / this.#codec.bytesPerSample);
    if (this.#samples.length < most) this.#samples = new Int16Array(most);
    if (bytes.length % this.#codec.bytesPerSample !== 0)
      this.#o.told.unreadable('the agent sent audio with a part of a sample');
    this.#o.told.audio(this.#samples.subarray(0, this.#codec.decode(bytes, this.#samples)));
  }

  /** The provider ended the call, by whichever way its messages say. */
  #ended(detail: string, isFailure: boolean): void {
    if (this.#over) return;
    this.#free();
    this.#wire?.close(1000);
    if (isFailure) this.#o.told.lost(new BridgeError('MODEL_SESSION_LOST', `the provider ended the call: ${detail}`));
    else this.#o.told.hungUp(detail);
  }

  #closed(code: number): void {
    if (this.#over) return;
    if (code === 1000) this.#ended('it closed the line', false);
    else this.#lost(`the WebSocket closed with ${code}`);
  }

  #lost(detail: string): void {
    if (this.#over) return;
    this.#free();
    this.#wire?.terminate();
    // The call itself may still go on there, and cost.
    void endCall(this.#o.account, this.#call, this.#o.context);
    this.#o.told.lost(new BridgeError('MODEL_SESSION_LOST', detail));
  }

  #free(): void {
    this.#over = true;
    this.#uplink?.clear();
  }
}
