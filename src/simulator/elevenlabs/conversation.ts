import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../call/clock.ts';
import { type Codec, l16, pcmu } from '../../media/codecs.ts';
import { samplesToMs } from '../../media/frame.ts';
import type { Socket, SocketHandlers } from '../../transport/socket.ts';
import { CallerEar } from '../streams/caller-ear.ts';
import { begunWith, type StandInVoice, type Utterance, Utterances } from '../streams/voice.ts';
import { type ClientMessage, clientMessage, type Format, type Initiation, type ToolResult } from './messages.ts';

/** How the agent speaks and hears. */
export interface ElevenLabsVoice extends StandInVoice {
  /** Length of an answer without words, and how long after the caller's turn any begins, ms. */
  readonly ms: number;
  readonly latencyMs: number;
  readonly output: Format;
  readonly input: Format;
  /** So long the caller speaks over it before it gives way, ms. */
  readonly givesWayMs: number;
  /** After an interruption it still sends so much of what it cut off, ms, as the real one does. */
  readonly lateMs: number;
  readonly pingMs: number;
  /** In its second answer it first calls this tool of the client's. */
  readonly tool?: { readonly name: string; readonly parameters: Record<string, unknown> };
  /** The line breaks when so much of its first answer was sent, ms. */
  readonly dropsAtMs?: number;
  /** It closes with this code and reason in place of its second answer. */
  readonly closes?: { readonly code: number; readonly reason: string };
}

const VOICE: ElevenLabsVoice = {
  tone: 620,
  dbfs: -15,
  ms: 1_500,
  latencyMs: 300,
  output: 'pcm_16000',
  input: 'pcm_16000',
  givesWayMs: 200,
  lateMs: 0,
  pingMs: 2_000,
};

export interface ConversationOptions {
  readonly clock: Clock;
  readonly voice?: Partial<ElevenLabsVoice> | undefined;
  /** Overrides that the agent allows: keys of `conversation_config_override`. */
  readonly allows?: readonly string[];
}

/** Audio in one event, ms. */
const CHUNK_MS = 250;

const codecOf = (format: Format): Codec =>
  format === 'ulaw_8000' ? pcmu : l16(Number(format.replace('pcm_', '')), 'le');

/** One conversation at the stand-in. */
export class ElevenLabsConversation {
  readonly id = `conv_${randomUUID()}`;
  /** What the client sent that it may not send. */
  readonly problems: string[] = [];
  readonly pongs: number[] = [];
  readonly results: ToolResult[] = [];
  readonly texts: string[] = [];
  initiation: Initiation | undefined;
  answers = 0;
  interruptions = 0;
  closed = false;
  readonly #o: ConversationOptions;
  readonly #voice: ElevenLabsVoice;
  readonly #in: Codec;
  readonly #out: Codec;
  readonly #ear: CallerEar;
  readonly #utterances: Utterances;
  #saying: Utterance = { samples: new Int16Array(), text: '' };
  readonly #socket: Socket;
  #eventId = 0;
  #next: Timer | undefined;
  #ping: Timer | undefined;
  /** Until when what was sent is heard at the client's, by a clock that begins with its coming; ms. */
  #playsUntil = 0;

  constructor(options: ConversationOptions, attach: (handlers: SocketHandlers) => Socket) {
    this.#o = options;
    this.#voice = { ...VOICE, ...options.voice };
    this.#in = codecOf(this.#voice.input);
    this.#out = codecOf(this.#voice.output);
    this.#ear = new CallerEar(this.#in.sampleRate);
    this.#utterances = new Utterances(this.#voice, this.#out.sampleRate);
    this.#socket = attach({
      text: (data) => this.#text(data),
      binary: () => this.#refuse('invalid_message', 'a binary message'),
      close: () => {
        this.closed = true;
        this.#next?.cancel();
        this.#ping?.cancel();
      },
    });
  }

  /** All that the caller said, and at which rate. */
  heard(): { readonly samples: Int16Array; readonly rate: number } {
    return { samples: this.#ear.all(), rate: this.#in.sampleRate };
  }

  /** Cuts the line, as a network does. */
  cut(): void {
    this.#socket.terminate();
  }

  #text(data: Buffer): void {
    let message: unknown;
    try {
      message = JSON.parse(data.toString());
    } catch {
      this.#refuse('invalid_message', 'no JSON');
      return;
    }
    const parsed = clientMessage.safeParse(message);
    if (parsed.success) this.#read(parsed.data);
    else this.#refuse('invalid_message', 'a message that there is none of');
  }

  #read(message: ClientMessage): void {
    if ('user_audio_chunk' in message) {
      if (this.initiation === undefined) this.problems.push('audio before the conversation began');
      else this.#hear(Buffer.from(message.user_audio_chunk, 'base64'));
      return;
    }
    switch (message.type) {
      case 'conversation_initiation_client_data':
        this.#begin(message);
        return;
      case 'pong':
        this.pongs.push(message.event_id);
        return;
      case 'user_message':
        this.texts.push(message.text ?? '');
        this.#answer();
        return;
      case 'contextual_update':
        this.texts.push(message.text);
        return;
      case 'client_tool_result':
        this.results.push(message);
        this.#say();
        return;
      default:
    }
  }

  #begin(message: Initiation): void {
    if (this.initiation !== undefined) {
      this.problems.push('a second beginning');
      return;
    }
    this.initiation = message;
    const denied = Object.keys(message.conversation_config_override ?? {}).find(
      (key) => !(this.#o.allows ?? []).includes(key),
    );
    if (denied !== undefined) {
      this.#refuse('override_error', `Override for field '${denied}' is not allowed by config.`);
      return;
    }
    this.#send({
      type: 'conversation_initiation_metadata',
      conversation_initiation_metadata_event: {
        conversation_id: this.id,
        agent_output_audio_format: this.#voice.output,
        user_input_audio_format: this.#voice.input,
      },
    });
    this.#pingLater();
    this.#answer();
  }

  #pingLater(): void {
    this.#ping = this.#o.clock.after(this.#voice.pingMs, () => {
      this.#send({ type: 'ping', ping_event: { event_id: ++this.#eventId, ping_ms: 20 } });
      this.#pingLater();
    });
  }

  #hear(bytes: Buffer): void {
    const samples = new Int16Array(bytes.length / this.#in.bytesPerSample);
    this.#in.decode(bytes, samples);
    const change = this.#ear.hear(samples);
    const now = this.#o.clock.now();
    if (now < this.#playsUntil && this.#ear.speaksMs >= this.#voice.givesWayMs) this.#giveWay();
    if (change !== 'stopped' || now < this.#playsUntil) return;
    this.#send({
      type: 'user_transcript',
      user_transcription_event: { user_transcript: 'words of the caller canary', event_id: ++this.#eventId },
    });
    this.#next?.cancel();
    this.#next = this.#o.clock.after(this.#voice.latencyMs, () => this.#answer());
  }

  #giveWay(): void {
    this.interruptions++;
    this.#next?.cancel();
    this.#playsUntil = 0;
    const cut = this.#eventId;
    this.#send({ type: 'interruption', interruption_event: { event_id: cut } });
    this.#send({
      type: 'agent_response_correction',
      agent_response_correction_event: {
        original_agent_response: this.#saying.text,
        corrected_agent_response: begunWith(this.#saying.text),
        event_id: cut,
      },
    });
    for (let at = 0; at < this.#voice.lateMs; at += CHUNK_MS) this.#chunk(cut, at);
  }

  #answer(): void {
    const { tool, closes } = this.#voice;
    if (this.closed) return;
    this.answers++;
    if (this.answers === 2 && closes !== undefined) {
      this.#socket.close(closes.code, closes.reason);
      return;
    }
    if (this.answers === 2 && tool !== undefined) {
      const client_tool_call = {
        tool_name: tool.name,
        tool_call_id: 'tool-1',
        parameters: tool.parameters,
        event_id: ++this.#eventId,
      };
      this.#send({ type: 'client_tool_call', client_tool_call });
      return;
    }
    this.#say();
  }

  /** An answer, all of it at once. */
  #say(): void {
    const { dropsAtMs } = this.#voice;
    this.#saying = this.#utterances.next(this.#voice.ms, 'words of the agent canary');
    const { samples, text } = this.#saying;
    const ms = samplesToMs(samples.length, this.#out.sampleRate);
    this.#send({
      type: 'agent_response',
      agent_response_event: { agent_response: text, event_id: ++this.#eventId },
    });
    for (let at = 0; at < ms; at += CHUNK_MS) {
      this.#chunk(++this.#eventId, at);
      if (dropsAtMs === undefined || at + CHUNK_MS < dropsAtMs) continue;
      this.#next = this.#o.clock.after(300, () => this.cut());
      return;
    }
    this.#playsUntil = this.#o.clock.now() + ms;
  }

  /** What of its answer begins so many ms behind its beginning. */
  #chunk(event_id: number, atMs: number): void {
    const perMs = this.#out.sampleRate / 1000;
    const samples = this.#saying.samples.subarray(atMs * perMs, (atMs + CHUNK_MS) * perMs);
    const bytes = Buffer.alloc(samples.length * this.#out.bytesPerSample);
    this.#out.encode(samples, bytes);
    this.#send({ type: 'audio', audio_event: { audio_base_64: bytes.toString('base64'), event_id } });
  }

  #refuse(error_type: string, message: string): void {
    this.problems.push(message);
    this.#send({ type: 'error', error_event: { code: 1008, error_type, message } });
    this.#socket.close(1008, message);
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }
}
