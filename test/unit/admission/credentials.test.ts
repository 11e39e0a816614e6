import { expect, it } from 'vitest';
import { Credentials } from '../../../src/admission/credentials.ts';
import { FakeClock } from '../../fakes/clock.ts';

it('looks at credentials at once, and again while they are refused', async () => {
  const clock = new FakeClock();
  let answer: string | undefined = 'Incorrect API key provided';
  let asked = 0;
  const told: Array<string | undefined> = [];
  const credentials = new Credentials({
    clock,
    refusal: async () => {
      asked++;
      return answer;
    },
    told: (why) => void told.push(why),
  });
  await clock.advanceAsync(0);
  expect(credentials.refused).toBe('Incorrect API key provided');
  await clock.advanceAsync(30_000);
  expect([asked, told]).toEqual([2, ['Incorrect API key provided']]);
  answer = undefined;
  await clock.advanceAsync(30_000);
  expect(credentials.refused).toBeUndefined();
  expect(told).toEqual(['Incorrect API key provided', undefined]);
  // A key that is taken is asked about no more: calls tell.
  await clock.advanceAsync(600_000);
  expect(asked).toBe(3);
  credentials.close();
});
