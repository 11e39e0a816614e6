import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { AgentTransport } from '../../call/events.ts';
import type { Log } from '../../call/leg.ts';
import type { Ticker } from '../../call/ticker.ts';
import { errorCode, errorMessage } from '../../errors.ts';
import type { ConnectionHandlers, ModelConnection } from './connection.ts';
import { hasApiKeyHeader, type ResolvedOptions, rateOf, WEBRTC_SHARE } from './options.ts';
import { isBeta } from './session.ts';
import type { WebRtcConnectOptions } from './webrtc.ts';
import type { WebSocketConnectOptions } from './websocket.ts';

/**
 * Which transport carries the session: WebRTC where it can be had, else the WebSocket. Networks that block UDP are common and do not
 * change from call to call, so what one call found out spares the next ones the wait.
 */

const FIRST_BLOCK_MS = 60_000;
const LONGEST_BLOCK_MS = 15 * 60_000;
/** A trial that never reports back must not keep WebRTC closed. */
const TRIAL_MS = 15_000;

/** So many calls in a row must find WebRTC slow before the others are spared it. */
const STRIKES = 3;

/**
 * Remembers that WebRTC could not be had: for 60 s at first, twice as long each time it fails again, 15 min at most. When a period is
 * over one call tries, and the others stay on the WebSocket until it has. One failure that says that the way is closed is enough; what may be one
 * call's bad luck, or a way that is only slow, must be found three times in a row. Shared by the calls of a process; times are monotonic ms.
 */
export class TransportMemory {
  #failures = 0;
  #strikes = 0;
  #lastStrikeAt = Number.NEGATIVE_INFINITY;
  #blockedUntil = 0;
  #trial = false;
  #reason = '';
  #setUpMs = 0;

  /** Whether a call should try WebRTC now. While the last word was a failure, true for one call a period only. */
  allows(now: number): boolean {
    if (this.#failures === 0) return true;
    if (now < this.#blockedUntil) return false;
    this.#trial = true;
    this.#blockedUntil = now + TRIAL_MS;
    return true;
  }

  /** Whether the last word about WebRTC was a failure: a call that begins now is likely to end up on the WebSocket, even one that tries. */
  get doubtful(): boolean {
    return this.#failures > 0;
  }

  /** The error code of the last failure; empty when there was none. */
  get reason(): string {
    return this.#reason;
  }

  /** How long the last connection took, ms; 0 before the first. */
  get setUpMs(): number {
    return this.#setUpMs;
  }

  failed(now: number, reason: string): void {
    this.#reason = reason;
    // Calls that started together fail together: that is one finding, not many.
    if (now < this.#blockedUntil && !this.#trial) return;
    this.#trial = false;
    this.#blockedUntil = now + Math.min(LONGEST_BLOCK_MS, FIRST_BLOCK_MS * 2 ** this.#failures);
    this.#failures++;
  }

  /** A try that began at `startedAt` did not come to its end in time, or was refused; that says little about the way. */
  suspected(startedAt: number, now: number, reason: string): void {
    // Found at the same time by many, it is one finding.
    if (startedAt >= this.#lastStrikeAt) {
      this.#strikes++;
      this.#lastStrikeAt = now;
    }
    // What was closed stays closed: its trial has not shown that it is open.
    if (this.#strikes >= STRIKES || this.#failures > 0) this.failed(now, reason);
  }

  succeeded(setUpMs = 0): void {
    this.#failures = 0;
    this.#strikes = 0;
    this.#blockedUntil = 0;
    this.#trial = false;
    this.#reason = '';
    this.#setUpMs = setUpMs;
  }
}

/** How a connection is made; the fakes of the tests stand here. */
export interface Connectors {
  webrtc(options: WebRtcConnectOptions, handlers: ConnectionHandlers): Promise<ModelConnection>;
  websocket(options: WebSocketConnectOptions, handlers: ConnectionHandlers): Promise<ModelConnection>;
}

export interface ConnectRequest {
  readonly options: ResolvedOptions;
  readonly connectors: Connectors;
  /** The call's key; undefined where the deployment gives none. */
  readonly key: string | undefined;
  /** Overrides the options: after WebRTC broke in the call there is no use in trying it again. */
  readonly transport: AgentTransport;
  /** For both transports together, ms. */
  readonly budgetMs: number;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly signal: AbortSignal;
  readonly count: Count;
  readonly log: Log;
  /** Told before the second transport is tried. `reason` is an error code. */
  fallback(reason: string): void;
}

/** Errors that the other transport would meet too: a refused key, no money. */
const FINAL = new Set(['MODEL_AUTH', 'MODEL_QUOTA']);
/** Whether the other transport would meet the same error. */
export function isFinal(error: unknown): boolean {
  return FINAL.has(errorCode(error));
}

/** Errors that say nothing about the network between us and the model. */
const NOT_THE_NETWORK = new Set(['MODEL_RATE_LIMITED', 'MODEL_UNAVAILABLE', 'MODEL_PROTOCOL']);
/** Errors of one call's request, or of a way that is slow: they must come again and again before other calls are spared WebRTC. */
const SUSPICIOUS = new Set(['MODEL_TIMEOUT', 'MODEL_REJECTED', 'PEER_TOO_SLOW']);

/**
 * Connects. `makeHandlers` is asked once for each try, so that what a failed transport still says reaches nobody. Rejects with the error
 * of the last transport tried, or the signal's reason.
 */
export async function connectModel(
  request: ConnectRequest,
  makeHandlers: (transport: AgentTransport) => ConnectionHandlers,
): Promise<ModelConnection> {
  const { options, clock } = request;
  const started = clock.now();
  const common = {
    baseUrl: options.baseUrl,
    headers: options.headers,
    key: bearer(request),
    model: options.model,
    signal: request.signal,
    clock,
    count: request.count,
    log: request.log,
  };
  if (request.transport === 'webrtc') {
    const memory = options.memory;
    const timeoutMs = Math.min(options.limits.webrtcMs, request.budgetMs * WEBRTC_SHARE);
    let reason = memory?.reason ?? '';
    if (memory !== undefined && memory.setUpMs > timeoutMs) {
      // A reconnect has less time than a start: what took longer than that before is not begun.
      reason = 'PEER_TOO_SLOW';
    } else if (memory === undefined || memory.allows(started)) {
      try {
        const connection = await request.connectors.webrtc(
          {
            ...common,
            headers: { ...common.headers },
            standardKey: standardBearer(options),
            sdpApi: options.sdpApi,
            iceServers: [...options.iceServers],
            sourceRate: rateOf(options.format),
            ...(options.portRange === undefined ? {} : { portRange: options.portRange }),
            timeoutMs,
            ticker: request.ticker,
            ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
          },
          makeHandlers('webrtc'),
        );
        memory?.succeeded(clock.now() - started);
        return connection;
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        reason = errorCode(error);
        if (isFinal(error)) throw error;
        if (SUSPICIOUS.has(reason)) memory?.suspected(started, clock.now(), reason);
        else if (!NOT_THE_NETWORK.has(reason)) memory?.failed(clock.now(), reason);
        request.log.warn({ code: reason, reason: errorMessage(error) }, 'no WebRTC, falling back to the WebSocket');
      }
    }
    request.fallback(reason);
  }
  const left = request.budgetMs - (clock.now() - started);
  return request.connectors.websocket(
    {
      ...common,
      format: options.format,
      beta: isBeta(options),
      timeoutMs: Math.max(options.limits.socketMinMs, left),
    },
    makeHandlers('websocket'),
  );
}

/** The bearer of the session: the call's key, or the standard key; empty where the deployment's own key header stands in its place. */
function bearer(request: ConnectRequest): string {
  return request.key ?? standardBearer(request.options);
}

function standardBearer(options: ResolvedOptions): string {
  return hasApiKeyHeader(options.headers) ? '' : options.apiKey;
}
