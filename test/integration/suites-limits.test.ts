import { describe, expect } from 'vitest';
import { RetellServer } from '../../src/simulator/retell/index.ts';
import { startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { suiteFolder, wholeRun } from './suite-runs.ts';

/** Quotas of a provider, by a stand-in that refuses calls beyond its own with 429, as the real one does. */

const KEY = 'key-of-the-account';
const AGENT = 'agent_0000000000000000000000';
const CALLS = 4;
const AT_ONCE = 2;

const suite = (more = '') => `target: { kind: retell, agent_id: ${AGENT}, transport: gateway }
concurrency: ${CALLS}
${more}cases:
  - name: greets
    each: [${Array.from({ length: CALLS }, (_, i) => `{ n: ${i} }`).join(', ')}]
    steps: [{ wait_for: turn }, hang_up]
`;
const created = (retell: RetellServer) => retell.requests.filter((one) => one === 'POST /v3/create-web-call').length;

describe('a provider that allows fewer calls at a time than a run has', () => {
  it.for([
    ['a setting', { TESTS_LIMITS: `retell=${AT_ONCE}` }, suite()],
    ['the suite', {}, suite(`limits: { retell: { concurrency: ${AT_ONCE} } }\n`)],
  ] as const)('is never asked for one more, by %s', async ([, limits, text], { own }) => {
    const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario: { concurrency: AT_ONCE } }));
    const folder = suiteFolder(own, 'x.yaml', text);
    const settings = { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, SUITES_DIR: folder, ...limits };
    const { run } = await wholeRun(own(await startRig({ settings })), { suite: 'x.yaml' });
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: CALLS } });
    // One request a call: none was refused.
    expect(created(retell)).toBe(CALLS);
    expect(run.notes).toEqual([expect.stringMatching(/^\d times a call waited for the limits of retell$/)]);
  });

  it('is asked again when it says so, until all were called', async ({ own }) => {
    // Longer than is waited where a provider says nothing of it.
    const busy = { times: 1, retryAfterSeconds: 8 };
    const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario: { busy } }));
    const folder = suiteFolder(own, 'x.yaml', suite());
    const settings = { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, SUITES_DIR: folder };
    const { run } = await wholeRun(own(await startRig({ settings })), { suite: 'x.yaml' });
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: CALLS } });
    expect(created(retell)).toBe(CALLS + busy.times);
    expect(Date.parse(run.endedAt!) - Date.parse(run.startedAt)).toBeGreaterThanOrEqual(busy.retryAfterSeconds * 1000);
    expect(run.notes).toEqual(
      expect.arrayContaining([expect.stringMatching(/^\d+ times retell had no place for a call and was asked again/)]),
    );
  });

  it('is called again where it is this daemon that has no room for more calls', async ({ own }) => {
    const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario: {} }));
    const folder = suiteFolder(own, 'x.yaml', suite().replace(/each: .*/, 'each: [{ n: 0 }, { n: 1 }]'));
    const settings = { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, SUITES_DIR: folder, MAX_CALLS: '1' };
    const { run } = await wholeRun(own(await startRig({ settings })), { suite: 'x.yaml' });
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 2 } });
    expect(created(retell)).toBe(2);
    expect(run.notes).toEqual([
      expect.stringMatching(/^\d+ times this daemon had no place for a call and was asked again/),
    ]);
  });

  it('is a setting that the daemon does not start with where no kind of agent has that name', async () => {
    await expect(startRig({ settings: { TESTS_LIMITS: 'retel=2' } })).rejects.toThrow(
      'TESTS_LIMITS: there is no kind of agent "retel"; did you mean retell?',
    );
  });
});
