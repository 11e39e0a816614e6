import type { ToolResult } from '../../call/leg.ts';
import { BridgeError, type ErrorCode } from '../../errors.ts';
import { scrubQuoted } from '../../log.ts';
import type { AudioSink } from '../../media/frame.ts';
import { jsonObject } from '../../transport/http.ts';
import { attempts } from '../common/attempts.ts';
import { withoutUrls } from '../common/http.ts';
import { STALL_LIMIT_MS } from '../common/socket-uplink.ts';
import type { ConnectStream, OpenContext, StreamSession, StreamTold, StreamWire } from '../stream/session.ts';
import { AudioDown, audioUp } from './audio.ts';
import { codecOfFormat } from './formats.ts';
import { isRead, OF_NO_USE, type ServerMessage, serverMessage } from './messages.ts';
import { conversationAddress, type ElevenLabsAccount } from './reach.ts';
import type { ElevenLabsTarget } from './target.ts';

export interface ElevenLabsSessionOptions {
  readonly account: ElevenLabsAccount;
  readonly target: ElevenLabsTarget;
  /** Hz of the leg, both ways. */
  readonly rate: number;
  readonly told: StreamTold;
  readonly context: OpenContext;
  readonly connect: ConnectStream;
}

/** What closes a conversation for the reason that its text tells; any other is the provider's affair. */
const REASONS: ReadonlyArray<readonly [RegExp, ErrorCode]> = [
  [/quota|credit|billing|subscription/i, 'MODEL_QUOTA'],
  [/api[ _-]?key|unauthori[sz]ed|authoriz|authentic|signed url|signature|allowlist/i, 'MODEL_AUTH'],
  [/concurren|rate limit|too many|busy/i, 'MODEL_RATE_LIMITED'],
  [/override|invalid|missing|not allowed|not found|does not exist/i, 'MODEL_REJECTED'],
];

/**
 * A conversation with an agent of ElevenLabs'. Everything is JSON; audio is base64 within it, up with a bare key, down with the number of an event. An
 * answer comes faster than it is spoken, and an interruption says up to which event nothing counts any more.
 */
export class ElevenLabsSession implements StreamSession {
  readonly #o: ElevenLabsSessionOptions;
  #wire: StreamWire | undefined;
  #up: AudioSink | undefined;
  #down: AudioDown | undefined;
  #over = false;
  /** The format that the agent hears; undefined until it told. */
  #upFormat: string | undefined;
  /** Audio of events up to this one was cut off. */
  #cutUpTo = Number.NEGATIVE_INFINITY;
  #answers = 0;
  #turns = 0;
  /** What it complained about last: the reason for an end that follows. */
  #complaint = '';
  readonly #frame: { samples: Int16Array; readonly sampleRate: number };

  /** Connects, with another address for each try. Rejects as `conversationAddress` and `ConnectStream` do; nothing is left open then. */
  static async open(options: ElevenLabsSessionOptions): Promise<StreamSession> {
    const { account, target, context, connect } = options;
    const session = new ElevenLabsSession(options);
    const handlers = {
      text: (data: Buffer) => session.#text(data),
      binary: () => options.told.unreadable('the agent sent a binary message, and has none'),
      close: (code: number, reason: string) => session.#closed(code, reason),
    };
    const wire = await attempts(async () => {
      const url = await conversationAddress(account, target.agent_id, context);
      return connect({ url }, handlers, context);
    }, context);
    session.#began(wire);
    return session;
  }

  private constructor(options: ElevenLabsSessionOptions) {
    this.#o = options;
    this.#frame = { samples: new Int16Array(0), sampleRate: options.rate };
  }

  audio(samples: Int16Array): void {
    if (this.#over) return;
    this.#frame.samples = samples;
    this.#up?.write(this.#frame);
  }

  sendText(text: string): void {
    this.#send({ type: 'user_message', text });
  }

  note(text: string): void {
    this.#send({ type: 'contextual_update', text });
  }

  submitToolResult({ toolCallId, output }: ToolResult): void {
    const is_error = typeof jsonObject(output)?.['error'] === 'string';
    this.#send({ type: 'client_tool_result', tool_call_id: toolCallId, result: output, is_error });
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#wire?.close(1000);
  }

  #began(wire: StreamWire): void {
    // Over before it began: the far end may speak before its socket is in our hands.
    if (this.#over) {
      wire.close(1000);
      return;
    }
    const { dynamic_variables, overrides, user_id, tool_mock_config } = this.#o.target;
    this.#wire = wire;
    this.#send({
      type: 'conversation_initiation_client_data',
      ...(overrides && { conversation_config_override: overrides }),
      ...(dynamic_variables && { dynamic_variables }),
      ...(user_id && { user_id }),
      ...(tool_mock_config && { tool_mock_config }),
    });
    this.#connectUp();
  }

  #send(message: object): void {
    if (!this.#over) this.#wire?.send(JSON.stringify(message));
  }

  #text(data: Buffer): void {
    if (this.#over) return;
    const { told } = this.#o;
    const message = jsonObject(data);
    const type = message?.['type'];
    if (typeof type !== 'string') told.unreadable('the agent sent a text that is no message');
    else if (isRead(type)) {
      const parsed = serverMessage.safeParse(message);
      if (parsed.success) this.#read(parsed.data);
      else told.unreadable('the agent sent a message that is not as its documents say');
    } else if (!OF_NO_USE.has(type)) told.unknown(type);
  }

  #read(message: ServerMessage): void {
    const { told } = this.#o;
    switch (message.type) {
      case 'conversation_initiation_metadata':
        this.#confirmed(message.conversation_initiation_metadata_event);
        return;
      case 'audio':
        this.#audio(message.audio_event);
        return;
      case 'interruption':
        this.#cutUpTo = Math.max(this.#cutUpTo, message.interruption_event.event_id);
        this.#down?.clear();
        told.interrupted();
        return;
      case 'ping':
        this.#send({ type: 'pong', event_id: message.ping_event.event_id });
        return;
      case 'tentative_user_transcript':
        told.callerSpeaks();
        return;
      case 'user_transcript': {
        const { user_transcript: text, event_id: id = this.#turns++ } = message.user_transcription_event;
        if (text !== '') told.transcript('caller', text, true, `caller-${id}`);
        told.callerStops();
        return;
      }
      case 'agent_response': {
        const { agent_response: text, event_id: id = ++this.#answers } = message.agent_response_event;
        told.answerComes();
        if (text !== '') told.transcript('agent', text, true, `agent-${id}`);
        return;
      }
      case 'agent_response_correction': {
        // What was said of an answer that was cut off takes the place of what was to be said.
        const { corrected_agent_response: text, event_id: id = this.#answers } =
          message.agent_response_correction_event;
        told.transcript('agent', text, true, `agent-${id}`);
        return;
      }
      case 'client_tool_call': {
        const { tool_call_id: id, tool_name: name, parameters } = message.client_tool_call;
        told.toolCall({ id, name, arguments: JSON.stringify(parameters) });
        return;
      }
      case 'error': {
        const { error_type = 'error', message: words, reason } = message.error_event;
        this.#complaint = quoted([error_type, reason, words]);
        told.problem(error_type, this.#complaint);
        return;
      }
      default:
        message satisfies never;
    }
  }

  #confirmed(
    event: Extract<
      ServerMessage,
      { type: 'conversation_initiation_metadata' }
    >['conversation_initiation_metadata_event'],
  ): void {
    const { told, rate } = this.#o;
    if (this.#down !== undefined) return;
    try {
      this.#upFormat = event.user_input_audio_format;
      codecOfFormat(this.#upFormat);
      this.#down = new AudioDown(codecOfFormat(event.agent_output_audio_format), rate, (samples) =>
        told.audio(samples),
      );
    } catch (error) {
      this.#lost(error as BridgeError);
      return;
    }
    this.#connectUp();
    told.ready(event.conversation_id);
  }

  /** The confirmation may come before the socket is in our hands. */
  #connectUp(): void {
    const [wire, format] = [this.#wire, this.#upFormat];
    if (wire === undefined || format === undefined || this.#up !== undefined) return;
    const { clock, count } = this.#o.context;
    const stalled = () =>
      this.#lost(new BridgeError('MODEL_SESSION_LOST', `the socket took no audio for ${STALL_LIMIT_MS} ms`));
    this.#up = audioUp({ rate: this.#o.rate, codec: codecOfFormat(format), socket: wire, clock, count, stalled });
  }

  #audio({ audio_base_64: base64, event_id }: { audio_base_64: string; event_id: number }): void {
    const down = this.#down;
    if (down === undefined) return;
    if (event_id <= this.#cutUpTo) this.#o.told.late(down.msOf(base64));
    else if (!down.take(base64)) this.#o.told.unreadable('the agent sent audio that is not base64');
  }

  #closed(code: number, reason: string): void {
    if (this.#over) return;
    const words = [this.#complaint, quoted([reason])].filter((part) => part !== '').join('; ');
    if (code === 1000 && this.#complaint === '') {
      this.#over = true;
      this.#o.told.hungUp();
      return;
    }
    const found = REASONS.find(([pattern]) => pattern.test(words))?.[1] ?? 'MODEL_SESSION_LOST';
    this.#lost(new BridgeError(found, `the conversation was closed with ${code}${words === '' ? '' : `: ${words}`}`));
  }

  #lost(error: BridgeError): void {
    if (this.#over) return;
    this.#over = true;
    this.#up?.clear();
    this.#wire?.terminate();
    this.#o.told.lost(error);
  }
}

/** What another server says of an end, fit for quoting. */
const quoted = (parts: ReadonlyArray<string | undefined>): string =>
  withoutUrls(scrubQuoted(parts.filter((part) => part !== undefined && part !== '').join(': ')));
