import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { AgentTransport } from '../../call/events.ts';
import type { Log } from '../../call/leg.ts';
import { BridgeError } from '../../errors.ts';
import type { ConnectionHandlers, ModelConnection } from './connection.ts';
import { parseServerEvent, type ServerEvent } from './events.ts';
import { classifyModelCode, isRetryable, scrub } from './http.ts';
import { sessionUpdateMessage } from './messages.ts';
import type { LegFormat } from './options.ts';
import { formatMismatch } from './session.ts';

/**
 * One session with the model, from the connection to its end: opened, set up, and confirmed before anybody may use it. It reads every
 * event once; what concerns the conversation goes on to its listener.
 */

export interface SessionListener {
  event(event: ServerEvent): void;
  /** WebRTC only. Borrowed during the call. */
  audio(samples: Int16Array): void;
  /** The session is over and can be built again; told once. */
  lost(code: string, detail: string): void;
  /** The session is over, and another would end the same way; told once. */
  broken(error: BridgeError): void;
}

export interface SessionSetup {
  /** Connects, by whatever transport; each try asks for handlers of its own. */
  connect(makeHandlers: (transport: AgentTransport) => ConnectionHandlers): Promise<ModelConnection>;
  /** The session to ask for. */
  update(transport: AgentTransport): Record<string, unknown>;
  readonly format: LegFormat;
  /** For `session.created`, and again for `session.updated`, ms. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly count: Count;
  readonly log: Log;
}

const UPDATE_ID = 'bridge_session_update';
const MAX_EARLY = 64;

export class ModelSession {
  /** The server's id; empty until it told one. */
  id = '';
  /** Wall time in ms at which the server ends the session, where it says so. */
  expiresAt: number | undefined;
  readonly #setup: SessionSetup;
  #connection: ModelConnection | undefined;
  #handlers: ConnectionHandlers | undefined;
  #listener: SessionListener | undefined;
  #over = false;
  /** What the server complained about last, for a connection that ends without a reason of its own. */
  #complaint: BridgeError | undefined;
  #failure: unknown;
  #created = false;
  #updated = false;
  #wake: (() => void) | undefined;
  #early: ServerEvent[] = [];

  constructor(setup: SessionSetup) {
    this.#setup = setup;
  }

  /**
   * Connects and sets the session up. Rejects with a BridgeError of the transport or the model (MODEL_FORMAT_MISMATCH when the confirmed
   * audio is not what the leg speaks), or the signal's reason; nothing is left open then.
   */
  static async open(setup: SessionSetup): Promise<ModelSession> {
    const session = new ModelSession(setup);
    const onAbort = () => session.#fail(setup.signal.reason);
    setup.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await session.#establish();
      return session;
    } catch (error) {
      session.close();
      throw setup.signal.aborted ? setup.signal.reason : error;
    } finally {
      setup.signal.removeEventListener('abort', onAbort);
    }
  }

  get connection(): ModelConnection {
    // `open` resolves only with a connection; before that nobody holds the session.
    return this.#connection!;
  }

  get transport(): AgentTransport {
    return this.connection.transport;
  }

  /** From here on events go to `listener`. */
  listen(listener: SessionListener): void {
    this.#listener = listener;
    for (const event of this.#early.splice(0)) listener.event(event);
    if (this.#failure !== undefined) this.#tellFailure(this.#failure);
  }

  send(json: string): boolean {
    return !this.#over && this.connection.send(json);
  }

  /** Frees everything; the listener hears nothing more. Idempotent. */
  close(): void {
    this.#over = true;
    this.#listener = undefined;
    this.#connection?.close();
  }

  async #establish(): Promise<void> {
    const { waitMs, log } = this.#setup;
    this.#connection = await this.#setup.connect((transport) => this.#handlersOf(transport));
    await this.#until(() => this.#created, waitMs);
    if (!this.#created) log.warn({ waitMs }, 'the model did not announce its session');
    this.send(sessionUpdateMessage(UPDATE_ID, this.#setup.update(this.transport)));
    await this.#until(() => this.#updated, waitMs);
    if (!this.#updated) log.warn({ waitMs }, 'the model did not confirm its session; it is used as it is');
  }

  /** Handlers for one transport's try. Those of an earlier try are deaf once a later one was made. */
  #handlersOf(transport: AgentTransport): ConnectionHandlers {
    const current = () => this.#handlers === handlers && !this.#over;
    const handlers: ConnectionHandlers = {
      event: (json) => {
        if (current()) this.#onMessage(json, transport);
      },
      audio: (samples) => {
        if (current()) this.#listener?.audio(samples);
      },
      closed: (code, detail) => {
        if (current()) this.#onClosed(code, detail);
      },
    };
    this.#handlers = handlers;
    return handlers;
  }

  #onMessage(json: string, transport: AgentTransport): void {
    const event = parseServerEvent(json);
    if (event === null) {
      this.#setup.count('model_event_malformed');
      return;
    }
    switch (event.type) {
      case 'unknown':
        this.#setup.count('model_event_unknown');
        this.#setup.log.debug({ name: event.name }, 'the model sent an event of an unknown type');
        return;
      case 'ignored':
        return;
      case 'session.created':
      case 'session.updated':
        this.#onSession(event, transport);
        return;
      case 'error':
        this.#onError(event);
        return;
      default:
        this.#forward(event);
    }
  }

  /** Events may follow the confirmation so closely that nobody listens yet. */
  #forward(event: ServerEvent): void {
    if (this.#listener !== undefined) this.#listener.event(event);
    else if (this.#updated && this.#early.length < MAX_EARLY) this.#early.push(event);
  }

  #onSession(event: Extract<ServerEvent, { type: 'session.created' | 'session.updated' }>, transport: AgentTransport) {
    if (event.session.id !== '') this.id = event.session.id;
    if (event.session.expiresAt !== undefined) this.expiresAt = event.session.expiresAt * 1000;
    if (event.type === 'session.created') {
      this.#created = true;
    } else {
      // Over WebRTC the SDP decided the codec, and what the session states about formats means nothing.
      const mismatch =
        transport === 'websocket' ? formatMismatch(this.#setup.format, event.session.formats) : undefined;
      if (mismatch !== undefined) {
        this.#fail(new BridgeError('MODEL_FORMAT_MISMATCH', mismatch));
        return;
      }
      this.#created = true;
      this.#updated = true;
    }
    this.#wake?.();
  }

  #onError(event: Extract<ServerEvent, { type: 'error' }>): void {
    const { code, type, message, event_id: eventId } = event.error;
    const classified = classifyModelCode(code, type);
    const words = `the model reported ${code ?? type ?? 'an error'}: ${scrub(message)}`;
    if (code === 'session_expired') {
      this.#onClosed('MODEL_SESSION_LOST', 'the session expired');
      return;
    }
    if (eventId === UPDATE_ID) {
      // Used without its settings the agent would be somebody else, and speak another codec.
      this.#fail(new BridgeError(classified ?? 'MODEL_REJECTED', words, { retryable: false }));
      return;
    }
    if (classified === 'MODEL_AUTH' || classified === 'MODEL_QUOTA') {
      this.#fail(new BridgeError(classified, words));
      return;
    }
    if (this.#listener === undefined) {
      const cause = classified ?? 'MODEL_REJECTED';
      this.#complaint = new BridgeError(cause, words, { retryable: isRetryable(cause) });
    }
    this.#forward(event);
  }

  #onClosed(code: string, detail: string): void {
    if (this.#listener === undefined) {
      this.#fail(this.#complaint ?? new BridgeError('MODEL_SESSION_LOST', `${detail} (${code})`, { retryable: true }));
      return;
    }
    const listener = this.#listener;
    this.close();
    listener.lost(code, detail);
  }

  /** The session cannot be used. While it opens, `open` rejects; later the listener is told. */
  #fail(error: unknown): void {
    if (this.#over || this.#failure !== undefined) return;
    this.#failure = error;
    this.#wake?.();
    if (this.#listener !== undefined) this.#tellFailure(error);
  }

  #tellFailure(error: unknown): void {
    const listener = this.#listener;
    this.close();
    if (error instanceof BridgeError && error.retryable) listener?.lost(error.code, error.message);
    else if (error instanceof BridgeError) listener?.broken(error);
  }

  /** Resolves when `ready` holds, or after `ms`; rejects when the session failed. */
  #until(ready: () => boolean, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#setup.clock.after(ms, () => settle());
      const settle = () => {
        timer.cancel();
        this.#wake = undefined;
        if (this.#failure !== undefined) reject(this.#failure);
        else resolve();
      };
      this.#wake = () => {
        if (this.#failure !== undefined || ready()) settle();
      };
      this.#wake();
    });
  }
}
