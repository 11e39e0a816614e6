import { termination } from '../call/termination.ts';
import { TestAgents } from '../callers/test/http/test-agents.ts';
import type { Base, Feature } from './feature.ts';

/** Callers that are no people: test agents of somebody else's, by `WS /test-agent`. */
export function openTestCallers({ config, clock, log }: Base): Feature {
  const agents = new TestAgents();
  return {
    sinks: [agents],
    install({ http, admin, people, intake, calls, dispatch }) {
      const bufferBytes = config.EVENTS_BUFFER_KB * 1_024;
      const { sessions } = people;
      agents.serve({
        http,
        admin,
        sessions,
        publicUrl: config.PUBLIC_URL,
        intake,
        calls,
        dispatch,
        clock,
        log,
        bufferBytes,
      });
    },
    close: () => agents.closeAll(termination('drained')),
  };
}
