import { z } from 'zod';
import type { Clock, Timer } from '../../call/clock.ts';
import { type Codec, l16, pcmu } from '../../media/codecs.ts';
import { samplesToMs } from '../../media/frame.ts';
import type { Socket, SocketHandlers } from '../../transport/socket.ts';
import { CallerEar } from '../streams/caller-ear.ts';
import { begunWith, type StandInVoice, type Utterance, Utterances } from '../streams/voice.ts';
import { TurnTruths } from '../talker/turn-truth.ts';

/** How the assistant speaks. */
export interface VapiVoice extends StandInVoice {
  /** Length of an answer without words, and how long after the caller's turn any begins, ms. */
  readonly ms: number;
  readonly latencyMs: number;
  /** Whether it tells who speaks, interruptions and words (`clientMessages`). */
  readonly tells: boolean;
  /** So long the caller speaks over it before it gives way, ms; shorter is a backchannel. */
  readonly givesWayMs: number;
  /** It ends the call when it has said so many answers. */
  readonly endsAfter?: number;
  /** The line breaks so many ms into its first answer. */
  readonly dropsAtMs?: number;
}

const VOICE: VapiVoice = { tone: 620, dbfs: -15, ms: 1_500, latencyMs: 300, tells: true, givesWayMs: 300 };

export interface VapiSimCallOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly form: { readonly format: 'pcm_s16le' | 'mulaw'; readonly sampleRate: number };
  readonly voice?: Partial<VapiVoice> | undefined;
  readonly overrides: unknown;
}

/** What a client may send: ClientInboundMessage of npm @vapi-ai/server-sdk. */
const inbound = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('end-call') }),
  z.strictObject({
    type: z.literal('say'),
    content: z.string().optional(),
    endCallAfterSpoken: z.boolean().optional(),
    interruptAssistantEnabled: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('add-message'),
    message: z.looseObject({ role: z.enum(['user', 'system', 'assistant']), content: z.string() }),
    triggerResponseEnabled: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('control'),
    control: z.enum(['mute-assistant', 'unmute-assistant', 'mute-customer', 'unmute-customer', 'say-first-message']),
  }),
]);

const FRAME_MS = 20;

/** One call at the stand-in. */
export class VapiSimCall {
  readonly id: string;
  readonly overrides: unknown;
  /** What the client sent that it may not send, in words. */
  readonly problems: string[] = [];
  readonly messages: Array<z.infer<typeof inbound>> = [];
  /** Lengths of the audio messages that came, bytes. */
  readonly frameBytes = new Set<number>();
  /** The longest time without audio of the caller's, ms: there should be none, silence is sent as well. */
  longestGapMs = 0;
  /** What it truly did, by the clock of its own end. */
  readonly truth: TurnTruths;
  /** Why it is over, by the provider's list; undefined while it is not. */
  ended: string | undefined;
  answers = 0;
  interruptions = 0;
  readonly #o: VapiSimCallOptions;
  readonly #voice: VapiVoice;
  readonly #codec: Codec;
  readonly #ear: CallerEar;
  readonly #utterances: Utterances;
  #socket: Socket | undefined;
  #unjoined: Timer | undefined;
  #next: Timer | undefined;
  #saying: Utterance = { samples: new Int16Array(), text: '' };
  #leftMs = 0;
  #saidMs = 0;
  #spokeFrom = 0;
  #sent = 0;
  #heardAt: number | undefined;

  constructor(options: VapiSimCallOptions) {
    const { format, sampleRate } = options.form;
    this.id = options.id;
    this.overrides = options.overrides;
    this.#o = options;
    this.#voice = { ...VOICE, ...options.voice };
    this.#codec = format === 'mulaw' ? { ...pcmu, sampleRate } : l16(sampleRate, 'le');
    this.truth = new TurnTruths(() => options.clock.now());
    this.#ear = new CallerEar(sampleRate);
    this.#utterances = new Utterances(this.#voice, sampleRate);
  }

  /** All that the caller said, and at which rate. */
  heard(): { readonly samples: Int16Array; readonly rate: number } {
    return { samples: this.#ear.all(), rate: this.#codec.sampleRate };
  }

  get isAwaited(): boolean {
    return this.ended === undefined && this.#socket === undefined;
  }

  awaitJoin(ms: number): void {
    this.#unjoined = this.#o.clock.after(ms, () => this.#end('customer-did-not-answer'));
  }

  join(attach: (handlers: SocketHandlers) => Socket): void {
    this.#unjoined?.cancel();
    this.#socket = attach({
      text: (data) => this.#text(data),
      binary: (data) => this.#hear(data),
      close: () => {
        this.#next?.cancel();
        this.ended ??= 'customer-ended-call';
      },
    });
    this.#answer();
  }

  /** A message to the control address. */
  control(message: unknown): void {
    const parsed = inbound.safeParse(message);
    if (parsed.success) this.#do(parsed.data);
    else this.problems.push('a control message that there is none of');
  }

  /** Cuts the line, as a network does. */
  cut(): void {
    this.#unjoined?.cancel();
    this.#next?.cancel();
    this.#socket?.terminate();
  }

  #text(data: Buffer): void {
    try {
      const parsed = inbound.safeParse(JSON.parse(data.toString()));
      if (parsed.success) this.#do(parsed.data);
      else this.problems.push(`a message that there is none of: ${parsed.error.issues[0]?.message}`);
    } catch {
      this.problems.push('a text that is no JSON');
    }
  }

  #do(message: z.infer<typeof inbound>): void {
    this.messages.push(message);
    if (message.type === 'end-call') this.#end('customer-ended-call');
    else if (message.type === 'add-message' && message.triggerResponseEnabled !== false) this.#answer();
    else if (message.type === 'say') this.#answer();
  }

  #hear(bytes: Buffer): void {
    const now = this.#o.clock.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - (this.#heardAt ?? now));
    this.#heardAt = now;
    this.frameBytes.add(bytes.length);
    const samples = new Int16Array(bytes.length / this.#codec.bytesPerSample);
    this.#codec.decode(bytes, samples);
    const change = this.#ear.hear(samples);
    this.truth.heard(samples, this.#codec.sampleRate, this.#ear.noiseDbfs);
    if (change !== undefined) this.#tell({ type: 'speech-update', role: 'user', status: change });
    if (this.#leftMs > 0 && this.#ear.speaksMs >= this.#voice.givesWayMs) this.#giveWay();
    if (change === 'stopped' && this.#leftMs <= 0) {
      this.#tell({
        type: 'transcript',
        role: 'user',
        transcriptType: 'final',
        transcript: 'words of the caller canary',
      });
      this.#next?.cancel();
      this.#next = this.#o.clock.after(this.#voice.latencyMs, () => this.#answer());
    }
  }

  #giveWay(): void {
    this.interruptions++;
    this.#leftMs = 0;
    this.#next?.cancel();
    this.#tell({ type: 'user-interrupted', turnId: `turn-${this.answers}` });
    this.#tell({ type: 'speech-update', role: 'assistant', status: 'stopped' });
  }

  #answer(): void {
    if (this.ended !== undefined || this.#socket === undefined) return;
    this.#next?.cancel();
    this.answers++;
    this.#saying = this.#utterances.next(Math.ceil(this.#voice.ms / FRAME_MS) * FRAME_MS, 'words of the agent canary');
    this.#leftMs = samplesToMs(this.#saying.samples.length, this.#codec.sampleRate);
    this.#saidMs = 0;
    this.#spokeFrom = this.#o.clock.now();
    this.#sent = 0;
    this.truth.answers();
    this.#tell({ type: 'speech-update', role: 'assistant', status: 'started', turn: this.answers - 1 });
    this.#tell({
      type: 'transcript',
      role: 'assistant',
      transcriptType: 'partial',
      transcript: begunWith(this.#saying.text),
    });
    this.#speak();
  }

  /** Frames that are due, in real time. */
  #speak(): void {
    const { clock } = this.#o;
    const samples = new Int16Array((this.#codec.sampleRate * FRAME_MS) / 1000);
    while (this.#leftMs > 0 && this.#sent * FRAME_MS <= clock.now() - this.#spokeFrom) {
      const from = this.#sent * samples.length;
      // The last of what it says may be less than a frame: silence fills it.
      samples.fill(0);
      samples.set(this.#saying.samples.subarray(from, from + samples.length));
      const bytes = Buffer.alloc(samples.length * this.#codec.bytesPerSample);
      this.#codec.encode(samples, bytes);
      this.#socket?.sendBinary(bytes);
      this.#sent++;
      this.#leftMs -= FRAME_MS;
      this.#saidMs += FRAME_MS;
      if (this.#voice.dropsAtMs !== undefined && this.#saidMs >= this.#voice.dropsAtMs) {
        this.ended = 'dropped';
        this.cut();
        return;
      }
    }
    if (this.#leftMs > 0) {
      this.#next = clock.after(FRAME_MS / 2, () => this.#speak());
      return;
    }
    this.#tell({ type: 'transcript', role: 'assistant', transcriptType: 'final', transcript: this.#saying.text });
    this.#tell({ type: 'speech-update', role: 'assistant', status: 'stopped' });
    if (this.answers === this.#voice.endsAfter) this.#next = clock.after(200, () => this.#end('assistant-ended-call'));
  }

  #tell(message: object): void {
    if (this.#voice.tells) this.#socket?.send(JSON.stringify(message));
  }

  #end(reason: string): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.#next?.cancel();
    this.#unjoined?.cancel();
    this.#leftMs = 0;
    this.#tell({ type: 'status-update', status: 'ended', endedReason: reason });
    this.#socket?.close(1000);
  }
}
