import { expect, it, onTestFinished } from 'vitest';
import { measure } from '../../../src/measure/measure.ts';
import { Measurer } from '../../../src/measure/measurer.ts';
import { conversation } from './conversations.ts';

it('measures on a thread of its own what would be measured here', async () => {
  const measurer = new Measurer();
  onTestFinished(() => measurer.close());
  const calls = [conversation(3), conversation(4)];
  const measured = await Promise.all(calls.map(({ tape, marks }) => measurer.measure(tape, { marks })));
  expect(measured).toEqual(calls.map(({ tape, marks }) => measure(tape, { marks })));
  await measurer.close();
  await expect(measurer.measure(calls[0]!.tape, { marks: [] })).rejects.toMatchObject({ code: 'ABORTED' });
});
