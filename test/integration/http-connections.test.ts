import { once } from 'node:events';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Rig, type RigOptions, rig, tokenOf, until } from './webhook-rig.ts';

/** One address that keeps connections, in whatever way, leaves room for all others. Real sockets, from several addresses of loopback. */

let r: Rig;
const sockets: Socket[] = [];
const start = async (options: RigOptions = {}) => {
  r = await rig(options);
  return r;
};
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await r.close();
});

const ASK = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n';
const UPGRADE =
  'GET /media-stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A connection from this address that sends this. */
function from(localAddress: string, text = ASK) {
  const socket = connect({ port: r.port, host: '127.0.0.1', localAddress });
  sockets.push(socket);
  const seen = { socket, text: '', closed: false };
  socket.on('data', (data) => {
    seen.text += data;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    seen.closed = true;
  });
  if (text !== '') socket.write(text);
  return seen;
}

/** Asks once from this address; the status, 0 where the connection was closed instead. */
function asks(localAddress: string, path = '/health'): Promise<number> {
  return new Promise((resolve) => {
    const request = get(
      { port: r.port, host: '127.0.0.1', localAddress, path, agent: false, timeout: 20_000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(0));
  });
}

const LIMITS = { connections: { total: 60, perAddress: 20, perProxy: 60 }, maxConnections: 100 };
const SHARE = 20;

describe('one address', () => {
  it('with 2,000 idle connections has its share of them, shuts nobody out, and not even itself', async () => {
    await start({ server: { ...LIMITS, maxConnections: 200 } });
    const idle: Array<ReturnType<typeof from>> = [];
    for (let wave = 0; wave < 40; wave++) {
      for (let n = 0; n < 50; n++) idle.push(from('127.0.0.1'));
      await until(() => idle.every(({ text, closed }) => text !== '' || closed));
      if (wave % 10 === 0) expect(await asks('127.0.0.2')).toBe(200);
    }
    await expect.poll(() => idle.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(SHARE);
    // Who came last was let in: it is the idlest that go.
    expect(idle.slice(-5).map(({ closed }) => closed)).toEqual(Array(5).fill(false));
    expect(await asks('127.0.0.1')).toBe(200);
    expect(await asks('127.0.0.2')).toBe(200);
    expect((await r.post('/incoming-call', { CallSid: 'CA1' })).text).toContain('<Stream ');
  }, 60_000);

  it('with connections that are all busy gets no more, and is counted; others get in', async () => {
    await start({ server: LIMITS });
    const half =
      'POST /incoming-call HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{';
    const busy = Array.from({ length: SHARE }, () => from('127.0.0.1', half));
    await expect.poll(() => connectionsOf('127.0.0.1')).toBe(SHARE);
    await new Promise((done) => setTimeout(done, 100));
    expect(await asks('127.0.0.1')).toBe(0);
    expect(busy.filter(({ closed }) => closed)).toEqual([]);
    expect(r.counts.get('connections_too_many')).toBe(1);
    expect(await asks('127.0.0.2')).toBe(200);
  });

  it('that opens WebSockets is bounded by their own limit, and keeps its share for the rest', async () => {
    await start({ server: LIMITS, media: { pending: { perAddress: 5, total: 50 } } });
    const upgraded = Array.from({ length: 40 }, () => from('127.0.0.1', UPGRADE));
    await expect.poll(() => upgraded.filter(({ text, closed }) => text === '' && !closed).length).toBe(0);
    expect(upgraded.filter(({ text }) => text.startsWith('HTTP/1.1 101'))).toHaveLength(5);
    expect(await asks('127.0.0.1')).toBe(200);
    await expect.poll(() => connectionsOf('127.0.0.1')).toBe(0);
    const token = tokenOf((await r.post('/incoming-call', { CallSid: 'CA1' })).text);
    expect(await r.streams[0]?.stream.authorizeStart(token, 'CA1')).toBeDefined();
  });
});

describe('many addresses', () => {
  it('that fill all places with idle connections lose the idlest of whoever has most', async () => {
    await start({ server: { ...LIMITS, connections: { total: 50, perAddress: 20, perProxy: 60 } } });
    const idle = [2, 3, 4, 5].flatMap((last) => Array.from({ length: SHARE }, () => from(`127.0.0.${last}`)));
    await until(() => idle.every(({ text, closed }) => text !== '' || closed));
    await expect.poll(() => idle.filter(({ closed }) => !closed).length).toBe(50);
    for (let last = 10; last < 30; last++) expect(await asks(`127.0.0.${last}`)).toBe(200);
  });

  it('behind a trusted proxy share its larger share; the same proxy untrusted has a stranger’s', async () => {
    await start({ server: { ...LIMITS, trustProxy: ['127.0.0.9'] } });
    const proxied = Array.from({ length: 40 }, () => from('127.0.0.9'));
    const strange = Array.from({ length: 40 }, () => from('127.0.0.8'));
    await until(() => [...proxied, ...strange].every(({ text, closed }) => text !== '' || closed));
    await expect.poll(() => strange.filter(({ closed }) => !closed).length).toBe(SHARE);
    expect(proxied.filter(({ closed }) => !closed)).toHaveLength(40);
  });
});

describe('a connection', () => {
  it('of a stranger is kept for a short time without a request, a trusted proxy’s for longer than tunnels keep theirs', async () => {
    await start({ server: { keepAliveMs: 300, trustProxy: ['127.0.0.9'] } });
    const began = performance.now();
    const [stranger, proxy] = [from('127.0.0.1'), from('127.0.0.9')];
    await until(() => stranger.text !== '' && proxy.text !== '');
    expect(proxy.text.toLowerCase()).toContain('keep-alive: timeout=95');
    await expect.poll(() => stranger.closed, { timeout: 3_000 }).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(200);
    await new Promise((done) => setTimeout(done, 500));
    expect(proxy.closed).toBe(false);
    // It can be used again, as often as it likes.
    proxy.text = '';
    proxy.socket.write(ASK);
    await until(() => proxy.text.startsWith('HTTP/1.1 200'));
  });

  it('on which a stranger asks for what he may not ends with the answer; a trusted proxy’s goes on', async () => {
    await start({ server: { trustProxy: ['127.0.0.9'] } });
    const refused = 'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n';
    const invalid =
      'POST /incoming-call HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]';
    for (const text of [refused, invalid]) {
      const [stranger, proxy] = [from('127.0.0.1', text), from('127.0.0.9', text)];
      await until(() => stranger.closed && proxy.text !== '');
      expect(stranger.text).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(stranger.text.toLowerCase()).toContain('\r\nconnection: close\r\n');
      proxy.text = '';
      proxy.socket.write(ASK);
      await until(() => proxy.text.startsWith('HTTP/1.1 200'));
    }
    const fine = from('127.0.0.1');
    await until(() => fine.text !== '');
    expect(fine.text.toLowerCase()).not.toContain('connection: close');
  });

  it('with requests sent ahead has them answered one after the other, and none behind a refusal that closes it', async () => {
    let asked = 0;
    await start({
      routes(app) {
        app.get('/refused', (_request, reply) => reply.code(401).send(++asked));
        app.get('/counted', (_request, reply) => reply.send(`number ${++asked}`));
      },
    });
    const ahead = (path: string, n: number) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(n);
    const refused = from('127.0.0.1', ahead('/refused', 10));
    await until(() => refused.closed);
    expect(refused.text.match(/^HTTP\/1\.1 401/gm)).toHaveLength(1);
    expect(asked).toBe(1);
    asked = 0;
    const served = from('127.0.0.1', ahead('/counted', 10));
    await until(() => served.text.includes('number 10'));
    expect(served.text.match(/number \d+/g)).toEqual(Array.from({ length: 10 }, (_, i) => `number ${i + 1}`));
    served.socket.write(ahead('/counted', 1));
    await until(() => served.text.includes('number 11'));
    asked = 0;
    const flood = from('127.0.0.1', ahead('/counted', 2_000));
    await until(() => flood.closed);
    expect(asked).toBeLessThanOrEqual(1);
    expect(r.counts.get('requests_too_many')).toBe(1);
    await expect.poll(() => connectionsOf('127.0.0.1')).toBe(1);
  });

  it('whose client does not read a large answer, or the events it asked for, is cut; who reads slowly is not', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024, 'x');
    await start({
      server: { stallMs: 2_000, connections: { total: 60, perAddress: 5, perProxy: 60 } },
      routes(app) {
        app.get('/large', (_request, reply) => reply.send(large));
        // As server-sent events are written: past the framework, for as long as somebody takes them.
        app.get('/endless', (_request, reply) => {
          reply.hijack();
          const more = () => {
            while (!reply.raw.destroyed && reply.raw.write(large.subarray(0, 64 * 1024)));
          };
          reply.raw.writeHead(200).on('drain', more);
          more();
        });
      },
    });
    for (const path of ['/large', '/endless']) {
      const deaf = Array.from({ length: 5 }, () => {
        const client = from('127.0.0.1', `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        client.socket.pause();
        return client;
      });
      await expect.poll(() => connectionsOf('127.0.0.1')).toBe(5);
      expect(await asks('127.0.0.2')).toBe(200);
      // A socket that does not read learns nothing of its end until it does.
      await expect.poll(() => connectionsOf('127.0.0.1'), { timeout: 10_000 }).toBe(0);
      expect(await asks('127.0.0.1')).toBe(200);
      for (const { socket } of deaf) socket.destroy();
    }
    const slow = from('127.0.0.1', 'GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    slow.socket.on('data', () => {
      slow.socket.pause();
      setTimeout(() => slow.socket.resume(), 15);
    });
    const began = performance.now();
    await once(slow.socket, 'close');
    expect(performance.now() - began).toBeGreaterThan(3_000);
    expect(slow.text.length).toBeGreaterThan(large.length);
  }, 60_000);
});

/** Connections of this address that the server counts. */
const connectionsOf = (address: string) => r.connections.of(address);
