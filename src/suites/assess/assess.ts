import { errorCode, errorMessage } from '../../errors.ts';
import type { Figures, MeasureOptions, Measures } from '../../measure/measures.ts';
import { TAPE_RATE, type Tape } from '../../measure/tape.ts';
import { samplesToMs } from '../../media/frame.ts';
import type { Attempt } from '../attempt.ts';
import { type Checked, expectationsOf, runChecks } from '../checks.ts';
import { cutOff } from '../cut-off.ts';
import { gateResults, gateText } from '../gates.ts';
import type { Suite } from '../load.ts';
import type { PlannedCase } from '../plan.ts';
import { type CaseReport, FORMAT, type Judged, type ReportCheck, type ReportLine } from '../report/types.ts';
import type { AskedTools } from '../tools.ts';
import type { Service } from './client.ts';
import { judge } from './judge.ts';
import { theirWords, wordlessOf } from './known-words.ts';
import { ownFault } from './own-fault.ts';
import { transcribe } from './transcribe.ts';
import { type WordErrorRate, wordErrorsOf } from './word-errors.ts';

/** What a call was worth: measures, what was said, checks, and the judge where the checks leave something to decide. */

/** How conversations are measured; `measure/` has it. */
export interface Measuring {
  measure(tape: Tape, options: MeasureOptions): Promise<Measures>;
  readonly wordErrorRate: WordErrorRate;
  missingFacts: Checked['missingFacts'];
  /** What several calls come to. */
  figuresOf(all: readonly Measures[]): Figures;
}

/** Who writes down, and who judges. */
export interface Assessors {
  readonly service: Service;
  readonly transcriptionModel: string;
  readonly judgeModel: string;
  /** Whoever writes down understands the speech that the embedded service makes, and no other. Left out: any. */
  readonly ownVoiceAlone?: boolean | undefined;
}

export interface AssessDeps {
  readonly measuring: Measuring;
  /** Undefined where none can be asked: what is written down is then the agent's own transcript, and nothing is judged. */
  readonly assessors: Assessors | undefined;
}

/** What of a suite its cases are assessed by. */
export type AssessedBy = Pick<Suite, 'judge' | 'transcribe'>;

type Done = Extract<Attempt, { readonly callId: string; readonly outcome: unknown }>;

const NEVER = new AbortController().signal;

const UNHEARD = 'what was said could not be written down';

/** Why the words of a report's call were not written down, where that was to be and could not: without them it is not decided, however often it is tried. */
export const unheard = ({ reasons, transcript }: CaseReport, { transcribe: isWanted }: AssessedBy): string[] =>
  isWanted && transcript.length === 0 ? reasons.filter((reason) => reason.startsWith(UNHEARD)) : [];

/** The report of a call that was made. Never rejects: what cannot be assessed is said in it. `asked`: tools that are asked for by webhook, also after the call. */
export async function assess(
  planned: PlannedCase,
  done: Done,
  attempts: number,
  suite: AssessedBy,
  asked: Pick<AskedTools, 'calls'>,
  deps: AssessDeps,
  signal: AbortSignal = NEVER,
): Promise<CaseReport> {
  const { measuring, assessors } = deps;
  const { tape, watch, outcome, end, beside } = done;
  const marks = outcome.marks.map(({ at, kind, text, step, cut }) => ({
    at,
    kind,
    ...(text === undefined ? {} : { text }),
    ...(step === undefined ? {} : { step }),
    ...(cut === true ? { cut } : {}),
  }));
  const told = marks.map(({ at, ...mark }) => ({ ...mark, atMs: Math.round(samplesToMs(at, TAPE_RATE)) }));
  const theirs = theirWords(beside.provider?.transcript ?? [], watch.lines);
  const heard = { marks, stalls: outcome.stalls, ...beside };
  const first = await measuring.measure(tape, heard);
  const problems: string[] = [];
  let heardWords: ReportLine[] = [];
  if (suite.transcribe && assessors !== undefined)
    heardWords = await transcribe(
      { service: assessors.service, model: assessors.transcriptionModel, language: planned.caller.language },
      tape,
      first.speech,
      signal,
    ).catch((error: unknown) => {
      problems.push(`${UNHEARD}: ${errorCode(error)}: ${errorMessage(error)}`);
      return [];
    });
  const isAgents = ({ who }: ReportLine) => who === 'agent';
  // Who understands our own voice alone has written down half of it: the other side's word is whole.
  const isHalf = assessors?.ownVoiceAlone === true && !heardWords.some(isAgents) && theirs.some(isAgents);
  const transcript = isHalf ? [] : heardWords;
  // Nor does it say anything about a caller with another voice that nothing of him was understood.
  const isForeign = assessors?.ownVoiceAlone === true && heardWords.every(isAgents);
  const isWrittenDown = suite.transcribe && assessors !== undefined && problems.length === 0 && !isForeign;
  const agentSaid = (transcript.length > 0 ? transcript : theirs).filter(isAgents);
  const measures =
    agentSaid.length === 0
      ? first
      : await measuring.measure(tape, { ...heard, agentSaid: agentSaid.map(({ text }) => text) });
  const wordless =
    problems.length > 0
      ? undefined
      : wordlessOf({ speech: first.speech.agent, lines: agentSaid }, suite.transcribe, assessors);
  const base: CaseReport = {
    format: FORMAT,
    id: planned.id,
    name: planned.name,
    state: 'invalid',
    reasons: [],
    variables: planned.variables,
    repetition: planned.repetition,
    attempts,
    seed: planned.seed,
    target: { kind: planned.target.kind },
    callId: done.callId,
    ...(watch.providerCallId === undefined ? {} : { providerCallId: watch.providerCallId }),
    startedAt: new Date(done.startedAt).toISOString(),
    durationMs: Math.round(samplesToMs(tape.caller.length, TAPE_RATE)),
    end: { ...end },
    caller: {
      state: outcome.state,
      ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
      marks: told,
      pace: outcome.pace,
    },
    transcript,
    providerTranscript: theirs,
    tools: [...watch.tools, ...asked.calls],
    ...(wordless === undefined ? {} : { wordless }),
    checks: expectationsOf(outcome, transcript),
    words: wordErrorsOf(measuring, told, isWrittenDown ? heardWords : undefined, theirs),
    gates: [],
    measures,
    tape: true,
    masked: 'off',
  };
  if (done.state === 'invalid') {
    const why = cutOff(outcome.state, end)?.reason ?? `the caller: ${outcome.reason ?? 'did not do what it should'}`;
    return { ...base, reasons: [why, ...problems] };
  }
  return decide(planned, base, suite, deps, problems, signal);
}

/** Decides a report anew from what it has: its checks, its gates and, where those leave something to decide, its criteria. Asks nobody but the judge. */
export async function decide(
  planned: Pick<PlannedCase, 'checks' | 'gates' | 'success'>,
  report: CaseReport,
  suite: AssessedBy,
  { measuring, assessors }: AssessDeps,
  problems: readonly string[] = [],
  signal: AbortSignal = NEVER,
): Promise<CaseReport> {
  // What was not talked to its end, for no fault of the agent's, says nothing of it: neither what it did until then.
  const cut = cutOff(report.caller?.state, report.end);
  if (cut !== undefined) return { ...report, state: cut.state, reasons: [cut.reason, ...problems] };
  const lines = conversationOf(report);
  const expected = report.checks.filter(({ step }) => step !== undefined);
  const conversation: Checked = {
    lines,
    tools: report.tools,
    endedBy: endedBy(report.end?.reason),
    wordErrorRate: report.words?.callerWordErrorRate ?? null,
    missingFacts: measuring.missingFacts,
  };
  const { says, never_says, matches, facts, ...others } = planned.checks;
  const ofWords = runChecks({ says, never_says, matches, facts }, conversation);
  const ofOthers = runChecks(others, conversation);
  // What was said and could not be written down is not held against the agent, nor does its own word count for it.
  const unheardWhy = problems.length > 0 ? UNHEARD : report.wordless;
  const isHeard = unheardWhy === undefined;
  const toldWords = ofWords.map((one) => (isHeard ? one : unknownCheck(one, unheardWhy)));
  const checks = [...expected, ...toldWords, ...ofOthers];
  const known = checks.filter((one) => !isUnknown(one));
  const gates = gateResults(planned.gates, {
    measured: report.measures?.figures,
    passed: { value: null, n: 0 },
    wordErrorRate: { value: report.words?.callerWordErrorRate ?? null, n: report.words?.callerWords ?? 0 },
    channelWordErrorRate: { value: report.words?.channelWordErrorRate ?? null, n: report.words?.channelWords ?? 0 },
    agreement: { value: null, n: 0 },
  });
  const failed = [
    ...callerFault(report),
    ...known.filter(({ ok }) => !ok).map(checkText),
    ...gates.filter(({ state }) => state === 'broken').map(gateText),
  ];
  const undecided = gates.filter(({ state }) => state === 'undecided').map(gateText);
  let judged: Judged | undefined;
  const cannot: string[] = [...expected, ...ofOthers].filter(isUnknown).map(checkText);
  if (report.wordless !== undefined && (planned.success.length + ofWords.length > 0 || expected.some(isUnknown)))
    cannot.push(report.wordless);
  if (planned.success.length > 0 && failed.length === 0 && isHeard) {
    if (assessors === undefined) cannot.push('there is nobody to judge: set TESTS_API_URL');
    else
      judged = await judge(
        { service: assessors.service, model: suite.judge.model ?? assessors.judgeModel, votes: suite.judge.votes },
        lines,
        planned.success,
        signal,
      ).catch((error: unknown) => {
        cannot.push(`the judge could not be asked: ${errorCode(error)}: ${errorMessage(error)}`);
        return undefined;
      });
  }
  const against = (judged?.criteria ?? [])
    .filter(({ verdict }) => verdict === 'fail' || (verdict === 'maybe' && suite.judge.maybe === 'fail'))
    .map(({ id, criterion, verdict, votes }) => {
      const reason = votes.find((vote) => vote.verdict === verdict)?.reason ?? votes[0]?.reason ?? '';
      return `criterion ${id} (${criterion}): ${verdict === 'fail' ? 'not met' : 'not certain'}: ${reason}`;
    });
  const broken = failed.length + against.length > 0 ? ownFault(report) : undefined;
  // What nobody could decide is no failure of the agent's, nor what our own caller is to blame for.
  const state =
    failed.length + against.length > 0
      ? broken === undefined
        ? 'failed'
        : 'invalid'
      : cannot.length + problems.length > 0
        ? 'not-executed'
        : undecided.length > 0
          ? 'invalid'
          : 'passed';
  const reasons = [
    ...(broken === undefined ? [] : [broken]),
    ...failed,
    ...against,
    ...undecided,
    ...cannot,
    ...problems,
  ];
  return { ...report, state, reasons, checks, gates, judged };
}

const unknownCheck = ({ what }: ReportCheck, why: string): ReportCheck => ({ what, ok: false, unknown: true, why });
const isUnknown = ({ unknown }: ReportCheck) => unknown === true;
const checkText = ({ what, why }: ReportCheck) => (why === undefined ? what : `${what}: ${why}`);

/** What is judged: what was heard, and where that was not written down, what the agent's side wrote down. */
export const conversationOf = ({ transcript, providerTranscript }: CaseReport): readonly ReportLine[] =>
  transcript.length > 0 ? transcript : providerTranscript;

function endedBy(reason: string | undefined): Checked['endedBy'] {
  return reason === 'caller-hangup' ? 'caller' : reason === 'agent-hangup' ? 'agent' : undefined;
}

/** What it means for the agent that the caller did not come to its end. */
function callerFault({ caller, end }: CaseReport): string[] {
  if (caller?.state === 'hung-up-on')
    return [`the call was over before the caller was through: ${caller.reason ?? end?.detail ?? end?.reason}`];
  if (caller?.state === 'gave-up') return [`the caller gave up: ${caller.reason ?? 'nobody answered'}`];
  if (caller?.state === 'timeout')
    return [`the conversation took longer than the caller has: ${caller.reason ?? 'max_seconds'}`];
  return [];
}
