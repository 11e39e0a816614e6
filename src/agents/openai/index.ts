import type { AgentLeg } from '../../call/leg.ts';
import type { Connectors } from './fallback.ts';
import { OpenAiLeg } from './leg.ts';
import { type OpenAiAgentOptions, resolveOptions } from './options.ts';
import { connectWebRtc } from './webrtc.ts';
import { connectWebSocket } from './websocket.ts';

export type { Connectors } from './fallback.ts';
export type { OpenAiAgentOptions } from './options.ts';
export { TransportMemory } from './transport-memory.ts';

/** The real transports. */
export const connectors: Connectors = { webrtc: connectWebRtc, websocket: connectWebSocket };

/**
 * An agent for one call, on OpenAI Realtime or a compatible endpoint, over WebRTC or the WebSocket. Throws CONFIG_INVALID for options
 * that cannot work; nothing is connected before `start`.
 */
export function createOpenAiAgent(options: OpenAiAgentOptions, transports: Connectors = connectors): AgentLeg {
  return new OpenAiLeg(resolveOptions(options), transports);
}
