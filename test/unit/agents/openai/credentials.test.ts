import { describe, expect, it } from 'vitest';
import { classifyModelCode, modelHttpError } from '../../../../src/agents/common/http.ts';
import { mintKey } from '../../../../src/agents/openai/credentials.ts';
import { type OpenAiAgentOptions, resolveOptions } from '../../../../src/agents/openai/options.ts';
import { quotedError, scrubQuoted } from '../../../../src/log.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { fakeLog } from '../../../fakes/legs.ts';

type Answer = Response | Error | 'hang';

function keyApi(answers: Answer[], options: Partial<OpenAiAgentOptions> = {}) {
  const clock = new FakeClock();
  const log = fakeLog();
  const requests: Array<{ at: number; url: string; headers: Record<string, string>; body: Record<string, unknown> }> =
    [];
  const abort = new AbortController();
  let retries = 0;
  const fakeFetch = ((url: string, init: RequestInit) => {
    requests.push({
      at: clock.now(),
      url,
      headers: init.headers as Record<string, string>,
      body: JSON.parse(init.body as string),
    });
    const answer = answers.shift() ?? 'hang';
    if (answer instanceof Response) return Promise.resolve(answer);
    if (answer instanceof Error) return Promise.reject(answer);
    return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
  }) as typeof fetch;
  const resolved = resolveOptions({
    apiKey: 'sk-main',
    model: 'gpt-realtime',
    fetch: fakeFetch,
    random: () => 0.5,
    ...options,
  });
  const outcome: { key?: string | undefined; error?: unknown } = {};
  const start = (budgetMs = 4_000) => {
    const promise = mintKey(resolved, { clock, log, signal: abort.signal, count: () => retries++, budgetMs });
    promise.then(
      (key) => {
        outcome.key = key;
      },
      (error: unknown) => {
        outcome.error = error;
      },
    );
    return tick(clock, 0);
  };
  return { clock, log, requests, abort, outcome, start, retries: () => retries };
}

/** Response bodies are read over real turns of the event loop, which the fake clock knows nothing of. */
async function tick(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; ; left -= 50) {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    if (left <= 0) return;
    clock.advance(Math.min(50, left));
  }
}

const key = (value = 'ek_1') => Response.json({ value, expires_at: 1 });
const refused = (status: number, code = '', headers: Record<string, string> = {}) =>
  Response.json({ error: { message: `no: sk-main123 ${code}`, type: 't', code } }, { status, headers });

describe('the key of a call', () => {
  it('is asked for with the whole session and a short life', async () => {
    const api = keyApi([key()], { keyTtlSeconds: 45, headers: { 'X-Org': 'o' }, voice: 'marin' });
    await api.start();
    expect(api.outcome.key).toBe('ek_1');
    expect(api.requests[0]).toMatchObject({
      url: 'https://api.openai.com/v1/realtime/client_secrets',
      headers: { Authorization: 'Bearer sk-main', 'X-Org': 'o', 'Content-Type': 'application/json' },
      body: {
        expires_after: { anchor: 'created_at', seconds: 45 },
        session: { type: 'realtime', model: 'gpt-realtime', audio: { output: { voice: 'marin' } } },
      },
    });
    expect(api.clock.pending).toBe(0);
  });

  it('is asked of the older API in its own words', async () => {
    const api = keyApi([Response.json({ client_secret: { value: 'ek_old', expires_at: 1 } })], { keyApi: 'sessions' });
    await api.start();
    expect(api.outcome.key).toBe('ek_old');
    expect(api.requests[0]).toMatchObject({
      url: 'https://api.openai.com/v1/realtime/sessions',
      body: { model: 'gpt-realtime', modalities: ['audio', 'text'] },
    });
  });

  it('is not asked for where there is none', async () => {
    const api = keyApi([], { keyApi: 'none' });
    await api.start();
    expect(api.outcome).toEqual({ key: undefined });
    expect(api.requests).toEqual([]);
  });

  it("is asked for with the deployment's own header in place of the bearer", async () => {
    const api = keyApi([key()], {
      headers: { 'api-key': 'azure' },
      baseUrl: 'https://a.example/openai/v1?api-version=p',
    });
    await api.start();
    expect(api.requests[0]?.headers).not.toHaveProperty('Authorization');
    expect(api.requests[0]).toMatchObject({
      headers: { 'api-key': 'azure' },
      url: 'https://a.example/openai/v1/realtime/client_secrets?api-version=p',
    });
  });

  it.each([
    ['429', () => refused(429, 'rate_limit_exceeded')],
    ['503', () => new Response('busy', { status: 503 })],
    ['a broken line', () => new TypeError('fetch failed')],
  ])('is asked for again after %s', async (_name, answer) => {
    const api = keyApi([answer(), key('ek_2')]);
    await api.start();
    expect(api.outcome).toEqual({});
    await tick(api.clock, 300);
    expect(api.outcome.key).toBe('ek_2');
    expect(api.retries()).toBe(1);
    expect(api.clock.pending).toBe(0);
  });

  it('is asked for again when an answer does not come, inside the budget', async () => {
    const api = keyApi(['hang', key('ek_2')]);
    await api.start();
    await tick(api.clock, 2_500);
    expect(api.outcome.key).toBe('ek_2');
    const silent = keyApi(['hang', 'hang', 'hang']);
    await silent.start();
    await tick(silent.clock, 4_000);
    expect(silent.outcome.error).toMatchObject({ code: 'MODEL_TIMEOUT', retryable: true });
    expect(silent.clock.now()).toBeLessThanOrEqual(4_000);
    expect(silent.clock.pending).toBe(0);
  });

  it('waits as long as it is told to, if the budget allows', async () => {
    const api = keyApi([refused(429, 'rate_limit_exceeded', { 'retry-after': '2' }), key('ek_2')]);
    await api.start();
    await tick(api.clock, 2_500);
    expect(api.requests.map((request) => request.at)).toEqual([0, 2000]);
    const long = keyApi([refused(429, 'rate_limit_exceeded', { 'retry-after': '20' }), key('ek_2')]);
    await long.start();
    expect(long.outcome.error).toMatchObject({ code: 'MODEL_RATE_LIMITED', retryAfterMs: 20_000 });
  });

  it.each([
    [401, 'invalid_api_key', 'MODEL_AUTH'],
    [403, '', 'MODEL_AUTH'],
    [429, 'insufficient_quota', 'MODEL_QUOTA'],
    [403, 'billing_hard_limit_reached', 'MODEL_QUOTA'],
    [402, '', 'MODEL_QUOTA'],
    [400, 'invalid_value', 'MODEL_REJECTED'],
    [404, '', 'MODEL_REJECTED'],
    [302, '', 'MODEL_REJECTED'],
  ])('is not asked for again after %i %s', async (status, code, wanted) => {
    const api = keyApi([refused(status, code), key()]);
    await api.start();
    await tick(api.clock, 1_000);
    expect(api.requests).toHaveLength(1);
    expect(api.outcome.error).toMatchObject({ code: wanted, status, retryable: false });
    expect(String((api.outcome.error as Error).message)).not.toContain('sk-main');
  });

  it.each([{}, { value: '' }, { value: 7 }, []])('is not taken from %j', async (body) => {
    const api = keyApi([Response.json(body)]);
    await api.start();
    expect(api.outcome.error).toMatchObject({ code: 'MODEL_PROTOCOL' });
  });

  it('stops with the call', async () => {
    const api = keyApi(['hang']);
    await api.start();
    const reason = new Error('over');
    api.abort.abort(reason);
    await tick(api.clock, 0);
    expect(api.outcome.error).toBe(reason);
    expect(api.clock.pending).toBe(0);
  });

  it('leaves no key in the log', async () => {
    const api = keyApi([refused(429, 'rate_limit_exceeded'), key('ek_secret')]);
    await api.start();
    await tick(api.clock, 300);
    expect(JSON.stringify(api.log.lines)).not.toMatch(/sk-|ek_/);
  });
});

describe('errors of the API', () => {
  it('take keys out of what others say', () => {
    expect(scrubQuoted('Incorrect API key provided: sk-proj-abc***XYZ. Bearer ek_123, api-key: 9f8e')).toBe(
      'Incorrect API key provided: [redacted] Bearer [redacted] api-key: [redacted]',
    );
    expect(quotedError('invalid_api_key', 'Incorrect API key provided: sk-proj-abc***XYZ.')).toBe(
      'invalid_api_key: Incorrect API key provided: [redacted]',
    );
    expect(quotedError(undefined, '')).toBe('');
    expect(scrubQuoted('x'.repeat(5000)).length).toBeLessThan(310);
    expect(scrubQuoted('task-based desk-top')).toBe('task-based desk-top');
  });

  it('read Retry-After in all its forms', async () => {
    const wall = Date.parse('2026-01-01T00:00:00Z');
    const wait = async (headers: Record<string, string>) =>
      (await modelHttpError(new Response('', { status: 429, headers }), wall)).retryAfterMs;
    expect(await wait({ 'retry-after': '1.5' })).toBe(1500);
    expect(await wait({ 'retry-after': 'Thu, 01 Jan 2026 00:00:03 GMT' })).toBe(3000);
    expect(await wait({ 'retry-after-ms': '250', 'retry-after': '9' })).toBe(250);
    expect(await wait({ 'retry-after': 'soon' })).toBeUndefined();
    expect(await wait({})).toBeUndefined();
  });

  it('are classified by what they say', () => {
    expect(classifyModelCode('insufficient_quota', 'rate_limit_error')).toBe('MODEL_QUOTA');
    expect(classifyModelCode(null, 'server_error')).toBe('MODEL_UNAVAILABLE');
    expect(classifyModelCode('invalid_value', 'invalid_request_error')).toBeUndefined();
    expect(classifyModelCode(undefined, null)).toBeUndefined();
  });
});
