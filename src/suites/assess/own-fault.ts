import type { CaseReport } from '../report/types.ts';

/** Why a call that seems to have gone wrong says nothing about the agent: it was our own caller that could not be understood. Pure. */

/** A gap in the caller's words from which on an agent takes them for two, ms: the shortest silence that ends turns. */
const BROKEN_MS = 200;
/** From more than that share of wrong words on nobody has understood him. */
const MOST_WRONG = 0.5;
/** Of fewer words one that is heard as another is already much. */
const LEAST_WORDS = 3;

/** The fault of our own caller's that would explain whatever the agent did; undefined where there is none. */
export const ownFault = (report: Pick<CaseReport, 'measures' | 'caller' | 'words'>): string | undefined =>
  brokenWords(report) ?? unclearWords(report);

/** His frames did not leave in time. */
function brokenWords({ measures, caller }: Pick<CaseReport, 'measures' | 'caller'>): string | undefined {
  const worst = Math.max(0, ...(measures?.turns ?? []).map(({ ownLateMs = 0 }) => ownLateMs));
  if (worst < BROKEN_MS) return undefined;
  const { late = 0, starved = 0 } = caller?.pace ?? {};
  const why = starved * 2 > late ? ', because this process was not given the processor' : '';
  return `the caller: its words left with gaps of up to ${Math.round(worst)} ms${why}`;
}

/** His words were not to be understood at our own end of the line either; but where the agent understood them all the same. */
function unclearWords({ words }: Pick<CaseReport, 'words'>): string | undefined {
  const { channelWordErrorRate: own = null, channelWords = 0, callerWordErrorRate: theirs = null } = words ?? {};
  if (own === null || own <= MOST_WRONG || channelWords < LEAST_WORDS) return undefined;
  if (theirs !== null && theirs <= MOST_WRONG) return undefined;
  return `the caller: its words were not to be understood: written down at our own end of the line ${Math.round(own * 100)} of 100 were wrong`;
}
