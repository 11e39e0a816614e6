import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseSuite } from '../../../src/suites/load.ts';
import { planOf } from '../../../src/suites/plan.ts';

const agents = [
  { name: 'acme', options: { target: { agent_id: z.string() } } },
  { name: 'plain', options: {} },
];
const parse = (text: string) => parseSuite('suites/x.yaml', text, { agents });
const problemsOf = (text: string) => {
  try {
    parse(text);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
};

const SMALL = `target: self
cases:
  - name: greets
    steps:
      - wait_for: turn
      - hang_up
`;

describe('a suite', () => {
  it('has limits by kinds of agents that there are', () => {
    expect(parse(`limits: { acme: { concurrency: 2 }, self: { per_minute: 9 } }\n${SMALL}`).limits).toEqual({
      acme: { concurrency: 2 },
      self: { per_minute: 9 },
    });
    expect(problemsOf(`limits:\n  acm: { concurrency: 2 }\n${SMALL}`)).toEqual([
      'suites/x.yaml:2: limits.acm: there is no kind of agent "acm"; did you mean acme?',
    ]);
    expect(problemsOf(`limits:\n  acme: {}\n${SMALL}`)).toEqual([
      'suites/x.yaml:2: limits.acme: must have concurrency or per_minute',
    ]);
  });

  it('is read with what its keys are without being said', () => {
    const suite = parse(SMALL);
    expect(suite).toMatchObject({ name: 'x', concurrency: 1, retries: 2, seed: 1, transcribe: true, gates: {} });
    expect(suite.judge).toEqual({ votes: 1, maybe: 'fail' });
    expect(suite.cases).toHaveLength(1);
    expect(suite.cases[0]).toMatchObject({
      name: 'greets',
      id: 'greets',
      repeat: 1,
      target: { kind: 'self', options: {} },
      caller: { kind: 'script', max_seconds: 300 },
    });
  });

  it('has a target for all cases, and one of its own for a case', () => {
    const suite = parse(`target: { kind: acme, agent_id: a1 }
cases:
  - { name: one, steps: [hang_up] }
  - { name: two, target: plain, steps: [hang_up] }
`);
    expect(suite.cases.map(({ target }) => target)).toEqual([
      { kind: 'acme', options: { agent_id: 'a1' } },
      { kind: 'plain', options: {} },
    ]);
  });

  it('puts variables in, with their types, and makes a case of each variant', () => {
    const suite = parse(`target: { kind: acme, agent_id: "{{agent}}" }
variables: { agent: a7, wait: 900 }
cases:
  - name: asks for {{item}}
    variables: { item: tea }
    each:
      - {}
      - { item: coffee, wait: 300 }
    steps:
      - say: One {{item}}, please.
      - wait_for: speech
        within_ms: "{{wait}}"
    checks: { facts: ["{{wait}}"], max_word_error_rate: 0.1 }
    success: 'The agent says "{{item}}".'
`);
    expect(suite.cases.map(({ id, name }) => [id, name])).toEqual([
      ['asks-for-item.1', 'asks for tea'],
      ['asks-for-item.2', 'asks for coffee'],
    ]);
    const [first, second] = suite.cases;
    expect(first?.target.options).toEqual({ agent_id: 'a7' });
    expect(first?.caller).toMatchObject({ steps: [{ do: 'say', say: 'One tea, please.' }, { within_ms: 900 }] });
    expect(second?.caller).toMatchObject({ steps: [{ say: 'One coffee, please.' }, { within_ms: 300 }] });
    expect(second?.success).toEqual([{ id: '1', criterion: 'The agent says "coffee".' }]);
    expect(second?.checks.facts).toEqual([{ kind: 'number', value: '300' }]);
  });

  it('has callers by name, whose goal and steps stand with the case', () => {
    const suite = parse(`target: plain
callers:
  hasty: { kind: persona, persona: Somebody in a hurry., patience: low, max_turns: 3 }
  noisy: { effects: { noise: { snr_db: 10 } } }
cases:
  - { name: one, caller: hasty, goal: Book a table. }
  - { name: two, caller: noisy, steps: [{ say: hello }] }
`);
    expect(suite.cases[0]?.caller).toMatchObject({ kind: 'persona', goal: 'Book a table.', patience: 'low' });
    expect(suite.cases[1]?.caller).toMatchObject({ kind: 'script', effects: { noise: { snr_db: 10 } } });
  });

  it.each([
    [
      'cases: [{ name: a, target: self, steps: [hang_up] }]\ngatez: {}\n',
      ['suites/x.yaml:2: gatez: there is no such setting; did you mean gates?'],
    ],
    [
      'target: self\ncases:\n  - name: a\n    stepz: []\n',
      ['suites/x.yaml:4: cases.0.stepz: there is no such setting; did you mean steps?'],
    ],
    [
      'cases:\n  - name: a\n    steps: [hang_up]\n',
      ['suites/x.yaml:2: cases.0: has no target: say target, here or for the whole suite (self, or a kind of agent)'],
    ],
    ['target: acme\ncases:\n  - { name: a, steps: [hang_up] }\n', [/^suites\/x\.yaml:1: target\.agent_id: /]],
    [
      'target: { kind: acmee, agent_id: x }\ncases:\n  - { name: a, steps: [hang_up] }\n',
      [/^suites\/x\.yaml:1: target\.kind: .*did you mean acme\?$/],
    ],
    [
      'target: self\ncases:\n  - name: a\n    steps:\n      - say: hi\n      - sya: ho\n',
      [/^suites\/x\.yaml:6: cases\.0\.steps\.1: there is no step "sya"; did you mean say\?/],
    ],
    [
      'target: self\ncases:\n  - name: a\n    caller: nobody\n',
      ['suites/x.yaml:4: cases.0.caller: there is no caller "nobody"'],
    ],
    [
      'target: self\ncallers:\n  me: { kind: person }\ncases:\n  - name: a\n    caller: me\n',
      [
        /^suites\/x\.yaml:3: callers\.me\.kind: .*a person calls at the console's test desk .* is called again by replay$/,
      ],
    ],
    ['target: self\ncases:\n  - name: a\n', ['suites/x.yaml:3: cases.0: has no caller: say steps, a goal, or caller']],
    [
      'target: self\nvariables: { item: x }\ncases:\n  - name: a\n    steps:\n      - say: "{{itme}}"\n',
      ['suites/x.yaml:6: cases.0.steps.0.say: there is no variable "itme"; did you mean item?'],
    ],
    [
      'target: self\ncases:\n  - { name: a, steps: [hang_up] }\n  - { name: A!, steps: [hang_up] }\n',
      ['suites/x.yaml:4: cases.1.name: another case has this name: say it differently'],
    ],
    [
      'target: self\ngates: { response_latency_p96_ms: 3 }\ncases:\n  - { name: a, steps: [hang_up] }\n',
      [/^suites\/x\.yaml:2: gates/],
    ],
    [
      'target: self\nbudget: { money: 5 }\ncases:\n  - { name: a, steps: [hang_up] }\n',
      ['suites/x.yaml:2: budget: money and price_per_minute belong together'],
    ],
    [
      'target: self\ncases:\n  - name: a\n    steps: [hang_up]\n    checks:\n      matches: "("\n',
      ['suites/x.yaml:6: cases.0.checks.matches.0: must be a regular expression'],
    ],
    [
      'target: self\ncases:\n  - name: a\n    steps: [hang_up]\n    success:\n      - A.\n      - { id: "1", criterion: B. }\n',
      ['suites/x.yaml:7: cases.0.success.1: another criterion has the id "1"'],
    ],
    [
      'target: self\ncases:\n  - name: a\n    steps: [hang_up]\n    checks:\n      never_says: "!?"\n',
      ['suites/x.yaml:6: cases.0.checks.never_says.0: must have a letter or a digit'],
    ],
    [
      'target: self\ncases:\n  - name: a\n    steps: [hang_up]\n    checks:\n      facts: [{ name: "!?" }, { words: "…" }, "--"]\n',
      ['0', '1', '2'].map((i) => `suites/x.yaml:6: cases.0.checks.facts.${i}: must have a letter or a digit`),
    ],
    ['target: self\ncases: []\n', [/^suites\/x\.yaml:2: cases: /]],
    ['target: self\n\tcases:\n', [/^suites\/x\.yaml:2: /]],
  ])('says with its line what is wrong: %j', (text, expected) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(expected.length);
    for (const [i, one] of expected.entries())
      if (typeof one === 'string') expect(problems[i]).toBe(one);
      else expect(problems[i]).toMatch(one);
  });

  it('tells all that is wrong at once', () => {
    expect(
      problemsOf(`target: acmee
cases:
  - { name: a, steps: [sya] }
  - { name: b, caller: nobody }
`).length,
    ).toBeGreaterThanOrEqual(3);
  });
});

describe('a plan', () => {
  const suite = parse(`target: self
repeat: 2
cases:
  - { name: Opens, steps: [hang_up] }
  - { name: Closes, repeat: 1, steps: [hang_up] }
`);

  it('has each case before any again, and a seed for each call', () => {
    const plan = planOf(suite);
    expect(plan.map(({ id }) => id)).toEqual(['opens.r1', 'closes', 'opens.r2']);
    expect(new Set(plan.map(({ seed }) => seed)).size).toBe(3);
    expect(planOf(suite)).toEqual(plan);
  });

  it('has no two calls of one id, whatever cases are called', () => {
    const twice = parse(`target: self
cases:
  - { name: call, repeat: 2, steps: [hang_up] }
  - { name: call r1, steps: [hang_up] }
  - { name: other, each: [{}, {}], repeat: 2, steps: [hang_up] }
`);
    const ids = planOf(twice).map(({ id }) => id);
    expect(ids).toHaveLength(7);
    expect(new Set(ids).size).toBe(7);
  });

  it('has those alone that are meant, as often as is said', () => {
    expect(planOf(suite, { only: ['clos'], repeat: 3 }).map(({ id }) => id)).toEqual([
      'closes.r1',
      'closes.r2',
      'closes.r3',
    ]);
    expect(planOf(suite, { only: ['OPENS'] }).map(({ id }) => id)).toEqual(['opens.r1', 'opens.r2']);
    expect(planOf(suite, { only: ['nothing'] })).toEqual([]);
  });
});
