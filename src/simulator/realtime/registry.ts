import { type Clock, systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { newId } from './ids.ts';
import { KeyStore } from './keys.ts';
import { paceOf, type RealtimeServerOptions, type SimulatorLog } from './options.ts';
import { SessionRecord } from './record.ts';
import { type Fault, faultsFor, type HttpEndpoint } from './scenario.ts';
import { statusError } from './service-error.ts';
import { Session, type SessionTransport } from './session.ts';
import type { SessionConfig } from './session-config.ts';

/** What a way in (WebSocket, WebRTC) knows of a session that it opens. */
export interface NewSession {
  readonly number: number;
  readonly faults: readonly Fault[];
  readonly config: SessionConfig;
  readonly beta: boolean;
  readonly kind: 'websocket' | 'webrtc';
  readonly callId?: string;
  readonly transport: SessionTransport;
  /** Told once, when the session is over. */
  readonly ended?: (reason: string) => void;
}

/** A connection as the registry holds it: how to end it when the server stops. */
export interface Closable {
  shutdown(): void;
}

export interface RealtimeStats {
  sessionsStarted: number;
  sessionsLive: number;
  keysMinted: number;
  responses: number;
  interruptions: number;
  /** Requests, upgrades and events that were answered with an error. */
  errors: number;
}

const ENDED_KEPT = 100;
const ENDED_KEPT_RECORDING = 2_000;

/** The live and the ended sessions of one server, and what they share: clock, media clock, keys, settings. */
export class Registry {
  readonly options: RealtimeServerOptions;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly keys: KeyStore;
  readonly log: SimulatorLog | undefined;
  readonly #records: SessionRecord[] = [];
  readonly #connections = new Set<Closable>();
  #closed = false;
  #sessionNumber = 0;
  #keyNumber = 0;
  readonly #httpNumbers = new Map<HttpEndpoint, number>();
  #refused = 0;
  #responses = 0;
  #interruptions = 0;
  #eventErrors = 0;

  constructor(options: RealtimeServerOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.ticker = options.ticker ?? new Ticker(this.clock);
    this.keys = new KeyStore(this.clock, options.apiKeys);
    this.log = options.log;
  }

  get records(): readonly SessionRecord[] {
    return this.#records;
  }

  get stats(): RealtimeStats {
    const sum = (of: (record: SessionRecord) => number) =>
      this.#records.reduce((total, record) => total + of(record), 0);
    return {
      sessionsStarted: this.#sessionNumber,
      sessionsLive: sum((record) => (record.live ? 1 : 0)),
      keysMinted: this.keys.minted,
      responses: this.#responses + sum((record) => record.responses),
      interruptions: this.#interruptions + sum((record) => record.interruptions),
      errors: this.#refused + this.#eventErrors + sum((record) => record.errors.length),
    };
  }

  /** Numbers the next session and finds its faults. Called before anything of it is answered. */
  nextSession(): { number: number; faults: Fault[] } {
    const number = ++this.#sessionNumber;
    return { number, faults: faultsFor(this.options.scenario?.faults ?? [], number) };
  }

  /** The faults of the next key request. */
  nextKey(): Fault[] {
    return faultsFor(this.options.scenario?.faults ?? [], ++this.#keyNumber);
  }

  /** The faults of the next request to one of the endpoints beside the Realtime API. */
  nextHttp(endpoint: HttpEndpoint): Fault[] {
    const number = (this.#httpNumbers.get(endpoint) ?? 0) + 1;
    this.#httpNumbers.set(endpoint, number);
    return faultsFor(this.options.scenario?.faults ?? [], number).filter(
      (fault) => 'endpoint' in fault && fault.endpoint === endpoint,
    );
  }

  /** Throws a ServiceError 503 once the server stops: what was delayed until then must not open a session that nobody ends. */
  requireOpen(): void {
    if (this.#closed) throw statusError(503);
  }

  noteRefused(): void {
    this.#refused++;
  }

  hold(connection: Closable): () => void {
    this.#connections.add(connection);
    return () => this.#connections.delete(connection);
  }

  create(entry: NewSession): Session {
    const id = newId('sess');
    const record = new SessionRecord(
      {
        id,
        number: entry.number,
        transport: entry.kind,
        model: entry.config.model,
        callId: entry.callId,
        dialect: entry.beta ? 'beta' : 'ga',
        startedAt: this.clock.wall(),
      },
      this.options.record ?? false,
    );
    this.#records.push(record);
    this.log?.info(
      { session: id, number: entry.number, transport: entry.kind, model: entry.config.model },
      'session opened',
    );
    return new Session({
      id,
      config: entry.config,
      beta: entry.beta,
      transport: entry.transport,
      record,
      clock: this.clock,
      ticker: this.ticker,
      pace: paceOf(this.options),
      faults: entry.faults,
      scenario: this.options.scenario,
      voice: this.options.voice,
      speak: this.options.speak,
      onEvent: this.options.onEvent,
      ended: (reason) => {
        this.log?.info({ session: id, reason, responses: record.responses }, 'session ended');
        this.#forgetOldest();
        entry.ended?.(reason);
      },
    });
  }

  /** Ends every connection. */
  shutdown(): void {
    this.#closed = true;
    for (const connection of [...this.#connections]) connection.shutdown();
    this.#connections.clear();
  }

  #forgetOldest(): void {
    const limit = this.options.record ? ENDED_KEPT_RECORDING : ENDED_KEPT;
    let ended = this.#records.filter((record) => !record.live).length;
    for (let i = 0; ended > limit && i < this.#records.length; ) {
      const record = this.#records[i]!;
      if (record.live) {
        i++;
        continue;
      }
      this.#records.splice(i, 1);
      // What leaves the list stays in the counts.
      this.#responses += record.responses;
      this.#interruptions += record.interruptions;
      this.#eventErrors += record.errors.length;
      ended--;
    }
  }
}
