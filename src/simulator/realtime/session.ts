import type { Clock, Timer } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import { betaEvent, betaSession } from './beta.ts';
import { handleClientEvent } from './client-events.ts';
import { Conversation, type Entry } from './conversation.ts';
import { newId } from './ids.ts';
import type { Pace, ToneVoice } from './options.ts';
import { OtherDialect } from './other-dialect.ts';
import type { Cleared } from './playout.ts';
import type { SessionRecord } from './record.ts';
import type { ResponseRun, ServerEvent } from './response.ts';
import { Responses } from './responses.ts';
import { type Fault, findFault, type Scenario } from './scenario.ts';
import { ServiceError } from './service-error.ts';
import { mergeConfig, type SessionConfig, type SessionUpdate, shownConfig } from './session-config.ts';
import { SessionFaults } from './session-faults.ts';
import { Turns } from './turns.ts';
import { WireDecoder } from './wire-audio.ts';

/** How a session reaches its client: a WebSocket, or a peer connection with its data channel and play-out buffer. */
export interface SessionTransport {
  send(text: string): void;
  /** Ends the connection in order. */
  close(code: number, reason: string): void;
  /** Cuts it. */
  drop(): void;
  /** Closes the event channel only. On a WebSocket that is the connection itself. */
  closeChannel(): void;
  /** WebRTC: takes generated audio for play-out. */
  play?(responseId: string, itemId: string, audio: Int16Array, itemOffset: number): void;
  /** WebRTC: a response's audio is complete. */
  playComplete?(responseId: string): void;
  /** WebRTC: throws away what was not heard. */
  clearPlayout?(): Cleared | undefined;
}

/** A second listener on a WebRTC session: hears the same events and may send any. */
export interface Sideband {
  send(text: string): void;
  close(code: number, reason: string): void;
}

export interface SessionOptions {
  readonly id: string;
  readonly config: SessionConfig;
  readonly beta: boolean;
  readonly transport: SessionTransport;
  readonly record: SessionRecord;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly pace: Pace;
  readonly faults: readonly Fault[];
  readonly scenario?: Scenario | undefined;
  readonly voice?: ToneVoice | undefined;
  readonly speak?: { everyMs: number; forMs: number } | undefined;
  readonly onEvent?: ((from: 'client' | 'service', event: Readonly<Record<string, unknown>>) => void) | undefined;
  /** Told once, when the session is over. */
  readonly ended?: (reason: string) => void;
}

/** One Realtime session, from `session.created` to its end, over any transport. */
export class Session {
  readonly id: string;
  readonly record: SessionRecord;
  readonly beta: boolean;
  readonly conversation = new Conversation();
  readonly responses: Responses;
  readonly turns: Turns;
  readonly #options: SessionOptions;
  readonly #transport: SessionTransport;
  readonly #faults: SessionFaults;
  readonly #dialect: OtherDialect | undefined;
  readonly #sidebands = new Set<Sideband>();
  readonly #expiresAt: number;
  #config: SessionConfig;
  #decoder: WireDecoder;
  #expiry: Timer | undefined;
  #spoken = false;
  #started = false;
  #ended = false;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.record = options.record;
    this.beta = options.beta;
    this.#options = options;
    this.#transport = options.transport;
    this.#faults = new SessionFaults(options.faults, options.clock, {
      drop: () => this.#transport.drop(),
      closeChannel: () => this.#transport.closeChannel(),
      raw: (text) => this.#transport.send(text),
      error: (error) => this.sendError(error, undefined),
      expire: () => this.#expire(),
    });
    this.#dialect = findFault(options.faults, 'other_dialect') && new OtherDialect();
    this.#expiresAt = Math.floor((options.clock.wall() + options.pace.maxSessionMs) / 1000);
    this.#config = this.#faults.forced(options.config);
    this.#decoder = new WireDecoder(this.#config.audio.input.format);
    this.responses = new Responses(this, {
      clock: options.clock,
      ticker: options.ticker,
      pace: options.pace,
      faults: this.#faults,
      audioInEvents: options.transport.play === undefined,
      scenario: options.scenario,
      voice: options.voice,
      speak: options.speak,
    });
    this.turns = new Turns(this, this.responses, options.clock);
  }

  get config(): SessionConfig {
    return this.#config;
  }

  /** Whether the transport has a play-out buffer of its own. */
  get holdsPlayout(): boolean {
    return this.#transport.clearPlayout !== undefined;
  }

  /** The event channel is open: the session begins. */
  start(): void {
    if (this.#started || this.#ended) return;
    this.#started = true;
    this.emit({ type: 'session.created', session: this.describe() });
    this.#expiry = this.#options.clock.after(this.#options.pace.maxSessionMs, () => this.#expire());
    this.responses.start();
    this.#faults.started();
  }

  /** One client event, as text. Never throws: what is wrong with it is answered. */
  receive(text: string): void {
    if (this.#ended) return;
    let event: unknown;
    try {
      event = JSON.parse(this.#dialect?.read(text) ?? text);
    } catch {
      this.sendError(new ServiceError('The event could not be parsed as JSON.', { code: 'invalid_json' }), undefined);
      return;
    }
    if (typeof event === 'object' && event !== null)
      this.#options.onEvent?.('client', event as Record<string, unknown>);
    try {
      handleClientEvent(this, event);
    } catch (error) {
      const eventId: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, 'event_id') : undefined;
      const told =
        error instanceof ServiceError
          ? error
          : new ServiceError('The server had an error while processing the event.', {
              status: 500,
              code: 'server_error',
            });
      this.sendError(told, typeof eventId === 'string' ? eventId : undefined);
    }
  }

  /** Caller audio at 24 kHz (WebRTC). Borrowed. */
  hear(samples: Int16Array): void {
    if (this.#ended || !this.#started) return;
    this.record.noteInput(samples);
    this.turns.hear(samples);
  }

  /** Caller audio as base64 in the session's input format (WebSocket). Throws a ServiceError for what cannot be decoded. */
  append(base64: string): void {
    this.hear(this.#decoder.decode(base64));
  }

  /** The audio of an item that a client creates, in the session's input format; at 24 kHz afterwards. */
  decodeItemAudio(base64: string): Int16Array {
    return new WireDecoder(this.#config.audio.input.format).decode(base64).slice();
  }

  update(update: SessionUpdate): void {
    if (this.#faults.ignoresUpdate) return;
    const refused = this.#faults.refusedUpdate();
    if (refused !== undefined) {
      if (refused.named) throw refused.error;
      this.sendError(refused.error, undefined);
      return;
    }
    const before = this.#config.audio.input.format;
    this.#config = this.#faults.forced(
      mergeConfig(this.#config, update, { voiceFixed: this.#spoken, modelFixed: true }),
    );
    const { format } = this.#config.audio.input;
    if (format.type !== before.type) this.#decoder = new WireDecoder(format);
    if (update.audio?.input?.turn_detection !== undefined) {
      this.turns.configure();
      this.turns.becameIdle(0);
    }
    this.emit({ type: 'session.updated', session: this.describe() });
  }

  /** An item that is whole when it is created: heard of as added and done at once. */
  addItem(entry: Entry, previousItemId?: string | null): void {
    const previous = this.conversation.add(entry, previousItemId);
    const fields = { previous_item_id: previous, item: entry.item };
    this.emit({ type: 'conversation.item.added', ...fields });
    this.emit({ type: 'conversation.item.done', ...fields });
  }

  /** WebRTC: stops what is being heard. Says nothing when nothing is. */
  clearOutput(): void {
    const cleared = this.#transport.clearPlayout?.();
    if (cleared === undefined) return;
    const { responseId, itemId, playedMs } = cleared;
    this.emit({ type: 'output_audio_buffer.cleared', response_id: responseId });
    // The service holds the play-out buffer, so it knows what was heard and truncates without being told.
    const entry = this.conversation.get(itemId);
    if (entry === undefined || playedMs >= entry.audioMs) return;
    this.conversation.truncate(itemId, 0, playedMs);
    this.emit({ type: 'conversation.item.truncated', item_id: itemId, content_index: 0, audio_end_ms: playedMs });
  }

  /** Another listener on the same session. Returns how to leave. */
  join(sideband: Sideband): () => void {
    this.#sidebands.add(sideband);
    sideband.send(JSON.stringify({ type: 'session.created', event_id: newId('event'), session: this.describe() }));
    return () => this.#sidebands.delete(sideband);
  }

  /** The session object of `session.created` and `session.updated`. */
  describe(): Record<string, unknown> {
    const shown = this.beta ? betaSession(this.#config) : shownConfig(this.#config);
    return { object: 'realtime.session', id: this.id, ...shown, expires_at: this.#expiresAt };
  }

  /** Tells every listener, in the session's dialect. */
  emit(event: ServerEvent): void {
    if (this.#ended) return;
    const spelt = this.#dialect === undefined ? event : this.#dialect.spell(event);
    const shown = this.beta && spelt !== undefined ? betaEvent(spelt) : spelt;
    if (shown === undefined) return;
    const { times, lateMs } = this.#faults.telling(event.type);
    if (lateMs > 0) this.#faults.later(lateMs, () => this.#tell(shown));
    else for (let i = 0; i < times; i++) this.#tell(shown);
  }

  #tell({ type, ...fields }: ServerEvent): void {
    if (this.#ended) return;
    this.record.noteSent(type);
    const text = JSON.stringify({ type, event_id: newId('event'), ...fields });
    this.#options.onEvent?.('service', JSON.parse(text));
    this.#transport.send(text);
    for (const sideband of this.#sidebands) sideband.send(text);
  }

  /** An `error` event; `eventId` is the client event that caused it. */
  sendError(error: ServiceError, eventId: string | undefined): void {
    const { type, code, message, param } = error;
    this.record.errors.push(code ?? type);
    this.emit({ type: 'error', error: { type, code, message, param, event_id: eventId ?? null } });
  }

  /** Frees everything; idempotent. The transport is not touched: it is what tells of the end, or is closed beside it. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.responses.stop();
    this.turns.stop();
    this.#expiry?.cancel();
    this.#faults.stop();
    for (const sideband of this.#sidebands) sideband.close(1000, 'the call has ended');
    this.#sidebands.clear();
    this.record.endedAt = this.#options.clock.wall();
    this.record.endReason = reason;
    this.#options.ended?.(reason);
  }

  /** WebRTC: told by the play-out buffer. */
  playoutStarted(responseId: string): void {
    this.emit({ type: 'output_audio_buffer.started', response_id: responseId });
  }

  playoutStopped(responseId: string): void {
    this.emit({ type: 'output_audio_buffer.stopped', response_id: responseId });
    this.turns.becameIdle(0);
  }

  /** Told by the responses: one begins. */
  began(): void {
    this.turns.busy();
  }

  /** Told by the responses: audio was generated. */
  generated(responseId: string, itemId: string, audio: Int16Array, itemOffset: number): void {
    this.#spoken = true;
    this.record.noteOutput(audio);
    this.#transport.play?.(responseId, itemId, audio, itemOffset);
    this.#faults.spoke();
  }

  /** Told by the responses: one is over. */
  finished(run: ResponseRun): void {
    this.#transport.playComplete?.(run.id);
    if (this.turns.answerWaiting()) return;
    // Over a WebSocket the client plays what was generated ahead of time; on WebRTC the play-out buffer tells when it is over.
    if (!this.holdsPlayout) this.turns.becameIdle(run.audioMs);
    else if (run.audioMs === 0) this.turns.becameIdle(0);
  }

  #expire(): void {
    const minutes = Math.max(1, Math.round(this.#options.pace.maxSessionMs / 60_000));
    const message = `Your session hit the maximum duration of ${minutes} minutes.`;
    this.sendError(new ServiceError(message, { code: 'session_expired' }), undefined);
    this.#transport.close(1001, 'session expired');
  }
}
