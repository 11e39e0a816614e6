import { describe, expect, it } from 'vitest';
import { callerSpec } from '../../../../src/callers/test/spec.ts';
import { readYaml, schemaProblems } from '../../../../src/operator-file.ts';

const read = (yaml: string) => {
  const file = readYaml(yaml);
  const parsed = callerSpec.safeParse(file.value);
  return parsed.success
    ? { spec: parsed.data, problems: [] }
    : { spec: undefined, problems: schemaProblems(file, parsed.error) };
};

describe('what a test caller is told', () => {
  it('reads every step, with its defaults', () => {
    const { spec, problems } = read(`
kind: script
voice: coral
steps:
  - wait_for: turn
  - say: Hello.
  - say: tone:1020/800/-12
    wait: false
  - interrupt: One more thing.
    after_ms: 800
  - interrupt: Stop.
    after_words: opening hours
  - backchannel: mhm
  - side_talk: I am on the phone.
  - wait_for: { words: good morning }
    within_ms: 3000
  - wait_for: silence
    for_ms: 300
  - silence: 2.5
  - keys: 12#
  - keys: 7
    as: tones
  - noise: { snr_db: 10 }
  - noise: off
  - expect: { matches: 'monday|tuesday' }
  - expect: { tool: book, arguments: { day: monday } }
    absent: true
  - hang_up
`);
    expect(problems).toEqual([]);
    expect(spec).toMatchObject({ kind: 'script', max_seconds: 300, voice: 'coral' });
    const steps = spec?.kind === 'script' ? spec.steps : [];
    expect(steps.map((one) => one.do)).toEqual([
      ...['wait_for', 'say', 'say', 'interrupt', 'interrupt', 'backchannel', 'side_talk', 'wait_for', 'wait_for'],
      ...['silence', 'keys', 'keys', 'noise', 'noise', 'expect', 'expect', 'hang_up'],
    ]);
    expect(steps[0]).toEqual({ do: 'wait_for', wait_for: { state: 'turn' }, for_ms: 700, within_ms: 15_000 });
    expect(steps[1]).toEqual({ do: 'say', say: 'Hello.', wait: true });
    expect(steps[11]).toEqual({ do: 'keys', keys: '7', as: 'tones' });
    expect(steps[12]).toEqual({ do: 'noise', noise: { snr_db: 10, colour: 'pink' } });
    expect(steps[13]).toEqual({ do: 'noise', noise: 'off' });
  });

  it.each([
    ['- sya: Hello.', 3, 'steps.0: there is no step "sya"; did you mean say?'],
    ['- say: Hello.\n    whait: false', 4, 'steps.0.whait: there is no such setting'],
    ['- say: Hello.\n    interrupt: Stop.', 3, 'one step cannot have say and interrupt: write two'],
    ['- say: ""', 3, 'steps.0.say: must not be empty'],
    ['- hello', 3, 'steps.0: a step is one of say, interrupt'],
    ['- silence: 0', 3, 'steps.0.silence: '],
    ['- keys: 12x', 3, 'must be keys: 0-9'],
    ['- interrupt: x\n    after_ms: 1\n    after_words: y', 3, 'has after_ms or after_words, not both'],
    ['- expect: { words: a, speech: true }', 3, 'must be one of words, matches'],
    ['- expect: { words: a, arguments: {} }', 3, 'has arguments without a tool'],
    ['- wait_for: { words: "?!" }', 3, 'must have a letter or a digit'],
    ['- expect: { words: "?!" }', 3, 'must have a letter or a digit'],
    ["- wait_for: { matches: '(' }", 3, 'must be a regular expression'],
  ])('refuses %s with its line', (steps, line, problem) => {
    const { problems } = read(`kind: script\nsteps:\n  ${steps}\n`);
    expect(problems.map((one) => one.line)).toContain(line);
    expect(problems.map((one) => one.problem).join('\n')).toContain(problem);
  });

  it('reads personas and replays, and refuses a replay of nothing', () => {
    expect(read('kind: persona\npersona: An impatient man.\ngoal: To book a table.').spec).toMatchObject({
      patience: 'normal',
      max_turns: 20,
    });
    expect(read('kind: replay\nwav: a.wav\neffects: { loss: { rate: 0.02 }, band: telephone }').spec).toMatchObject({
      pace: 'turns',
      effects: { loss: { rate: 0.02, burst_ms: 100 }, band: 'telephone' },
    });
    expect(read('kind: replay').problems[0]?.problem).toContain('must have call_id or wav');
    expect(read('kind: robot').problems[0]?.problem).toMatch(/must be script, persona or replay$/);
    // One could be thought of; how he calls is said.
    expect(read('kind: person').problems[0]?.problem).toMatch(
      /must be script, persona or replay; a person calls .*replay/,
    );
  });
});
