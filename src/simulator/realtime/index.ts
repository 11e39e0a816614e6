/** The public face of the OpenAI-Realtime-compatible server. */
export type { RealtimeServerOptions, SimulatorLog, ToneVoice } from './options.ts';
export type { SessionRecord, SessionSummary } from './record.ts';
export type { RealtimeStats } from './registry.ts';
export { type Fault, loadScenario, parseScenario, type Scenario, type ScenarioInput } from './scenario.ts';
export { type RealtimeServer, startRealtimeServer } from './server.ts';
