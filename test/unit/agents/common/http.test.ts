import { describe, expect, it } from 'vitest';
import { modelHttpError } from '../../../../src/agents/common/http.ts';

const answered = (status: number, body: unknown, headers = {}) =>
  modelHttpError(new Response(JSON.stringify(body), { status, headers }));

describe("an answer of a provider's API that is an error", () => {
  it.each([
    ['a nested error', 400, { error: { message: 'no such voice', code: 'invalid_value' } }, 'MODEL_REJECTED'],
    ['an error in words', 401, { error: 'no such key' }, 'MODEL_AUTH'],
    ['a detail with a status', 401, { detail: { status: 'quota_exceeded', message: 'none left' } }, 'MODEL_QUOTA'],
    ['a detail in words', 404, { detail: 'no such agent' }, 'MODEL_REJECTED'],
    ['messages in a list', 400, { message: ['assistantId must be a UUID'], error: 'Bad Request' }, 'MODEL_REJECTED'],
    ['no credit', 402, { message: 'Wallet balance is 0', error: 'Payment Required' }, 'MODEL_QUOTA'],
  ])('is read by whichever form it has: %s', async (_, status, body, code) => {
    const error = await answered(status, body);
    expect(error).toMatchObject({ code, status, retryable: false });
    const words = JSON.stringify(body).match(/no such \w+|none left|must be a UUID|balance is 0/)?.[0];
    expect(error.message).toContain(words);
  });

  it('may be tried again when the provider is busy, and when it says after how long', async () => {
    expect(await answered(429, {}, { 'retry-after': '3' })).toMatchObject({
      code: 'MODEL_RATE_LIMITED',
      retryable: true,
      retryAfterMs: 3_000,
    });
  });

  it('quotes no address: one of a call is a key to it', async () => {
    const { message } = await answered(409, {
      message: 'joined already at wss://api.example/c-1/transport?t=canary, so no',
    });
    expect(message).toContain('joined already at [url] so no');
    expect(message).not.toContain('canary');
  });
});
