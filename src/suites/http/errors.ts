import { ApiError } from '../../http/api-error.ts';
import { RunRefused } from '../runs.ts';

/** What whoever runs suites is refused with. */
export const TESTS_ERRORS = {
  SUITE_UNKNOWN: 'There is no suite of this name in SUITES_DIR.',
  SUITE_INVALID: 'The suite cannot be run; the message says what is wrong in it, and in which line.',
  SUITE_EMPTY: 'The suite has no case that is meant by this.',
  SUITE_UNREACHABLE:
    'What the suite calls, or its tools, would have to reach this daemon from outside, and a setting for that is missing; the message says which.',
  RUN_UNKNOWN: 'There is no such run, or no such case in it: it was never begun, or it was removed.',
  RUN_GOES_ON: 'The run goes on, here or in another process.',
  RUN_MASKED:
    'What was said is masked in the run, and cannot be judged again; nor is it gone on with where the suite in SUITES_DIR is not what it was.',
  RUNS_TOO_MANY: 'So many runs go on that no further one is taken.',
  TAPE_UNKNOWN: 'The case has no tape: it was not called, or tapes are not kept.',
  TEST_TOOL_AMBIGUOUS:
    'Several runs that go on have such a tool, and the request does not say by the id of a call whose it is. It counts for no case.',
  TEST_TOOL_UNKNOWN: 'No run that goes on has this address, or its suite has no such tool.',
} as const;
type OfTests = typeof TESTS_ERRORS;
declare module '../../http/api-error.ts' {
  interface ApiErrorCodes extends OfTests {}
}

/** What is answered to a run that is refused; any other error as it is. */
export function refused(error: unknown): unknown {
  if (!(error instanceof RunRefused)) return error;
  switch (error.why) {
    case 'suite-unknown':
      return new ApiError(404, 'SUITE_UNKNOWN', error.message);
    case 'suite-invalid':
      return new ApiError(422, 'SUITE_INVALID', error.message);
    case 'nothing':
      return new ApiError(422, 'SUITE_EMPTY', error.message);
    case 'way-in':
      return new ApiError(422, 'SUITE_UNREACHABLE', error.message);
    case 'run-unknown':
      return new ApiError(404, 'RUN_UNKNOWN', error.message);
    case 'run-running':
      return new ApiError(409, 'RUN_GOES_ON', error.message);
    case 'run-masked':
      return new ApiError(422, 'RUN_MASKED', error.message);
    case 'too-many':
      return new ApiError(429, 'RUNS_TOO_MANY', error.message, { headers: { 'retry-after': '60' } });
    default:
      return error.why satisfies never;
  }
}
