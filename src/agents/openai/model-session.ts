import type { Clock } from '../../call/clock.ts';
import type { Log } from '../../call/leg.ts';
import { BridgeError } from '../../errors.ts';
import { scrubQuoted } from '../../log.ts';
import type { Drops } from '../common/drops.ts';
import { classifyModelCode, isRetryable } from '../common/http.ts';
import { Agreement } from './agreement.ts';
import type { ConnectionHandlers, ModelConnection, ModelTransport } from './connection.ts';
import { isLostRace } from './event-mapping.ts';
import { parseServerEvent, type ServerEvent } from './events.ts';
import { sessionUpdateMessage } from './messages.ts';
import type { LegFormat } from './options.ts';
import type { WireIds } from './wire-ids.ts';

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
  connect(makeHandlers: (transport: ModelTransport) => ConnectionHandlers): Promise<ModelConnection>;
  /** The session to ask for. */
  update(transport: ModelTransport): Record<string, unknown>;
  readonly format: LegFormat;
  /** For `session.created`, and for `session.updated` each time it is asked for, ms. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly drops: Drops;
  /** Makes the ids of this session's events unique in the call. */
  readonly ids: WireIds;
  readonly log: Log;
}

const MAX_EARLY = 64;
/** What a change of the session is named by, in errors about it. */
const AMEND_ID = 'bridge_amend';
/** An answer that is to say something is asked for with the session's instructions and what it is to say, bytes beyond the session's. */
const ANSWER_ROOM_BYTES = 8 * 1024;

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
  readonly #agreement: Agreement;
  #wake: (() => void) | undefined;
  #early: ServerEvent[] = [];

  constructor(setup: SessionSetup) {
    this.#setup = setup;
    this.#agreement = new Agreement(setup.format);
  }

  /**
   * Connects and sets the session up; asks a second time where the first was refused, answered with another session, or not answered. Rejects
   * with a BridgeError of the transport or the model (MODEL_REJECTED, MODEL_FORMAT_MISMATCH or MODEL_SESSION_UNCONFIRMED when it never held
   * what was asked), or the signal's reason; nothing is left open then.
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

  get transport(): ModelTransport {
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

  /** Changes the turn detection of a confirmed session. */
  amend(update: Readonly<Record<string, unknown>>): void {
    this.#agreement.amend(update);
    this.send(sessionUpdateMessage(AMEND_ID, update));
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
    const agreement = this.#agreement;
    const update = this.#setup.update(this.transport);
    while (!agreement.reached) {
      if (this.#failure !== undefined) throw this.#failure;
      const request = agreement.next(update);
      const most = this.connection.maxEventBytes ?? Number.POSITIVE_INFINITY;
      if (Buffer.byteLength(request) + ANSWER_ROOM_BYTES > most) {
        throw new BridgeError(
          'MODEL_SESSION_TOO_LARGE',
          'the session, or an answer asked for, is larger than an event may be',
        );
      }
      if (!this.send(request)) {
        throw new BridgeError('MODEL_SESSION_LOST', 'the session could not be asked for', { retryable: true });
      }
      await this.#until(() => agreement.reached || agreement.doubt !== undefined, waitMs);
      if (!agreement.reached) {
        const { code, message } = agreement.doubt ?? { code: 'MODEL_TIMEOUT', message: 'no answer' };
        log.warn({ ask: agreement.asks, waitMs, code, reason: message }, 'the model did not confirm its session');
      }
    }
    for (const message of agreement.silence(this.transport)) this.send(message);
  }

  /** Handlers for one transport's try. Those of an earlier try are deaf once a later one was made. */
  #handlersOf(transport: ModelTransport): ConnectionHandlers {
    const current = () => this.#handlers === handlers && !this.#over;
    const handlers: ConnectionHandlers = {
      event: (json) => {
        if (!current()) return;
        try {
          this.#onMessage(json, transport);
        } catch (error) {
          this.#onBug(error);
        }
      },
      audio: (samples) => {
        if (!current()) return;
        try {
          this.#listener?.audio(samples);
        } catch (error) {
          this.#onBug(error);
        }
      },
      closed: (code, detail) => {
        if (current()) this.#onClosed(code, detail);
      },
    };
    this.#handlers = handlers;
    return handlers;
  }

  /** A bug of ours while the model was read: the session is given up, and built again where it may be. The process and its other calls go on. */
  #onBug(err: unknown): void {
    this.#setup.drops.tell('call_bug', 'a session with the model was given up for a bug of ours');
    this.#setup.log.error({ err }, 'a bug while the model was read; its session is given up');
    this.#onClosed('MODEL_SESSION_LOST', 'the bridge could not deal with what the model said');
  }

  #onMessage(json: string, transport: ModelTransport): void {
    const event = parseServerEvent(json);
    if (event === null) {
      this.#setup.drops.tell('model_event_malformed', 'the model sent a message that is no event', {
        name: nameIn(json),
      });
      return;
    }
    switch (event.type) {
      case 'unknown':
        this.#setup.drops.tell('model_event_unknown', 'the model sent an event of an unknown type', {
          name: event.name,
        });
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
        if (this.#setup.ids.settle(event)) this.#forward(event);
        else
          this.#setup.drops.tell('model_event_malformed', 'the model sent an event about no response', {
            name: event.type,
          });
    }
  }

  /** Events may follow the confirmation so closely that nobody listens yet. */
  #forward(event: ServerEvent): void {
    if (this.#agreement.isForeign(event)) return;
    if (this.#listener !== undefined) this.#listener.event(event);
    else if (this.#early.length < MAX_EARLY) this.#early.push(event);
  }

  #onSession(event: Extract<ServerEvent, { type: 'session.created' | 'session.updated' }>, transport: ModelTransport) {
    const { session } = event;
    if (session.id !== '') this.id = session.id;
    if (session.expiresAt !== undefined) this.expiresAt = session.expiresAt * 1000;
    this.#created = true;
    const changed = this.#agreement.stated(session, event.type === 'session.updated', transport);
    if (changed !== undefined) this.#fail(changed);
    this.#wake?.();
  }

  #onError(event: Extract<ServerEvent, { type: 'error' }>): void {
    const { code, type, message, event_id: eventId } = event.error;
    const agreement = this.#agreement;
    const classified = classifyModelCode(code, type);
    const words = `the model reported ${code ?? type ?? 'an error'}: ${scrubQuoted(message)}`;
    if (code === 'session_expired') {
      this.#onClosed('MODEL_SESSION_LOST', 'the session expired');
      return;
    }
    if (classified === 'MODEL_AUTH' || classified === 'MODEL_QUOTA') {
      this.#fail(new BridgeError(classified, words));
      return;
    }
    const named = agreement.names(eventId);
    // Nothing else was asked of the server yet, so an error that names no event, or none of ours, is about the session, too.
    if (agreement.pending && (named || !isLostRace(code ?? '', message))) {
      const final = agreement.refused(event.error, words, named);
      if (final !== undefined) this.#fail(final);
      this.#wake?.();
      return;
    }
    // The second request was refused when the first had been confirmed.
    if (named) return;
    if (this.#listener === undefined) {
      const cause = classified ?? 'MODEL_REJECTED';
      this.#complaint = new BridgeError(cause, words, { retryable: isRetryable(cause) });
    }
    this.#forward(event);
  }

  #onClosed(code: string, detail: string): void {
    if (this.#listener === undefined) {
      this.#fail(
        this.#agreement.doubt ??
          this.#complaint ??
          new BridgeError('MODEL_SESSION_LOST', `${detail} (${code})`, { retryable: true }),
      );
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

/** The type that a message seems to have, for the log. */
function nameIn(json: string): string {
  return /"type"\s*:\s*"([\w.]{1,80})"/.exec(json.slice(0, 4_096))?.[1] ?? '';
}
