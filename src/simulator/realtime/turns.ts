import type { Clock, Timer } from '../../call/clock.ts';
import { beginsAsToneWords, heardToneWords } from '../openai-http/tone-words.ts';
import type { Conversation, Entry } from './conversation.ts';
import { InputAudio } from './input-audio.ts';
import type { SessionRecord } from './record.ts';
import type { ServerEvent } from './response.ts';
import type { Responses } from './responses.ts';
import { ServiceError } from './service-error.ts';
import type { SessionConfig, TurnDetection } from './session-config.ts';
import { secondsText } from './speech.ts';

/** What the caller's turns need of their session. */
export interface TurnsPort {
  readonly config: SessionConfig;
  readonly conversation: Conversation;
  readonly record: SessionRecord;
  emit(event: ServerEvent): void;
  addItem(entry: Entry): void;
  /** Throws away what is being played, where the transport holds it. */
  clearOutput(): void;
}

/** Least audio that a commit takes, ms. Source: the service's own error message. */
const MIN_COMMIT_MS = 100;

/** The caller's side of the conversation: turn detection, commits, transcripts, interruption and the idle timeout. */
export class Turns {
  readonly #port: TurnsPort;
  readonly #responses: Responses;
  readonly #clock: Clock;
  readonly #input: InputAudio;
  #idle: Timer | undefined;
  /** A turn ended while a response that may not be interrupted was running: it is answered afterwards. */
  #answerLater = false;

  constructor(port: TurnsPort, responses: Responses, clock: Clock) {
    this.#port = port;
    this.#responses = responses;
    this.#clock = clock;
    this.#input = new InputAudio(port.config.audio.input.turn_detection, {
      speechStarted: (ms, itemId) => this.#onSpeechStarted(ms, itemId),
      speechStopped: (ms, itemId) => {
        port.emit({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: ms, item_id: itemId });
      },
      turn: (itemId, audio) => this.#onTurn(itemId, audio, this.#detection?.create_response ?? false),
    });
  }

  get #detection(): TurnDetection | null {
    return this.#port.config.audio.input.turn_detection;
  }

  /** The session's turn detection has changed. */
  configure(): void {
    this.#input.configure(this.#detection);
  }

  /** Caller audio at 24 kHz. Borrowed. */
  hear(samples: Int16Array): void {
    this.#input.append(samples);
  }

  /** Ends the turn at the client's word. Throws a ServiceError when there is too little audio. */
  commit(): void {
    if (this.#input.bufferedMs < MIN_COMMIT_MS) {
      const ms = this.#input.bufferedMs.toFixed(2);
      throw new ServiceError(
        `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${ms}ms of audio.`,
        { code: 'input_audio_buffer_commit_empty' },
      );
    }
    const { itemId, audio } = this.#input.commit();
    this.#onTurn(itemId, audio, false);
  }

  clear(): void {
    this.#input.clear();
    this.#port.emit({ type: 'input_audio_buffer.cleared' });
  }

  /** Nobody speaks any more, or will in `afterMs`: `idle_timeout_ms` counts from the end of what the model said last. */
  becameIdle(afterMs: number): void {
    this.#idle?.cancel();
    const detection = this.#detection;
    if (detection?.type !== 'server_vad' || detection.idle_timeout_ms === null) return;
    if (this.#port.record.responses === 0) return;
    this.#idle = this.#clock.after(afterMs + detection.idle_timeout_ms, () => this.#onIdle());
  }

  /** The model speaks: nobody is idle. */
  busy(): void {
    this.#idle?.cancel();
  }

  /** A response is over; true when a turn was waiting for that and is answered now. */
  answerWaiting(): boolean {
    if (!this.#answerLater) return false;
    this.#answerLater = false;
    this.#responses.answerLast();
    return true;
  }

  /** The client took the next response into its own hands. */
  forgetWaiting(): void {
    this.#answerLater = false;
  }

  stop(): void {
    this.#idle?.cancel();
  }

  #onSpeechStarted(audioStartMs: number, itemId: string): void {
    this.#idle?.cancel();
    this.#answerLater = false;
    this.#port.emit({ type: 'input_audio_buffer.speech_started', audio_start_ms: audioStartMs, item_id: itemId });
    if (this.#detection?.interrupt_response === false) return;
    if (this.#responses.interrupt()) this.#port.record.interruptions++;
    this.#port.clearOutput();
  }

  #onTurn(itemId: string, audio: Int16Array, respond: boolean): void {
    const { config, conversation } = this.#port;
    this.#port.emit({
      type: 'input_audio_buffer.committed',
      previous_item_id: conversation.lastId,
      item_id: itemId,
    });
    this.#port.addItem({
      item: {
        id: itemId,
        object: 'realtime.item',
        type: 'message',
        status: 'completed',
        role: 'user',
        content: [{ type: 'input_audio' }],
      },
      audioMs: audio.length / 24,
      audio,
    });
    if (respond && config.type === 'realtime') {
      if (this.#responses.active === undefined) this.#responses.answer({ kind: 'audio', audio });
      else this.#answerLater = true;
    }
    if (config.audio.input.transcription !== null || config.type === 'transcription') this.#transcribe(itemId, audio);
  }

  /** The words of a turn: those that were said in tones. Of all else it can tell how long it was. */
  #transcribe(itemId: string, audio: Int16Array): void {
    const length = `You said this, ${secondsText(audio.length)}.`;
    if (!beginsAsToneWords(audio)) {
      this.#tellTranscript(itemId, audio, length);
      return;
    }
    void heardToneWords(audio).then((words) => {
      this.#tellTranscript(itemId, audio, words.map(({ text }) => text).join(' ') || length);
    });
  }

  #tellTranscript(itemId: string, audio: Int16Array, transcript: string): void {
    const part = this.#port.conversation.get(itemId)?.item.content?.[0];
    if (part !== undefined) part.transcript = transcript;
    const type = 'conversation.item.input_audio_transcription';
    this.#port.emit({ type: `${type}.delta`, item_id: itemId, content_index: 0, delta: transcript });
    const usage = { type: 'duration', seconds: Math.ceil(audio.length / 24_000) };
    this.#port.emit({ type: `${type}.completed`, item_id: itemId, content_index: 0, transcript, usage });
  }

  #onIdle(): void {
    if (this.#responses.active !== undefined || this.#input.speaking) return;
    const end = this.#input.positionMs;
    const { itemId, audio } = this.#input.commit();
    const start = Math.round(end - audio.length / 24);
    this.#port.emit({
      type: 'input_audio_buffer.timeout_triggered',
      audio_start_ms: start,
      audio_end_ms: end,
      item_id: itemId,
    });
    this.#onTurn(itemId, audio, false);
    this.#responses.answer({ kind: 'idle' });
  }
}
