import { expect, it } from 'vitest';
import type { AgentEvent } from '../../../../src/call/events.ts';
import { Told } from '../../../../src/callers/test/told.ts';

const words = (itemId: string, text: string, final = true): AgentEvent => ({
  type: 'transcript',
  role: 'agent',
  itemId,
  text,
  final,
});

it('has the words since ours, those that are told again as they are told last', () => {
  const told = new Told();
  told.onAgent(words('a', 'We are op', false));
  told.onAgent(words('a', 'en.', false));
  expect([told.has('are open'), told.has('closed')]).toEqual([true, false]);
  told.onAgent(words('a', 'We are closed.'));
  expect([told.has('are open'), told.has('closed')]).toEqual([false, true]);
  told.forget();
  told.onAgent(words('a', 'We are closed.'));
  expect([told.text, told.has('closed'), told.tellsWords]).toEqual(['', false, true]);
});

it('keeps no more than anybody says, and is asked with each frame at little cost', () => {
  const told = new Told();
  for (let i = 0; i < 3_000; i++) told.onAgent(words(`item ${i}`, 'words without end '.repeat(10)));
  for (let i = 0; i < 3_000; i++)
    told.onAgent({ type: 'tool_call', toolCallId: `${i}`, name: 'x', arguments: '{}', responseId: 'r' });
  expect(told.text.length).toBeLessThan(110_000);
  expect(told.tools.length).toBe(500);
  const began = process.cpuUsage();
  for (let frame = 0; frame < 500; frame++) told.has('goodbye');
  expect(process.cpuUsage(began).user).toBeLessThan(500_000);
});
