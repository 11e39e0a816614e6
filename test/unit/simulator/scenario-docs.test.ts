import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { parseScenario, scenarioSchema } from '../../../src/simulator/realtime/scenario.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/simulator.md'), 'utf8');
const code = new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, text = '']) => text.split(/[\s:]+/)));

/** Every key and every kind of fault that the schema of scenarios knows. */
function namesIn(json: unknown, found = new Set<string>()): Set<string> {
  if (typeof json !== 'object' || json === null) return found;
  const { properties, const: one } = json as { properties?: object; const?: unknown };
  if (properties !== undefined) for (const name of Object.keys(properties)) found.add(name);
  if (typeof one === 'string') found.add(one);
  for (const part of Object.values(json)) namesIn(part, found);
  return found;
}

it('every key of a scenario, and every fault, is described', () => {
  const names = namesIn(z.toJSONSchema(scenarioSchema, { io: 'input' }));
  expect(names).toContain('afterTools');
  expect(names).toContain('block_udp');
  expect([...names].filter((name) => !code.has(name))).toEqual([]);
});

it('the example is a scenario', () => {
  const [, example = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  expect(parseScenario(JSON.parse(example)).turns).toHaveLength(2);
});
