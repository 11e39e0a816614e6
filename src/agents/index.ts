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

/** Opens a table's agents. `settings`: those of all of them, as `loadConfig` gives them. Rejects as `AgentKind.open` does. */
export async function openAgents(
  settings: Parameters<AgentKind['open']>[0],
  deps: AgentDeps,
  kinds: readonly AgentKind[] = AGENTS,
): Promise<Agents> {
  const opened = new Map<string, Promise<OpenedAgent>>();
  const get = async (name: string | undefined): Promise<OpenedAgent> => {
    const kind = kinds.find((one) => one.name === name);
    if (kind === undefined) throw new BridgeError('CONFIG_INVALID', `there is no agent of the kind "${name}"`);
    const opening = opened.get(kind.name) ?? kind.open(settings, deps);
    opened.set(kind.name, opening);
    // One that failed is tried again: what was missing may be there then.
    opening.catch(() => opened.delete(kind.name));
    return opening;
  };
  return {
    first: await get(kinds[0]?.name),
    get,
    async close() {
      await Promise.allSettled([...opened.values()].map(async (opening) => (await opening).close()));
    },
  };
}
