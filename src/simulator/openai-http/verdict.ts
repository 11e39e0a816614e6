import { type Line, plainVerdict, type Verdict } from './plain-criteria.ts';

/** How the scripted judge decides: by the words in quotes of a criterion, and of those without by two forms. */

const bare = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/**
 * A criterion with words in quotes is met when the agent said each of them in some line, and one that also says "not" or "never" when he said none.
 * "the caller" before the quotes means the caller's lines. Of those without quotes `plain-criteria.ts` has two forms; any other is more than it understands: maybe.
 */
export function verdictOf(criterion: string, conversation: readonly Line[]): Verdict {
  const phrases = [...criterion.matchAll(/["\u201c]([^"\u201c\u201d]+)["\u201d]/g)].map(([, words = '']) => words);
  if (phrases.length === 0)
    return (
      plainVerdict(criterion, conversation) ?? {
        verdict: 'maybe',
        quote: '',
        reason: 'The criterion has no words in quotes and no form that the scripted judge knows.',
      }
    );
  const before = criterion.slice(0, criterion.search(/["\u201c]/)).toLowerCase();
  const speaker = /\bcaller\b/.test(before) ? 'caller' : 'agent';
  const lines = conversation.filter((line) => line.speaker === speaker);
  const where = (phrase: string) => lines.find(({ text }) => ` ${bare(text)} `.includes(` ${bare(phrase)} `));
  const found = phrases.map((phrase) => ({ phrase, line: where(phrase) }));
  if (/\b(not|never|no)\b/.test(before)) {
    const said = found.find(({ line }) => line !== undefined);
    if (said?.line === undefined) return { verdict: 'pass', quote: '', reason: `The ${speaker} did not say it.` };
    return { verdict: 'fail', quote: said.line.text, reason: `The ${speaker} said "${said.phrase}".` };
  }
  const missing = found.find(({ line }) => line === undefined);
  if (missing !== undefined)
    return { verdict: 'fail', quote: '', reason: `The ${speaker} did not say "${missing.phrase}".` };
  return { verdict: 'pass', quote: found[0]?.line?.text ?? '', reason: `The ${speaker} said it.` };
}
