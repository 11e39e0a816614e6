import { describe, expect, it } from 'vitest';
import { elevenLabsAgent } from '../../../../src/agents/elevenlabs/kind.ts';
import { vapiAgent } from '../../../../src/agents/vapi/kind.ts';
import { websocketAgent } from '../../../../src/agents/websocket/kind.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const KINDS = [
  { kind: vapiAgent, prefix: 'VAPI', path: '/assistant?limit=1', header: 'Authorization' },
  { kind: elevenLabsAgent, prefix: 'ELEVENLABS', path: '/v1/convai/agents?page_size=1', header: 'xi-api-key' },
  { kind: websocketAgent, prefix: 'ULTRAVOX', path: '/api/accounts/me', header: 'X-API-Key' },
];

async function asked(
  { kind, prefix }: (typeof KINDS)[0],
  status: number | undefined,
  key: string | undefined = 'key-1',
) {
  const requests: Array<{ url: string; headers: unknown }> = [];
  const outside = (async (url: string, { headers }: RequestInit) => {
    requests.push({ url, headers });
    if (status === undefined)
      throw new TypeError('fetch failed', { cause: { code: 'ENOTFOUND', message: 'not found' } });
    return new Response('{}', { status });
  }) as unknown as typeof fetch;
  const settings = {
    [`${prefix}_API_URL`]: 'https://api.example',
    ...(key === '' ? {} : { [`${prefix}_API_KEY`]: key }),
  };
  const { checks } = await kind.checks!(settings as never, { clock: new FakeClock(), outside } as never);
  const found = await Promise.all(checks.map((check) => check.run(new AbortController().signal)));
  return { requests, found };
}

describe.each(KINDS)('the doctor, about the key of $prefix', (one) => {
  it('asks for something small with it, and nothing without one', async () => {
    const { requests, found } = await asked(one, 200);
    expect(requests).toMatchObject([{ url: `https://api.example${one.path}` }]);
    expect(String((requests[0]!.headers as Record<string, string>)[one.header])).toContain('key-1');
    expect(found).toEqual([{ status: 'pass', detail: `api.example takes ${one.prefix}_API_KEY` }]);
    expect((await asked(one, 200, '')).found).toEqual([]);
  });

  it.each([
    [401, 'MODEL_AUTH', /_API_KEY/],
    [402, 'MODEL_QUOTA', /credit/],
    [429, 'MODEL_RATE_LIMITED', /Wait/],
    [404, 'MODEL_REJECTED', /_API_URL/],
    [undefined, 'MODEL_UNAVAILABLE', /_API_URL/],
  ] as const)('says what is wrong and what to do: %s', async (status, code, advice) => {
    const { found } = await asked(one, status);
    expect(found).toMatchObject([
      { status: 'fail', detail: expect.stringContaining(code), advice: expect.stringMatching(advice) },
    ]);
  });
});
