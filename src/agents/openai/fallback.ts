import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { Log } from '../../call/leg.ts';
import type { Ticker } from '../../call/ticker.ts';
import { errorCode, errorMessage } from '../../errors.ts';
import type { ConnectionHandlers, ModelConnection, ModelTransport } from './connection.ts';
import { hasApiKeyHeader, type ResolvedOptions, rateOf, WEBRTC_SHARE } from './options.ts';
import { isBeta } from './session.ts';
import type { WebRtcConnectOptions } from './webrtc.ts';
import type { WebSocketConnectOptions } from './websocket.ts';

/** Which transport carries the session: WebRTC where it can be had, else the WebSocket. */

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
  readonly transport: ModelTransport;
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
  makeHandlers: (transport: ModelTransport) => ConnectionHandlers,
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
