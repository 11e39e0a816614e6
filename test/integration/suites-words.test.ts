import { describe, expect } from 'vitest';
import { startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { suiteFolder, wholeRun } from './suite-runs.ts';
import { startAgentProcess } from './test-call.ts';

/** Agents whose side tells no words: what a suite knows of what they said, and what it does not. */

const NO_WORDS = 'the agent tells no words of its own';

describe('an agent whose side tells no words', () => {
  it('is held to those that are written down from its tape, and to none where nobody understands it', async ({
    own,
  }) => {
    const speaking = own(await startAgentProcess({ greeting: { delayMs: 300, say: 'good day to you' } }));
    // A tone that is no letter of those in which the embedded service speaks.
    const humming = own(await startAgentProcess({ greeting: { delayMs: 300, tone: 440, toneMs: 900 } }));
    const caseOf = (name: string, url: string, expected: string, checks: string) =>
      `  - { name: ${name}, target: { kind: websocket, url: "${url}" }, steps: [{ expect: { words: ${expected} }, within_ms: 5000 }, hang_up], checks: ${checks} }\n`;
    const folder = suiteFolder(
      own,
      'words.yaml',
      `cases:
${caseOf('said', speaking.url, 'good day', '{ says: good day }')}${caseOf('not said', speaking.url, 'goodbye', '{}')}${caseOf('nobody knows', humming.url, 'good day', '{ says: good day, never_says: goodbye, max_word_error_rate: 0.5 }')}`,
    );
    const rig = own(await startRig({ settings: { SUITES_DIR: folder } }));
    const { cases } = await wholeRun(rig, { suite: 'words.yaml', concurrency: 3 });
    expect(
      cases.map(({ id, state }) => [id, state]),
      JSON.stringify(cases.map(({ reasons, transcript }) => [reasons, transcript])),
    ).toEqual([
      ['said', 'passed'],
      ['not-said', 'failed'],
      ['nobody-knows', 'not-executed'],
    ]);
    expect(cases[1]!.reasons).toEqual(['step 1: words "goodbye": not by what was written down of it']);
    expect(cases[2]!.reasons).toEqual([
      `step 1: words "good day": ${NO_WORDS}`,
      expect.stringMatching(/^word error rate at most 0.5: nothing is known of what the agent understood/),
      expect.stringMatching(/^no words of the agent's are known here: .*\(set TESTS_API_URL\)$/),
    ]);
    expect(cases[2]!.checks.map(({ unknown = false }) => unknown)).toEqual([true, true, true, true]);
  });
});
