/** What is remembered of a session for whoever inspects the server: tests, the console, benches. */

export interface SessionSummary {
  readonly id: string;
  /** Counts the server's sessions from 1. */
  readonly number: number;
  readonly transport: 'websocket' | 'webrtc';
  readonly model: string;
  /** `rtc_…` of a WebRTC call. */
  readonly callId: string | undefined;
  readonly dialect: 'ga' | 'beta';
  /** Wall time, ms since the Unix epoch. */
  readonly startedAt: number;
}

const KEPT_EVENTS = 200;

export class SessionRecord implements SessionSummary {
  readonly id: string;
  readonly number: number;
  readonly transport: 'websocket' | 'webrtc';
  readonly model: string;
  readonly callId: string | undefined;
  readonly dialect: 'ga' | 'beta';
  readonly startedAt: number;
  endedAt: number | undefined;
  endReason: string | undefined;
  /** Client events in order; audio is left out of appends. The last 200, or all of them when the server records. */
  readonly received: Array<Record<string, unknown>> = [];
  /** Types of the server's events in order. The last 200, or all of them when the server records. */
  readonly sent: string[] = [];
  /** Number of client events by type, appends included. */
  readonly receivedByType = new Map<string, number>();
  /** Codes of the errors that were answered. */
  readonly errors: string[] = [];
  /** Ms of audio that came and that was generated. */
  receivedAudioMs = 0;
  generatedAudioMs = 0;
  responses = 0;
  interruptions = 0;
  readonly #recording: boolean;
  readonly #input: Int16Array[] = [];
  readonly #output: Int16Array[] = [];

  constructor(summary: SessionSummary, recording: boolean) {
    this.id = summary.id;
    this.number = summary.number;
    this.transport = summary.transport;
    this.model = summary.model;
    this.callId = summary.callId;
    this.dialect = summary.dialect;
    this.startedAt = summary.startedAt;
    this.#recording = recording;
  }

  get live(): boolean {
    return this.endedAt === undefined;
  }

  /** Everything the session heard at 24 kHz; empty unless the server records. */
  inputAudio(): Int16Array {
    return joined(this.#input);
  }

  /** Everything the session generated at 24 kHz, heard or not; empty unless the server records. */
  outputAudio(): Int16Array {
    return joined(this.#output);
  }

  noteReceived(type: string, event: Record<string, unknown>): void {
    this.receivedByType.set(type, (this.receivedByType.get(type) ?? 0) + 1);
    if (type === 'input_audio_buffer.append') {
      if (!this.#recording) return;
      this.#keep(this.received, { type });
    } else {
      this.#keep(this.received, event);
    }
  }

  noteSent(type: string): void {
    this.#keep(this.sent, type);
  }

  noteInput(samples: Int16Array): void {
    this.receivedAudioMs += samples.length / 24;
    if (this.#recording) this.#input.push(samples.slice());
  }

  noteOutput(samples: Int16Array): void {
    this.generatedAudioMs += samples.length / 24;
    if (this.#recording) this.#output.push(samples);
  }

  #keep<T>(list: T[], value: T): void {
    list.push(value);
    if (!this.#recording && list.length > KEPT_EVENTS) list.splice(0, KEPT_EVENTS / 2);
  }
}

function joined(chunks: readonly Int16Array[]): Int16Array {
  const out = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
