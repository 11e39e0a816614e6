import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { mediaChecks } from '../../src/agents/openai/doctor/media.ts';
import { modelChecks, modelOf } from '../../src/agents/openai/doctor/model.ts';
import type { Finding, Result } from '../../src/doctor/check.ts';
import type { DoctorDeps } from '../../src/doctor/deps.ts';
import { turnChecks } from '../../src/doctor/turn.ts';
import { parseScenario, type ScenarioInput, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { SocketAcceptor } from '../../src/transport/socket.ts';
import {
  type Broken,
  type DoctorRig,
  doctorRig,
  freeTcpPort,
  KEY,
  listening,
  of,
  portOf,
  ran,
  startProxy,
  wrong,
} from './doctor-rig.ts';

/** The doctor's checks of the model: key, WebSocket, SDP, and the ways that media can take. */

type Fault = NonNullable<ScenarioInput['faults']>[number];

let rig: DoctorRig;
beforeAll(async () => {
  rig = await doctorRig();
});
afterAll(() => rig.close());

async function looked(broken: Broken = {}): Promise<Result[]> {
  const deps: DoctorDeps = rig.deps(broken);
  const model = modelOf(deps, undefined);
  const machine = { mediaPorts: true, webrtc: true };
  const media = mediaChecks(deps, model, machine);
  try {
    return await ran(deps, [...modelChecks(deps, model), ...media.checks, ...turnChecks(deps, machine)]);
  } finally {
    await media.close();
  }
}

/** The lines for a model that does this wrong. */
async function lookedAt(...faults: Fault[]): Promise<Result[]> {
  const server = await startRealtimeServer({ port: 0, apiKeys: [KEY], scenario: parseScenario({ faults }) });
  onTestFinished(() => server.close());
  return looked({ settings: { OPENAI_BASE_URL: server.url } });
}

const failure = (detail: string, advice: string): Partial<Finding> => ({
  status: 'fail',
  detail: expect.stringContaining(detail),
  advice: expect.stringContaining(advice),
});

it('all is well', async () => {
  const results = await looked({ settings: { ICE_SERVERS: rig.turn() } });
  expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual([
    'pass model key',
    'pass model websocket',
    'pass sdp exchange',
    'pass media over udp',
    'pass media over tcp',
    'pass turn',
  ]);
  expect(of(results, 'media over udp').detail).toMatch(/^the peer is connected \(udp/);
});

describe('the key', () => {
  it.each<[Fault, string, string]>([
    [{ fault: 'refuse_key', status: 401, code: 'invalid_api_key' }, 'MODEL_AUTH: ', 'OPENAI_API_KEY'],
    [{ fault: 'refuse_key', status: 403 }, 'MODEL_AUTH: ', 'Realtime access'],
    [{ fault: 'refuse_key', status: 429, code: 'insufficient_quota' }, 'MODEL_QUOTA: ', 'Add credit'],
    [{ fault: 'refuse_key', status: 429, retryAfterSeconds: 60 }, 'MODEL_RATE_LIMITED: ', 'rate limit'],
    [{ fault: 'refuse_key', status: 404, code: 'model_not_found' }, 'MODEL_REJECTED: ', 'OPENAI_REALTIME_MODEL'],
  ])('is refused: %j', async (fault, detail, advice) => {
    const results = await lookedAt(fault);
    expect(wrong(results)).toEqual(['fail model key']);
    expect(of(results, 'model key')).toMatchObject(failure(detail, advice));
    expect(of(results, 'model websocket').detail).toBe('needs the model key');
  });

  it('is asked of a page in the place of the API', async () => {
    const page = await listening(createServer((_request, response) => response.end('<html>')));
    onTestFinished(() => void page.close());
    const results = await looked({ settings: { OPENAI_BASE_URL: `http://127.0.0.1:${portOf(page)}/v1` } });
    expect(of(results, 'model key')).toMatchObject(failure('MODEL_PROTOCOL: ', 'not the Realtime API'));
  });

  it('is not asked for where the deployment has none of its own', async () => {
    const results = await looked({ settings: { OPENAI_KEY_API: 'none' } });
    expect(of(results, 'model key').status).toBe('skip');
    expect(wrong(results)).toEqual([]);
  });

  it('is of the deployment, and wrong: the WebSocket and the offer say so', async () => {
    const results = await looked({ settings: { OPENAI_KEY_API: 'none', OPENAI_API_KEY: 'sk-of-somebody-else' } });
    expect(wrong(results)).toEqual(['fail model websocket', 'fail sdp exchange']);
    for (const line of ['model websocket', 'sdp exchange'])
      expect(of(results, line)).toMatchObject(failure('MODEL_AUTH: ', 'OPENAI_API_KEY'));
  });
});

describe('the WebSocket', () => {
  it.each<[Fault, string, string]>([
    [{ fault: 'refuse_socket', status: 401 }, 'MODEL_AUTH: ', 'OPENAI_API_KEY'],
    [{ fault: 'refuse_socket', status: 404 }, 'MODEL_REJECTED: ', 'no WebSocket at this address'],
    [{ fault: 'refuse_socket', status: 429 }, 'MODEL_RATE_LIMITED: ', 'rate limit'],
    [{ fault: 'refuse_socket', status: 503 }, 'MODEL_UNAVAILABLE: ', 'OPENAI_BASE_URL'],
    [{ fault: 'refuse_socket', status: 426 }, 'MODEL_REJECTED: ', 'let proxies and firewalls pass WebSockets'],
  ])('is refused: %j', async (fault, detail, advice) => {
    const results = await lookedAt(fault);
    expect(wrong(results)).toEqual(['fail model websocket']);
    expect(of(results, 'model websocket')).toMatchObject(failure(detail, advice));
  });

  const error = (code: string, message: string) => JSON.stringify({ type: 'error', error: { code, message } });
  it.each([
    ['an error of money', [error('insufficient_quota', 'You exceeded your quota.')], 'MODEL_QUOTA: ', 'Add credit'],
    [
      'an error of the model',
      [error('model_not_found', 'no gpt')],
      'MODEL_REJECTED: the session is refused (model_not_found: no gpt)',
      'OPENAI_REALTIME_MODEL',
    ],
    [
      'another event',
      [JSON.stringify({ type: 'hello' })],
      'MODEL_PROTOCOL: the session began with "hello"',
      'not the Realtime API',
    ],
    [
      'no JSON',
      ['<html>'],
      'MODEL_PROTOCOL: the session began with "something that is not JSON"',
      'not the Realtime API',
    ],
    ['a close', [], 'MODEL_SESSION_LOST: it closed with 1011', 'nothing in between ends WebSockets'],
  ])('opens, and the first that comes is %s', async (_what, messages, detail, advice) => {
    const acceptor = new SocketAcceptor({ maxMessageBytes: 1024, pingIntervalMs: 0 });
    const server = createServer();
    server.on('upgrade', (request, stream, head) =>
      acceptor.accept(request, stream, head, (attach) => {
        const socket = attach({ text() {}, binary() {}, close() {} });
        for (const message of messages) socket.send(message);
        if (messages.length === 0) socket.close(1011);
      }),
    );
    await listening(server);
    onTestFinished(() => void server.close());
    const settings = {
      OPENAI_BASE_URL: `http://127.0.0.1:${portOf(server)}/v1`,
      OPENAI_KEY_API: 'none',
      USE_WEBRTC: 'false',
    };
    expect(of(await looked({ settings }), 'model websocket')).toMatchObject(failure(detail, advice));
  });
});

describe('the SDP exchange', () => {
  it.each<[Fault, string, string]>([
    [{ fault: 'refuse_sdp', status: 401 }, 'MODEL_AUTH: ', 'OPENAI_API_KEY'],
    [{ fault: 'refuse_sdp', status: 404 }, 'MODEL_REJECTED: ', 'Check OPENAI_SDP_API'],
    [{ fault: 'refuse_sdp', status: 429 }, 'MODEL_RATE_LIMITED: ', 'rate limit'],
    [{ fault: 'refuse_sdp', status: 500 }, 'MODEL_UNAVAILABLE: ', 'OPENAI_BASE_URL'],
    [{ fault: 'garbled_sdp' }, 'PEER_SDP_INVALID: ', 'OPENAI_SDP_API'],
  ])('is refused: %j', async (fault, detail, advice) => {
    const results = await lookedAt(fault);
    expect(wrong(results)).toEqual(['fail sdp exchange']);
    expect(of(results, 'sdp exchange')).toMatchObject(failure(detail, advice));
    expect(of(results, 'media over udp')).toMatchObject({ status: 'skip', detail: 'needs the SDP exchange' });
    expect(of(results, 'media over tcp')).toMatchObject({ status: 'skip', detail: 'needs the SDP exchange' });
  });

  it('is not tried where WebRTC is not wanted', async () => {
    const results = await looked({ settings: { USE_WEBRTC: 'false' } });
    expect(of(results, 'sdp exchange')).toMatchObject({
      status: 'skip',
      detail: expect.stringContaining('USE_WEBRTC'),
    });
    expect(of(results, 'model websocket').status).toBe('pass');
  });
});

/** `fetch` with the answer to an offer changed on its way. */
const answering =
  (change: (sdp: string) => string): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, init);
    if (!String(input).includes('/realtime/calls') || !response.headers.get('content-type')?.includes('sdp'))
      return response;
    return new Response(change(await response.text()), { status: response.status, headers: response.headers });
  };

describe('media', () => {
  const tcpCandidate = (port: number) => (sdp: string) =>
    sdp
      .replace(/^a=candidate:\S+ \d+ tcp .*\r\n/gim, '')
      .replace(
        /^(a=ice-ufrag:.*\r\n)/m,
        `a=candidate:9 1 tcp 1671430143 127.0.0.1 ${port} typ host tcptype passive\r\n$1`,
      );

  it('over TCP: a candidate that takes connections, one that takes none, none at all', async () => {
    const server = createTcpServer(() => {});
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const over = async (change: (sdp: string) => string) =>
      of(await looked({ deps: { fetch: answering(change) } }), 'media over tcp');
    expect(await over(tcpCandidate(port))).toMatchObject({
      status: 'pass',
      detail: '1 of 1 TCP candidates take connections',
    });
    expect(await over(tcpCandidate(await freeTcpPort()))).toMatchObject({
      status: 'warn',
      detail: '0 of 1 TCP candidates take connections',
      advice: expect.stringContaining('Let TCP out'),
    });
    expect(await over((sdp) => sdp.replace(/^a=candidate:\S+ \d+ tcp .*\r\n/gim, ''))).toMatchObject({
      status: 'skip',
      detail: 'the answer offers no TCP candidates',
    });
  });

  it('only over TCP is a warning', async () => {
    const onlyTcp = answering((sdp) => sdp.replace(/^a=candidate:\S+ \d+ udp .*\r\n/gim, ''));
    const results = await looked({ deps: { fetch: onlyTcp } });
    expect(of(results, 'media over udp')).toMatchObject({
      status: 'warn',
      advice: expect.stringContaining('let UDP out'),
    });
  });
});

it('what is waited for: no API, a handshake without an answer, TURN servers that refuse or are not there', async () => {
  const proxy = await startProxy(Number(new URL(rig.model.url).port), { upgrade: 'hang' });
  onTestFinished(() => proxy.close());
  const nowhere = JSON.stringify([{ urls: 'turn:127.0.0.1:9?transport=udp', username: 'a', credential: 'b' }]);
  const noRtc = { USE_WEBRTC: 'false' };
  const [absent, mute, refused, gone] = await Promise.all([
    looked({ settings: { ...noRtc, OPENAI_BASE_URL: `http://127.0.0.1:${await freeTcpPort()}/v1` } }),
    looked({ settings: { ...noRtc, OPENAI_BASE_URL: `${proxy.url}/v1` } }),
    looked({ settings: { ...noRtc, ICE_SERVERS: rig.turn('another-one') } }),
    looked({ settings: { ...noRtc, ICE_SERVERS: nowhere } }),
  ]);
  expect(of(absent, 'model key')).toMatchObject(failure('MODEL_UNAVAILABLE: ', 'TCP connections to port 443'));
  expect(wrong(mute)).toEqual(['fail model websocket']);
  expect(of(mute, 'model websocket')).toMatchObject(failure('MODEL_TIMEOUT: no WebSocket within', 'port 443'));
  expect(of(refused, 'turn')).toMatchObject(failure('no relay candidate was given', 'username and credential'));
  expect(of(gone, 'turn')).toMatchObject(failure('no relay candidate was given', 'address'));
});
