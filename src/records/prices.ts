import { z } from 'zod';
import { BridgeError, errorMessage } from '../errors.ts';
import { type FileProblem, readJson, readOperatorFile, schemaProblems } from '../operator-file.ts';
import type { PriceList } from './costs.ts';

/** The file of prices, PRICES_FILE: read and checked. What calls come to by it is said by `costs.ts`, which a database's thread can have without what reads files. */

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
