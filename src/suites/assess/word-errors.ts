import type { CaseReport, ReportLine } from '../report/types.ts';

/** How far what was written down is from what was said: of the caller by the agent and by us, of the agent by us. Pure. */

/** How far a text is from what was said; `null` where there are no words to compare with. */
export type WordErrorRate = (
  reference: string,
  heard: string,
) => { readonly rate: number | null; readonly words: number };

/** What the caller did, `atMs` on the tape. */
type Mark = NonNullable<CaseReport['caller']>['marks'][number];

/** Kinds of marks at which something is said, and those of them that are meant for the agent. */
const SPOKEN: ReadonlySet<string> = new Set(['say', 'interrupt', 'backchannel', 'tic', 'side-talk']);
const FOR_AGENT: ReadonlySet<string> = new Set(['say', 'interrupt']);
/** How far what is written down may lie beyond its marks, ms: edges of sound are not those of words. */
const LOOSE_MS = 100;

/** Words that were said and have no sound of their own: neither a file nor a tone. */
const isWords = (text: string) => !/^(wav|tone):/.test(text);

/** Something the caller said; `words`: all that was said in it, where that is known and meant for the agent. */
interface Said {
  readonly fromMs: number;
  readonly toMs: number;
  readonly words: string | undefined;
}

/**
 * The word errors of a call. `ours`: as it was written down from the tape; undefined where it was not. Of the caller's own channel only that is compared of which all
 * words are known: neither what he was cut off in nor files, tones and what was not meant for the agent.
 */
export function wordErrorsOf(
  { wordErrorRate }: { readonly wordErrorRate: WordErrorRate },
  marks: readonly Mark[],
  ours: readonly ReportLine[] | undefined,
  theirs: readonly ReportLine[],
): NonNullable<CaseReport['words']> {
  const said = marks
    .flatMap(({ kind, text }) => (FOR_AGENT.has(kind) && text !== undefined ? [text] : []))
    .filter(isWords)
    .join(' ');
  const compared = (reference: string, heard: string) =>
    reference === '' || heard === '' ? { rate: null, words: 0 } : wordErrorRate(reference, heard);
  const caller = compared(said, linesOf(theirs, 'caller'));
  const agent = compared(linesOf(ours ?? [], 'agent'), linesOf(theirs, 'agent'));
  const channel = channelOf(marks, ours);
  // Words of which nothing at all could be written down were not said so that anybody would understand them.
  const own = channel === undefined ? { rate: null, words: 0 } : wordErrorRate(channel.said, channel.heard);
  return {
    callerWordErrorRate: caller.rate,
    callerWords: caller.words,
    agentWordErrorRate: agent.rate,
    agentWords: agent.words,
    channelWordErrorRate: own.rate,
    channelWords: own.words,
  };
}

const joined = (texts: readonly string[]) => texts.join(' ');
const linesOf = (lines: readonly ReportLine[], who: ReportLine['who']) =>
  joined(lines.flatMap((line) => (line.who === who ? [line.text] : [])));

/**
 * What of the caller's channel can be compared: his words, and what was written down where he said them. What was written down together with something else that he
 * said is left out, with the words that are in it.
 */
function channelOf(
  marks: readonly Mark[],
  ours: readonly ReportLine[] | undefined,
): { readonly said: string; readonly heard: string } | undefined {
  if (ours === undefined) return undefined;
  const lines = ours.filter(({ who }) => who === 'caller');
  const all = utterancesOf(marks);
  let out = all.filter(({ words }) => words === undefined);
  for (;;) {
    const mixed = lines.filter((line) => out.some((one) => meet(line, one)));
    const more = all.filter((one) => out.includes(one) || mixed.some((line) => meet(line, one)));
    if (more.length === out.length) break;
    out = more;
  }
  const known = all.filter((one) => !out.includes(one));
  if (known.length === 0) return undefined;
  const heard = lines.filter((line) => known.some((one) => meet(line, one)));
  return { said: joined(known.map(({ words }) => words ?? '')), heard: linesOf(heard, 'caller') };
}

const meet = ({ fromMs = 0, toMs = fromMs }: ReportLine, said: Said) =>
  fromMs < said.toMs + LOOSE_MS && toMs > said.fromMs - LOOSE_MS;

function utterancesOf(marks: readonly Mark[]): Said[] {
  return marks.flatMap(({ kind, text, atMs, cut }, i): Said[] => {
    if (!SPOKEN.has(kind)) return [];
    const next = marks.slice(i + 1).find((mark) => mark.kind === 'said' || SPOKEN.has(mark.kind));
    const isWhole = next?.kind === 'said' && cut !== true;
    const words = FOR_AGENT.has(kind) && text !== undefined && isWhole && isWords(text) ? text : undefined;
    return [{ fromMs: atMs, toMs: next?.atMs ?? Number.POSITIVE_INFINITY, words }];
  });
}
