import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { Log } from '../../call/leg.ts';
import type { Ticker } from '../../call/ticker.ts';
import { BridgeError, errorCode, errorMessage } from '../../errors.ts';
import { withRetry } from '../../transport/retry.ts';
import type { Drops } from '../common/drops.ts';
import type { ModelTransport } from './connection.ts';
import { mintKey } from './credentials.ts';
import { type Connectors, connectModel, isFinal } from './fallback.ts';
import { ModelSession } from './model-session.ts';
import type { ResolvedOptions } from './options.ts';
import { channelBytes, MAX_CHANNEL_SESSION_BYTES, sessionUpdate } from './session.ts';
import { type GivenIds, WireIds } from './wire-ids.ts';

/** From nothing to a confirmed session: key, transport, set-up; in a bounded time, with what may be tried again tried again. */

export interface EstablishRequest {
  readonly options: ResolvedOptions;
  readonly connectors: Connectors;
  readonly transport: ModelTransport;
  /** For everything together, ms. */
  readonly budgetMs: number;
  /** How often the whole is tried inside the budget. */
  readonly tries: number;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly signal: AbortSignal;
  readonly count: Count;
  readonly drops: Drops;
  readonly ids: GivenIds;
  readonly log: Log;
  /** WebRTC could not be had, the WebSocket is tried. `reason` is an error code. */
  fallback(reason: string): void;
}

const PAUSE_MS = 200;
/** With less time left no other try is begun, ms. */
const LEAST_TRY_MS = 500;
/** Of what is left, the key may take this share: the transport needs the rest. */
const KEY_SHARE = 0.6;

/** Rejects with the BridgeError of the last try (MODEL_TIMEOUT when the budget ran out), or the signal's reason. */
export async function establish(request: EstablishRequest): Promise<ModelSession> {
  const { clock, signal } = request;
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) throw signal.reason;
  signal.addEventListener('abort', onAbort, { once: true });
  const deadline = clock.now() + request.budgetMs;
  const timer = clock.after(request.budgetMs, () =>
    controller.abort(
      new BridgeError('MODEL_TIMEOUT', `no session with the model within ${request.budgetMs} ms`, { retryable: true }),
    ),
  );
  try {
    // A key has tries and a budget of its own: when they are used up, a caller has waited long enough.
    let keyed = false;
    let made = false;
    const once = () => {
      keyed = false;
      made = false;
      return establishOnce(request, controller.signal, deadline - clock.now(), (key) => {
        keyed = true;
        made = key !== undefined;
      });
    };
    const waitMs = (error: unknown, attempt: number) => {
      const again = keyed && attempt < request.tries && mayHelp(error, made && attempt === 1);
      const pause = Math.max(
        error instanceof BridgeError ? (error.retryAfterMs ?? 0) : 0,
        PAUSE_MS * attempt * (0.5 + request.options.random()),
      );
      if (controller.signal.aborted || !again || clock.now() + pause + LEAST_TRY_MS > deadline) return undefined;
      request.count('model_retry');
      return pause;
    };
    return await withRetry(once, { clock, signal: controller.signal, waitMs });
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Whether another try may help. A short-lived key that is refused although it was made a moment ago has expired on its way (a slow network,
 * clocks that differ): it says nothing of the key it was made with, and another one is made, once.
 */
function mayHelp(error: unknown, freshKey: boolean): boolean {
  if (!(error instanceof BridgeError)) return false;
  return error.retryable || (freshKey && error.code === 'MODEL_AUTH' && error.status === 401);
}

/** The transport to try first: a session that a data channel does not take goes over the WebSocket, for this call alone. */
function transportOf(request: EstablishRequest): ModelTransport {
  if (request.transport === 'websocket') return 'websocket';
  const bytes = channelBytes(JSON.stringify(sessionUpdate(request.options, 'webrtc')));
  if (bytes <= MAX_CHANNEL_SESSION_BYTES) return 'webrtc';
  const fields = { code: 'MODEL_SESSION_TOO_LARGE', bytes, most: MAX_CHANNEL_SESSION_BYTES };
  request.log.warn(fields, 'the session is too large for a data channel, taking the WebSocket');
  request.fallback('MODEL_SESSION_TOO_LARGE');
  return 'websocket';
}

async function establishOnce(
  request: EstablishRequest,
  signal: AbortSignal,
  leftMs: number,
  keyed: (key: string | undefined) => void,
): Promise<ModelSession> {
  const { options, clock, count, log } = request;
  const began = clock.now();
  const key = await mintKey(options, {
    clock,
    signal,
    count,
    log,
    budgetMs: Math.min(options.limits.keyMs, leftMs * KEY_SHARE),
  });
  keyed(key);
  const keyMs = clock.now() - began;
  /** The transport that connected, whatever was asked for. */
  let connected: ModelTransport | undefined;
  const open = (transport: ModelTransport) =>
    ModelSession.open({
      connect: (makeHandlers) =>
        connectModel(
          {
            options,
            connectors: request.connectors,
            key,
            transport,
            budgetMs: Math.min(options.limits.connectMs, leftMs - (clock.now() - began)),
            clock,
            ticker: request.ticker,
            signal,
            count,
            log,
            fallback: request.fallback,
          },
          makeHandlers,
        ),
      update: (transport) => {
        connected = transport;
        return sessionUpdate(options, transport);
      },
      format: options.format,
      waitMs: options.limits.sessionMs,
      clock,
      signal,
      drops: request.drops,
      ids: new WireIds(request.ids),
      log,
    });
  let session: ModelSession;
  try {
    session = await open(transportOf(request));
  } catch (error) {
    // A session that WebRTC reached and that is not held as it was asked for may be on the other way in; the line itself was good.
    if (connected !== 'webrtc' || signal.aborted || isFinal(error)) throw error;
    const code = errorCode(error);
    log.warn({ code, reason: errorMessage(error) }, 'no session over WebRTC, falling back to the WebSocket');
    request.fallback(code);
    session = await open('websocket');
  }
  log.info(
    {
      transport: session.transport,
      path: session.connection.toString(),
      keyMs: Math.round(keyMs),
      sessionMs: Math.round(clock.now() - began),
    },
    'session with the model is up',
  );
  return session;
}
