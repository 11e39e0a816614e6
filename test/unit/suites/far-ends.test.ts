import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/call/clock.ts';
import { measure, summarise } from '../../../src/measure/measure.ts';
import { spread } from '../../../src/measure/statistics.ts';
import { parseXml } from '../../../src/simulator/phone/xml.ts';
import { openService } from '../../../src/suites/assess/client.ts';
import { htmlPage } from '../../../src/suites/report/html.ts';
import { junitXml } from '../../../src/suites/report/junit.ts';
import { caseLines, summaryLines } from '../../../src/suites/report/text.ts';
import type { CaseReport, ReportToolCall, RunReport } from '../../../src/suites/report/types.ts';
import { MockTools } from '../../../src/suites/tools.ts';
import { putIn } from '../../../src/suites/variables.ts';
import { CaseWatch } from '../../../src/suites/watch.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { junitProblems } from '../../junit-schema.ts';

const report: RunReport = {
  format: 1,
  id: '20300102-030405-abcdef',
  suite: 'Shop & "Co" <1>',
  suiteFile: 'shop.yaml',
  suiteHash: 'f'.repeat(64),
  state: 'failed',
  startedAt: '2030-01-02T03:04:05.678Z',
  process: { pid: 1, host: 'h' },
  options: { concurrency: 1, mask: 'off' },
  planned: 4,
  counts: { passed: 1, failed: 1, invalid: 1, 'not-executed': 1 },
  spent: { minutes: 1.25, money: 0.5 },
  cases: [
    { id: 'a', name: 'A', state: 'passed', reasons: [], repetition: 1, attempts: 1, durationMs: 1_234 },
    {
      id: 'b',
      name: 'B\u0000\ud800',
      state: 'failed',
      reasons: ['said <b> & "x"', 'and more\u001b'],
      repetition: 1,
      attempts: 1,
      durationMs: 10,
    },
    { id: 'c', name: 'C', state: 'invalid', reasons: ['the caller: lost'], repetition: 1, attempts: 3, durationMs: 10 },
    { id: 'd', name: 'D', state: 'not-executed', reasons: ['no quota'], repetition: 1, attempts: 1, durationMs: 0 },
  ],
  gates: [
    { figure: 'pass_rate', unit: 'share', min: 1, value: 0.5, n: 2, state: 'broken' },
    { figure: 'missed_rate', unit: 'share', max: 0, value: null, n: 2, state: 'undecided' },
    { figure: 'dead_air_count', unit: 'times', max: 0, value: 0, n: 2, state: 'kept' },
  ],
  notes: ['a note'],
};

describe("JUnit's XML", () => {
  it('is as its schema has it, and counts what it holds', () => {
    const xml = junitXml(report);
    expect(junitProblems(xml)).toEqual([]);
    const suite = parseXml(xml).children[0]!;
    const cases = suite.children.filter(({ name }) => name === 'testcase');
    expect(suite.attributes.get('name')).toBe('Shop & "Co" <1>');
    expect(cases[1]?.children[0]?.attributes.get('message')).toBe('said <b> & "x"');
  });

  it('is found wrong where it is', () => {
    const xml = junitXml(report);
    const wrongs: Array<[what: string, with_: string, problem: string]> = [
      ['tests="7"', 'tests="6"', 'tests is 6 of 7'],
      [' hostname="localhost"', '', 'testsuite has no hostname'],
      ['timestamp="2030-01-02T03:04:05"', 'timestamp="2030-01-02T03:04:05.678Z"', `testsuite's timestamp is`],
      ['<properties>', '<properties since="1">', 'properties may have no since'],
      ['<skipped message="no quota"/>', '<ignored/>', 'testcase may not have ignored'],
      ['time="1.234"', 'time="1,234"', `testcase's time is "1,234"`],
    ];
    for (const [what, other, problem] of wrongs) {
      expect(xml, what).toContain(what);
      expect(junitProblems(xml.replace(what, other)).join('\n')).toContain(problem);
    }
  });
});

describe('reports for people', () => {
  it('say what failed and why, and what changed', () => {
    const text = summaryLines(report, {
      ...report,
      id: 'before',
      cases: report.cases.map((one) => ({ ...one, state: 'passed' })),
    }).join('\n');
    expect(text).toContain('1 passed, 1 failed, 1 invalid, 1 not executed, of 4');
    expect(text).toContain('gate broken     pass_rate at least 1: 0.5 (n 2)');
    expect(text).toContain('  b: passed -> failed');
    expect(caseLines(report.cases[2]!)).toEqual(['inv   c  C  0.0 s, called 3 times', '      the caller: lost']);
  });

  it('have latencies as they were heard and less the way, where it is known, and say how many turns of a run were late by our own frames', () => {
    const figures = summarise([]);
    const of = (more: Partial<typeof figures>) =>
      summaryLines({ ...report, figures: { ...figures, responseLatencyMs: spread([900, 950, 990]), ...more } });
    const said = of({ responseLatencyLessPathMs: spread([800, 850, 890]), ownLate: { n: 3, count: 1, rate: null } });
    expect(said).toContainEqual(expect.stringMatching(/^response latency .* p50 950 ms, .* max 990 ms \(n 3\)$/));
    expect(said).toContainEqual(expect.stringMatching(/^less the way .* p50 850 ms, .* max 890 ms \(n 3\)$/));
    expect(said).toContainEqual(expect.stringMatching(/^turns with our frames late +1 of 3$/));
    // As a run of before has them: as a baseline it is read all the same.
    const before = of({ responseLatencyLessPathMs: undefined, ownLate: undefined } as never).join('\n');
    expect(before).toContain('response latency');
    expect(before).not.toMatch(/less the way|frames late/);
  });

  it('are one page of HTML in which no word of anybody is markup', () => {
    const page = htmlPage(report, [], () => undefined);
    expect(page).not.toMatch(/<script|<b> &|src=|href=/);
    expect(page).toContain('Shop &#38; &#34;Co&#34; &#60;1&#62;');
  });

  it('show on the page where somebody was interrupted, and where something was missing', () => {
    const span = { fromMs: 500, toMs: 560 };
    const measures = {
      ...measure({ rate: 24_000, caller: new Int16Array(24_000), agent: new Int16Array(24_000) }, { marks: [] }),
      agentInterruptions: [{ atMs: 100, overlapMs: 300 }],
      callerInterruptions: [
        { atMs: 200, yielded: true, yieldMs: 240, overlapMs: 240 },
        { atMs: 300, yielded: false, overlapMs: 900 },
      ],
      sound: { caller: { dropouts: [] }, agent: { dropouts: [span] } },
    };
    const nothing = { transcript: [], providerTranscript: [], tools: [], checks: [], gates: [] };
    const pageOf = (one: object) =>
      htmlPage(report, [{ ...report.cases[0]!, ...nothing, ...one } as unknown as CaseReport], () => ({
        durationMs: 1_000,
        caller: [0],
        agent: [0],
      }));
    const marks = [...pageOf({ measures }).matchAll(/<line class="(\w+)" x1="([\d.]+)".*?<title>(.*?)<\/title>/g)];
    expect(marks.map(([, kind, at, title]) => [kind, Number(at), title])).toEqual([
      ['missed', 100, 'the agent speaks over the caller for 300 ms'],
      ['mark', 200, 'the agent yields after 240 ms'],
      ['missed', 300, 'the agent does not yield'],
      ['missed', 500, "a hole of 60 ms in the agent's words"],
    ]);
    expect(pageOf({ measures: { durationMs: 1_000 } })).not.toContain('<line');
  });

  it('say on the page what of a call’s latencies was the way', () => {
    const path = [{ roundTripMs: 1.2, jitterBufferMs: 40.4, ownQueuesMs: 95.1 }];
    const sound = new Int16Array(24_000);
    const pageOf = (more: Partial<Parameters<typeof measure>[1]>) => {
      const measures = measure({ rate: 24_000, caller: sound, agent: sound }, { marks: [], ...more });
      const one = {
        ...report.cases[0]!,
        measures,
        transcript: [],
        providerTranscript: [],
        tools: [],
        checks: [],
        gates: [],
      };
      return htmlPage(report, [one as unknown as CaseReport], () => undefined);
    };
    expect(pageOf({ path })).toContain(
      'The way is 137 ms of each latency: round trip 1, our jitter buffer 40, our own queues 95.',
    );
    expect(pageOf({ path: [{ roundTripMs: 3 }] })).toContain('The way is 3 ms of each latency: round trip 3.');
    expect(pageOf({})).not.toContain('The way');
  });
});

describe('the service that assesses', () => {
  const answering = (...answers: Array<Response | Error>) => {
    const asked: Array<{ url: string; init: RequestInit | undefined }> = [];
    const fetch = async (url: string | URL | Request, init?: RequestInit) => {
      asked.push({ url: String(url), init });
      const answer = answers[Math.min(asked.length, answers.length) - 1]!;
      if (answer instanceof Error) throw answer;
      return answer.clone();
    };
    return { fetch: fetch as typeof globalThis.fetch, asked };
  };
  const address = { url: 'http://127.0.0.1:9/v1?version=2', key: 'sk-secret' };

  it('is asked below its address, with its key, and again when it asks for time', async () => {
    const waits: number[] = [];
    const clock: Clock = {
      now: () => 0,
      wall: () => 0,
      after(ms, fn) {
        // The limit of a request is longer than any wait, and never comes.
        if (ms > 60_000) return { cancel() {} };
        waits.push(ms);
        const timer = setImmediate(fn);
        return { cancel: () => clearImmediate(timer) };
      },
    };
    const { fetch, asked } = answering(
      new Response('', { status: 429, headers: { 'retry-after': '2' } }),
      Response.json({ ok: true }),
    );
    const said = openService(address, { clock, fetch }).post('/chat/completions', { model: 'm' });
    expect(await said).toEqual({ ok: true });
    expect(waits).toEqual([2_000]);
    expect(asked[1]?.url).toBe('http://127.0.0.1:9/v1/chat/completions?version=2');
    expect(asked[1]?.init?.headers).toMatchObject({ authorization: 'Bearer sk-secret' });
  });

  it.each([
    [new Response('sk-secret', { status: 401 }), 'ASSESSMENT_REFUSED'],
    [new Response('no json'), 'ASSESSMENT_INVALID'],
  ])('is not asked again where that cannot help, and its words go nowhere', async (answer, code) => {
    const { fetch, asked } = answering(answer);
    const error = await openService(address, { clock: new FakeClock(), fetch })
      .post('/chat/completions', {})
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('sk-secret');
    expect(asked).toHaveLength(1);
  });
});

describe('tools of a run', () => {
  const tools = () =>
    new MockTools(
      { book: { result: { ok: true }, status: 201, delay_ms: 0 } },
      {
        ...new FakeClock(),
        now: () => 5,
        wall: () => 0,
        after: (_ms, fn) => {
          fn();
          return { cancel() {} };
        },
      },
    );

  it('answer as the suite says, and know whose call it was', async () => {
    const mock = tools();
    const one = mock.begin({ callId: () => 'call-1', startedAt: () => 1 });
    const two = mock.begin({ callId: () => 'call-2', startedAt: () => 2 });
    expect(
      await mock.answer({
        token: mock.token,
        name: 'book',
        body: { name: 'book', args: { people: 2 }, call: { call_id: 'call-2' } },
      }),
    ).toEqual({ status: 201, body: { ok: true } });
    expect(two.calls).toEqual([{ name: 'book', arguments: { people: 2 }, by: 'webhook', atMs: 3 }]);
    await mock.answer({ token: mock.token, name: 'book', body: { people: 3 } });
    expect(one.calls).toEqual([]);
    expect(mock.unclaimed).toEqual([{ name: 'book', arguments: { people: 3 }, by: 'webhook' }]);
    two.end();
    await mock.answer({ token: mock.token, name: 'book', body: { people: 4 } });
    expect(one.calls).toHaveLength(1);
  });

  it('count what is asked again once, and what the call told itself not at all', async () => {
    const mock = tools();
    const told = new Map<string, ReportToolCall>();
    const one = mock.begin({ callId: () => 'call-1', told: () => told });
    const ask = (id: string) =>
      mock.answer({
        token: mock.token,
        name: 'book',
        body: { message: { call: { id: 'call-1' }, toolCallList: [{ id, name: 'book', arguments: {} }] } },
      });
    expect([(await ask('t1'))?.status, (await ask('t1'))?.status, (await ask('t2'))?.status]).toEqual([201, 201, 201]);
    expect(one.calls).toHaveLength(2);
    told.set('t2', { name: 'book', arguments: {}, by: 'call' });
    expect(one.calls).toHaveLength(1);
  });

  it('take for one use what the call told and what was asked without an id, one by one', async () => {
    const mock = tools();
    const told = new Map<string, ReportToolCall>();
    const one = mock.begin({ callId: () => 'session', ownId: () => 'ours', told: () => told, startedAt: () => 0 });
    const ask = (body: unknown) => mock.answer({ token: mock.token, name: 'book', body });
    const tell = (given: unknown, atMs = 0, name = 'book') =>
      told.set(`t${told.size}`, { name, arguments: given, by: 'call', atMs });
    const asked = () => one.calls.map((call) => call.arguments);
    // The daemon's own tool posts bare arguments, without those that it does not declare.
    tell({ people: 2, whim: 'x' });
    await ask({ people: 2 });
    expect(asked()).toEqual([]);
    // Asked twice and told once it was used twice; and told again, still so.
    await ask({ people: 2 });
    expect(asked()).toEqual([{ people: 2 }]);
    tell({ people: 2 });
    expect(asked()).toEqual([]);
    // Other arguments, another tool, another time.
    await ask({ people: 3 });
    tell({ people: 4 });
    tell({ people: 3 }, 0, 'cancel');
    tell({ people: 3 }, 3_600_000);
    expect(asked()).toEqual([{ people: 3 }]);
    // What was told without arguments is none with some, and the very same arguments go first.
    tell({});
    await ask({});
    expect(asked()).toEqual([{ people: 3 }]);
    // With the call's own id beside them, of a use without arguments, too.
    tell({});
    await ask({ call: { id: 'ours', from: 'a', to: 'b' } });
    tell({ people: 5 });
    await ask({ people: 5, call: { id: 'ours' } });
    expect(asked()).toEqual([{ people: 3 }]);
    expect(mock.unclaimed).toEqual([]);
  });

  it("take this daemon's own id of a call for its own, of several that run, and when it is over", async () => {
    const mock = tools();
    const calls = ['a', 'b'].map((id) => mock.begin({ callId: () => `session-${id}`, ownId: () => id }));
    const ask = () => mock.answer({ token: mock.token, name: 'book', body: { people: 2, call: { id: 'b' } } });
    await ask();
    expect(calls.map((one) => one.calls.length)).toEqual([0, 1]);
    calls[1]?.end();
    await ask();
    expect([...calls.map((one) => one.calls.length), mock.unclaimed.length]).toEqual([0, 1, 1]);
  });

  it("take what is asked late in a call that is over for no other case's", async () => {
    const mock = tools();
    const ask = (call_id: string) =>
      mock.answer({ token: mock.token, name: 'book', body: { args: {}, call: { call_id } } });
    mock.begin({ callId: () => 'call-1' }).end();
    const two = mock.begin({ callId: () => 'call-2' });
    await ask('call-1');
    expect([two.calls.length, mock.unclaimed.length]).toEqual([0, 1]);
    await ask("another run's");
    expect([two.calls.length, mock.unclaimed.length]).toEqual([0, 2]);
  });

  it("take what is asked in a call that is over for its case's as long as that gathers, by its id alone", async () => {
    const mock = tools();
    const ask = (call?: object) => mock.answer({ token: mock.token, name: 'book', body: { args: {}, call } });
    const one = mock.begin({ callId: () => 'call-1' });
    one.over();
    const two = mock.begin({ callId: () => 'call-2' });
    await ask({ call_id: 'call-1' });
    expect([one.calls.length, two.calls.length, mock.unclaimed.length]).toEqual([1, 0, 0]);
    // The only call that runs is the other.
    await ask();
    expect([one.calls.length, two.calls.length, mock.unclaimed.length]).toEqual([1, 1, 0]);
    one.end();
    await ask({ call_id: 'call-1' });
    expect([one.calls.length, two.calls.length, mock.unclaimed.length]).toEqual([1, 1, 1]);
  });

  it('take no empty id for that of a call that has none yet', async () => {
    const mock = tools();
    const [one, two] = [mock.begin({ callId: () => undefined }), mock.begin({ callId: () => undefined })];
    await mock.answer({ token: mock.token, name: 'book', body: { args: {}, call: { call_id: '' } } });
    expect([one.calls.length, two.calls.length, mock.unclaimed.length]).toEqual([0, 0, 1]);
  });

  it('take what names a call for that of the only case whose call has no id yet', async () => {
    const mock = tools();
    let callId: string | undefined;
    const ask = () => mock.answer({ token: mock.token, name: 'book', body: { args: {}, call: { call_id: 'call-2' } } });
    const one = mock.begin({ callId: () => callId });
    await ask();
    expect([one.calls.length, mock.unclaimed.length]).toEqual([1, 0]);
    callId = 'call-1';
    await ask();
    expect([one.calls.length, mock.unclaimed.length]).toEqual([1, 1]);
  });

  it('answer several calls in one request, each by its id', async () => {
    const mock = tools();
    const body = {
      message: {
        toolCallList: [
          { id: 't1', name: 'book', arguments: { a: 1 } },
          { id: 't2', function: { name: 'book', arguments: '{"a":2}' } },
        ],
      },
    };
    expect((await mock.answer({ token: mock.token, name: 'any', body }))?.body).toEqual({
      results: [
        { toolCallId: 't1', result: '{"ok":true}' },
        { toolCallId: 't2', result: '{"ok":true}' },
      ],
    });
    expect(mock.unclaimed.map(({ arguments: given }) => given)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('are nobody else’s, and are not there where the suite has none', async () => {
    const mock = tools();
    expect([mock.knows(mock.token), mock.knows('guess'), mock.knows(`${mock.token}x`)]).toEqual([true, false, false]);
    expect(await mock.answer({ token: mock.token, name: 'toString', body: null })).toBeUndefined();
  });
});

it('of what an agent tells no more is kept than anybody says in an hour', () => {
  const none = () => {};
  const watch = new CaseWatch(new FakeClock(), none, none, none);
  const told = (itemId: string, text: string) =>
    watch.onEvent({ type: 'agent', event: { type: 'transcript', role: 'agent', itemId, text, final: true } });
  for (let i = 0; i < 100; i++) told(`item ${i}`, 'x'.repeat(30_000));
  expect(watch.lines.map(({ text }) => text.length)).toEqual(Array.from({ length: 10 }, () => 20_000));
  told('item 3', 'This was heard of it.');
  told('another', 'And this came.');
  expect(watch.lines[3]?.text).toBe('This was heard of it.');
  expect(watch.lines.at(-1)?.text).toBe('And this came.');
});

it('variables that there are not stay as they are written', () => {
  expect(putIn({ a: ['{{x}} and {{y}}', '{{y}}', '{{ x }}'] }, { x: 3 })).toEqual({
    value: { a: ['3 and {{y}}', '{{y}}', 3] },
    problems: [
      { path: ['a', 0], name: 'y' },
      { path: ['a', 1], name: 'y' },
    ],
  });
  expect(putIn('{{constructor}}', {}).problems).toHaveLength(1);
});
