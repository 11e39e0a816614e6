import { z } from 'zod';
import type { Usage } from '../call/events.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { type FileProblem, readJson, readOperatorFile, schemaProblems } from '../operator-file.ts';

/**
 * What a call costs: by its tokens, or by the minute. A model that bills tokens bills text and audio apart, and input that it had cached at a price
 * of its own (https://developers.openai.com/api/docs/guides/realtime-costs). The transcription of the caller's words is another model's bill and not in here.
 */

const price = z.number().min(0);
const kind = z.strictObject({ input: price, cached: price, output: price });
const byTokens = z.strictObject({ text: kind, audio: kind });
/** What a minute of talk costs, whatever is said in it. */
const byMinute = z.strictObject({ minute: price });

/** By which of the two a model is billed shows in what is said of it; what is wrong is told by that form. */
const modelPrice = z.unknown().transform((value, context): z.infer<typeof byTokens> | z.infer<typeof byMinute> => {
  const form = typeof value === 'object' && value !== null && 'minute' in value ? byMinute : byTokens;
  const result = form.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return z.NEVER;
});

const priceFile = z.strictObject({
  note: z.string().optional(),
  /** ISO 4217. */
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be a currency such as USD'),
  /** How many tokens the prices are for. */
  per: z.number().int().positive(),
  models: z.record(z.string().min(1), modelPrice),
});

const KNOWN = [
  ...Object.keys(priceFile.shape),
  ...Object.keys({ ...byTokens.shape, ...byMinute.shape, ...kind.shape }),
];

/** The content of the file of prices: plain data, so that a database's thread can have it too. */
export type PriceList = z.infer<typeof priceFile>;

export const noPrices: PriceList = { currency: 'USD', per: 1_000_000, models: {} };

/** Reads and checks the file. Rejects with CONFIG_INVALID, which says what is wrong in it. */
export async function loadPrices(path: string): Promise<PriceList> {
  let text: string;
  try {
    text = await readOperatorFile(path);
  } catch (cause) {
    throw new BridgeError('CONFIG_INVALID', `PRICES_FILE: ${path} cannot be read: ${errorMessage(cause)}`, { cause });
  }
  const file = readJson(text);
  const fail = (how: string, problems: readonly FileProblem[]): never => {
    const lines = problems.map(({ line, problem }) => `\n  line ${line}: ${problem}`);
    throw new BridgeError('CONFIG_INVALID', `PRICES_FILE: ${path} ${how}:${lines.join('')}`);
  };
  if (file.problems.length > 0) return fail('cannot be read', file.problems);
  const result = priceFile.safeParse(file.value);
  return result.success ? result.data : fail('is wrong', schemaProblems(file, result.error, KNOWN));
}

/** The prices of a model; a dated snapshot takes those of its model. Undefined: nobody said. */
function pricesOf(list: PriceList, model: string): PriceList['models'][string] | undefined {
  const name = [model, model.replace(/-\d{4}-\d{2}-\d{2}$/, '')].find((known) => Object.hasOwn(list.models, known));
  return name === undefined ? undefined : list.models[name];
}

/** By what the list prices a model; undefined: nobody said. */
export function priceForm(list: PriceList, model: string): 'tokens' | 'minutes' | undefined {
  const prices = pricesOf(list, model);
  if (prices === undefined) return undefined;
  return 'minute' in prices ? 'minutes' : 'tokens';
}

export function isPriced(list: PriceList, model: string): boolean {
  return pricesOf(list, model) !== undefined;
}

/** What so long a talk costs, in the list's currency, pro rata by the millisecond; undefined where the model is not billed by the minute. */
export function talkCost(list: PriceList, model: string | null, talkMs: number): number | undefined {
  const prices = model === null ? undefined : pricesOf(list, model);
  return prices !== undefined && 'minute' in prices ? (talkMs / 60_000) * prices.minute : undefined;
}

/** What these tokens cost, in the list's currency; undefined when the model has no price by tokens. */
export function costOf(list: PriceList, model: string | null, usage: Usage): number | undefined {
  const prices = model === null ? undefined : pricesOf(list, model);
  if (prices === undefined || 'minute' in prices) return undefined;
  const { text, audio } = prices;
  const input = usage.inputTextTokens + usage.inputAudioTokens;
  const cached = Math.min(usage.cachedTokens, input);
  // A model that does not say which tokens it had cached is taken to have cached text and audio alike.
  const share = input === 0 ? 0 : Math.round((cached * usage.inputAudioTokens) / input);
  const cachedAudio = Math.min(usage.cachedAudioTokens ?? share, cached, usage.inputAudioTokens);
  const cachedText = Math.min(cached - cachedAudio, usage.inputTextTokens);
  const sum =
    (usage.inputTextTokens - cachedText) * text.input +
    cachedText * text.cached +
    usage.outputTextTokens * text.output +
    (usage.inputAudioTokens - cachedAudio) * audio.input +
    cachedAudio * audio.cached +
    usage.outputAudioTokens * audio.output;
  return sum / list.per;
}
