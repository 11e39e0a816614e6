import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import type { AgentInUse, OpenedAgent } from '../../../src/agents/kind.ts';
import { loadConfig } from '../../../src/config.ts';
import type { Base, Parts } from '../../../src/features/feature.ts';
import { openHealth } from '../../../src/features/health.ts';
import type { HealthOptions } from '../../../src/health/health-route.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** Agents of which each has a far end that is up or down. */
function rig() {
  const clock = new FakeClock();
  const lines: object[][] = [];
  const tell = (...line: object[]) => void lines.push(line);
  const up = new Map<string, boolean>();
  const refuses = new Set<string>();
  const agent = (name: string): AgentInUse => ({
    kind: { name } as AgentInUse['kind'],
    agent: {
      model: `${name}-model`,
      probe: async () => {
        if (up.get(name) === false) throw new Error(`no ${name}`);
      },
    } as OpenedAgent,
  });
  const [first, standard] = [agent('first'), agent('standard')];
  let watcher: (one: AgentInUse) => void = () => {};
  let readiness: HealthOptions['readiness'] = () => 'draining';
  const feature = openHealth({
    config: loadConfig({ METRICS_ACCESS: 'public' }),
    clock,
    log: { info: tell, error: tell },
    metrics: { registry: new Registry() },
  } as unknown as Base);
  feature.install?.({
    http: {
      app: {
        register(_: unknown, options: Partial<HealthOptions>) {
          readiness = options.readiness ?? readiness;
        },
      },
    },
    agents: {
      kinds: AGENTS,
      watch(told: (one: AgentInUse) => void) {
        watcher = told;
        for (const one of [first, standard]) told(one);
      },
    },
    dispatch: { standard: standard.agent },
    admission: { overloaded: false, refusesModel: (model: string) => refuses.has(model) },
    isDraining: () => false,
  } as unknown as Parts);
  const looks = (n: number) => clock.advanceAsync(n * 15_000, 7_500);
  return {
    lines,
    up,
    refuses,
    looks,
    feature,
    clock,
    open: (name: string) => watcher(agent(name)),
    ready: () => readiness(),
  };
}

it('is asked of the kind that answers where nothing else is said; of another that cannot be reached the log tells', async () => {
  const { lines, up, refuses, looks, feature, clock, open, ready } = rig();
  refuses.add('first-model');
  up.set('first', false);
  await looks(4);
  expect(ready()).toBe('ok');
  expect(lines).toEqual([
    [{ agent: 'first', why: 'no first' }, 'agents of a kind cannot be reached; calls for them are tried all the same'],
  ]);
  up.set('first', true);
  await looks(3);
  expect(lines.splice(0).at(-1)).toEqual([{ agent: 'first' }, 'agents of a kind can be reached again']);

  up.set('standard', false);
  await looks(4);
  expect(ready()).toBe('model-unreachable');
  expect(lines).toEqual([[{ why: 'no standard' }, 'the model cannot be reached; no new calls should come here']]);
  refuses.add('standard-model');
  expect(ready()).toBe('model-refuses');
  refuses.clear();
  up.set('standard', true);
  await looks(3);
  expect(ready()).toBe('ok');
  expect(lines.splice(0).at(-1)).toEqual([{}, 'the model can be reached again']);

  // One that a changed prompt names only now.
  up.set('late', false);
  open('late');
  await looks(4);
  expect(lines).toMatchObject([[{ agent: 'late', why: 'no late' }, expect.any(String)]]);
  expect(ready()).toBe('ok');
  await feature.close?.();
  expect(clock.pending).toBe(0);
});
