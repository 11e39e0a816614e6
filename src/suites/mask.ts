import type { CaseReport } from './report/types.ts';

/** What artefacts leave out of what was said. Pure. */

export const MASKS = ['off', 'numbers', 'words'] as const;
/** off: nothing; numbers: digits, mail addresses and the values of variables; words: all that was said, and the tape. With either the suite is not kept beside the run. */
export type Mask = (typeof MASKS)[number];

export const MASKED = '[…]';

/** An address begins where what may stand in one begins: tried from each of its letters a long text without spaces would take quadratic time. */
const MAIL = /(?<![^\s@<>"'])[^\s@<>"']+@[^\s@<>"',;]+\.[\p{L}\p{N}-]+/gu;
/** A run of digits as people write numbers, three and more. */
const NUMBER = /\+?\d(?:[\s().-]*\d){2,}/g;

/** The report with what is left out of it. The figures, times and states stay. */
export function masked(report: CaseReport, mask: Mask): CaseReport {
  if (mask === 'off') return report;
  const numbers = numbersOut(Object.values(report.variables));
  const cleanText = mask === 'words' ? () => MASKED : numbers;
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return cleanText(value);
    if (typeof value === 'number')
      return mask === 'words' ? MASKED : cleanText(String(value)) === String(value) ? value : MASKED;
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, clean(one)]));
    return value;
  };
  const cleaned = <K extends string, T extends { readonly [key in K]?: string | undefined }>(one: T, key: K): T => {
    const text = one[key];
    return text === undefined ? one : { ...one, [key]: cleanText(text) };
  };
  const line = <T extends { readonly text?: string | undefined }>(one: T): T => cleaned(one, 'text');
  const why = <T extends { readonly what: string; readonly why?: string | undefined }>(one: T): T =>
    cleaned({ ...one, what: cleanText(one.what) }, 'why');
  const { caller, end } = report;
  return {
    ...report,
    masked: mask,
    name: numbers(report.name),
    reasons: report.reasons.map(cleanText),
    variables: clean(report.variables) as CaseReport['variables'],
    transcript: report.transcript.map(line),
    providerTranscript: report.providerTranscript.map(line),
    tools: report.tools.map((call) => ({ ...call, arguments: clean(call.arguments) })),
    checks: report.checks.map(why),
    ...(caller === undefined ? {} : { caller: { ...cleaned(caller, 'reason'), marks: caller.marks.map(line) } }),
    ...(end === undefined ? {} : { end: cleaned(end, 'detail') }),
    ...(report.judged === undefined
      ? {}
      : {
          judged: {
            ...report.judged,
            criteria: report.judged.criteria.map((one) => ({
              ...one,
              criterion: cleanText(one.criterion),
              votes: one.votes.map(({ verdict, quote, reason }) => ({
                verdict,
                quote: cleanText(quote),
                reason: cleanText(reason),
              })),
            })),
          },
        }),
  };
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

function numbersOut(values: ReadonlyArray<string | number | boolean>): (text: string) => string {
  const own = values
    .map(String)
    .filter((value) => value.length >= 3 && value !== 'true' && value !== 'false')
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let left = text.replace(MAIL, MASKED);
    for (const value of own) left = left.replace(new RegExp(escaped(value), 'giu'), MASKED);
    return left.replace(NUMBER, MASKED);
  };
}
