import type { Line } from '../../measure/measures.ts';
import type { ReportLine } from '../report/types.ts';

/** Which words of the agent's are known, and by whom. Pure. */

/**
 * What the agent's side wrote down: the provider's own record of the call, where there is one, with the times at which the call told the same words; else what the call told,
 * which ends with the call, whatever was still being understood.
 */
export function theirWords(record: readonly Line[], told: readonly ReportLine[]): ReportLine[] {
  if (record.length === 0) return [...told];
  const left = [...told];
  return record.map(({ who, text }) => {
    const at = left.findIndex((line) => line.who === who && line.text === text);
    // In order: words that are said again have the time of their own.
    const fromMs = at < 0 ? undefined : left.splice(0, at + 1).at(-1)?.fromMs;
    return { who, text, ...(fromMs === undefined ? {} : { fromMs }) };
  });
}

/**
 * Why nothing is known of what the agent said although it spoke; undefined where something is, or where it kept silent. Who understands speech and wrote nothing down of it
 * knows that it said no words.
 */
export function wordlessOf(
  { speech, lines }: { readonly speech: readonly unknown[]; readonly lines: readonly ReportLine[] },
  isTranscribed: boolean,
  assessors: { readonly ownVoiceAlone?: boolean | undefined } | undefined,
): string | undefined {
  const understands = isTranscribed && assessors !== undefined && assessors.ownVoiceAlone !== true;
  if (speech.length === 0 || understands || lines.some(({ who }) => who === 'agent')) return undefined;
  const cure = isTranscribed ? 'set TESTS_API_URL' : 'the suite says transcribe: false';
  return `no words of the agent's are known here: its side tells none, and nobody who understands it writes them down (${cure})`;
}
