import { SIMULATED_MODEL, type Usage } from '../call/events.ts';

/**
 * What a call costs: by its tokens, or by the minute. A model that bills tokens bills text and audio apart, and input that it had cached at a price
 * of its own (https://developers.openai.com/api/docs/guides/realtime-costs). The transcription of the caller's words is another model's bill and not in here.
 */

/** What so many tokens cost, those that the model had cached apart. */
interface TokenPrice {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
}

/** A model's price: of its tokens, or of a minute of talk, whatever is said in it. */
type ModelPrice = { readonly text: TokenPrice; readonly audio: TokenPrice } | { readonly minute: number };

/** The content of the file of prices: plain data, so that a database's thread can have it too. */
export interface PriceList {
  readonly note?: string | undefined;
  /** ISO 4217. */
  readonly currency: string;
  /** How many tokens the prices are for. */
  readonly per: number;
  readonly models: Readonly<Record<string, ModelPrice>>;
}

export const noPrices: PriceList = { currency: 'USD', per: 1_000_000, models: {} };

const FREE = { input: 0, cached: 0, output: 0 };

/** The prices of a model; a dated snapshot takes those of its model, one that stands in for another costs nothing. Undefined: nobody said. */
function pricesOf(list: PriceList, model: string): PriceList['models'][string] | undefined {
  if (model === SIMULATED_MODEL) return { text: FREE, audio: FREE };
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
