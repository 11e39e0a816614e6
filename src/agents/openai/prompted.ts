import type { OpenAiPromptOptions } from './prompt-options.ts';

/** How the caller's words are written down, beside the model that does. */
type TranscriptionDetails = Omit<NonNullable<OpenAiPromptOptions['transcription']>, 'model'>;

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
  'transport',
] as const;

type Same = { readonly [Key in (typeof SAME)[number]]?: Exclude<OpenAiPromptOptions[Key], undefined> };

/** What a prompt says about the agent of one call, in the terms of the agent's options; what it leaves open is left out. */
export interface PromptedAgent extends Same {
  /** Left out where a stored prompt has them. */
  readonly instructions?: string;
  /** The agent speaks first: with these words or as it likes (`true`); undefined: it waits. Left out where the prompt does not say. */
  readonly greeting?: string | true | undefined;
  /** Left out without a model for it here or as `defaults`. */
  readonly transcription?: TranscriptionDetails & { readonly model: string; readonly language?: string };
  readonly storedPrompt?: NonNullable<OpenAiPromptOptions['storedPrompt']>;
}

/** What the daemon's settings say where a prompt does not. */
export interface PromptDefaults {
  readonly transcriptionModel?: string | undefined;
  readonly transcription?: TranscriptionDetails | undefined;
}

/** What a prompt says for one call, as it was rendered for it. */
export interface Rendered {
  readonly instructions: string;
  readonly options: OpenAiPromptOptions;
}

/**
 * What a prompt says in one language, BCP 47; as it is where none is named. The API has no field for what is spoken, so that it is told in words, unless
 * a stored prompt has them: ours would stand in place of its. What is written down has a field, ISO 639-1.
 */
export function inLanguage(language: string | undefined, { instructions, options }: Rendered): Rendered {
  if (language === undefined) return { instructions, options };
  const { language: primary } = new Intl.Locale(language);
  const name = new Intl.DisplayNames('en', { type: 'language' }).of(language) ?? language;
  const isStored = instructions === '' && options.storedPrompt !== undefined;
  const { languages: _, ...transcription } = options.transcription ?? {};
  return {
    instructions: isStored
      ? ''
      : `${instructions}\n\nSpeak ${name}, unless you are asked for another language.`.trimStart(),
    options: {
      ...options,
      ...(options.transcription === undefined ? {} : { transcription }),
      // One of three letters is none that the transcription takes.
      language: primary.length === 2 ? primary : undefined,
    },
  };
}

/** A prompt in the terms of an agent's options. A transcription model of `defaults` is used with the prompt's language and details. */
export function promptedAgent({ instructions, options }: Rendered, defaults: PromptDefaults = {}): PromptedAgent {
  const { greeting, storedPrompt } = options;
  const transcription = transcriptionOf(options, defaults);
  return {
    ...(instructions === '' && storedPrompt !== undefined ? {} : { instructions }),
    ...defined(Object.fromEntries(SAME.map((key) => [key, options[key]]))),
    ...(greeting === undefined ? {} : { greeting: greeting === false ? undefined : greeting }),
    ...(transcription === undefined ? {} : { transcription }),
    ...(storedPrompt === undefined ? {} : { storedPrompt }),
  };
}

function transcriptionOf(options: OpenAiPromptOptions, defaults: PromptDefaults): PromptedAgent['transcription'] {
  const { model: own, ...details } = options.transcription ?? {};
  const model = own ?? options.transcriptionModel ?? defaults.transcriptionModel;
  if (model === undefined) return undefined;
  const general = defined(defaults.transcription ?? {});
  // One language that is certain says more than several that may be.
  if (options.language !== undefined) delete general['languages'];
  return { model, ...general, ...defined(details), ...defined({ language: options.language }) };
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
