import { compareFacts } from '../measure/key-facts.ts';
import { summarise } from '../measure/measure.ts';
import type { MeasureOptions, Measures } from '../measure/measures.ts';
import type { Tape } from '../measure/tape.ts';
import { wordErrors } from '../measure/words.ts';
import type { Measuring } from './assess/assess.ts';

/** How conversations of suites are measured: by measure/. `measure`: on whichever thread that is to be done. */
export const measuringBy = (measure: (tape: Tape, options: MeasureOptions) => Promise<Measures>): Measuring => ({
  measure,
  figuresOf: summarise,
  wordErrorRate(reference, heard) {
    const { n, rate } = wordErrors(reference, heard);
    return { rate, words: n };
  },
  missingFacts: (text, facts) => compareFacts(facts, text).missing,
});
