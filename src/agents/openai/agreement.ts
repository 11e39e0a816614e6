import { BridgeError } from '../../errors.ts';
import { classifyModelCode, isRetryable } from '../common/http.ts';
import { askedSession, contradiction, type StatedSession } from './confirmation.ts';
import type { ModelTransport } from './connection.ts';
import type { ServerEvent } from './events.ts';
import { outputAudioClear, responseCancel, sessionUpdateMessage } from './messages.ts';
import type { LegFormat } from './options.ts';
import { formatMismatch, type StatedFormats } from './session.ts';

const UPDATE_ID = 'bridge_session_update';
/** How often the session is asked for before it is parted from: what was lost or refused once may be taken the second time. */
const MAX_ASKS = 2;
const MAX_FOREIGN = 64;

/**
 * One session's way to agreement: what it was asked to be, what it says it is, and what was said through it before the two were the same.
 * Nothing is heard of a session before `reached`, nor of a response that began before.
 */
export class Agreement {
  /** Whether the session was confirmed as it was asked for. */
  reached = false;
  /** Why the last request counts as not confirmed; undefined while nothing speaks against it. */
  doubt: BridgeError | undefined;
  /** How often the session was asked for. */
  asks = 0;
  readonly #format: LegFormat;
  #asked: StatedSession | undefined;
  /** The formats stated last: a later statement need not repeat them. */
  #formats: StatedFormats = { input: undefined, output: undefined };
  /** Responses that began before: in another format, with other instructions. True while one runs. */
  readonly #foreign = new Map<string, boolean>();

  constructor(format: LegFormat) {
    this.#format = format;
  }

  /** Whether a request is on its way that was neither confirmed nor refused. */
  get pending(): boolean {
    return this.asks > 0 && !this.reached;
  }

  /** The next request; throws why there is none, when it was refused or not answered often enough. */
  next(update: Readonly<Record<string, unknown>>): string {
    if (this.asks === MAX_ASKS) throw this.doubt ?? unconfirmed('it does not answer', false);
    this.#asked ??= askedSession(update);
    this.doubt = undefined;
    this.asks++;
    return sessionUpdateMessage(this.asks === 1 ? UPDATE_ID : `${UPDATE_ID}_${this.asks}`, update);
  }

  /**
   * The server stated its session; `confirming` in answer to a request. Returns the error of a session that was agreed upon and is another
   * now: MODEL_FORMAT_MISMATCH, or MODEL_SESSION_UNCONFIRMED (which a new session may mend).
   */
  stated(session: StatedSession, confirming: boolean, transport: ModelTransport): BridgeError | undefined {
    const { input, output } = session.formats;
    this.#formats = { input: input ?? this.#formats.input, output: output ?? this.#formats.output };
    // What comes before the request is about the session as it was.
    if (!confirming || this.#asked === undefined) return undefined;
    // Over WebRTC the SDP decided the codec, and what the session states about formats means nothing.
    const mismatch = transport === 'websocket' ? formatMismatch(this.#format, this.#formats) : undefined;
    const other = mismatch ?? contradiction(this.#asked, session);
    if (other === undefined) {
      this.reached = true;
      return undefined;
    }
    const error =
      mismatch === undefined ? unconfirmed(other, this.reached) : new BridgeError('MODEL_FORMAT_MISMATCH', mismatch);
    if (this.reached) return error;
    this.doubt = error;
    return undefined;
  }

  /** The session was asked for a change, after it was confirmed: it is held to that from now on. */
  amend(update: Readonly<Record<string, unknown>>): void {
    if (this.#asked !== undefined) this.#asked = { ...this.#asked, turnDetection: askedSession(update).turnDetection };
  }

  /** Whether an error that names this event is about a request for the session. */
  names(eventId: string | null | undefined): boolean {
    return eventId?.startsWith(UPDATE_ID) ?? false;
  }

  /** A request was refused. Returns the error when asking again would be of no use: a plain refusal that names the request. */
  refused(
    error: { code?: string | null | undefined; type?: string | null | undefined },
    words: string,
    named: boolean,
  ) {
    const classified = classifyModelCode(error.code, error.type);
    const code = classified ?? 'MODEL_REJECTED';
    this.doubt = new BridgeError(code, words, { retryable: isRetryable(code) });
    return named && classified === undefined ? this.doubt : undefined;
  }

  /** Whether the event is of a response that began before the session was confirmed: then nobody may hear of it. */
  isForeign(event: ServerEvent): boolean {
    if (this.reached && this.#foreign.size === 0) return false;
    const id = responseIdOf(event);
    if (id === undefined) return !this.reached;
    if (!this.reached) {
      if (this.#foreign.size < MAX_FOREIGN || this.#foreign.has(id))
        this.#foreign.set(id, event.type !== 'response.done');
      return true;
    }
    return this.#foreign.has(id);
  }

  /** What silences such responses once the session is confirmed. */
  *silence(transport: ModelTransport): Generator<string> {
    for (const [id, runs] of this.#foreign) if (runs) yield responseCancel(id);
    // Over WebRTC what was generated lies in the server's buffer.
    if (this.#foreign.size > 0 && transport === 'webrtc') yield outputAudioClear();
  }
}

function unconfirmed(why: string, retryable: boolean): BridgeError {
  return new BridgeError(
    'MODEL_SESSION_UNCONFIRMED',
    `the model does not hold the session that was asked for: ${why}`,
    {
      retryable,
    },
  );
}

/** The response that an event is about; undefined for one that is about none. */
function responseIdOf(event: ServerEvent): string | undefined {
  if ('response_id' in event) return event.response_id;
  return 'response' in event ? event.response.id : undefined;
}
