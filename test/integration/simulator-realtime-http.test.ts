import { afterEach, describe, expect, it } from 'vitest';
import {
  parseScenario,
  type RealtimeServer,
  type RealtimeServerOptions,
  startRealtimeServer,
} from '../../src/simulator/realtime/index.ts';
import { openSocket } from '../../src/transport/socket.ts';
import { FakeClock } from '../fakes/clock.ts';

let server: RealtimeServer;
afterEach(() => server.close());

async function start(options: Partial<RealtimeServerOptions> = {}): Promise<void> {
  server = await startRealtimeServer({ port: 0, ...options });
}

function post(
  path: string,
  body: unknown,
  key: string | undefined = 'sk-test',
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(server.url + path, {
    method: 'POST',
    headers: {
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function errorOf(
  response: Response,
): Promise<{ status: number; code: string; type: string; message: string; param: string }> {
  const { error } = (await response.json()) as {
    error: { code: string; type: string; message: string; param: string };
  };
  return { status: response.status, ...error };
}

/** The status with which a handshake is refused, or 101. */
async function handshake(
  query: string,
  options: { key?: string; protocols?: string[]; headers?: Record<string, string> } = {},
): Promise<number> {
  const handlers = { text() {}, binary() {}, close() {} };
  try {
    const socket = await openSocket(`${server.url.replace('http', 'ws')}/realtime${query}`, handlers, {
      maxMessageBytes: 1_000_000,
      pingIntervalMs: 0,
      connectTimeoutMs: 3_000,
      headers: { ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }), ...options.headers },
      ...(options.protocols === undefined ? {} : { protocols: options.protocols }),
    });
    socket.close();
    return 101;
  } catch (error) {
    return (error as { status?: number }).status ?? 0;
  }
}

describe('ephemeral keys', () => {
  it('are minted with the session that they open', async () => {
    await start();
    const before = Math.floor(Date.now() / 1000);
    const response = await post('/realtime/client_secrets', {
      expires_after: { anchor: 'created_at', seconds: 30 },
      session: { type: 'realtime', model: 'gpt-realtime', instructions: 'Hi', audio: { output: { voice: 'cedar' } } },
    });
    expect(response.status).toBe(200);
    const body = (await response.json()) as {
      value: string;
      expires_at: number;
      session: { id: string; audio: unknown };
    };
    expect(body.value).toMatch(/^ek_[A-Za-z0-9]{40}$/);
    expect(body.expires_at - before).toBeGreaterThanOrEqual(30);
    expect(body.expires_at - before).toBeLessThanOrEqual(32);
    expect(body.session).toMatchObject({
      object: 'realtime.session',
      type: 'realtime',
      model: 'gpt-realtime',
      instructions: 'Hi',
      audio: { output: { voice: 'cedar', format: { type: 'audio/pcm', rate: 24_000 } } },
    });
    expect(body.session.id).toMatch(/^sess_/);
    expect(await handshake('?model=gpt-realtime', { key: body.value })).toBe(101);
    expect(
      await handshake('?model=gpt-realtime', { protocols: ['realtime', `openai-insecure-api-key.${body.value}`] }),
    ).toBe(101);
    expect(server.sessions.map((session) => session.model)).toEqual(['gpt-realtime', 'gpt-realtime']);
  });

  it('come from the older endpoint in its older form, with a minute to live', async () => {
    await start();
    const before = Math.floor(Date.now() / 1000);
    const response = await post('/realtime/sessions', {
      model: 'gpt-4o-realtime-preview',
      voice: 'alloy',
      modalities: ['text', 'audio'],
      input_audio_format: 'g711_ulaw',
    });
    expect(response.status).toBe(200);
    const body = (await response.json()) as {
      client_secret: { value: string; expires_at: number };
      input_audio_format: string;
      voice: string;
    };
    expect(body).toMatchObject({
      model: 'gpt-4o-realtime-preview',
      voice: 'alloy',
      input_audio_format: 'g711_ulaw',
      output_audio_format: 'pcm16',
    });
    expect(body.client_secret.expires_at - before).toBeGreaterThanOrEqual(59);
    expect(body.client_secret.expires_at - before).toBeLessThanOrEqual(62);
  });

  it('live 600 s unless asked otherwise, and are refused after it', async () => {
    const clock = new FakeClock();
    await start({ clock });
    const { value, expires_at } = (await (await post('/realtime/client_secrets', {})).json()) as {
      value: string;
      expires_at: number;
    };
    expect(expires_at).toBe(clock.wallOrigin / 1000 + 600);
    clock.stall(599_000);
    expect(await handshake('?model=m', { key: value })).toBe(101);
    clock.stall(1_000);
    expect(await handshake('?model=m', { key: value })).toBe(401);
    const refused = await errorOf(await post('/realtime/calls', 'v=0', value, { 'content-type': 'application/sdp' }));
    expect(refused).toMatchObject({ status: 401, code: 'token_expired' });
  });

  it.each([
    [{ session: { model: 'x' } }, 'missing_required_parameter', 'session.type'],
    [{ session: { type: 'realtime', nope: 1 } }, 'unknown_parameter', 'session.nope'],
    [{ expires_after: { anchor: 'created_at', seconds: 9 } }, 'integer_below_min_value', 'expires_after.seconds'],
    [{ expires_after: { anchor: 'created_at', seconds: 7201 } }, 'integer_above_max_value', 'expires_after.seconds'],
    [{ foo: 1 }, 'unknown_parameter', 'foo'],
    ['{', 'invalid_json', null],
  ])('are not minted for %j', async (body, code, param) => {
    await start();
    expect(await errorOf(await post('/realtime/client_secrets', body))).toMatchObject({
      status: 400,
      code,
      param,
      type: 'invalid_request_error',
    });
  });
});

describe('who may enter', () => {
  it('refuses without a key, with a wrong one, and an ephemeral key where a standard one is needed', async () => {
    await start({ apiKeys: ['sk-right'] });
    for (const key of ['', 'sk-wrong', 'ek_unknown']) {
      expect(await errorOf(await post('/realtime/client_secrets', {}, key))).toMatchObject({
        status: 401,
        code: 'invalid_api_key',
        type: 'invalid_request_error',
      });
    }
    const { value } = (await (await post('/realtime/client_secrets', {}, 'sk-right')).json()) as { value: string };
    expect((await errorOf(await post('/realtime/client_secrets', {}, value))).status).toBe(401);
    expect(await handshake('?model=m')).toBe(401);
    expect(await handshake('?model=m', { key: 'sk-wrong' })).toBe(401);
    expect(await handshake('?model=m', { key: 'sk-right' })).toBe(101);
  });

  it('knows its paths and methods', async () => {
    await start();
    expect((await errorOf(await post('/realtime/other', {}))).status).toBe(404);
    expect((await fetch(`${server.url}/realtime/client_secrets`)).status).toBe(405);
    for (const [action, body] of [
      ['hangup', ''],
      ['accept', { type: 'realtime', instructions: 'Greet.' }],
      ['reject', ''],
      ['reject', { status_code: 486 }],
      ['refer', { target_uri: 'tel:+12025550143' }],
    ] as const)
      expect(await errorOf(await post(`/realtime/calls/rtc_none/${action}`, body)), action).toMatchObject({
        status: 404,
        code: 'call_not_found',
      });
    for (const [action, body, param] of [
      ['refer', {}, 'target_uri'],
      ['refer', { target_uri: '+12025550143' }, 'target_uri'],
      ['refer', { target_uri: 'tel:+12025550143', more: 1 }, 'more'],
      ['reject', { status_code: 200 }, 'status_code'],
      ['accept', { instructions: 'Greet.' }, 'type'],
    ] as const)
      expect(await errorOf(await post(`/realtime/calls/rtc_none/${action}`, body)), action).toMatchObject({
        status: 400,
        param,
      });
    expect((await errorOf(await post('/realtime/calls/rtc_none/answer', ''))).status).toBe(404);
  });

  it('takes exactly one of model, call_id and intent', async () => {
    await start();
    const key = 'sk-x';
    expect(await handshake('', { key })).toBe(400);
    expect(await handshake('?model=a&call_id=b', { key })).toBe(400);
    expect(await handshake('?intent=singing', { key })).toBe(400);
    expect(await handshake('?call_id=rtc_none', { key })).toBe(404);
    expect(await handshake('?intent=transcription', { key })).toBe(101);
    expect(await handshake('?model=a', { key })).toBe(101);
  });

  it('refuses bodies over 1 MiB and offers that are none', async () => {
    await start();
    expect((await post('/realtime/client_secrets', `{"x":"${'a'.repeat(1_100_000)}"}`)).status).toBe(413);
    const sdp = { 'content-type': 'application/sdp' };
    expect(await errorOf(await post('/realtime/calls', 'hello', 'sk-x', sdp))).toMatchObject({
      status: 400,
      code: 'invalid_offer',
    });
    expect((await errorOf(await post('/realtime/calls', 'v=0\r\nm=audio 9 x y\r\n', 'sk-x', sdp))).status).toBe(400);
    expect((await errorOf(await post('/realtime/calls', '{}'))).status).toBe(415);
    const form = { 'content-type': 'multipart/form-data; boundary=zz' };
    expect((await errorOf(await post('/realtime/calls', 'junk', 'sk-x', form))).code).toBe('invalid_form');
    const noSdp = '--zz\r\nContent-Disposition: form-data; name="session"\r\n\r\n{}\r\n--zz--\r\n';
    expect((await errorOf(await post('/realtime/calls', noSdp, 'sk-x', form))).param).toBe('sdp');
    expect(server.stats.sessionsLive).toBe(0);
  });
});

describe('faults at the door', () => {
  it('refuse keys by number, with Retry-After', async () => {
    await start({
      scenario: parseScenario({
        faults: [
          { fault: 'refuse_key', sessions: [1], status: 429, retryAfterSeconds: 7 },
          { fault: 'refuse_key', sessions: [2], status: 500 },
          { fault: 'refuse_key', sessions: [3], status: 401 },
          { fault: 'refuse_key', sessions: [4], status: 403 },
        ],
      }),
    });
    const first = await post('/realtime/client_secrets', {});
    expect(first.headers.get('retry-after')).toBe('7');
    expect(await errorOf(first)).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect((await post('/realtime/client_secrets', {})).status).toBe(500);
    expect((await post('/realtime/client_secrets', {})).status).toBe(401);
    expect((await post('/realtime/sessions', {})).status).toBe(403);
    expect((await post('/realtime/client_secrets', {})).status).toBe(200);
  });

  it('refuse and delay handshakes and offers', async () => {
    await start({
      scenario: parseScenario({
        faults: [
          { fault: 'refuse_socket', sessions: [1], status: 503 },
          { fault: 'delay_handshake', sessions: [2], ms: 300 },
          { fault: 'delay_key', ms: 200 },
          { fault: 'refuse_sdp', sessions: [3], status: 500 },
        ],
      }),
    });
    expect(await handshake('?model=m', { key: 'sk-x' })).toBe(503);
    const before = performance.now();
    expect(await handshake('?model=m', { key: 'sk-x' })).toBe(101);
    expect(performance.now() - before).toBeGreaterThanOrEqual(295);
    const asked = performance.now();
    await post('/realtime/client_secrets', {});
    expect(performance.now() - asked).toBeGreaterThanOrEqual(195);
    const offer = 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n';
    expect((await post('/realtime/calls', offer, 'sk-x', { 'content-type': 'application/sdp' })).status).toBe(500);
  });
});
