import type { AgentCheckDeps, AgentChecks, SharedSettings } from '../../kind.ts';
import { embeddedModel } from '../endpoint.ts';
import type { OpenAiSettings } from '../settings.ts';
import { mediaChecks } from './media.ts';
import { type Model, modelChecks, modelFailure, modelOf } from './model.ts';

/** What the doctor looks at: the model, or the simulated one where none is named, and WebRTC to it. */
export async function openAiChecks(
  config: OpenAiSettings & SharedSettings,
  { clock, fetch, outside, machine }: AgentCheckDeps,
): Promise<AgentChecks> {
  const embedded = await embeddedModel(config);
  const close = async () => embedded?.close();
  // The embedded model's time is this machine's own and proves nothing.
  const deps = { config, clock, fetch: embedded === undefined ? outside : fetch };
  let model: Model;
  try {
    model = modelOf(deps, embedded?.url);
  } catch (error) {
    const finding = modelFailure(error);
    return { checks: [{ name: 'model key', run: async () => finding }], close };
  }
  const media = mediaChecks(deps, model, machine);
  return {
    checks: [...modelChecks(deps, model), ...media.checks],
    async close() {
      await media.close();
      await close();
    },
  };
}
