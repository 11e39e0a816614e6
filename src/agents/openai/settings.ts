import { z } from 'zod';
import { csv, flag, headerMap, integer, textMap, webUrl } from '../../settings.ts';
import type { SettingsOf } from '../kind.ts';

/*
 * Where the model is, and what a session of it can be told beyond who speaks in it. What is not set is not sent, and stays as the model has it.
 */

/** Unless it is set, ms. */
const ANSWER_RETRY_MS = 15_000;
const EFFORTS = ['minimal', 'low', 'medium', 'high', 'xhigh'] as const;
const share = (text: string) => /^(0|1|0?\.\d+|1\.0+)$/.test(text);

/** Voices of the model's own. https://platform.openai.com/docs/guides/realtime-conversations#voice-options */
export const VOICES = [
  'marin',
  'cedar',
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'sage',
  'shimmer',
  'verse',
] as const;

/** Its share of the daemon's one schema of settings. Keys are kept out of every log. */
export const openAiSettings = {
  /** Who answers, where it is, how it listens and speaks. */
  session: {
    OPENAI_API_KEY: z
      .string()
      .optional()
      .describe(
        'Standard API key. Without it (and without OPENAI_BASE_URL) calls are answered by the embedded simulated model.',
      ),
    OPENAI_BASE_URL: webUrl
      .optional()
      .describe(
        'Where the Realtime API is: governs the key, SDP and WebSocket requests alike (http gives ws). A query string is kept, so Azure-style and self-hosted endpoints fit. Default https://api.openai.com/v1.',
      ),
    OPENAI_HEADERS: headerMap
      .default({})
      .describe(
        'More headers for every request to the model, as a JSON object, e.g. {"api-key":"..."} for Azure-style endpoints.',
      ),
    OPENAI_REALTIME_MODEL: z.string().min(1).default('gpt-realtime-2.1').describe('Model (or deployment) name.'),
    OPENAI_VOICE: z
      .string()
      .min(1)
      .default('marin')
      .describe('Voice of the agent, where its prompt names none: a name, or the id of a custom voice (voice_...).'),
    OPENAI_TRANSCRIPTION_MODEL: z
      .string()
      .optional()
      .describe(
        "Model that writes down the caller's words, which is billed beside the agent's; off: only the agent's words are known. Without it gpt-4o-mini-transcribe, the cheapest (some $0.003 a minute of the caller's speech by OpenAI's list), and off where OPENAI_BASE_URL leads elsewhere, whose models nobody here knows.",
      ),
    OPENAI_REASONING_EFFORT: z
      .enum(EFFORTS)
      .optional()
      .describe(
        "How much a reasoning model (gpt-realtime-2 and later) thinks before it speaks; more is slower. Without it the model's own. A prompt may set its own, as for all settings of this kind below.",
      ),
    OPENAI_PARALLEL_TOOL_CALLS: flag
      .optional()
      .describe("Whether a reasoning model may call several tools at once. Without it the model's own."),
    OPENAI_MAX_OUTPUT_TOKENS: z
      .string()
      .refine((s) => s === 'inf' || (/^\d+$/.test(s) && Number(s) >= 1 && Number(s) <= 4_096), {
        message: 'must be a whole number from 1 to 4096, or inf',
      })
      .transform((s) => (s === 'inf' ? ('inf' as const) : Number(s)))
      .optional()
      .describe('Most tokens of one answer, calls of tools included; an answer that is longer is cut off.'),
    OPENAI_TRUNCATION: z
      .string()
      .refine((s) => s === 'auto' || s === 'disabled' || share(s), 'must be auto, disabled, or a share from 0 to 1')
      .transform((s) => (share(s) ? Number(s) : (s as 'auto' | 'disabled')))
      .optional()
      .describe(
        "What becomes of a call that outgrows the model's window: auto, disabled (an error), or the share of the conversation that is kept, e.g. 0.8, which costs less in long calls.",
      ),
    OPENAI_TRUNCATION_TOKENS: integer(1, 1_000_000)
      .optional()
      .describe('With a share as OPENAI_TRUNCATION: most tokens of conversation behind the instructions.'),
    OPENAI_TRANSCRIPTION_PROMPT: z
      .string()
      .optional()
      .describe("A text that guides how the caller's words are written down, where the transcription model takes one."),
    OPENAI_TRANSCRIPTION_KEYWORDS: csv
      .default([])
      .describe('Words that callers are likely to say, comma-separated: names, products. For models that take them.'),
    OPENAI_TRANSCRIPTION_LANGUAGES: csv
      .refine((list) => list.every((code) => /^[a-z]{2}$/.test(code)), 'must be languages in two letters, e.g. en,es')
      .default([])
      .describe(
        "Languages that callers may speak, in two letters, comma-separated, for models that take several. A prompt's own language stands over them.",
      ),
    OPENAI_TRANSCRIPTION_DELAY: z
      .enum(EFFORTS)
      .optional()
      .describe('How long the transcription model waits for certainty, where it can: more is better and later.'),
    OPENAI_PROMPT_ID: z
      .string()
      .optional()
      .describe(
        'Id of a prompt that is kept with the vendor (pmpt_...). What our own prompt says stands over its instructions.',
      ),
    OPENAI_PROMPT_VERSION: z.string().optional().describe('Its version; without it the current one.'),
    OPENAI_PROMPT_VARIABLES: textMap
      .default({})
      .describe('Values for its variables, as a JSON object of texts, e.g. {"city":"Boston"}.'),
    OPENAI_KEY_API: z
      .enum(['client_secrets', 'sessions', 'none'])
      .default('client_secrets')
      .describe(
        "How a call's short-lived key is got: client_secrets (today's API), sessions (older deployments), none (the standard key is used as it is, for self-hosted endpoints).",
      ),
    OPENAI_SDP_API: z
      .enum(['calls', 'realtime'])
      .default('calls')
      .describe('Where a WebRTC offer is posted: calls (/realtime/calls) or realtime (the older /realtime?model=).'),
    OPENAI_KEY_TTL_SECONDS: integer(10, 7_200).default(60).describe("Life of a call's short-lived key, seconds."),
    GREETING: z
      .string()
      .default('on')
      .describe('Whether the agent speaks first: on (as its prompt says), off, or the words it should greet with.'),
    TURN_DETECTION: z
      .enum(['server_vad', 'semantic_vad'])
      .default('server_vad')
      .describe("How the model finds the end of the caller's turn: by silence, or by meaning."),
  },
  /** How long a caller waits for an answer. */
  answers: {
    ANSWER_FILLER_MS: integer(500, 20_000)
      .default(2_500)
      .describe(
        'How long a caller waits for an answer before that is heard, ms; it is heard again while the wait goes on.',
      ),
    ANSWER_RETRY_MS: integer(3_000, 120_000)
      .default(ANSWER_RETRY_MS)
      .describe(
        'How long an answer that has begun may put out nothing before it is cancelled and asked for again, ms: as long as a healthy model may think.',
      ),
    ANSWER_LIMIT_MS: integer(5_000, 300_000)
      .default(30_000)
      .describe(
        'How long a caller may hear no answer at all, ms, from the end of what he said, however often it was asked for; then the call ends with the apology and the fallback.',
      ),
  },
  /** The transport, and what is particular to WebRTC. */
  transport: {
    USE_WEBRTC: flag
      .default(true)
      .describe(
        'true: WebRTC to the model, falling back to the WebSocket when it cannot be had; false: the WebSocket alone.',
      ),
  },
  webrtc: {
    WEBRTC_TIMEOUT_MS: integer(500, 20_000)
      .default(4_000)
      .describe(
        'How long WebRTC to the model may take to be up, ms; then the WebSocket is tried. The default fits a round trip of 300 ms. Where the offer is answered quickly and nothing comes of the media, the WebSocket is tried after 2 s.',
      ),
  },
};

/** What the settings say of it. */
export type OpenAiSettings = SettingsOf<typeof openAiSettings>;

/** Settings that only today's API knows: a session of the beta is refused for them. */
const GA_ALONE = [
  'OPENAI_REASONING_EFFORT',
  'OPENAI_PARALLEL_TOOL_CALLS',
  'OPENAI_TRUNCATION',
  'OPENAI_TRANSCRIPTION_KEYWORDS',
  'OPENAI_TRANSCRIPTION_LANGUAGES',
  'OPENAI_TRANSCRIPTION_DELAY',
  'OPENAI_PROMPT_ID',
] as const;

const isSet = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0);

/** What in these settings cannot be together, one line each. */
export function modelContradictions(config: OpenAiSettings): string[] {
  const problems: string[] = [];
  // Who only lowers the limit means that calls end sooner.
  if (config.ANSWER_RETRY_MS > config.ANSWER_LIMIT_MS && config.ANSWER_RETRY_MS !== ANSWER_RETRY_MS) {
    problems.push(
      'ANSWER_RETRY_MS: is above ANSWER_LIMIT_MS, at which the call ends: no answer would be asked for again. Lower it, or raise ANSWER_LIMIT_MS.',
    );
  }
  if (config.OPENAI_TRUNCATION_TOKENS !== undefined && typeof config.OPENAI_TRUNCATION !== 'number') {
    problems.push('OPENAI_TRUNCATION_TOKENS: needs a share as OPENAI_TRUNCATION, e.g. 0.8.');
  }
  if (config.OPENAI_PROMPT_ID === undefined) {
    if (config.OPENAI_PROMPT_VERSION !== undefined) problems.push('OPENAI_PROMPT_VERSION: needs OPENAI_PROMPT_ID.');
    if (Object.keys(config.OPENAI_PROMPT_VARIABLES).length > 0)
      problems.push('OPENAI_PROMPT_VARIABLES: needs OPENAI_PROMPT_ID.');
  }
  if (config.OPENAI_KEY_API === 'sessions') {
    for (const name of GA_ALONE)
      if (isSet(config[name]))
        problems.push(`${name}: is not known to the API of OPENAI_KEY_API=sessions. Leave it out.`);
    if (config.OPENAI_VOICE.startsWith('voice_'))
      problems.push(
        'OPENAI_VOICE: a custom voice is not known to the API of OPENAI_KEY_API=sessions. Name one of its own.',
      );
  }
  return problems;
}

/** The settings in the terms of an agent's options; what is not set is left out. */
export function sessionDefaults(config: OpenAiSettings) {
  const { OPENAI_TRUNCATION: truncation, OPENAI_PROMPT_ID: id, OPENAI_PROMPT_VARIABLES: variables } = config;
  return {
    ...(config.OPENAI_REASONING_EFFORT === undefined ? {} : { reasoningEffort: config.OPENAI_REASONING_EFFORT }),
    ...(config.OPENAI_PARALLEL_TOOL_CALLS === undefined
      ? {}
      : { parallelToolCalls: config.OPENAI_PARALLEL_TOOL_CALLS }),
    ...(config.OPENAI_MAX_OUTPUT_TOKENS === undefined ? {} : { maxOutputTokens: config.OPENAI_MAX_OUTPUT_TOKENS }),
    ...(truncation === undefined
      ? {}
      : {
          truncation:
            typeof truncation === 'number'
              ? { retentionRatio: truncation, postInstructionTokens: config.OPENAI_TRUNCATION_TOKENS }
              : truncation,
        }),
    ...(id === undefined
      ? {}
      : {
          storedPrompt: {
            id,
            version: config.OPENAI_PROMPT_VERSION,
            variables: Object.keys(variables).length === 0 ? undefined : variables,
          },
        }),
  };
}

/** OpenAI's cheapest: https://developers.openai.com/api/docs/pricing#transcription-and-speech-generation */
const CHEAPEST_TRANSCRIPTION = 'gpt-4o-mini-transcribe';

/** What turns the writing down of callers' words on, for operators. */
export const TRANSCRIPTION_CURE = `OPENAI_TRANSCRIPTION_MODEL names the model for it; ${CHEAPEST_TRANSCRIPTION} is the cheapest.`;

/** The model that writes callers' words down where a prompt names none; undefined: none does. */
export function defaultTranscription({
  OPENAI_TRANSCRIPTION_MODEL: named,
  OPENAI_BASE_URL,
}: Pick<OpenAiSettings, 'OPENAI_TRANSCRIPTION_MODEL' | 'OPENAI_BASE_URL'>): string | undefined {
  if (named !== undefined) return /^(off|false|no|0)$/i.test(named) ? undefined : named;
  return OPENAI_BASE_URL === undefined ? CHEAPEST_TRANSCRIPTION : undefined;
}

/** How callers' words are written down, where a prompt says nothing else. */
export function transcriptionDefaults(config: OpenAiSettings) {
  const { OPENAI_TRANSCRIPTION_KEYWORDS: keywords, OPENAI_TRANSCRIPTION_LANGUAGES: languages } = config;
  return {
    prompt: config.OPENAI_TRANSCRIPTION_PROMPT,
    keywords: keywords.length === 0 ? undefined : keywords,
    languages: languages.length === 0 ? undefined : languages,
    delay: config.OPENAI_TRANSCRIPTION_DELAY,
  };
}
