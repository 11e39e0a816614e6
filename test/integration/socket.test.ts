import { createHash } from 'node:crypto';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer, Socket as TcpSocket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { refuseUpgrade } from '../../src/transport/refuse-upgrade.ts';
import { openSocket, type Socket, SocketAcceptor } from '../../src/transport/socket.ts';
import { sleep, until } from './rig.ts';
import { WAIT_MS } from './waiting.ts';

/** The WebSocket as the bridge uses it, against far ends that behave as no library would. */

const closers: Array<() => void> = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Ends {
  port: number;
  sockets: Socket[];
  closes: number[];
  texts: string[];
}

async function serve(
  options: {
    pingIntervalMs?: number;
    refuse?: number;
    headers?: Record<string, string>;
    media?: boolean;
    onText?: (text: string) => void;
  } = {},
): Promise<Ends> {
  const ends: Ends = { port: 0, sockets: [], closes: [], texts: [] };
  const { pingIntervalMs = 0, media = false } = options;
  const acceptor = new SocketAcceptor({ maxMessageBytes: 1_024, pingIntervalMs, media });
  const server: Server = createHttpServer();
  server.on('upgrade', (request, stream, head) => {
    if (options.refuse !== undefined) {
      refuseUpgrade(stream, options.refuse, 'No', 'MODEL_AUTH', options.headers);
      return;
    }
    acceptor.accept(request, stream, head, (attach) => {
      ends.sockets.push(
        attach({
          text: (data) => {
            ends.texts.push(String(data));
            options.onText?.(String(data));
          },
          binary() {},
          close: (code) => void ends.closes.push(code),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of ends.sockets) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  ends.port = (server.address() as AddressInfo).port;
  return ends;
}

/** A client that completes the handshake and from then on is dead: it answers neither pings nor a close. */
async function deadClient(port: number): Promise<TcpSocket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  socket.write(
    `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return socket;
}

const client = { maxMessageBytes: 1_024, pingIntervalMs: 0, connectTimeoutMs: WAIT_MS };
const deaf = { text() {}, binary() {}, close() {} };

describe.each([false, true])('a server socket (media: %s)', (media) => {
  it('ends a half-open connection after two pings without an answer', async () => {
    const ends = await serve({ pingIntervalMs: 150, media });
    const began = performance.now();
    await deadClient(ends.port);
    await until(() => ends.closes.length > 0, 'the end of the dead connection');
    expect(ends.closes).toEqual([1006]);
    expect(performance.now() - began).toBeGreaterThan(300);
  });

  it('finds a half-open connection sooner when it is asked whether that lives', async () => {
    const ends = await serve({ pingIntervalMs: 60_000, media });
    await deadClient(ends.port);
    const living = await openSocket(`ws://127.0.0.1:${ends.port}`, deaf, client);
    await until(() => ends.sockets.length === 2, 'both connections');
    for (let n = 0; n < 3; n++) {
      for (const socket of ends.sockets) socket.probe();
      await sleep(150);
    }
    expect(ends.closes).toEqual([1006]);
    expect(living.isOpen).toBe(true);
  });

  it('measures the round trip, and keeps a connection that answers', async () => {
    const ends = await serve({ pingIntervalMs: 60, media });
    await openSocket(`ws://127.0.0.1:${ends.port}`, deaf, client);
    await sleep(500);
    // One that the process stood still in is longer.
    await until(() => (ends.sockets[0]?.rttMs ?? 50) < 50, 'a round trip on loopback');
    expect(ends.closes).toEqual([]);
    expect(ends.sockets[0]?.rttMs).toBeGreaterThanOrEqual(0);
  });

  it('cuts a far end that does not answer the closing handshake, after 2 s', async () => {
    const ends = await serve({ media });
    await deadClient(ends.port);
    const began = performance.now();
    ends.sockets[0]?.close(1008, 'policy');
    // Where the process stands still, this timer is as late as the socket's own; what that cuts is told in the same turn of the event loop.
    const cutBy = sleep(3_000).then(async () => {
      await sleep(0);
      return ends.closes.length;
    });
    expect(ends.sockets[0]?.send('late')).toBe(false);
    await until(() => ends.closes.length > 0, 'the cut');
    expect(performance.now() - began).toBeGreaterThan(1_900);
    expect(await cutBy).toBe(1);
  });

  it('shows what a reader who does not read leaves behind', async () => {
    const ends = await serve({ media });
    await deadClient(ends.port);
    const chunk = 'x'.repeat(100_000);
    for (let i = 0; i < 200; i++) ends.sockets[0]?.send(chunk);
    expect(ends.sockets[0]?.bufferedBytes).toBeGreaterThan(1_000_000);
  });

  it('closes with 1009 on a message beyond its limit, and tells the end once', async () => {
    const ends = await serve({ media });
    const codes: number[] = [];
    const socket = await openSocket(
      `ws://127.0.0.1:${ends.port}`,
      { ...deaf, close: (code) => void codes.push(code) },
      client,
    );
    socket.send('y'.repeat(2_000));
    await until(() => codes.length > 0, 'the close');
    expect(codes).toEqual([1009]);
    await until(() => ends.closes.length > 0, 'the close at the other end');
    await sleep(50);
    expect(ends.closes).toHaveLength(1);
    expect(ends.texts).toEqual([]);
  });

  it('closes with 1008 on a message in very many fragments, and tells nothing that comes behind it', async () => {
    const ends = await serve({ media });
    const far = new WebSocket(`ws://127.0.0.1:${ends.port}`);
    await new Promise((resolve) => far.once('open', resolve));
    const closed = new Promise((resolve) => far.once('close', resolve));
    for (let i = 0; i < 63; i++) far.send('a', { fin: false });
    far.send('z');
    await until(() => ends.texts.length === 1, 'the message of 64');
    for (let i = 0; i < 64; i++) far.send('', { fin: false });
    far.send('z');
    far.send('after');
    expect(await closed).toBe(1008);
    expect(ends.texts).toEqual([`${'a'.repeat(63)}z`]);
  });

  it('tells every message once and in order, whole, in fragments, or behind a ping, and answers the closing handshake', async () => {
    const ends = await serve({ media });
    const far = new WebSocket(`ws://127.0.0.1:${ends.port}`);
    await new Promise((resolve) => far.once('open', resolve));
    const pongs: string[] = [];
    far.on('pong', (data) => pongs.push(String(data)));
    const sent: string[] = [];
    for (let i = 0; i < 200; i++) {
      const text = `${i} `.repeat(i);
      sent.push(text);
      if (i % 10 === 3) {
        far.send(text.slice(0, 5), { fin: false });
        far.ping(`p${i}`);
        far.send(text.slice(5));
      } else {
        if (i % 10 === 7) far.ping(`p${i}`);
        far.send(text);
      }
    }
    const closed = new Promise((resolve) => far.once('close', resolve));
    far.close(1000);
    await until(() => ends.closes.length > 0, 'the close');
    expect(ends.texts).toEqual(sent);
    expect(ends.closes).toEqual([1000]);
    expect(await closed).toBe(1000);
    expect(pongs).toHaveLength(40);
  });
});

describe('what one turn of the event loop brought', () => {
  it('goes on in one write for each socket: frames that came in one packet leave in one', async () => {
    const messages: string[] = [];
    const far = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    closers.push(() => far.close());
    far.on('connection', (ws) => ws.on('message', (data) => messages.push(String(data))));
    await new Promise((resolve) => far.once('listening', resolve));
    const { port } = far.address() as AddressInfo;
    const model = await openSocket(`ws://127.0.0.1:${port}`, deaf, client);
    const ends = await serve({ media: true, onText: (text) => model.send(`on: ${text}`) });
    const phone = await deadClient(ends.port);
    const frame = (text: string) => {
      const body = Buffer.from(text).map((byte, i) => byte ^ (i & 3));
      return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 1, 2, 3]), body]);
    };
    // By what is written: several writes of one turn would come as one packet as well.
    const writes = vi.spyOn(TcpSocket.prototype, 'write');
    closers.push(() => writes.mockRestore());
    phone.write(Buffer.concat(['one', 'two', 'three'].map(frame)));
    await until(() => messages.length === 3, 'the messages');
    expect(messages).toEqual(['on: one', 'on: two', 'on: three']);
    expect(writes.mock.contexts.filter((socket) => (socket as TcpSocket).remotePort === port)).toHaveLength(1);
  });
});

describe('a far end that says something and closes, in one packet', () => {
  it.each([
    ['closes', [0x88, 0x80, 0, 0, 0, 0]],
    ['breaks the protocol', [0xf1, 0x80, 0, 0, 0, 0]],
  ])('and %s: what is answered goes before the close frame', async (_what, bytes) => {
    const ends: Ends = await serve({ media: true, onText: () => void ends.sockets[0]?.send('answer') });
    const phone = await deadClient(ends.port);
    const read: Buffer[] = [];
    phone.on('data', (chunk: Buffer) => read.push(chunk)).resume();
    phone.write(Buffer.concat([Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]), Buffer.from(bytes)]));
    await until(() => Buffer.concat(read).includes(0x88), 'the close frame');
    const all = Buffer.concat(read);
    const answer = Buffer.from('\x81\x06answer', 'latin1');
    expect(all.subarray(0, answer.length)).toEqual(answer);
    expect(all[answer.length]).toBe(0x88);
  });
});

describe('a socket that is cut', () => {
  it('has sent what was sent on it before, held or not', async () => {
    const ends = await serve({ media: true });
    const model = await openSocket(`ws://127.0.0.1:${ends.port}`, deaf, client);
    model.cork();
    model.send('last words');
    model.terminate();
    model.uncork();
    await until(() => ends.closes.length > 0, 'the end');
    expect(ends.texts).toEqual(['last words']);
  });
});

describe('openSocket', () => {
  it('loses nothing that comes in the packet of the handshake’s answer', async () => {
    const server = createServer((stream) => {
      stream.once('data', (request) => {
        const key = /sec-websocket-key: (\S+)/i.exec(String(request))?.[1] ?? '';
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
        stream.write(Buffer.concat([Buffer.from(head), Buffer.from([0x81, 5]), Buffer.from('first')]));
      });
      stream.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const texts: string[] = [];
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const socket = await openSocket(url, { ...deaf, text: (data) => void texts.push(String(data)) }, client);
    await until(() => texts.length > 0, 'the first message');
    expect(texts).toEqual(['first']);
    socket.terminate();
  });

  it('says how the handshake was refused', async () => {
    const ends = await serve({ refuse: 401 });
    await expect(openSocket(`ws://127.0.0.1:${ends.port}`, deaf, client)).rejects.toMatchObject({
      code: 'SOCKET_REFUSED',
      status: 401,
      retryable: false,
    });
  });

  it.for([
    [429, { 'Retry-After': '7' }, 7_000],
    [503, { 'Retry-After': '120' }, 120_000],
    [429, { 'retry-after-ms': '250', 'Retry-After': '1' }, 250],
    [429, {}, undefined],
  ] as const)(
    'says when it may be asked again that refuses with %i and %o',
    async ([refuse, headers, retryAfterMs]) => {
      const ends = await serve({ refuse, headers });
      await expect(openSocket(`ws://127.0.0.1:${ends.port}`, deaf, client)).rejects.toMatchObject({
        code: 'SOCKET_REFUSED',
        status: refuse,
        retryable: true,
        retryAfterMs,
      });
    },
  );

  it('gives up in time on a far end that never answers, and on nobody at all', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const hasty = { ...client, connectTimeoutMs: 400 };
    await expect(openSocket(`ws://127.0.0.1:${port}`, deaf, hasty)).rejects.toMatchObject({
      code: 'SOCKET_CONNECT_TIMEOUT',
    });
    server.close();
    await expect(openSocket('ws://127.0.0.1:1', deaf, client)).rejects.toMatchObject({ code: 'SOCKET_CONNECT_FAILED' });
  });

  it('stops at once when told to', async () => {
    const abort = new AbortController();
    abort.abort(new Error('the call ended'));
    await expect(openSocket('ws://127.0.0.1:1', deaf, { ...client, signal: abort.signal })).rejects.toThrow(
      'the call ended',
    );
  });
});
