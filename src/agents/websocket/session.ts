import type { Timer } from '../../call/clock.ts';
import type { ToolResult } from '../../call/leg.ts';
import { BridgeError } from '../../errors.ts';
import { decodeBase64 } from '../../media/base64.ts';
import { AudioEnvelope, SocketUplink, STALL_LIMIT_MS } from '../common/socket-uplink.ts';
import type {
  ConnectStream,
  OpenContext,
  StreamAddress,
  StreamSession,
  StreamTold,
  StreamWire,
} from '../stream/session.ts';
import { type AudioForms, formsOf, mixInPlace } from './audio-form.ts';
import { MessageReader } from './reader.ts';
import type { WebsocketTarget } from './target.ts';
import { fillTemplate, type Template } from './template.ts';

/** What the templates of what is sent first may name. */
export type StartFacts = Readonly<Record<string, unknown>>;

export interface SocketSessionOptions {
  /** As it was written, every variable filled in. */
  readonly target: WebsocketTarget;
  readonly facts: StartFacts;
  readonly told: StreamTold;
  readonly context: OpenContext;
}

/** Stands for the audio in a message until there is any: no JSON text has it. */
const AUDIO = '\u0000audio\u0000';
/** The longest run of audio in one message, ms. */
const RUN_MS = 200;

/** A session with an agent that speaks a protocol of its own, by what an operator wrote about it. */
export class SocketSession implements StreamSession {
  readonly #o: SocketSessionOptions;
  readonly #forms: AudioForms;
  readonly #reader: MessageReader;
  #wire: StreamWire | undefined;
  #uplink: SocketUplink | undefined;
  #ping: Timer | undefined;
  #over = false;
  /** Working memory of a message of audio, which grows to the longest that came. */
  #bytes = Buffer.alloc(0);
  #samples = new Int16Array(0);

  /** Connects. Rejects as `ConnectStream` does; nothing is left open then. */
  static async open(
    options: SocketSessionOptions,
    address: StreamAddress,
    connect: ConnectStream,
  ): Promise<StreamSession> {
    const session = new SocketSession(options);
    const wire = await connect(
      address,
      {
        text: (data) => session.#text(data),
        binary: (data) => session.#audio(data),
        close: (code) => session.#closed(code),
      },
      options.context,
    );
    session.#began(wire);
    return session;
  }

  private constructor(options: SocketSessionOptions) {
    this.#o = options;
    this.#forms = formsOf(options.target.audio);
    this.#reader = new MessageReader({
      rules: options.target.events,
      told: options.told,
      audio: (base64) => this.#encoded(base64),
      reply: (message) => this.#send(message),
    });
  }

  audio(samples: Int16Array): void {
    if (!this.#over) this.#uplink?.send(samples);
  }

  interrupt(): void {
    this.#say(this.#o.target.send.interrupt);
  }

  sendText(text: string): void {
    this.#say(this.#o.target.send.text, { text });
  }

  note(text: string): void {
    this.#say(this.#o.target.send.note, { text });
  }

  respond(text: string): void {
    this.#say(this.#o.target.send.respond, { text });
  }

  submitToolResult({ toolCallId, output }: ToolResult): void {
    this.#say(this.#o.target.send.tool_result, { id: toolCallId, output });
  }

  close(): void {
    if (this.#over) return;
    this.#say(this.#o.target.send.hang_up);
    this.#free();
    this.#wire?.close(1000);
  }

  #began(wire: StreamWire): void {
    // Over before it began: the far end may speak before its socket is in our hands.
    if (this.#over) {
      wire.close(1000);
      return;
    }
    const { target, facts, told, context } = this.#o;
    const { send, start, events } = target;
    this.#wire = wire;
    this.#uplink = new SocketUplink({
      socket: wire,
      codec: this.#forms.up,
      channels: this.#forms.channels,
      envelope: envelopeOf(send.audio, this.#forms),
      clock: context.clock,
      count: context.count,
      stalled: () => this.#lost(`the socket took no audio for ${STALL_LIMIT_MS} ms`),
    });
    for (const message of start) this.#say(message, facts);
    if (send.ping !== undefined) this.#pingIn(send.ping.every_seconds * 1_000, send.ping.message);
    // One that says nothing of it is ready when its line is open.
    if (!events.some((one) => one.is === 'ready')) told.ready('');
  }

  #pingIn(ms: number, message: Template): void {
    this.#ping = this.#o.context.clock.after(ms, () => {
      this.#say(message);
      this.#pingIn(ms, message);
    });
  }

  #say(template: Template | undefined, facts: StartFacts = {}): void {
    if (template === undefined) return;
    const { clock } = this.#o.context;
    this.#send(fillTemplate(template, (name) => (name === 'now' ? Math.round(clock.wall()) : facts[name])));
  }

  #send(message: unknown): void {
    if (!this.#over) this.#wire?.send(JSON.stringify(message));
  }

  #text(data: Buffer): void {
    if (!this.#over) this.#reader.read(data);
  }

  #encoded(base64: string): void {
    const text = Buffer.from(base64, 'latin1');
    this.#bytes = this.#bytes.length < text.length ? Buffer.alloc(text.length) : this.#bytes;
    const count = decodeBase64(text, 0, text.length, this.#bytes);
    if (count < 0) this.#o.told.unreadable('the agent sent audio that is not base64');
    else this.#audio(this.#bytes.subarray(0, count));
  }

  #audio(bytes: Buffer): void {
    if (this.#over) return;
    const { down, channels } = this.#forms;
    const whole = bytes.length - (bytes.length % (down.bytesPerSample * channels));
    if (whole !== bytes.length) this.#o.told.unreadable('the agent sent audio with a part of a sample');
    const most = whole / down.bytesPerSample;
    if (this.#samples.length < most) this.#samples = new Int16Array(most);
    const count = mixInPlace(this.#samples, down.decode(bytes.subarray(0, whole), this.#samples), channels);
    this.#o.told.audio(this.#samples.subarray(0, count));
  }

  #closed(code: number): void {
    if (this.#over) return;
    // A line that is closed as lines are closed was hung up.
    if (code === 1000 || code === 1001) {
      this.#free();
      this.#o.told.hungUp();
    } else this.#lost(`the WebSocket closed with ${code}`);
  }

  #lost(detail: string): void {
    if (this.#over) return;
    this.#free();
    this.#wire?.terminate();
    this.#o.told.lost(new BridgeError('MODEL_SESSION_LOST', detail));
  }

  #free(): void {
    this.#over = true;
    this.#ping?.cancel();
    this.#uplink?.clear();
  }
}

/** What stands around the audio in its messages; undefined where they hold nothing else. */
function envelopeOf(template: Template | undefined, { up, channels }: AudioForms): AudioEnvelope | undefined {
  if (template === undefined) return undefined;
  const text = JSON.stringify(fillTemplate(template, (name) => (name === 'audio' ? AUDIO : undefined)));
  const [head = '', tail = ''] = text.split(JSON.stringify(AUDIO).slice(1, -1));
  return new AudioEnvelope(head, tail, (RUN_MS * up.sampleRate * up.bytesPerSample * channels) / 1_000);
}
