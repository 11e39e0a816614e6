import { isDeepStrictEqual } from 'node:util';
import { type CallerOutcome, NO_WORDS } from '../callers/test/kind.ts';
import { hasWords } from '../measure/spelling.ts';
import { TAPE_RATE } from '../measure/tape.ts';
import { samplesToMs } from '../media/frame.ts';
import type { ReportCheck, ReportLine, ReportToolCall } from './report/types.ts';
import type { Checks, Fact } from './schema.ts';

/** What of a conversation is decided without a judge. Pure. */

const NOT_UNDERSTOOD =
  "nothing is known of what the agent understood: its side tells no words of the caller's, or the caller says none that are written in the suite";

export interface Checked {
  /** What was said, best as it was written down from the tape. */
  readonly lines: readonly ReportLine[];
  readonly tools: readonly ReportToolCall[];
  /** Who hung up; undefined where neither did. */
  readonly endedBy: 'caller' | 'agent' | undefined;
  /** Of the caller's words, by the agent's transcript; null where there is none. */
  readonly wordErrorRate: number | null;
  /** Of these facts, those that a text does not have. */
  missingFacts(text: string, facts: readonly Fact[]): readonly Fact[];
}

/**
 * What the caller's steps expected, and what came. Of an agent whose side told no words when the caller waited for some it is seen by what was written down from the tape, where
 * that has any.
 */
export function expectationsOf(
  { expectations, marks }: Pick<CallerOutcome, 'expectations' | 'marks'>,
  transcript: readonly ReportLine[],
): ReportCheck[] {
  const agent = transcript.filter(({ who }) => who === 'agent');
  return expectations.map((expectation) => {
    const { step } = expectation;
    const mark = marks.find((one) => one.step === step);
    const { ok, why, unknown } = settled(expectation, agent);
    return {
      what: `step ${step + 1}: ${expectation.what}`,
      ok,
      step,
      ...(unknown ? { unknown } : {}),
      ...(why === undefined ? {} : { why }),
      ...(mark === undefined ? {} : { atMs: Math.round(samplesToMs(mark.at, TAPE_RATE)) }),
    };
  });
}

function settled(
  { ok, why, untold }: CallerOutcome['expectations'][number],
  agent: readonly ReportLine[],
): Pick<ReportCheck, 'ok' | 'why' | 'unknown'> {
  if (untold === undefined) return { ok, ...(why === undefined ? {} : { why }) };
  const { fromMs, toMs, isSo } = untold;
  if (isSo === undefined || agent.length === 0) return { ok: false, unknown: true, why: why ?? NO_WORDS };
  const during = agent.filter((line) => (line.fromMs ?? 0) < toMs && (line.toMs ?? line.fromMs ?? 0) > fromMs);
  return isSo(during.map(({ text }) => text).join(' '))
    ? { ok: true }
    : { ok: false, why: 'not by what was written down of it' };
}

/** Each check with how it went. */
export function runChecks(checks: Checks, conversation: Checked): ReportCheck[] {
  const { lines, tools } = conversation;
  const agent = lines.filter(({ who }) => who === 'agent');
  const all = agent.map(({ text }) => text).join('\n');
  const done: ReportCheck[] = [];
  const add = (what: string, ok: boolean, why: string, atMs?: number) =>
    void done.push({ what, ok, ...(ok ? {} : { why }), ...(atMs === undefined ? {} : { atMs }) });

  for (const phrase of checks.says ?? []) add(`says "${phrase}"`, hasWords(all, phrase), 'the agent did not say it');
  for (const phrase of checks.never_says ?? []) {
    const line = agent.find(({ text }) => hasWords(text, phrase));
    add(`never says "${phrase}"`, line === undefined, `the agent said: ${line?.text}`, line?.fromMs);
  }
  for (const pattern of checks.matches ?? []) {
    const fits = pattern.test(all);
    const why = pattern.gaveUp ? 'the expression takes too long on it: say it more simply' : undefined;
    add(`matches ${pattern.source}`, fits, why ?? 'nothing that the agent said fits');
  }
  const facts = checks.facts ?? [];
  const missing = conversation.missingFacts(all, facts);
  for (const fact of facts)
    add(`says the ${fact.kind} ${fact.value}`, !missing.includes(fact), 'the agent did not say it in any spelling');
  if (checks.max_word_error_rate !== undefined) {
    const { wordErrorRate: rate } = conversation;
    const most = checks.max_word_error_rate;
    const what = `word error rate at most ${most}`;
    if (rate === null) done.push({ what, ok: false, unknown: true, why: NOT_UNDERSTOOD });
    else add(what, rate <= most, `it is ${rate.toFixed(3)}`);
  }
  for (const wanted of checks.tools ?? []) {
    const named = tools.filter(({ name }) => name === wanted.name);
    const fitting = named.filter((call) => hasArguments(call.arguments, wanted.arguments));
    const ok = wanted.times === undefined ? fitting.length > 0 : fitting.length === wanted.times;
    add(toolText(wanted), ok, toolWhy(named, fitting, wanted.times), fitting[0]?.atMs ?? named[0]?.atMs);
  }
  for (const name of checks.never_calls ?? []) {
    const call = tools.find((one) => one.name === name);
    add(`never calls ${name}`, call === undefined, 'the agent called it', call?.atMs);
  }
  if (checks.ended_by !== undefined)
    add(
      `the ${checks.ended_by} hangs up`,
      conversation.endedBy === checks.ended_by,
      conversation.endedBy === undefined ? 'nobody did' : `the ${conversation.endedBy} did`,
    );
  return done;
}

function toolText({ name, arguments: given, times }: NonNullable<Checks['tools']>[number]): string {
  const often = times === undefined ? '' : ` ${times} times`;
  return `calls ${name}${often}${given === undefined ? '' : ` with ${JSON.stringify(given)}`}`;
}

function toolWhy(
  named: readonly ReportToolCall[],
  fitting: readonly ReportToolCall[],
  times: number | undefined,
): string {
  if (named.length === 0) return 'the agent did not call it';
  if (fitting.length === 0)
    return `it was called with ${named.map((call) => JSON.stringify(call.arguments)).join(', ')}`;
  return `it was called so ${fitting.length} times, not ${times}`;
}

/** Whether what was given has all that is wanted, in objects among others; texts are compared as people write them. */
export function hasArguments(given: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (typeof wanted === 'string')
    return typeof given === 'string' && given.trim().toLowerCase() === wanted.trim().toLowerCase();
  if (Array.isArray(wanted))
    return (
      Array.isArray(given) && given.length === wanted.length && wanted.every((one, i) => hasArguments(given[i], one))
    );
  if (typeof wanted === 'object' && wanted !== null)
    return (
      typeof given === 'object' &&
      given !== null &&
      Object.entries(wanted).every(([key, one]) => hasArguments((given as Record<string, unknown>)[key], one))
    );
  return isDeepStrictEqual(given, wanted);
}
