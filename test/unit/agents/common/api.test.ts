import { describe, expect, it } from 'vitest';
import { askApi } from '../../../../src/agents/common/api.ts';
import type { BridgeError } from '../../../../src/errors.ts';
import { FakeClock } from '../../../fakes/clock.ts';

/** How often it is asked where all answers are like this, and what comes of it. */
async function asked(method: 'GET' | 'POST', answer: number | string) {
  const clock = new FakeClock();
  let times = 0;
  const asking = askApi(
    { method, url: 'https://api.example/call', headers: {}, ...(method === 'POST' ? { body: {} } : {}) },
    {
      clock,
      signal: new AbortController().signal,
      count: () => {},
      deadline: 1_000,
      random: () => 0.5,
      fetch: async () => {
        times++;
        if (typeof answer === 'number') return new Response('{}', { status: answer });
        throw new TypeError('fetch failed', { cause: Object.assign(new Error(answer), { code: answer }) });
      },
    },
  ).catch((error: BridgeError) => error.code);
  await clock.advanceAsync(2_000);
  return { times, code: await asking };
}

describe("a provider's API is asked again", () => {
  it.each([425, 429, 503, 'ECONNREFUSED', 'ENOTFOUND'])(
    'where nothing was begun, whatever was asked: %s',
    async (answer) => {
      for (const method of ['GET', 'POST'] as const) expect((await asked(method, answer)).times).toBeGreaterThan(1);
    },
  );

  it.each([500, 502, 504, 408, 'ECONNRESET'])(
    'for what makes nothing alone, where a call may have been made: %s',
    async (answer) => {
      expect(await asked('POST', answer)).toEqual({ times: 1, code: 'MODEL_UNAVAILABLE' });
      expect((await asked('GET', answer)).times).toBeGreaterThan(1);
    },
  );

  it.each([401, 402, 404])('never after a refusal: %s', async (answer) => {
    for (const method of ['GET', 'POST'] as const) expect((await asked(method, answer)).times).toBe(1);
  });
});
