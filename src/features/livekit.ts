import { loadApology, SHIPPED_APOLOGY } from '../apology.ts';
import type { Base, Feature } from './feature.ts';

/** Calls in rooms of LiveKit's. */
export async function openLivekit({ config, clock, log, metrics, fleet, memory }: Base): Promise<Feature> {
  const { LIVEKIT_SERVER_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret } = config;
  if (!config.LIVEKIT_ENABLED || url === undefined || apiKey === undefined || apiSecret === undefined) return {};
  const { Livekit } = await import('../callers/livekit/http/gateway.ts');
  const livekit = new Livekit({
    url,
    clientUrl: config.LIVEKIT_CLIENT_URL ?? url,
    apiKey,
    apiSecret,
    access: config.LIVEKIT_ACCESS,
    // A proxy may ask under another Host than the one that the console was opened by.
    origins: [
      ...config.BROWSER_ORIGINS,
      ...(config.PUBLIC_URL === undefined ? [] : [new URL(config.PUBLIC_URL).origin]),
    ],
    agents: config.BROWSER_AGENTS,
    patterns: config.LIVEKIT_ROOM_PATTERN,
    audio: config.LIVEKIT_AUDIO,
    tellSpeaker: config.LIVEKIT_TELL_SPEAKER,
    agentName: config.LIVEKIT_AGENT_NAME,
    strangers: config.LIVEKIT_MAX_ROOMS,
    perTenant: config.LIVEKIT_TENANT_ROOMS,
    joinMs: config.LIVEKIT_JOIN_SECONDS * 1_000,
    leaveMs: config.LIVEKIT_LEAVE_SECONDS * 1_000,
    idleMs: config.LIVEKIT_IDLE_MINUTES * 60_000,
    tokenSeconds: config.LIVEKIT_TOKEN_MINUTES * 60,
    clock,
    log,
    registry: metrics.registry,
    fleet,
    memory,
    apology: loadApology(config.APOLOGY_FILE ?? SHIPPED_APOLOGY),
  });
  return {
    observers: [livekit.observer],
    strangers: config.LIVEKIT_ACCESS === 'public' ? config.LIVEKIT_MAX_ROOMS : 0,
    problems: () => livekit.problems.map((text) => ({ area: 'livekit', text })),
    install: ({ http, calls, intake, dispatch, admin }) =>
      livekit.install({ app: http.app, calls, intake, dispatch, admin }),
    close: () => livekit.close(),
  };
}
