import type { Prompt } from './prompt.ts';
import type { PromptSettings } from './settings.ts';
import type { PromptFacts } from './variables.ts';

/** How the caller's words are written down, beside the model that does. */
type TranscriptionDetails = Omit<NonNullable<PromptSettings['transcription']>, 'model'>;

/** Keys that an agent's options have under the same name. */
const SAME = [
  'model',
  'voice',
  'speed',
  'turnDetection',
  'noiseReduction',
  'reasoningEffort',
  'parallelToolCalls',
  'maxOutputTokens',
  'truncation',
] as const;

type Same = { readonly [Key in (typeof SAME)[number]]?: Exclude<PromptSettings[Key], undefined> };

/** What a prompt says about the agent of one call, in the terms of the agent's options; what it leaves open is left out. */
export interface PromptedAgent extends Same {
  /** Left out where a stored prompt has them. */
  readonly instructions?: string;
  /** The agent speaks first: with these words or as it likes (`true`); undefined: it waits. Left out where the prompt does not say. */
  readonly greeting?: string | true | undefined;
  /** Left out without a model for it here or as `defaults`. */
  readonly transcription?: TranscriptionDetails & { readonly model: string; readonly language?: string };
  readonly storedPrompt?: NonNullable<PromptSettings['storedPrompt']>;
}

/** What the daemon's settings say where a prompt does not. */
export interface PromptDefaults {
  readonly transcriptionModel?: string | undefined;
  readonly transcription?: TranscriptionDetails | undefined;
}

/** Fills a prompt for one call. A transcription model of `defaults` is used with the prompt's language and details. */
export function promptedAgent(prompt: Prompt, facts: PromptFacts, defaults: PromptDefaults = {}): PromptedAgent {
  const { settings } = prompt;
  const { instructions, greeting, storedPrompt } = prompt.render(facts);
  const transcription = transcriptionOf(settings, defaults);
  return {
    ...(instructions === '' && storedPrompt !== undefined ? {} : { instructions }),
    ...defined(Object.fromEntries(SAME.map((key) => [key, settings[key]]))),
    ...(greeting === undefined ? {} : { greeting: greeting === false ? undefined : greeting }),
    ...(transcription === undefined ? {} : { transcription }),
    ...(storedPrompt === undefined ? {} : { storedPrompt }),
  };
}

function transcriptionOf(settings: PromptSettings, defaults: PromptDefaults): PromptedAgent['transcription'] {
  const { model: own, ...details } = settings.transcription ?? {};
  const model = own ?? settings.transcriptionModel ?? defaults.transcriptionModel;
  if (model === undefined) return undefined;
  const general = defined(defaults.transcription ?? {});
  // One language that is certain says more than several that may be.
  if (settings.language !== undefined) delete general['languages'];
  return { model, ...general, ...defined(details), ...defined({ language: settings.language }) };
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
