import { SIMULATED_MODEL } from '../call/events.ts';
import { BridgeError } from '../errors.ts';
import type { AgentLabels } from '../metrics/labels.ts';
import { elevenLabsAgent } from './elevenlabs/kind.ts';
import type { AgentDeps, AgentInUse, AgentKind, Agents, OpenedAgent } from './kind.ts';
import { livekitAgent } from './livekit/kind.ts';
import { openAiAgent } from './openai/kind.ts';
import { phoneAgent } from './phone/kind.ts';
import { retellAgent } from './retell/kind.ts';
import { vapiAgent } from './vapi/kind.ts';
import { websocketAgent } from './websocket/kind.ts';

/** The kinds of agents that the daemon knows, one line each. Where neither prompt nor route says otherwise, the first is meant. */
export const AGENTS = [
  openAiAgent,
  websocketAgent,
  vapiAgent,
  elevenLabsAgent,
  retellAgent,
  livekitAgent,
  phoneAgent,
] as const satisfies readonly AgentKind[];

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
  const inUse: AgentInUse[] = [];
  const watchers: Array<(one: AgentInUse) => void> = [];
  /** Kinds by the models that they made agents of. */
  const kindOf = new Map<string, AgentKind>();
  const open = async (kind: AgentKind): Promise<OpenedAgent> => {
    const found = await kind.open(settings, deps);
    kindOf.set(found.model, kind);
    const agent: OpenedAgent = {
      ...found,
      create(order) {
        const made = found.create(order);
        kindOf.set(made.model, kind);
        return made;
      },
    };
    inUse.push({ kind, agent });
    for (const told of watchers) told({ kind, agent });
    return agent;
  };
  return {
    kinds,
    get opened() {
      return inUse.map(({ agent }) => agent);
    },
    watch(told) {
      watchers.push(told);
      for (const one of inUse) told(one);
    },
    isBilled(model) {
      const kind = kindOf.get(model);
      if (model === SIMULATED_MODEL) return false;
      return kind === undefined || kind.bills !== undefined;
    },
    async get(name) {
      const kind = kinds.find((one) => one.name === name);
      if (kind === undefined) throw new BridgeError('CONFIG_INVALID', `there is no agent of the kind "${name}"`);
      const before = opening.get(name);
      if (before !== undefined) return before;
      const now = open(kind);
      opening.set(name, now);
      // One that failed is tried again when it is asked for again: what was missing may be there then.
      now.catch(() => opening.delete(name));
      return now;
    },
    async close() {
      await Promise.allSettled([...opening.values()].map(async (one) => (await one).close()));
    },
  };
}
