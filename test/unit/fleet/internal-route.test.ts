import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Handlers } from '../../../src/fleet/handlers.ts';
import { internalRoute } from '../../../src/fleet/http/internal-route.ts';
import { Peers } from '../../../src/fleet/http/peers.ts';
import { HEADERS } from '../../../src/fleet/http/wire.ts';
import { Proof } from '../../../src/fleet/proof.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { SECRET } from './rig.ts';

const quiet = { warn: () => {}, error: () => {} };
const LONG = 'x'.repeat(1_000_000);

let clock: FakeClock;
let app: ReturnType<typeof Fastify>;
let url: string;
let refused: number;
let measured: number;
/** Headers of each question that was sent. */
let sent: Array<Record<string, string>>;

beforeEach(async () => {
  clock = new FakeClock();
  refused = 0;
  measured = 0;
  sent = [];
  const handlers = new Handlers(clock);
  handlers.serve<string, number>('measure', async (text) => {
    measured++;
    return text.length;
  });
  app = Fastify();
  app.register(internalRoute, {
    ...{ self: 'b', boot: 'boot', proof: new Proof([SECRET]), handlers, clock, log: quiet },
    count: (what: string) => {
      if (what === 'internal_refused') refused++;
    },
  });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

const asked = (change: (headers: Record<string, string>) => Record<string, string> = (headers) => headers) =>
  new Peers({
    self: 'a',
    proof: new Proof([SECRET]),
    clock,
    fetch: ((to: string, init: RequestInit) => {
      const headers = change(init.headers as Record<string, string>);
      sent.push(headers);
      return fetch(to, { ...init, headers });
    }) as typeof fetch,
  });
const b = () => ({ id: 'b', url, calls: 0, maxCalls: 1, draining: false, startedAt: 0 });

/** What is answered to a question that is proven, whenever it comes. */
function sentTo(to: string, notAfter: number, question: string): Promise<Response> {
  const proof = new Proof([SECRET]);
  const body = JSON.stringify({ question });
  const head = { to, from: 'a', name: 'measure', nonce: randomUUID(), notAfter };
  const headers = {
    'content-type': 'application/json',
    [HEADERS.from]: head.from,
    [HEADERS.nonce]: head.nonce,
    [HEADERS.notAfter]: String(notAfter),
    [HEADERS.head]: proof.heads({ ...head, bytes: Buffer.byteLength(body) }),
    [HEADERS.signature]: proof.asks({ ...head, body }),
  };
  return fetch(`${url}/internal/${to}/measure`, { method: 'POST', headers, body });
}

/** What is answered to these headers, before anything that they promise has come. */
async function answered(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const lines = Object.entries({ host: 'b', 'content-type': 'application/json', ...headers });
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  let text = '';
  socket.on('data', (data) => {
    text += data.toString();
  });
  await once(socket, 'close');
  return text.split('\r\n')[0] ?? '';
}

describe('what asks as an instance', () => {
  it('is read to its end, however long it is, when its head is proven', async () => {
    expect(await asked().carry(b(), 'measure', LONG, { withinMs: 1_000 })).toBe(LONG.length);
    expect(refused).toBe(0);
  });

  it('is refused before it is read when it is long and its head proves nothing', async () => {
    await asked().carry(b(), 'measure', 'short', { withinMs: 1_000 });
    const good = sent.at(-1)!;
    const long = { ...good, 'content-length': '2000000' };
    const path = '/internal/b/measure';
    for (const headers of [
      long,
      { ...long, [HEADERS.nonce]: 'another', [HEADERS.head]: 'A'.repeat(43) },
      { 'content-length': '2000000' },
      // Nothing could ever prove these.
      { ...good, 'content-length': '2', [HEADERS.signature]: 'short' },
      { ...good, 'content-length': '2', [HEADERS.notAfter]: 'soon' },
      { ...good, 'content-length': '2', [HEADERS.notAfter]: '1e12' },
      { ...good, 'transfer-encoding': 'chunked' },
    ])
      expect(await answered(path, headers)).toBe('HTTP/1.1 403 Forbidden');
    expect(refused).toBe(7);
  });

  it('is not read a second time where it is long', async () => {
    await asked().carry(b(), 'measure', LONG, { withinMs: 1_000 });
    const again = { ...sent.at(-1)!, 'content-length': String(JSON.stringify({ question: LONG }).length) };
    expect(await answered('/internal/b/measure', again)).toBe('HTTP/1.1 200 OK');
    expect(measured).toBe(1);
    // Whoever asks again is of the fleet, or has only heard it: neither has another secret.
    expect(refused).toBe(0);
  });

  it('when its time is up is told that, and not as a stranger, however long it is', async () => {
    for (const text of ['short', LONG]) {
      const answer = await sentTo('b', clock.now(), text);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ error: { error: { code: 'PEER_LATE' } } });
    }
    expect(measured).toBe(0);
    expect(refused).toBe(0);
  });

  it('at an address that another process has now is told so, by whatever clock it was given its time', async () => {
    for (const text of ['short', LONG]) {
      expect((await sentTo('old', clock.now() + 1_000, text)).status).toBe(404);
      expect((await sentTo('old', clock.now() + 1e9, text)).status).toBe(404);
      // Of the same id, before it was started anew.
      expect((await sentTo('b', clock.now() + 1e9, text)).status).toBe(404);
    }
    expect(measured).toBe(0);
    expect(refused).toBe(0);
  });

  it('of an older version, which proves no head, is answered where it is short', async () => {
    const old = asked(({ [HEADERS.head]: _, ...headers }) => headers);
    expect(await old.carry(b(), 'measure', 'short', { withinMs: 1_000 })).toBe(5);
    await expect(old.carry(b(), 'measure', LONG, { withinMs: 1_000 })).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
  });
});
