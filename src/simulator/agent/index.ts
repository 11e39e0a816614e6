/** An agent whose latency, interruptions, missed turns and dropouts are set, and which says afterwards what it did. */

export { type AgentScenario, agentScenarioSchema, loadAgentScenario } from './scenario.ts';
export { type AgentServer, type AgentServerOptions, startAgentServer } from './server.ts';
export type { AgentTruth, SaidTruth, TurnTruth } from './truth.ts';
