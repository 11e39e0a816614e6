import { describe, expect, it } from 'vitest';
import { GraphClient, type GraphOptions } from '../../../../../src/callers/whatsapp/graph/client.ts';
import {
  GRAPH_ERRORS,
  GraphError,
  graphCodeFor,
  graphCodeOf,
} from '../../../../../src/callers/whatsapp/graph/errors.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

const TOKEN = 'EAAGm0PX4ZCpsBAKZCabcdefghijklmnop';
const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}
type Answer = readonly [status: number, body?: unknown, headers?: Record<string, string>] | Error | 'never';

/** A client whose requests get these answers, in their order; the last for all that follow. */
function rig(answers: readonly Answer[], options: Partial<GraphOptions> = {}) {
  const clock = new FakeClock();
  const asked: Asked[] = [];
  const told: string[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    const text = init.body as string | undefined;
    const body = text === undefined ? undefined : JSON.parse(text);
    asked.push({ method: init.method ?? 'GET', url, headers: init.headers as Record<string, string>, body });
    const answer = answers[Math.min(asked.length, answers.length) - 1]!;
    if (answer === 'never')
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    if (answer instanceof Error) throw answer;
    const [status, value = { success: true }, headers = {}] = answer;
    return new Response(typeof value === 'string' ? value : JSON.stringify(value), { status, headers });
  }) as unknown as typeof globalThis.fetch;
  const client = new GraphClient({
    url: 'https://graph.facebook.com',
    version: 'v25.0',
    token: TOKEN,
    phoneNumberId: '106540352242922',
    clock,
    random: () => 1,
    fetch,
    asked: (action, outcome) => void told.push(`${action} ${outcome}`),
    ...options,
  });
  return { client, clock, asked, told };
}

/** The error that it rejects with, its timers run. */
async function failure(clock: FakeClock, work: Promise<unknown>): Promise<GraphError> {
  let error: unknown;
  let settled = false;
  const done = work.then(
    () => {
      settled = true;
    },
    (reason) => {
      error = reason;
      settled = true;
    },
  );
  for (let i = 0; i < 200 && !settled; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(200);
  }
  await done;
  if (!(error instanceof GraphError)) throw new Error(`it did not fail as it should: ${error}`);
  return error;
}

const refusal = (code: number, more: object = {}) => ({
  error: { message: '(#100) Invalid parameter', type: 'OAuthException', code, fbtrace_id: 'Az8or2', ...more },
});

describe('the Graph client', () => {
  it.each(['pre_accept', 'accept'] as const)(
    'sends %s with the very body that Meta takes: an answer, not an offer',
    async (action) => {
      const { client, asked } = rig([[200]]);
      await (action === 'accept' ? client.accept('wacid.A', SDP) : client.preAccept('wacid.A', SDP));
      expect(asked).toEqual([
        {
          method: 'POST',
          url: 'https://graph.facebook.com/v25.0/106540352242922/calls',
          headers: { authorization: `Bearer ${TOKEN}`, accept: 'application/json', 'content-type': 'application/json' },
          body: {
            messaging_product: 'whatsapp',
            call_id: 'wacid.A',
            action,
            session: { sdp_type: 'answer', sdp: SDP },
          },
        },
      ]);
    },
  );

  it('sends the SDP through JSON once, its lines ending with CR LF', async () => {
    let raw = '';
    const fetch = (async (_url: string, init: RequestInit) => {
      raw = init.body as string;
      return new Response('{"success":true}');
    }) as unknown as typeof globalThis.fetch;
    await rig([[200]], { fetch }).client.accept('a', 'v=0\r\ns=-\r\n');
    expect(raw).toContain('"sdp":"v=0\\r\\ns=-\\r\\n"');
  });

  it.each(['reject', 'terminate'] as const)('sends %s without a session', async (action) => {
    const { client, asked } = rig([[200]]);
    await client[action]('wacid.A');
    expect(asked[0]?.body).toEqual({ messaging_product: 'whatsapp', call_id: 'wacid.A', action });
  });

  it('places a call to a number, or to a user who has none', async () => {
    const { client, asked } = rig([[200, { messaging_product: 'whatsapp', calls: [{ id: 'wacid.B' }] }]]);
    expect(await client.connect({ to: '12025550143' }, SDP, 'order-1')).toEqual({ callId: 'wacid.B' });
    await client.connect({ recipient: 'US.1349' }, SDP);
    const session = { sdp_type: 'offer', sdp: SDP };
    expect(asked.map(({ body }) => body)).toEqual([
      {
        messaging_product: 'whatsapp',
        to: '12025550143',
        action: 'connect',
        session,
        biz_opaque_callback_data: 'order-1',
      },
      { messaging_product: 'whatsapp', recipient: 'US.1349', action: 'connect', session },
    ]);
  });

  it('says so when a call was placed and its id not told', async () => {
    const { client, clock } = rig([[200, { success: true }]]);
    expect(await failure(clock, client.connect({ to: '1' }, SDP))).toMatchObject({
      code: 'GRAPH_PROTOCOL',
      uncertain: true,
    });
  });

  it('reads what is permitted, and asks for it', async () => {
    const actions = [
      {
        action_name: 'start_call',
        can_perform_action: true,
        limits: [{ time_period: 'PT24H', max_allowed: 100, current_usage: 3 }],
      },
      {
        action_name: 'send_call_permission_request',
        can_perform_action: false,
        limits: [{ time_period: 'P7D', max_allowed: 2, current_usage: 2, limit_expiration_time: 1_700_000_100 }],
      },
    ];
    const { client, asked } = rig([
      [200, { permission: { status: 'temporary', expiration_time: 1_700_000_200 }, actions }],
      [200, { messages: [{ id: 'wamid.1' }] }],
    ]);
    expect(await client.permissions({ to: '12025550143' })).toEqual({
      status: 'temporary',
      until: 1_700_000_200_000,
      actions: [
        { name: 'start_call', allowed: true, limits: [{ period: 'PT24H', most: 100, used: 3, until: undefined }] },
        {
          name: 'send_call_permission_request',
          allowed: false,
          limits: [{ period: 'P7D', most: 2, used: 2, until: 1_700_000_100_000 }],
        },
      ],
    });
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: 'https://graph.facebook.com/v25.0/106540352242922/call_permissions?user_wa_id=12025550143',
      body: undefined,
    });
    expect(await client.askPermission({ recipient: 'US.1' }, 'May we call you?')).toEqual({ messageId: 'wamid.1' });
    expect(asked[1]).toMatchObject({
      url: 'https://graph.facebook.com/v25.0/106540352242922/messages',
      body: {
        recipient: 'US.1',
        type: 'interactive',
        interactive: {
          type: 'call_permission_request',
          action: { name: 'call_permission_request' },
          body: { text: 'May we call you?' },
        },
      },
    });
  });

  it('tries again what may pass, and tells of each try', async () => {
    const { client, clock, asked, told } = rig([[500, refusal(138004)], [429, refusal(80007)], [200]]);
    const done = client.accept('a', SDP);
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(200);
    }
    await done;
    expect(asked).toHaveLength(3);
    expect(told).toEqual(['accept GRAPH_CALL_FAILED', 'accept GRAPH_RATE_LIMITED', 'accept ok']);
  });

  it('gives up after three tries, at once where Meta asks for a long wait, and after one where whoever asks repeats it himself', async () => {
    for (const [answer, call, tries] of [
      [[503, refusal(2)], {}, 3],
      [[429, refusal(4), { 'retry-after': '60' }], {}, 1],
      [[503, refusal(2)], { tries: 1 }, 1],
    ] as const) {
      const { client, clock, asked } = rig([answer]);
      expect(await failure(clock, client.terminate('a', call))).toMatchObject({ retryable: true });
      expect(asked).toHaveLength(tries);
    }
  });

  it('places no call twice: what may have been done is not repeated', async () => {
    const { client, clock, asked } = rig(['never']);
    expect(await failure(clock, client.connect({ to: '1' }, SDP))).toMatchObject({
      code: 'GRAPH_TIMEOUT',
      uncertain: true,
    });
    expect(asked).toHaveLength(1);
    const unreached = Object.assign(new Error('fetch failed'), {
      cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    });
    const again = rig([unreached, [200, { calls: [{ id: 'b' }] }]]);
    const placed = again.client.connect({ to: '1' }, SDP);
    await new Promise((resolve) => setImmediate(resolve));
    again.clock.advance(500);
    expect(await placed).toEqual({ callId: 'b' });
  });

  it('says why it asked at an address where nobody is', async () => {
    const nobody = Object.assign(new Error('fetch failed'), {
      cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    });
    const { client, clock } = rig([nobody], { whenUnreachable: ' (no number is set)' });
    expect(await failure(clock, client.terminate('a'))).toMatchObject({
      code: 'GRAPH_UNAVAILABLE',
      message: 'Meta could not be reached: ECONNREFUSED (no number is set)',
    });
  });

  it('is not certain that nothing was done where an earlier try may have done it', async () => {
    const { client, clock, asked } = rig(['never', [400, refusal(100)]]);
    expect(await failure(clock, client.accept('a', SDP))).toMatchObject({
      code: 'GRAPH_PARAMETER_INVALID',
      graphCode: 100,
      uncertain: true,
    });
    expect(asked).toHaveLength(2);
    const certain = rig([
      [503, refusal(2)],
      [400, refusal(100)],
    ]);
    expect(await failure(certain.clock, certain.client.accept('a', SDP))).toMatchObject({ uncertain: false });
  });

  it('is given up by whoever asks', async () => {
    const { client } = rig(['never']);
    const stop = new AbortController();
    const done = client.accept('a', SDP, { signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await expect(done).rejects.toMatchObject({ code: 'GRAPH_ABORTED', uncertain: true });
  });

  it('takes an answer without success, or without JSON, for none', async () => {
    for (const body of [{ success: false }, 'ok', '[]']) {
      const { client, clock } = rig([[200, body]]);
      expect(await failure(clock, client.reject('a'))).toMatchObject({
        code: 'GRAPH_PROTOCOL',
        uncertain: true,
        retryable: false,
      });
    }
  });

  it('says what Meta says without its secrets and numbers', async () => {
    const details = `token ${TOKEN} of +1 202 555 0143 and EAAJsomeOtherToken1234567890abc is wrong`;
    const { client, clock } = rig([[400, refusal(100, { error_data: { details } })]]);
    const error = await failure(clock, client.accept('a', SDP));
    expect(error).toMatchObject({ code: 'GRAPH_PARAMETER_INVALID', graphCode: 100, status: 400, traceId: 'Az8or2' });
    expect(error.message).toContain('HTTP 400 (100)');
    expect(error.message).not.toMatch(/EAA|555|0143/);
  });
});

describe("Meta's error numbers", () => {
  it('each have a code that says what to do', () => {
    const named = [
      100, 131044, 131055, 138000, 138001, 138002, 138003, 138004, 138005, 138006, 138007, 138009, 138012, 138014,
    ];
    const ends = [138019, 138020, 138021, 138022, 138023];
    const codes = [...named, ...ends].map((number) => graphCodeOf(number));
    expect(codes).not.toContain(undefined);
    expect(new Set(codes).size).toBe(codes.length);
    for (const number of [...named, ...ends]) expect(GRAPH_ERRORS[graphCodeOf(number)!]).toContain(`${number}`);
  });

  it('say that media did not come, and where to look', () => {
    for (const word of ['No media', 'UDP', 'RTC_PORT_RANGE', 'RTC_PUBLIC_IP'])
      expect(GRAPH_ERRORS[graphCodeOf(138021)!]).toContain(word);
  });

  it('name a number that is shared with the WhatsApp Business app', () => {
    expect(GRAPH_ERRORS[graphCodeOf(138001)!]).toMatch(/coexistence/);
  });

  it('count before the status, which says it where there is none', () => {
    expect(graphCodeFor(400, 190)).toBe('GRAPH_AUTH');
    expect(graphCodeFor(400, 100, 33)).toBe('GRAPH_NUMBER_UNKNOWN');
    expect(graphCodeFor(403, 299)).toBe('GRAPH_FORBIDDEN');
    expect(graphCodeFor(401)).toBe('GRAPH_AUTH');
    expect(graphCodeFor(429)).toBe('GRAPH_RATE_LIMITED');
    expect(graphCodeFor(502)).toBe('GRAPH_UNAVAILABLE');
    expect(graphCodeFor(418, 999_999)).toBe('GRAPH_REJECTED');
    expect(graphCodeFor(302)).toBe('GRAPH_PROTOCOL');
  });
});
