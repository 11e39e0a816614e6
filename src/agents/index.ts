import { BridgeError } from '../errors.ts';
import type { AgentLabels } from '../metrics/labels.ts';
import type { AgentDeps, AgentKind, Agents, OpenedAgent } from './kind.ts';
import { openAiAgent } from './openai/kind.ts';

/** The kinds of agents that the daemon knows, one line each. Where neither prompt nor route says otherwise, the first is meant. */
export const AGENTS = [openAiAgent] as const satisfies readonly AgentKind[];

/** What agents of these kinds may name on metrics' labels. */
export const labelsOf = (kinds: readonly AgentKind[]): AgentLabels => ({
  transports: kinds.flatMap(({ labels }) => labels?.transports ?? []),
  errors: kinds.flatMap(({ labels }) => labels?.errors ?? []),
});

/** A table's agents, none of them open yet. `settings`: those of all of them, as `loadConfig` gives them. */
export function openAgents(
  settings: Parameters<AgentKind['open']>[0],
  deps: AgentDeps,
  kinds: readonly AgentKind[] = AGENTS,
): Agents {
  const opening = new Map<string, Promise<OpenedAgent>>();
  const opened = new Set<OpenedAgent>();
  return {
    get opened() {
      return [...opened];
    },
    async get(name) {
      const kind = kinds.find((one) => one.name === name);
      if (kind === undefined) throw new BridgeError('CONFIG_INVALID', `there is no agent of the kind "${name}"`);
      const before = opening.get(name);
      if (before !== undefined) return before;
      const now = kind.open(settings, deps);
      opening.set(name, now);
      // One that failed is tried again when it is asked for again: what was missing may be there then.
      now.then(
        (agent) => opened.add(agent),
        () => opening.delete(name),
      );
      return now;
    },
    async close() {
      await Promise.allSettled([...opening.values()].map(async (one) => (await one).close()));
    },
  };
}
