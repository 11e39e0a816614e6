import { connectProbe } from '../../admission/reach.ts';
import { SIMULATED_MODEL } from '../../call/events.ts';
import {
  type AgentCheckDeps,
  type AgentDeps,
  type AgentOrder,
  defineAgent,
  type OpenedAgent,
  type SharedSettings,
} from '../kind.ts';
import { embeddedModel, endpointOf, type ModelEndpoint } from './endpoint.ts';
import { createOpenAiAgent } from './index.ts';
import { keyRefusal } from './key-refusal.ts';
import { openAiLabels } from './labels.ts';
import type { OpenAiAgentOptions } from './options.ts';
import { type OpenAiPromptOptions, openAiOptions } from './prompt-options.ts';
import { inLanguage, promptedAgent } from './prompted.ts';
import { takesTemperature } from './session.ts';
import { longDescriptions, sessionLengths } from './session-size.ts';
import {
  defaultTranscription,
  modelContradictions,
  type OpenAiSettings,
  openAiSettings,
  sessionDefaults,
  TRANSCRIPTION_CURE,
  transcriptionDefaults,
  VOICES,
} from './settings.ts';
import { TransportMemory } from './transport-memory.ts';

/** How long the model's host may take to answer a look, ms. */
const PROBE_TIMEOUT_MS = 5_000;

type Settings = OpenAiSettings & SharedSettings;

/** OpenAI Realtime, and what speaks as it does. Where nothing names one, a simulated model on this machine answers. */
export const openAiAgent = defineAgent({
  name: 'openai',
  title: 'OpenAI',
  settings: openAiSettings,
  labels: openAiLabels,
  needsIceServers: false,
  bills: 'tokens',
  options: openAiOptions,
  problems: modelContradictions,
  secrets: ({ OPENAI_API_KEY, OPENAI_HEADERS }) => [OPENAI_API_KEY, ...Object.values(OPENAI_HEADERS)],
  review: ({ instructions, tools }) => sessionLengths(instructions, tools),
  reviewTools: longDescriptions,
  open: (settings, deps) => openOpenAi(settings, deps),
  async checks(settings, deps: AgentCheckDeps) {
    const { openAiChecks } = await import('./doctor/checks.ts');
    return openAiChecks(settings, deps);
  },
});

/** `webrtc`: what this process learnt about WebRTC to the model. */
export async function openOpenAi(
  settings: Settings,
  deps: AgentDeps,
  webrtc = new TransportMemory(),
): Promise<OpenedAgent<OpenAiPromptOptions>> {
  const embedded = await embeddedModel(settings, deps);
  const endpoint = endpointOf(settings, embedded);
  // What it stands in for is asked for all the same; whoever looks at its calls must not take them for that model's.
  const named = (model: string) => (endpoint.embedded ? SIMULATED_MODEL : model);
  return {
    model: named(settings.OPENAI_REALTIME_MODEL),
    about: aboutOf(settings, endpoint),
    simulated: endpoint.embedded,
    voices: VOICES,
    transcription: defaultTranscription(settings) ?? null,
    transcriptionCure: TRANSCRIPTION_CURE,
    modelOf: ({ model = settings.OPENAI_REALTIME_MODEL }) => named(model),
    create(order) {
      const { temperature } = order;
      const options = optionsOf(order, settings, endpoint, webrtc);
      const ignored = temperature !== undefined && options.temperature === undefined ? (['temperature'] as const) : [];
      return { leg: createOpenAiAgent(options), model: named(options.model), ignored };
    },
    ...(endpoint.embedded
      ? {}
      : { refusal: () => keyRefusal({ ...endpoint, headers: settings.OPENAI_HEADERS }, deps.clock) }),
    probe: connectProbe(new URL(endpoint.baseUrl), PROBE_TIMEOUT_MS),
    close: async () => embedded?.close(),
  };
}

function aboutOf(settings: Settings, { baseUrl, embedded }: ModelEndpoint): string {
  if (embedded)
    return 'Calls are answered by the EMBEDDED SIMULATED MODEL, since neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: it greets and says back what it hears.';
  const transport = settings.USE_WEBRTC ? 'WebRTC (WebSocket as fallback)' : 'the WebSocket';
  return `Calls are answered by ${settings.OPENAI_REALTIME_MODEL} at ${new URL(baseUrl).host}, over ${transport}.`;
}

/** What one call's agent is made of: the settings, over them the prompt, over that what the call itself brings. */
function optionsOf(
  { instructions, options, voice, temperature, language, tools, form }: AgentOrder<OpenAiPromptOptions>,
  settings: Settings,
  endpoint: ModelEndpoint,
  memory: TransportMemory,
): OpenAiAgentOptions {
  return {
    apiKey: endpoint.apiKey,
    baseUrl: endpoint.baseUrl,
    headers: settings.OPENAI_HEADERS,
    keyApi: settings.OPENAI_KEY_API,
    keyTtlSeconds: settings.OPENAI_KEY_TTL_SECONDS,
    sdpApi: settings.OPENAI_SDP_API,
    model: settings.OPENAI_REALTIME_MODEL,
    voice: settings.OPENAI_VOICE,
    ...sessionDefaults(settings),
    greeting: true,
    turnDetection: { type: settings.TURN_DETECTION },
    budgets: {
      webrtcMs: settings.WEBRTC_TIMEOUT_MS,
      coverMs: settings.ANSWER_FILLER_MS,
      slowRetryMs: settings.ANSWER_RETRY_MS,
      silentEndMs: settings.ANSWER_LIMIT_MS,
    },
    format: form,
    transport: settings.USE_WEBRTC ? 'webrtc' : 'websocket',
    iceServers: settings.ICE_SERVERS,
    ...(settings.RTC_PORT_RANGE === undefined ? {} : { portRange: settings.RTC_PORT_RANGE }),
    memory,
    ...promptedAgent(inLanguage(language, { instructions, options }), {
      transcriptionModel: defaultTranscription(settings),
      transcription: transcriptionDefaults(settings),
    }),
    ...greetingOver(settings.GREETING),
    ...(voice === undefined ? {} : { voice }),
    ...(temperature !== undefined && takesTemperature({ keyApi: settings.OPENAI_KEY_API }, temperature)
      ? { temperature }
      : {}),
    tools,
  };
}

/** The setting wins over the prompt when it says off or gives words; `on` leaves it to the prompt, or to the model. */
function greetingOver(setting: string): { greeting?: string | undefined } {
  if (/^(off|false|no|0)$/i.test(setting)) return { greeting: undefined };
  return /^(on|true|yes|1)$/i.test(setting) ? {} : { greeting: setting };
}
