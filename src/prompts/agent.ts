import type { Prompt } from './prompt.ts';
import type { PromptSettings } from './settings.ts';
import type { PromptFacts } from './variables.ts';

/** What a prompt says about the agent of one call, in the terms of the agent's options; what it leaves open is left out. */
export interface PromptedAgent {
  readonly instructions: string;
  readonly model?: string;
  readonly voice?: string;
  readonly speed?: number;
  readonly turnDetection?: NonNullable<PromptSettings['turnDetection']>;
  readonly noiseReduction?: 'near_field' | 'far_field' | null;
  /** The agent speaks first: with these words or as it likes (`true`); undefined: it waits. Left out where the prompt does not say. */
  readonly greeting?: string | true | undefined;
  /** Left out without a `transcriptionModel` here or as `defaults`. */
  readonly transcription?: { readonly model: string; readonly language?: string };
}

/** Fills a prompt for one call. `defaults.transcriptionModel` is the daemon's own, which a prompt's language then goes with. */
export function promptedAgent(
  prompt: Prompt,
  facts: PromptFacts,
  defaults: { readonly transcriptionModel?: string | undefined } = {},
): PromptedAgent {
  const { settings } = prompt;
  const { instructions, greeting } = prompt.render(facts);
  const transcription = settings.transcriptionModel ?? defaults.transcriptionModel;
  return {
    instructions,
    ...(settings.model === undefined ? {} : { model: settings.model }),
    ...(settings.voice === undefined ? {} : { voice: settings.voice }),
    ...(settings.speed === undefined ? {} : { speed: settings.speed }),
    ...(settings.turnDetection === undefined ? {} : { turnDetection: settings.turnDetection }),
    ...(settings.noiseReduction === undefined ? {} : { noiseReduction: settings.noiseReduction }),
    ...(greeting === undefined ? {} : { greeting: greeting === false ? undefined : greeting }),
    ...(transcription === undefined
      ? {}
      : {
          transcription: {
            model: transcription,
            ...(settings.language === undefined ? {} : { language: settings.language }),
          },
        }),
  };
}
