import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { type Check, type Finding, fail, pass, skip, warn } from '../../../doctor/check.ts';
import { BridgeError, errorMessage } from '../../../errors.ts';
import { quotedError, scrubQuoted } from '../../../log.ts';
import { openSocket } from '../../../transport/socket.ts';
import { classifyModelCode, codeOfStatus } from '../../common/http.ts';
import type { SharedSettings } from '../../kind.ts';
import { mintKey } from '../credentials.ts';
import { authHeaders, hasApiKeyHeader, type ResolvedOptions, resolveOptions } from '../options.ts';
import type { OpenAiSettings } from '../settings.ts';
import { socketUrl } from '../urls.ts';

/** The model: whether it takes the key, and whether its WebSocket opens. */

/** What the checks are made with. */
export interface ModelDeps {
  readonly config: OpenAiSettings & SharedSettings;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

/** Where the model is, and the key that was got for the checks after this one. */
export interface Model {
  readonly options: ResolvedOptions;
  /** Whether it is the simulated model, for want of a key. */
  readonly embedded: boolean;
  /** Bearer of a session; undefined until the key was got, '' where the deployment needs none. */
  key: string | undefined;
}

/** Tries, pauses included; below a check's own limit, so that its reason is told. */
const BUDGET_MS = 8_000;
const SOCKET_MS = 5_000;
const FIRST_EVENT_MS = 4_000;

const nothing = () => {};
const silent: Log = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silent,
};

const ADVICE: Partial<Record<string, string>> = {
  CONFIG_INVALID: 'Set OPENAI_API_KEY, or OPENAI_KEY_API=none for an endpoint that needs no key.',
  MODEL_AUTH: 'Put a key of a project with Realtime access into OPENAI_API_KEY.',
  MODEL_QUOTA: 'Add credit to the account, or raise the limit of its project.',
  MODEL_RATE_LIMITED: 'Wait, or raise the rate limit of the project.',
  MODEL_REJECTED: 'Check OPENAI_REALTIME_MODEL, OPENAI_VOICE and OPENAI_KEY_API: the key is taken, the session is not.',
  MODEL_UNAVAILABLE: 'Check OPENAI_BASE_URL, DNS, and that this machine may open TCP connections to port 443.',
  MODEL_TIMEOUT: 'Check that this machine may open TCP connections to port 443 of the model’s API.',
  PEER_SDP_INVALID: 'OPENAI_BASE_URL and OPENAI_SDP_API lead to something whose answer is no WebRTC session.',
  PEER_UNAVAILABLE: 'Run npm ci on a platform that the WebRTC library has a binary for, or set USE_WEBRTC=false.',
  MODEL_SESSION_LOST: 'Check OPENAI_REALTIME_MODEL, and that nothing in between ends WebSockets.',
  MODEL_PROTOCOL: 'OPENAI_BASE_URL leads to something that is not the Realtime API.',
};

/** The finding for an error of the model's API. */
export function modelFailure(error: unknown): Finding {
  const code = error instanceof BridgeError ? error.code : 'INTERNAL';
  return fail(`${code}: ${errorMessage(error)}`, ADVICE[code] ?? 'See docs/errors.md for this code.');
}

/** The model as the settings have it, or the one at `embeddedUrl`. Throws CONFIG_INVALID. */
export function modelOf({ config, fetch }: ModelDeps, embeddedUrl: string | undefined): Model {
  const options = resolveOptions({
    apiKey: embeddedUrl === undefined ? (config.OPENAI_API_KEY ?? '') : 'sk-embedded',
    ...(embeddedUrl !== undefined
      ? { baseUrl: embeddedUrl }
      : config.OPENAI_BASE_URL === undefined
        ? {}
        : { baseUrl: config.OPENAI_BASE_URL }),
    headers: config.OPENAI_HEADERS,
    keyApi: config.OPENAI_KEY_API,
    keyTtlSeconds: config.OPENAI_KEY_TTL_SECONDS,
    sdpApi: config.OPENAI_SDP_API,
    model: config.OPENAI_REALTIME_MODEL,
    voice: config.OPENAI_VOICE,
    iceServers: config.ICE_SERVERS,
    ...(config.RTC_PORT_RANGE === undefined ? {} : { portRange: config.RTC_PORT_RANGE }),
    fetch,
  });
  return { options, embedded: embeddedUrl !== undefined, key: undefined };
}

export function modelChecks(deps: ModelDeps, model: Model): Check[] {
  return [
    { name: 'model key', run: (signal) => key(deps, model, signal) },
    { name: 'model websocket', run: (signal) => socket(deps, model, signal) },
  ];
}

async function key({ config, clock }: ModelDeps, model: Model, signal: AbortSignal): Promise<Finding> {
  const { options } = model;
  try {
    const minted = await mintKey(options, { clock, signal, count: nothing, log: silent, budgetMs: BUDGET_MS });
    // Where there are no keys of calls, the standard one opens sessions, or a header of the deployment's own.
    model.key = minted ?? (hasApiKeyHeader(options.headers) ? '' : options.apiKey);
    if (minted === undefined) return skip('OPENAI_KEY_API=none: the key is first used by the next check');
  } catch (error) {
    return modelFailure(error);
  }
  if (model.embedded)
    return warn(
      'OPENAI_API_KEY is not set: the embedded simulated model answers, and is what is checked here',
      'Set OPENAI_API_KEY to be answered by the real model.',
    );
  return pass(`${new URL(options.baseUrl).host} gave a short-lived key for ${config.OPENAI_REALTIME_MODEL}`);
}

async function socket({ config, clock }: ModelDeps, model: Model, signal: AbortSignal): Promise<Finding> {
  const { options } = model;
  if (model.key === undefined) return skip('needs the model key');
  const first = Promise.withResolvers<FirstEvent>();
  try {
    const open = await openSocket(
      socketUrl(options.baseUrl, { model: config.OPENAI_REALTIME_MODEL }),
      {
        text: (data) => first.resolve(firstEvent(data.toString())),
        binary: nothing,
        close: (code) =>
          first.reject(new BridgeError('MODEL_SESSION_LOST', `it closed with ${code} before the session began`)),
      },
      {
        headers: {
          ...authHeaders(options, model.key),
          ...(options.keyApi === 'sessions' ? { 'OpenAI-Beta': 'realtime=v1' } : {}),
        },
        connectTimeoutMs: SOCKET_MS,
        maxMessageBytes: 1024 * 1024,
        pingIntervalMs: 0,
        clock,
        signal,
      },
    );
    first.promise.catch(nothing);
    const late = clock.after(FIRST_EVENT_MS, () =>
      first.reject(new BridgeError('MODEL_TIMEOUT', 'it opened, and no event came')),
    );
    signal.addEventListener('abort', () => open.terminate(), { once: true });
    const event = await first.promise.finally(() => {
      late.cancel();
      open.close();
    });
    if (event.type === 'session.created') return pass('a session was opened');
    if (event.type === 'error') return modelFailure(event.error);
    return fail(`MODEL_PROTOCOL: the session began with "${event.type}"`, ADVICE['MODEL_PROTOCOL'] ?? '');
  } catch (error) {
    return socketFailure(error);
  }
}

/** A handshake's failure in the model's terms, as calls report it. */
function socketFailure(error: unknown): Finding {
  if (!(error instanceof BridgeError)) return modelFailure(error);
  if (error.code === 'SOCKET_CONNECT_TIMEOUT') return modelFailure(new BridgeError('MODEL_TIMEOUT', error.message));
  if (error.code === 'SOCKET_CONNECT_FAILED')
    return modelFailure(new BridgeError('MODEL_UNAVAILABLE', scrubQuoted(error.message)));
  if (error.code !== 'SOCKET_REFUSED') return modelFailure(error);
  const { status = 0 } = error;
  const found = modelFailure(new BridgeError(codeOfStatus(status), error.message));
  // The key was taken a moment ago over HTTP: what answers a handshake with a page or a redirect is something in between.
  if (status < 400 || status === 426)
    return {
      ...found,
      advice:
        'Something in between takes the handshake for a plain request: let proxies and firewalls pass WebSockets (Upgrade) to the model’s API.',
    };
  if (status === 404)
    return {
      ...found,
      advice: 'Check OPENAI_REALTIME_MODEL and OPENAI_BASE_URL: there is no WebSocket at this address.',
    };
  return found;
}

interface FirstEvent {
  readonly type: string;
  /** Of an `error` event. */
  readonly error?: BridgeError;
}

function firstEvent(json: string): FirstEvent {
  try {
    const { type, error } = JSON.parse(json) as { type?: unknown; error?: Record<string, unknown> };
    if (type !== 'error') return { type: String(type).slice(0, 60) };
    const [code, kind, message] = [error?.['code'], error?.['type'], error?.['message']].map((part) =>
      typeof part === 'string' ? part : undefined,
    );
    const words = quotedError(code ?? kind, message);
    return {
      type: 'error',
      error: new BridgeError(classifyModelCode(code, kind) ?? 'MODEL_REJECTED', `the session is refused (${words})`),
    };
  } catch {
    return { type: 'something that is not JSON' };
  }
}
