import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Ticker } from '../../../src/call/ticker.ts';
import { callersOf } from '../../../src/suites/callers.ts';
import { parseSuite } from '../../../src/suites/load.ts';
import { planOf } from '../../../src/suites/plan.ts';
import { RunStore } from '../../../src/suites/store.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

const RUN = '20300102-030405-abc123';

it.for([
  ['off', true],
  ['numbers', true],
  ['words', false],
] as const)('a caller begins a file of its tape with the mask %s: %s', async ([mask, isKept]) => {
  const folder = mkdtempSync(join(tmpdir(), 'callers-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const suite = parseSuite('s.yaml', 'target: self\ncases: [{ name: one, steps: [hang_up] }]\n', { agents: [] });
  const [planned] = planOf(suite, {});
  const clock = new FakeClock();
  const store = new RunStore(folder);
  const callerOf = callersOf(RUN, mask, {
    clock,
    ticker: new Ticker(clock),
    log: fakeLog(),
    store,
    speechFolder: folder,
    speechModel: 'm',
    speechVoice: 'v',
    folder,
    speech: async () => ({ url: 'http://speech.test/v1', key: 'k' }),
    persona: () => Promise.reject(new Error('nobody is played')),
  });
  const { tape } = await callerOf(planned!, new AbortController().signal);
  // As it is where the process is killed now.
  expect(existsSync(store.tapeOf(RUN, 'one'))).toBe(isKept);
  await tape.close();
});
