import { BridgeError } from '../../errors.ts';
import type { AudioForm } from '../../media/form.ts';
import type { IceServer } from '../../transport/peer.ts';
import type { ModelTransport } from './connection.ts';
import type { TransportMemory } from './transport-memory.ts';
import { DEFAULT_BASE_URL, restUrl } from './urls.ts';

/** What an OpenAI Realtime agent is made of. One object serves one call; it is checked when the agent is made, not when it is used. */

/** Which API gives the key of a call: GA, the older beta, or none (the standard key goes to the session itself: self-hosted endpoints). */
export type KeyApi = 'client_secrets' | 'sessions' | 'none';

/** Form of the leg's audio; linear is 16-bit little endian at 24 kHz. */
export type LegFormat = AudioForm;

/** Turn detection by the server; what is left out keeps the server's default. Times in ms. */
export type TurnDetection =
  | {
      readonly type: 'server_vad';
      /** 0 to 1. */
      readonly threshold?: number;
      readonly prefixPaddingMs?: number;
      readonly silenceDurationMs?: number;
      readonly idleTimeoutMs?: number;
      readonly createResponse?: boolean;
      readonly interruptResponse?: boolean;
    }
  | {
      readonly type: 'semantic_vad';
      readonly eagerness?: 'low' | 'medium' | 'high' | 'auto';
      readonly createResponse?: boolean;
      readonly interruptResponse?: boolean;
    };

/** How much a model that can does think before it speaks. */
export type ReasoningEffort = 'minimal' | 'low' | 'medium' | 'high' | 'xhigh';

/** What becomes of a conversation that outgrows the model's window: the server's way, an error, or a share (0 to 1) of it is kept. */
export type Truncation =
  | 'auto'
  | 'disabled'
  /** `postInstructionTokens`: most tokens of conversation behind the instructions before that happens. */
  | { readonly retentionRatio: number; readonly postInstructionTokens?: number | undefined };

/** How the caller's words are written down; languages are ISO 639-1. Which of these a model takes is its own affair. */
export interface Transcription {
  readonly model: string;
  readonly language?: string | undefined;
  readonly languages?: readonly string[] | undefined;
  readonly prompt?: string | undefined;
  readonly keywords?: readonly string[] | undefined;
  readonly delay?: ReasoningEffort | undefined;
}

/** A prompt that is kept with the model's vendor, in place of instructions or beside them. */
export interface StoredPrompt {
  readonly id: string;
  readonly version?: string | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** A function the model may call, as the API takes it; `parameters` is a JSON schema. */
export interface FunctionTool {
  readonly type: 'function';
  readonly name: string;
  readonly description?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** Time limits, ms. */
export interface Budgets {
  /** For the key, retries included. */
  readonly keyMs: number;
  /** For WebRTC to be up: SDP answered, connected, data channel open. Then the WebSocket is tried. */
  readonly webrtcMs: number;
  /** For both transports together; the WebSocket gets what is left, but never less than `socketMinMs`. */
  readonly connectMs: number;
  readonly socketMinMs: number;
  /** For `session.created`, and for `session.updated` each of the two times that it is asked for; then the session is parted from. */
  readonly sessionMs: number;
  /** For the whole start. */
  readonly startMs: number;
  /** For each reconnect: key, transport and session together. */
  readonly reconnectMs: number;
  readonly closeMs: number;
  /**
   * An answer is owed and nothing is heard: after the first the caller is to be told that it takes a moment (0: never); after the second it is
   * asked for again where no response has begun; after the third a response that has put out nothing is cancelled and asked for again; after
   * the last the agent gives up. All count from the caller's turn, the tool's result or the order, or from what was heard last.
   */
  readonly coverMs: number;
  readonly silentRetryMs: number;
  readonly slowRetryMs: number;
  readonly silentEndMs: number;
  /** An answer is complete, and nothing of it has been heard on a line that is silent: so long, then it counts as never said. */
  readonly unheardMs: number;
  /** A session's age at which it is replaced in the next silence, and at which it is replaced anyway. */
  readonly rolloverMs: number;
  readonly rolloverLatestMs: number;
}

export const DEFAULT_BUDGETS: Budgets = {
  keyMs: 4_000,
  // At a round trip of 300 ms: the offer's exchange takes up to 1.2 s, checks, DTLS and SCTP 1.5 s.
  webrtcMs: 4_000,
  connectMs: 3_000,
  socketMinMs: 2_000,
  sessionMs: 2_000,
  startMs: 9_000,
  reconnectMs: 3_000,
  closeMs: 2_000,
  coverMs: 2_500,
  silentRetryMs: 8_000,
  slowRetryMs: 15_000,
  silentEndMs: 30_000,
  unheardMs: 4_000,
  // The API ends a session at 60 min and has no resume: https://platform.openai.com/docs/guides/realtime-conversations.
  rolloverMs: 55 * 60_000,
  rolloverLatestMs: 59 * 60_000,
};

/** Of the time for both transports WebRTC may take this share: opening a WebSocket needs a few hundred milliseconds. */
export const WEBRTC_SHARE = 0.75;

/** The limits with what WebRTC may take beyond them added to those that hold it; what is set stays as it is. */
function budgets(transport: ModelTransport, set: Partial<Budgets> = {}): Budgets {
  const limits = { ...DEFAULT_BUDGETS, ...set };
  if (transport === 'websocket') return limits;
  const more = Math.max(0, limits.webrtcMs / WEBRTC_SHARE - limits.connectMs);
  return {
    ...limits,
    connectMs: set.connectMs ?? limits.connectMs + more,
    startMs: set.startMs ?? limits.startMs + more,
  };
}

/** How often a lost session is built again in a run, and how long a session must hold until one of these is forgiven, ms. */
export const MAX_RECONNECTS = 3;
export const RECONNECT_FORGIVEN_MS = 300_000;

export interface OpenAiAgentOptions {
  /** The standard key. May be empty only for `keyApi: 'none'` or when `headers` holds `api-key`. */
  readonly apiKey: string;
  /** Governs every request: key, SDP and WebSocket. A query string in it is part of every request. */
  readonly baseUrl?: string;
  /** On every request. An `api-key` here stands in place of `Authorization` with the standard key. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly keyApi?: KeyApi;
  /** Life of a call's key, seconds: 10 to 7200. */
  readonly keyTtlSeconds?: number;
  readonly model: string;
  /** A voice by name, or a custom one by its id (`voice_...`). */
  readonly voice?: string;
  readonly instructions?: string;
  readonly tools?: readonly FunctionTool[];
  /** The agent speaks first: with these words, or (`true`) as its instructions have it. */
  readonly greeting?: string | true | undefined;
  /** null turns it off: nobody then ends the caller's turn, so this is for tests and push-to-talk. */
  readonly turnDetection?: TurnDetection | null;
  readonly transcription?: Transcription | null;
  /** GA alone, as the three below. */
  readonly reasoningEffort?: ReasoningEffort;
  readonly parallelToolCalls?: boolean;
  readonly truncation?: Truncation;
  readonly storedPrompt?: StoredPrompt;
  /** Most tokens of one answer: 1 to 4096, or no limit. */
  readonly maxOutputTokens?: number | 'inf';
  readonly noiseReduction?: 'near_field' | 'far_field' | null;
  /** 0.25 to 1.5. */
  readonly speed?: number;
  /** The beta's alone, 0.6 to 1.2: `takesTemperature`. */
  readonly temperature?: number;
  readonly format?: LegFormat;
  readonly transport?: ModelTransport;
  /** Where the SDP offer goes: `POST /realtime/calls`, or the beta's `POST /realtime?model=`. */
  readonly sdpApi?: 'calls' | 'realtime';
  readonly iceServers?: readonly IceServer[];
  readonly portRange?: { readonly min: number; readonly max: number };
  /** Shared by all calls of a process: remembers that WebRTC could not be had. */
  readonly memory?: TransportMemory;
  readonly budgets?: Partial<Budgets>;
  readonly fetch?: typeof fetch;
  /** 0 to 1, for jitter. */
  readonly random?: () => number;
}

/** The options with every default filled in. */
export interface ResolvedOptions extends OpenAiAgentOptions {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly keyApi: KeyApi;
  readonly keyTtlSeconds: number;
  readonly format: LegFormat;
  readonly transport: ModelTransport;
  readonly sdpApi: 'calls' | 'realtime';
  readonly iceServers: readonly IceServer[];
  readonly limits: Budgets;
  readonly random: () => number;
}

/** Hz of a leg of this format. */
export function rateOf(format: LegFormat): number {
  return format === 'pcmu' ? 8_000 : 24_000;
}

/** Whether the server, left alone, answers when the caller stops speaking (its default), and stops when the caller starts. */
export function serverCreates(options: Pick<OpenAiAgentOptions, 'turnDetection'>): boolean {
  return options.turnDetection === null ? false : (options.turnDetection?.createResponse ?? true);
}

/** `silence_duration_ms` of the server's turn detection where it is not set. https://platform.openai.com/docs/guides/realtime-vad */
const SERVER_VAD_SILENCE_MS = 500;

/** The silence by which the server finds the end of a turn, ms; undefined where it is not a fixed one. */
export function turnSilenceMs({ turnDetection }: Pick<OpenAiAgentOptions, 'turnDetection'>): number | undefined {
  if (turnDetection === null || turnDetection?.type === 'semantic_vad') return undefined;
  return turnDetection?.silenceDurationMs ?? SERVER_VAD_SILENCE_MS;
}

/** With semantic turn detection the server waits so long at most, eagerness "low", ms. https://platform.openai.com/docs/guides/realtime-vad */
const SEMANTIC_VAD_MOST_MS = 8_000;
/** Beyond the silence that it waits for, the server has so long to tell of it, ms. */
const SPEECH_END_GRACE_MS = 2_000;

/** So long after the caller's last sound the server must have told the end of his turn, ms. */
export function speechEndMs(options: Pick<OpenAiAgentOptions, 'turnDetection'>): number {
  return (turnSilenceMs(options) ?? SEMANTIC_VAD_MOST_MS) + SPEECH_END_GRACE_MS;
}

/** The headers of a request made with a call's key, or (without one) with the standard key. */
export function authHeaders(
  options: Pick<ResolvedOptions, 'apiKey' | 'headers'>,
  callKey?: string,
): Record<string, string> {
  const bearer = callKey ?? (hasApiKeyHeader(options.headers) ? '' : options.apiKey);
  return bearer === '' ? { ...options.headers } : { ...options.headers, Authorization: `Bearer ${bearer}` };
}

/** Whether the deployment's own key header is among these (Azure's style). */
export function hasApiKeyHeader(headers: Readonly<Record<string, string>>): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'api-key');
}

/** Fills the defaults in. Throws CONFIG_INVALID, with the option's name, for what cannot work. */
export function resolveOptions(options: OpenAiAgentOptions): ResolvedOptions {
  const keyApi = options.keyApi ?? 'client_secrets';
  const headers = options.headers ?? {};
  const baseUrl = options.baseUrl ?? DEFAULT_BASE_URL;
  restUrl(baseUrl, 'realtime');
  const keyTtlSeconds = options.keyTtlSeconds ?? 60;
  check(options.model !== '', 'model must be named');
  check(keyApi === 'none' || options.apiKey !== '' || hasApiKeyHeader(headers), 'apiKey must be given');
  check(keyTtlSeconds >= 10 && keyTtlSeconds <= 7200, 'keyTtlSeconds must be 10 to 7200');
  const most = options.maxOutputTokens ?? 'inf';
  check(most === 'inf' || (Number.isInteger(most) && most >= 1 && most <= 4096), 'maxOutputTokens must be 1 to 4096');
  for (const [name, ms] of Object.entries(options.budgets ?? {})) {
    const least = name === 'coverMs' ? 0 : 1;
    check(
      ms === undefined || (ms >= least && ms < 2 ** 31),
      `budgets.${name} must be ${least} ms or more, and less than 24 days`,
    );
  }
  check(options.speed === undefined || (options.speed >= 0.25 && options.speed <= 1.5), 'speed must be 0.25 to 1.5');
  return {
    ...options,
    baseUrl,
    headers,
    keyApi,
    keyTtlSeconds,
    format: options.format ?? 'pcmu',
    transport: options.transport ?? 'webrtc',
    sdpApi: options.sdpApi ?? (keyApi === 'sessions' ? 'realtime' : 'calls'),
    iceServers: options.iceServers ?? [],
    limits: budgets(options.transport ?? 'webrtc', options.budgets),
    random: options.random ?? Math.random,
  };
}

function check(ok: boolean, message: string): void {
  if (!ok) throw new BridgeError('CONFIG_INVALID', `OpenAI agent: ${message}`);
}
