import { describe, expect, it } from 'vitest';
import { BoundedPattern } from '../../../src/callers/test/bounded-pattern.ts';
import { BridgeError } from '../../../src/errors.ts';
import { measure } from '../../../src/measure/measure.ts';
import { figuresOf } from '../../../src/measure/statistics.ts';
import type { Tape } from '../../../src/measure/tape.ts';
import type { AssessDeps } from '../../../src/suites/assess/assess.ts';
import { decide } from '../../../src/suites/assess/assess.ts';
import { judge, judgeHash, majority } from '../../../src/suites/assess/judge.ts';
import { wordlessOf } from '../../../src/suites/assess/known-words.ts';
import { transcribe, turnsOf } from '../../../src/suites/assess/transcribe.ts';
import { expectationsOf, hasArguments, runChecks } from '../../../src/suites/checks.ts';
import { gateResults, gateText } from '../../../src/suites/gates.ts';
import { MASKED, masked } from '../../../src/suites/mask.ts';
import { measuringBy } from '../../../src/suites/measuring.ts';
import type { CaseReport } from '../../../src/suites/report/types.ts';
import { exitCodeOf, stateOf } from '../../../src/suites/run.ts';

const measuring = measuringBy(async (tape, options) => measure(tape, options));

const report: CaseReport = {
  format: 1,
  id: 'a',
  name: 'A',
  state: 'invalid',
  reasons: [],
  variables: { name: 'Ann Smith', code: 7 },
  repetition: 1,
  attempts: 1,
  seed: 1,
  target: { kind: 'self' },
  durationMs: 5_000,
  end: { result: 'success', reason: 'caller-hangup' },
  caller: { state: 'done', marks: [{ atMs: 0, kind: 'say', text: 'I am Ann Smith, 555 0143' }] },
  transcript: [
    { who: 'caller', text: 'I am Ann Smith, 555 0143', fromMs: 0 },
    { who: 'agent', text: 'Hello Ann Smith. Your table is booked for the first of May at 19:30.', fromMs: 3_000 },
  ],
  providerTranscript: [],
  tools: [
    { name: 'book', arguments: { when: '19:30', people: { adults: 2, children: 0 } }, by: 'call', atMs: 2_500 },
    { name: 'book', arguments: { when: '20:00' }, by: 'webhook' },
  ],
  checks: [],
  gates: [],
  tape: true,
  masked: 'off',
};
const conversation = {
  lines: report.transcript,
  tools: report.tools,
  endedBy: 'caller' as const,
  wordErrorRate: 0.25,
  missingFacts: measuring.missingFacts,
};
const oks = (checks: Parameters<typeof runChecks>[0]) => runChecks(checks, conversation).map(({ ok }) => ok);

describe('checks', () => {
  it("find words whole and whatever their signs, in the agent's lines alone", () => {
    expect(oks({ says: ['hello, ann smith', 'Table is book', '555 0143'] })).toEqual([true, false, false]);
    expect(oks({ never_says: ['555', 'booked'] })).toEqual([true, false]);
    expect(
      oks({ matches: [new BoundedPattern(String.raw`booked for .* at \d\d:\d\d`), new BoundedPattern('goodbye')] }),
    ).toEqual([true, false]);
  });

  it('find facts in other spellings', () => {
    expect(
      oks({
        facts: [
          { kind: 'date', value: '05-01' },
          { kind: 'name', value: 'Ann Smith' },
          { kind: 'number', value: '42' },
        ],
      }),
    ).toEqual([true, true, false]);
  });

  it('bound what was misunderstood', () => {
    expect(oks({ max_word_error_rate: 0.25 })).toEqual([true]);
    expect(oks({ max_word_error_rate: 0.2 })).toEqual([false]);
    expect(runChecks({ max_word_error_rate: 1 }, { ...conversation, wordErrorRate: null })[0]).toMatchObject({
      ok: false,
    });
  });

  it('want tools with arguments, so often, or not at all', () => {
    expect(oks({ tools: [{ name: 'book', arguments: { people: { adults: 2 } } }] })).toEqual([true]);
    expect(oks({ tools: [{ name: 'book', arguments: { people: { adults: 3 } } }] })).toEqual([false]);
    expect(oks({ tools: [{ name: 'book', times: 1 }] })).toEqual([false]);
    expect(oks({ tools: [{ name: 'book', times: 2 }] })).toEqual([true]);
    expect(oks({ tools: [{ name: 'cancel', times: 0 }] })).toEqual([true]);
    expect(oks({ never_calls: ['book', 'cancel'] })).toEqual([false, true]);
    expect(oks({ ended_by: 'agent' })).toEqual([false]);
  });

  it('compare arguments by what they are', () => {
    expect(hasArguments({ a: [1, { b: 'X ' }], c: 1 }, { a: [1, { b: 'x' }] })).toBe(true);
    expect(hasArguments({ a: [1, 2] }, { a: [1] })).toBe(false);
    expect(hasArguments({ a: '1' }, { a: 1 })).toBe(false);
    expect(hasArguments('no object', { a: 1 })).toBe(false);
  });
});

describe('a mask', () => {
  it('takes a moment for a long text without spaces, as some languages have', () => {
    const text = `${'あ'.repeat(20_000)} a.b@example.com x@y@z.org`;
    const began = process.cpuUsage();
    const kept = masked({ ...report, providerTranscript: [{ who: 'agent', text }] }, 'numbers');
    expect(process.cpuUsage(began).user).toBeLessThan(200_000);
    expect(kept.providerTranscript[0]?.text).toBe(`${'あ'.repeat(20_000)} ${MASKED} x@${MASKED}`);
  });
});

describe('gates', () => {
  const gated = {
    measured: undefined,
    passed: { value: 0.9, n: 10 },
    wordErrorRate: { value: 0.05, n: 100 },
    channelWordErrorRate: { value: 0.01, n: 100 },
    agreement: { value: null, n: 0 },
  };
  it('take a number for the better side, or both bounds', () => {
    const results = gateResults(
      {
        pass_rate: 0.95,
        word_error_rate: 0.05,
        judge_agreement: 0.5,
        missed_count: { min: 0, max: 1 },
        channel_word_error_rate: 0,
      },
      gated,
    );
    expect(Object.fromEntries(results.map(({ figure, state }) => [figure, state]))).toEqual({
      pass_rate: 'broken',
      word_error_rate: 'kept',
      channel_word_error_rate: 'broken',
      judge_agreement: 'undecided',
      missed_count: 'undecided',
    });
    expect(results.map(gateText)).toContain('pass_rate at least 0.95: 0.9 (n 10)');
  });

  it('are neither kept nor broken by what was counted of nothing', () => {
    const results = gateResults(
      { missed_count: 0, agent_interruption_count: 0, yielded_count: 1, dead_air_count: 0 },
      { ...gated, measured: figuresOf([]) },
    );
    expect(results.map(({ n, state }) => [n, state])).toEqual(Array(4).fill([0, 'undecided']));
    expect(gateText(results[0]!)).toContain('too few to tell (n 0)');
  });

  it('decide about a run with the cases', () => {
    const counts = { passed: 9, failed: 1, invalid: 0, 'not-executed': 0 };
    const kept = gateResults({ pass_rate: 0.9 }, gated);
    expect(stateOf(counts, [], 10, false)).toBe('failed');
    expect(stateOf(counts, kept, 10, true)).toBe('passed');
    expect(stateOf(counts, gateResults({ pass_rate: 0.95 }, gated), 10, true)).toBe('failed');
    expect(stateOf({ ...counts, failed: 0, invalid: 1 }, [], 10, false)).toBe('invalid');
    expect(stateOf({ ...counts, failed: 0, 'not-executed': 1 }, [], 10, false)).toBe('not-executed');
    expect(stateOf({ ...counts, failed: 0 }, [], 10, false)).toBe('not-executed');
    expect(stateOf({ ...counts, failed: 0 }, gateResults({ judge_agreement: 1 }, gated), 9, false)).toBe('invalid');
    expect(
      (['passed', 'failed', 'invalid', 'not-executed', 'interrupted'] as const).map((state) => exitCodeOf({ state })),
    ).toEqual([0, 1, 2, 2, 2]);
  });
});

const completion = (verdicts: unknown) => ({ choices: [{ message: { content: JSON.stringify({ verdicts }) } }] });
const criteria = [{ id: 'books', criterion: 'The agent books.' }];

/** A judge that answers these, one after the other. */
function judging(...answers: unknown[]) {
  const asked: Array<Readonly<Record<string, unknown>>> = [];
  const service = {
    post: async (_path: string, body: unknown) => {
      asked.push(body as Record<string, unknown>);
      return answers[(asked.length - 1) % answers.length];
    },
  };
  return { service, asked };
}

describe('the judge', () => {
  const vote = (verdict: string, quote = '') => completion([{ id: 'books', verdict, quote, reason: 'So it is.' }]);

  it('is asked so often, and its votes are counted', async () => {
    const { service, asked } = judging(vote('pass', 'your table is booked'), vote('fail'), vote('pass'));
    const judged = await judge({ service, model: 'm', votes: 3 }, report.transcript, criteria);
    expect(judged).toMatchObject({
      model: 'm',
      hash: judgeHash('m', criteria),
      criteria: [{ id: 'books', verdict: 'pass' }],
    });
    expect(judged.criteria[0]?.agreement).toBeCloseTo(2 / 3);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map(({ seed }) => seed)).size).toBe(3);
    expect(asked[0]).toMatchObject({ model: 'm', temperature: 0 });
  });

  it('is not believed with words that nobody said', async () => {
    const { service } = judging(vote('pass', 'your taxi is ordered'));
    const judged = await judge({ service, model: 'm', votes: 1 }, report.transcript, criteria);
    expect(judged.criteria[0]).toMatchObject({ verdict: 'maybe' });
    expect(judged.criteria[0]?.votes[0]?.reason).toContain('not in the conversation');
  });

  it('is asked once more where its answer is none, and is refused then', async () => {
    const { service } = judging(completion([]), vote('fail'));
    expect((await judge({ service, model: 'm', votes: 1 }, report.transcript, criteria)).criteria[0]?.verdict).toBe(
      'fail',
    );
    await expect(judge({ service: judging({}).service, model: 'm', votes: 1 }, [], criteria)).rejects.toMatchObject({
      code: 'ASSESSMENT_INVALID',
    });
  });

  it('is asked once more where it gives no reason, or leaves out what decided', async () => {
    const bare = [{ reason: ' ', quote: '' }, { reason: 'So it is.' }, { quote: '' }];
    for (const given of bare) {
      const { service, asked } = judging(completion([{ id: 'books', verdict: 'pass', ...given }]), vote('fail'));
      const judged = await judge({ service, model: 'm', votes: 1 }, report.transcript, criteria);
      expect([judged.criteria[0]?.verdict, asked.length]).toEqual(['fail', 2]);
    }
  });

  it('is given the beginning and the end of what is too long, also of few long lines', async () => {
    const { service, asked } = judging(vote('pass'));
    const long = [
      { who: 'caller' as const, text: `begin ${'a'.repeat(60_000)}` },
      { who: 'agent' as const, text: `${'b'.repeat(90_000)} end` },
    ];
    await judge({ service, model: 'm', votes: 1 }, long, criteria);
    const [, { content }] = asked[0]!['messages'] as [unknown, { content: string }];
    const given = JSON.parse(content).conversation as Array<{ speaker: string; text: string }>;
    expect(given.map(({ speaker, text }) => [speaker, text.length])).toEqual([
      ['caller', 50_000],
      ['agent', 50_000],
    ]);
    expect([given[0]?.text.slice(0, 5), given[1]?.text.slice(-3)]).toEqual(['begin', 'end']);
  });

  it('has another hash for another model, other criteria, and no other', () => {
    expect(judgeHash('m', criteria)).toBe(judgeHash('m', [...criteria]));
    expect(judgeHash('n', criteria)).not.toBe(judgeHash('m', criteria));
    expect(judgeHash('m', [{ id: 'books', criterion: 'Another.' }])).not.toBe(judgeHash('m', criteria));
  });

  it('is not sure where as many votes are for another verdict', () => {
    expect(majority(['pass', 'fail'])).toEqual({ verdict: 'maybe', agreement: 0.5 });
    expect(majority(['maybe', 'fail', 'fail'])).toEqual({ verdict: 'fail', agreement: 2 / 3 });
  });
});

describe('a decision', () => {
  const suite = { judge: { votes: 1, maybe: 'fail' as const }, transcribe: true };
  const planned = { checks: {}, gates: {}, success: criteria };
  const deps = (service: ReturnType<typeof judging>['service'] | undefined): AssessDeps => ({
    measuring,
    assessors: service === undefined ? undefined : { service, transcriptionModel: 't', judgeModel: 'j' },
  });
  const verdict = (word: string) => judging(completion([{ id: 'books', verdict: word, quote: '', reason: 'r' }]));

  it('is what the judge says where the checks leave it to him', async () => {
    expect((await decide(planned, report, suite, deps(verdict('pass').service))).state).toBe('passed');
    expect((await decide(planned, report, suite, deps(verdict('fail').service))).state).toBe('failed');
    expect((await decide(planned, report, suite, deps(verdict('maybe').service))).state).toBe('failed');
    const lenient = { ...suite, judge: { votes: 1, maybe: 'pass' as const } };
    expect((await decide(planned, report, lenient, deps(verdict('maybe').service))).state).toBe('passed');
  });

  it('asks nobody where the checks have failed', async () => {
    const { service, asked } = verdict('pass');
    const decided = await decide({ ...planned, checks: { says: ['goodbye'] } }, report, suite, deps(service));
    expect(decided).toMatchObject({ state: 'failed', reasons: ['says "goodbye": the agent did not say it'] });
    expect(asked).toHaveLength(0);
  });

  it('is not made where nobody can be asked, or figures are missing', async () => {
    expect((await decide(planned, report, suite, deps(undefined))).state).toBe('not-executed');
    const undecided = await decide(
      { checks: {}, success: [], gates: { missed_rate: 0 } },
      report,
      suite,
      deps(undefined),
    );
    expect(undecided).toMatchObject({ state: 'invalid', reasons: ['missed_rate at most 0: too few to tell (n 0)'] });
  });

  it('is none by words that could not be written down, and still one by what else the agent did', async () => {
    const problems = ['what was said could not be written down: ASSESSMENT_UNAVAILABLE'];
    const unheard = { ...report, transcript: [], providerTranscript: [{ who: 'agent' as const, text: 'Hello.' }] };
    const checks = { says: ['table'], never_says: ['booked'], ended_by: 'caller' as const };
    const { service, asked } = verdict('fail');
    const decided = await decide({ ...planned, checks }, unheard, suite, deps(service), problems);
    expect(decided).toMatchObject({
      state: 'not-executed',
      reasons: problems,
      checks: [{ ok: false, why: 'what was said could not be written down' }, { ok: false }, { ok: true }],
    });
    expect(asked).toHaveLength(0);
    const other = { ...planned, checks: { ...checks, ended_by: 'agent' as const } };
    expect(await decide(other, unheard, suite, deps(service), problems)).toMatchObject({
      state: 'failed',
      reasons: ['the agent hangs up: the caller did', ...problems],
    });
  });

  it('holds a call against the agent that was over too early', async () => {
    const cut = {
      ...report,
      caller: { state: 'hung-up-on', marks: [] },
      end: { result: 'success', reason: 'agent-hangup' },
    };
    expect(await decide({ checks: {}, gates: {}, success: [] }, cut, suite, deps(undefined))).toMatchObject({
      state: 'failed',
      reasons: ['the call was over before the caller was through: agent-hangup'],
    });
  });

  it('holds it against the agent that the caller was not answered, and gave up', async () => {
    const caller = { state: 'gave-up', reason: 'the agent said nothing for 19 s', marks: [] };
    const decided = await decide({ checks: {}, gates: {}, success: [] }, { ...report, caller }, suite, deps(undefined));
    expect(decided).toMatchObject({
      state: 'failed',
      reasons: ['the caller gave up: the agent said nothing for 19 s'],
    });
  });

  it('holds nothing against the agent where the words of the caller left with gaps, and says whose fault that was', async () => {
    const failing = { ...planned, checks: { says: ['goodbye'] } };
    const late = (ownLateMs: number, starved: number) => ({
      ...report,
      measures: { turns: [{ ownLateMs: 20 }, { ownLateMs }], figures: {} } as unknown as CaseReport['measures'],
      caller: { state: 'done', marks: [], pace: { frames: 400, late: 30, starved, worstMs: 861, worstOwnMs: 9 } },
    });
    const { service } = verdict('pass');
    const decided = await decide(failing, late(861.5, 30), suite, deps(service));
    expect(decided.state).toBe('invalid');
    expect(decided.reasons).toEqual([
      'the caller: its words left with gaps of up to 862 ms, because this process was not given the processor',
      'says "goodbye": the agent did not say it',
    ]);
    expect((await decide(failing, late(300, 2), suite, deps(service))).reasons[0]).toBe(
      'the caller: its words left with gaps of up to 300 ms',
    );
    expect((await decide(failing, late(150, 30), suite, deps(service))).state).toBe('failed');
    // What an agent understood all the same it understood.
    expect((await decide(planned, late(861.5, 30), suite, deps(service))).state).toBe('passed');
  });

  it('holds nothing against the agent where nobody could have understood the caller, and all where the agent alone did not', async () => {
    const failing = { ...planned, checks: { says: ['goodbye'] } };
    const words = { callerWordErrorRate: 0.9, callerWords: 8, agentWordErrorRate: null, agentWords: 0 };
    const by = async (own: Partial<NonNullable<CaseReport['words']>>) =>
      decide(failing, { ...report, words: { ...words, ...own } }, suite, deps(verdict('pass').service));
    expect(await by({ channelWordErrorRate: 0.75, channelWords: 8 })).toMatchObject({
      state: 'invalid',
      reasons: [
        'the caller: its words were not to be understood: written down at our own end of the line 75 of 100 were wrong',
        'says "goodbye": the agent did not say it',
      ],
    });
    expect((await by({ channelWordErrorRate: 0.25, channelWords: 8 })).state).toBe('failed');
    // It understood him all the same, or too little was said to tell.
    expect((await by({ channelWordErrorRate: 0.75, channelWords: 8, callerWordErrorRate: 0.1 })).state).toBe('failed');
    expect((await by({ channelWordErrorRate: 1, channelWords: 2 })).state).toBe('failed');
    expect((await by({})).state).toBe('failed');
    const passes = { ...report, words: { ...words, channelWordErrorRate: 0.75, channelWords: 8 } };
    expect((await decide(planned, passes, suite, deps(verdict('pass').service))).state).toBe('passed');
  });

  it('is none by words that nobody knows, whatever they should have been, and says what would tell them', async () => {
    const wordless = "no words of the agent's are known here (set TESTS_API_URL)";
    const unknown = { ...report, transcript: [], wordless };
    const { service, asked } = verdict('fail');
    const of = (checks: Parameters<typeof runChecks>[0], success = planned.success) =>
      decide({ checks, gates: {}, success }, unknown, suite, deps(service));
    const words = await of({ says: ['table'], never_says: ['booked'], ended_by: 'caller' });
    expect(words).toMatchObject({ state: 'not-executed', reasons: [wordless] });
    expect(words.checks.map(({ unknown: isUnknown = false }) => isUnknown)).toEqual([true, true, false]);
    expect(await of({})).toMatchObject({ state: 'not-executed', reasons: [wordless] });
    expect(asked).toHaveLength(0);
    // What asks for no words is decided as ever.
    expect(await of({ ended_by: 'caller' }, [])).toMatchObject({ state: 'passed', reasons: [] });
    expect(await of({ says: ['table'], ended_by: 'agent' }, [])).toMatchObject({ state: 'failed' });
  });

  it('is none by what the agent understood where its side does not say it', async () => {
    const decided = await decide(
      { checks: { max_word_error_rate: 0.1 }, gates: {}, success: [] },
      { ...report, words: { callerWordErrorRate: null, callerWords: 0, agentWordErrorRate: null, agentWords: 0 } },
      suite,
      deps(undefined),
    );
    expect(decided.state).toBe('not-executed');
    expect(decided.reasons[0]).toMatch(/^word error rate at most 0.1: nothing is known of what the agent understood/);
  });

  it('keeps what the steps of the caller expected', async () => {
    const expected = { what: 'step 1: words', ok: false, step: 0, why: 'it said nothing' };
    const decided = await decide(
      { checks: {}, gates: {}, success: [] },
      { ...report, checks: [expected] },
      suite,
      deps(undefined),
    );
    expect(decided).toMatchObject({ state: 'failed', checks: [expected] });
    expect((await decide({ checks: {}, gates: {}, success: [] }, decided, suite, deps(undefined))).checks).toHaveLength(
      1,
    );
  });
});

describe('masks', () => {
  it('take numbers, addresses and variables out, and leave the rest', () => {
    const text = JSON.stringify(masked(report, 'numbers'));
    expect(text).not.toContain('Ann Smith');
    expect(text).not.toContain('0143');
    expect(text).toContain('Your table is booked');
    expect(masked({ ...report, reasons: ['write to ann@example.com, 19 times'] }, 'numbers').reasons).toEqual([
      `write to ${MASKED}, 19 times`,
    ]);
    expect(masked(report, 'numbers').durationMs).toBe(5_000);
  });

  it('take all words out', () => {
    const text = JSON.stringify(masked(report, 'words'));
    expect(text).not.toMatch(/Ann|table|0143|19:30/);
    expect(masked(report, 'words').masked).toBe('words');
  });

  it('change nothing when they are off', () => {
    expect(masked(report, 'off')).toBe(report);
  });

  it('leave out the words that say how the call ended, of the caller and of the agent', () => {
    const said = {
      ...report,
      caller: { state: 'timeout', reason: 'it waited for "555 0143"', marks: [] },
      end: { result: 'success', reason: 'agent-hangup', detail: 'Ann Smith was told goodbye' },
    };
    expect(masked(said, 'numbers')).toMatchObject({
      caller: { state: 'timeout', reason: `it waited for "${MASKED}"` },
      end: { reason: 'agent-hangup', detail: `${MASKED} was told goodbye` },
    });
    expect(masked(said, 'words')).toMatchObject({
      caller: { state: 'timeout', reason: MASKED },
      end: { result: 'success', reason: 'agent-hangup', detail: MASKED },
    });
  });
});

describe('an expectation of words that the agent did not tell', () => {
  const untold = (isSo?: (said: string) => boolean) => ({
    expectations: [
      { step: 0, what: 'words "table"', ok: false, why: 'told none', untold: { fromMs: 2_000, toMs: 9_000, isSo } },
    ],
    marks: [],
  });
  const hasTable = untold((said) => said.includes('table')) as Parameters<typeof expectationsOf>[0];
  const line = (fromMs: number, toMs: number, text = 'your table') => ({ who: 'agent' as const, text, fromMs, toMs });

  it('is seen by what was written down of that time', () => {
    expect(expectationsOf(hasTable, [line(3_000, 4_000)])).toMatchObject([{ ok: true }]);
    expect(expectationsOf(hasTable, [line(500, 1_900), line(9_100, 9_900)])).toMatchObject([{ ok: false }]);
    expect(expectationsOf(hasTable, [line(500, 1_900)])[0]).not.toHaveProperty('unknown');
  });

  it('is not decided where nobody wrote down anything of it, or the caller had to act by it', () => {
    const nothing = { ok: false, unknown: true, why: 'told none' };
    expect(expectationsOf(hasTable, [{ who: 'caller', text: 'a table', fromMs: 3_000 }])).toMatchObject([nothing]);
    const toActBy = untold() as Parameters<typeof expectationsOf>[0];
    expect(expectationsOf(toActBy, [line(3_000, 4_000)])).toMatchObject([nothing]);
  });
});

describe('words that are known', () => {
  const agent = [{ who: 'agent' as const, text: 'hello' }];
  const speech = [{ fromMs: 0, toMs: 500 }];
  const own = { ownVoiceAlone: true };

  it('are none of the agent’s where it spoke, told none, and nobody who understands it was there', () => {
    expect(wordlessOf({ speech, lines: [] }, true, own)).toContain('set TESTS_API_URL');
    expect(wordlessOf({ speech, lines: [] }, true, undefined)).toContain('set TESTS_API_URL');
    expect(wordlessOf({ speech, lines: [] }, false, {})).toContain('transcribe: false');
    expect(wordlessOf({ speech, lines: agent }, false, undefined)).toBeUndefined();
    // Who understands speech heard no words, and who kept silent said none.
    expect(wordlessOf({ speech, lines: [] }, true, {})).toBeUndefined();
    expect(wordlessOf({ speech: [], lines: [] }, true, own)).toBeUndefined();
  });
});

describe('turns that are written down', () => {
  it('are stretches with short pauses between them, in parts that a service takes', () => {
    expect(
      turnsOf([
        { fromMs: 0, toMs: 500 },
        { fromMs: 900, toMs: 1_500 },
        { fromMs: 4_000, toMs: 4_050 },
        { fromMs: 9_000, toMs: 9_400 },
      ]),
    ).toEqual([
      { fromMs: 0, toMs: 1_500 },
      { fromMs: 9_000, toMs: 9_400 },
    ]);
    expect(turnsOf([{ fromMs: 0, toMs: 500_000 }])).toHaveLength(3);
  });

  it('are asked for no more when one of them could not be had', async () => {
    let asked = 0;
    const service = {
      async post() {
        if (++asked === 1) throw new BridgeError('ASSESSMENT_REFUSED', 'no');
        await new Promise(setImmediate);
        return { text: 'yes' };
      },
    };
    const tape: Tape = { rate: 24_000, caller: new Int16Array(24), agent: new Int16Array(24) };
    const agent = Array.from({ length: 50 }, (_, i) => ({ fromMs: i * 2_000, toMs: i * 2_000 + 500 }));
    await expect(transcribe({ service, model: 'm' }, tape, { caller: [], agent })).rejects.toMatchObject({
      code: 'ASSESSMENT_REFUSED',
    });
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    expect(asked).toBe(4);
  });
});
