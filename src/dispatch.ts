import type { TransportMemory } from './agents/openai/fallback.ts';
import { createOpenAiAgent } from './agents/openai/index.ts';
import type { LegFormat, OpenAiAgentOptions } from './agents/openai/options.ts';
import type { AgentLeg } from './call/leg.ts';
import type { Config } from './config.ts';
import type { IncomingCall } from './http/incoming-call.ts';

/** Where the model is and with what key it is asked. */
export interface ModelEndpoint {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Whether this is the embedded simulated model. */
  readonly embedded: boolean;
}

/** The form of audio in which an agent meets this carrier: its own law where it has one, the model's wideband rate where it can. */
export function formatFor(carrier: IncomingCall['carrier'], config: Config): LegFormat {
  return carrier === 'signalwire' && config.SIGNALWIRE_CODEC !== 'PCMU@8000h' ? 'pcm16' : 'pcmu';
}

function greetingOf(setting: string): string | true | undefined {
  if (/^(off|false|no|0)$/i.test(setting)) return undefined;
  return /^(on|true|yes|1)$/i.test(setting) ? true : setting;
}

/** Decides which agent answers a call, and makes it: from the settings of the process and what is known of the call. */
export function agentFor(
  incoming: Pick<IncomingCall, 'carrier'>,
  config: Config,
  endpoint: ModelEndpoint,
  memory: TransportMemory,
): AgentLeg {
  const options: OpenAiAgentOptions = {
    apiKey: endpoint.apiKey,
    baseUrl: endpoint.baseUrl,
    headers: config.OPENAI_HEADERS,
    keyApi: config.OPENAI_KEY_API,
    keyTtlSeconds: config.OPENAI_KEY_TTL_SECONDS,
    sdpApi: config.OPENAI_SDP_API,
    model: config.OPENAI_REALTIME_MODEL,
    voice: config.OPENAI_VOICE,
    instructions: config.OPENAI_INSTRUCTIONS,
    greeting: greetingOf(config.GREETING),
    turnDetection: { type: config.TURN_DETECTION },
    transcription:
      config.OPENAI_TRANSCRIPTION_MODEL === undefined ? null : { model: config.OPENAI_TRANSCRIPTION_MODEL },
    format: formatFor(incoming.carrier, config),
    transport: config.USE_WEBRTC ? 'webrtc' : 'websocket',
    iceServers: config.ICE_SERVERS,
    ...(config.RTC_PORT_RANGE === undefined ? {} : { portRange: config.RTC_PORT_RANGE }),
    memory,
  };
  return createOpenAiAgent(options);
}
