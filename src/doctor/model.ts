import { mintKey } from '../agents/openai/credentials.ts';
import { authHeaders, hasApiKeyHeader, type ResolvedOptions, resolveOptions } from '../agents/openai/options.ts';
import { socketUrl } from '../agents/openai/urls.ts';
import type { Log } from '../call/leg.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { openSocket } from '../transport/socket.ts';
import { type Check, type DoctorDeps, type Finding, fail, pass, skip, warn } from './check.ts';

/** The model: whether it takes the key, and whether its WebSocket opens. */

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
const SOCKET_MS = 8_000;

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
  MODEL_PROTOCOL: 'OPENAI_BASE_URL leads to something that is not the Realtime API.',
};

/** The finding for an error of the model's API. */
export function modelFailure(error: unknown): Finding {
  const code = error instanceof BridgeError ? error.code : 'INTERNAL';
  return fail(`${code}: ${errorMessage(error)}`, ADVICE[code] ?? 'See docs/errors.md for this code.');
}

/** The model as the settings have it, or the one at `embeddedUrl`. Throws CONFIG_INVALID. */
export function modelOf({ config, fetch }: DoctorDeps, embeddedUrl: string | undefined): Model {
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

export function modelChecks(deps: DoctorDeps, model: Model): Check[] {
  return [
    { name: 'model key', run: (signal) => key(deps, model, signal) },
    { name: 'model websocket', run: (signal) => socket(deps, model, signal) },
  ];
}

async function key({ config, clock }: DoctorDeps, model: Model, signal: AbortSignal): Promise<Finding> {
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

async function socket({ config, clock }: DoctorDeps, model: Model, signal: AbortSignal): Promise<Finding> {
  const { options } = model;
  if (model.key === undefined) return skip('needs the model key');
  const created = Promise.withResolvers<string>();
  const text = (data: Buffer) => created.resolve(typeOf(data.toString()));
  try {
    const open = await openSocket(
      socketUrl(options.baseUrl, { model: config.OPENAI_REALTIME_MODEL }),
      { text, binary: nothing, close: (code) => created.reject(new Error(`closed with ${code} before it began`)) },
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
    created.promise.catch(nothing);
    signal.addEventListener('abort', () => open.terminate(), { once: true });
    const first = await created.promise.finally(() => open.close());
    if (first !== 'session.created') return fail(`the session began with "${first}"`, 'Check OPENAI_REALTIME_MODEL.');
    return pass('a session was opened');
  } catch (error) {
    return fail(errorMessage(error), 'Check that proxies and firewalls let WebSockets out to the model’s API.');
  }
}

function typeOf(json: string): string {
  try {
    return String((JSON.parse(json) as { type?: unknown }).type).slice(0, 60);
  } catch {
    return 'something that is not JSON';
  }
}
