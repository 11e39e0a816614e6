import type { RouteDefinition } from '../../../http/route.ts';

/** The socket of test agents, as the OpenAPI document has it. */
export const TEST_AGENT_PATH = '/test-agent';

export const testAgentRoute = {
  method: 'GET',
  url: TEST_AGENT_PATH,
  operationId: 'callAsTestAgent',
  summary:
    'A test agent of your own calls an agent: a WebSocket of PCM16 both ways; docs/test-callers.md has the messages.',
  role: 'operator',
  success: { status: 101 },
  errors: { 403: ['ORIGIN_REFUSED'] },
} as const satisfies RouteDefinition;
