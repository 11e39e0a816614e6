import type { ModelTransport } from './connection.ts';
import {
  type LegFormat,
  type ResolvedOptions,
  rateOf,
  type Transcription,
  type Truncation,
  type TurnDetection,
} from './options.ts';

/**
 * The session as the model is asked to hold it, and the check that it does. GA nests what the beta held flat; which of the two a
 * deployment speaks follows from the API that gives it keys.
 * https://platform.openai.com/docs/api-reference/realtime-client-events/session/update
 */

type SessionOptions = Pick<
  ResolvedOptions,
  | 'model'
  | 'voice'
  | 'instructions'
  | 'tools'
  | 'turnDetection'
  | 'transcription'
  | 'noiseReduction'
  | 'speed'
  | 'temperature'
  | 'format'
  | 'keyApi'
  | 'reasoningEffort'
  | 'parallelToolCalls'
  | 'truncation'
  | 'storedPrompt'
  | 'maxOutputTokens'
>;

export interface AudioFormat {
  readonly type: string;
  readonly rate?: number | undefined;
}

/** The wire's name of the leg's format. PCM is 24 kHz, 16 bits, little endian; it has no other rate. */
export function wireFormat(format: LegFormat): AudioFormat {
  return format === 'pcmu' ? { type: 'audio/pcmu' } : { type: 'audio/pcm', rate: 24_000 };
}

/** Whether this deployment speaks the beta's flat session. */
export function isBeta(options: Pick<ResolvedOptions, 'keyApi'>): boolean {
  return options.keyApi === 'sessions';
}

/** The session for the request of a key: all but the audio format, which only the transport decides. Holds the model. */
export function keySession(options: SessionOptions): Record<string, unknown> {
  if (isBeta(options)) return { model: options.model, ...betaSession(options, undefined) };
  return { ...gaSession(options, undefined), model: options.model };
}

/**
 * The session for `session.update`. Without the model, which cannot change any more. The format is told on the WebSocket only: over
 * WebRTC the SDP decides it.
 */
export function sessionUpdate(options: SessionOptions, transport: ModelTransport): Record<string, unknown> {
  const format = transport === 'websocket' ? options.format : undefined;
  return isBeta(options) ? betaSession(options, format) : gaSession(options, format);
}

/**
 * The change of a session whose model is to hear and to answer nothing, or to answer again; undefined of one that answers nothing by itself anyway.
 */
export function quietUpdate(options: SessionOptions, quiet: boolean): Record<string, unknown> | undefined {
  if (options.turnDetection === null) return undefined;
  const usual: TurnDetection = options.turnDetection ?? { type: 'server_vad' };
  const answers = { createResponse: !quiet, interruptResponse: !quiet };
  const value = quiet ? { ...usual, ...answers } : { ...answers, ...usual };
  const detection = isBeta(options) ? betaTurnDetection(value) : turnDetection(value);
  // An answer to silence is one, too.
  if (quiet) delete detection?.['idle_timeout_ms'];
  return isBeta(options)
    ? { turn_detection: detection }
    : { type: 'realtime', audio: { input: { turn_detection: detection } } };
}

function gaSession(options: SessionOptions, legFormat: LegFormat | undefined): Record<string, unknown> {
  const format = legFormat === undefined ? {} : { format: wireFormat(legFormat) };
  const input = {
    ...format,
    ...(options.transcription === undefined ? {} : { transcription: transcription(options.transcription, false) }),
    ...(options.noiseReduction === undefined
      ? {}
      : { noise_reduction: options.noiseReduction === null ? null : { type: options.noiseReduction } }),
    ...(options.turnDetection === undefined ? {} : { turn_detection: turnDetection(options.turnDetection) }),
  };
  const output = {
    ...format,
    ...(options.voice === undefined
      ? {}
      : { voice: isCustomVoice(options.voice) ? { id: options.voice } : options.voice }),
    ...(options.speed === undefined ? {} : { speed: options.speed }),
  };
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    ...common(options),
    ...(options.reasoningEffort === undefined ? {} : { reasoning: { effort: options.reasoningEffort } }),
    ...(options.parallelToolCalls === undefined ? {} : { parallel_tool_calls: options.parallelToolCalls }),
    ...(options.maxOutputTokens === undefined ? {} : { max_output_tokens: options.maxOutputTokens }),
    ...(options.truncation === undefined ? {} : { truncation: truncation(options.truncation) }),
    ...(options.storedPrompt === undefined ? {} : { prompt: defined({ ...options.storedPrompt }) }),
    audio: { input, output },
  };
}

/**
 * Whether a session takes this temperature. The beta does, of 0.6 to 1.2 (https://platform.openai.com/docs/api-reference/realtime-beta-sessions); in GA there is
 * none any more, and a session that names it is refused.
 */
export function takesTemperature(options: Pick<ResolvedOptions, 'keyApi'>, temperature: number): boolean {
  return isBeta(options) && temperature >= 0.6 && temperature <= 1.2;
}

/** Without what the beta does not know: https://platform.openai.com/docs/api-reference/realtime-beta-sessions */
function betaSession(options: SessionOptions, legFormat: LegFormat | undefined): Record<string, unknown> {
  const format = legFormat === 'pcmu' ? 'g711_ulaw' : 'pcm16';
  return {
    modalities: ['audio', 'text'],
    ...common(options),
    ...(options.voice === undefined || isCustomVoice(options.voice) ? {} : { voice: options.voice }),
    ...(options.maxOutputTokens === undefined ? {} : { max_response_output_tokens: options.maxOutputTokens }),
    ...(options.speed === undefined ? {} : { speed: options.speed }),
    ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    ...(legFormat === undefined ? {} : { input_audio_format: format, output_audio_format: format }),
    ...(options.transcription === undefined
      ? {}
      : { input_audio_transcription: transcription(options.transcription, true) }),
    ...(options.noiseReduction === undefined
      ? {}
      : { input_audio_noise_reduction: options.noiseReduction === null ? null : { type: options.noiseReduction } }),
    ...(options.turnDetection === undefined ? {} : { turn_detection: betaTurnDetection(options.turnDetection) }),
  };
}

/** The beta knows no idle timeout, and refuses what it does not know. */
function betaTurnDetection(value: TurnDetection | null): Record<string, unknown> | null {
  const detection = turnDetection(value);
  delete detection?.['idle_timeout_ms'];
  return detection;
}

function common(options: SessionOptions): Record<string, unknown> {
  return {
    ...(options.instructions === undefined ? {} : { instructions: options.instructions }),
    ...(options.tools === undefined ? {} : { tools: options.tools, tool_choice: 'auto' }),
  };
}

/** Custom voices have ids, which no name of a voice begins like. */
function isCustomVoice(voice: string): boolean {
  return voice.startsWith('voice_');
}

function transcription(value: Transcription | null, beta: boolean): Record<string, unknown> | null {
  if (value === null) return null;
  const { model, language, prompt } = value;
  return defined(beta ? { model, language, prompt } : { ...value });
}

function truncation(value: Truncation): unknown {
  if (typeof value === 'string') return value;
  const { retentionRatio, postInstructionTokens } = value;
  return {
    type: 'retention_ratio',
    retention_ratio: retentionRatio,
    ...(postInstructionTokens === undefined ? {} : { token_limits: { post_instructions: postInstructionTokens } }),
  };
}

function defined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
}

function turnDetection(value: TurnDetection | null): Record<string, unknown> | null {
  if (value === null) return null;
  const replies = {
    ...(value.createResponse === undefined ? {} : { create_response: value.createResponse }),
    ...(value.interruptResponse === undefined ? {} : { interrupt_response: value.interruptResponse }),
  };
  if (value.type === 'semantic_vad') {
    return { type: value.type, ...(value.eagerness === undefined ? {} : { eagerness: value.eagerness }), ...replies };
  }
  return {
    type: value.type,
    ...(value.threshold === undefined ? {} : { threshold: value.threshold }),
    ...(value.prefixPaddingMs === undefined ? {} : { prefix_padding_ms: value.prefixPaddingMs }),
    ...(value.silenceDurationMs === undefined ? {} : { silence_duration_ms: value.silenceDurationMs }),
    ...(value.idleTimeoutMs === undefined ? {} : { idle_timeout_ms: value.idleTimeoutMs }),
    ...replies,
  };
}

/**
 * Largest session that is held over WebRTC, bytes as `channelBytes` counts them: libwebrtc takes messages of 256 KiB, and the server's own
 * events about the session hold it with more around it.
 */
export const MAX_CHANNEL_SESSION_BYTES = 248 * 1024;

/** What a text of JSON may come to on a data channel, bytes: the far end may escape all that is not ASCII (RFC 8259 section 7). */
export function channelBytes(json: string): number {
  let bytes = json.length;
  for (let i = 0; i < json.length; i++) if (json.charCodeAt(i) > 0x7f) bytes += 5;
  return bytes;
}

/** The formats a session states, GA or beta; undefined where it states none. */
export interface StatedFormats {
  readonly input: AudioFormat | undefined;
  readonly output: AudioFormat | undefined;
}

/**
 * Why the formats the model confirmed cannot carry the leg's audio, in words; undefined when they can or are not stated. A mismatch is
 * not a detail: 24 kHz samples read as mu-law are loud noise in the caller's ear.
 */
export function formatMismatch(format: LegFormat, stated: StatedFormats): string | undefined {
  const wanted = wireFormat(format);
  for (const side of ['input', 'output'] as const) {
    const got = stated[side];
    if (got === undefined) continue;
    // A format without a rate has the one rate there is.
    if (got.type !== wanted.type || (got.rate !== undefined && got.rate !== rateOf(format))) {
      return `the model's ${side} is ${spell(got)}, the leg's audio is ${spell(wanted)}`;
    }
  }
  return undefined;
}

function spell(format: AudioFormat): string {
  return format.rate === undefined ? format.type : `${format.type} at ${format.rate} Hz`;
}

/** Every spelling of the formats that is about: GA's, the beta's, and those of servers that speak the same protocol. */
const SPELLINGS: ReadonlyArray<readonly [RegExp, AudioFormat]> = [
  [/^(audio\/)?(pcmu|g711[_-]?(ulaw|mulaw)|(x-)?(mu-?law|ulaw)|basic)$/, { type: 'audio/pcmu' }],
  [/^(audio\/)?(pcma|g711[_-]?alaw|(x-)?a-?law)$/, { type: 'audio/pcma' }],
  [/^(audio\/)?(pcm16|pcm_s16le)$/, { type: 'audio/pcm', rate: 24_000 }],
  [/^(audio\/)?pcm$/, { type: 'audio/pcm' }],
];

/**
 * A stated format in GA's form: an object with type and rate, or a name (`g711_ulaw`, `audio/PCMU;rate=8000`). Undefined where nothing is
 * stated; what cannot be read stays as it is, so that it fits nothing.
 */
export function formatOf(stated: unknown): AudioFormat | undefined {
  if (stated === undefined || stated === null) return undefined;
  const { type, rate } = typeof stated === 'object' ? (stated as { type?: unknown; rate?: unknown }) : { type: stated };
  if (typeof type !== 'string') return { type: `unreadable (${JSON.stringify(stated).slice(0, 60)})` };
  const [name = '', ...parameters] = type.toLowerCase().replaceAll(' ', '').split(';');
  const known = SPELLINGS.find(([spelling]) => spelling.test(name))?.[1] ?? { type: name.slice(0, 60) };
  const said = rate ?? parameters.find((parameter) => parameter.startsWith('rate='))?.slice('rate='.length);
  return said === undefined || said === null ? known : { type: known.type, rate: Number(said) };
}
