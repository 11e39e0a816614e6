import { connect } from 'node:net';
import twilio from 'twilio/lib/webhooks/webhooks.js';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { StreamTokens } from '../../src/callers/phone/http/stream-token.ts';
import { withDeadline } from '../../src/memory/deadline.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { failingMemory, silentMemory } from '../fakes/memory.ts';
import { CALL, PUBLIC, type Rig, type RigOptions, rig, TWILIO, tokenOf, UUID, until } from './webhook-rig.ts';

let r: Rig;
const sockets: Socket[] = [];
const start = async (options: RigOptions = {}) => {
  r = await rig(options);
  return r;
};
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await r.close();
});

async function open(headers: Record<string, string> = {}, path = '/media-stream') {
  const closed: Array<[number, string]> = [];
  const socket = await openSocket(
    `ws://127.0.0.1:${r.port}${path}`,
    { text: () => {}, binary: () => {}, close: (code, reason) => void closed.push([code, reason]) },
    { headers, maxMessageBytes: 65_536, pingIntervalMs: 0, connectTimeoutMs: 3_000 },
  );
  sockets.push(socket);
  return { socket, closed };
}
const refused = (status: number) => expect.objectContaining({ code: 'SOCKET_REFUSED', status });
const signatureOf = (url: string, secret = TWILIO) => ({
  'X-Twilio-Signature': twilio.getExpectedTwilioSignature(secret, url, {}),
});
const WSS = 'wss://voice.example.com/media-stream';
const signed = { publicUrl: PUBLIC, twilio: [TWILIO] };
const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

describe('the upgrade of /media-stream', () => {
  it('carries messages both ways, the first included', async () => {
    await start();
    const { socket } = await open();
    socket.send('{"event":"connected"}');
    await until(() => r.streams[0]?.texts.length === 1);
    expect(r.streams[0]?.texts).toEqual(['{"event":"connected"}']);
    expect(r.streams[0]?.stream.remoteAddress).toBe('127.0.0.1');
  });

  it.each(['/', '/media-stream/', '/media-streams', '/incoming-call', '/MEDIA-STREAM'])(
    'is the only one: %s gives 404',
    async (path) => {
      await start();
      await expect(open({}, path)).rejects.toEqual(refused(404));
      expect(r.counts.get('upgrade_path_unknown')).toBe(1);
    },
  );

  it("[twilio] upgrade signature: takes Twilio's of the wss URL, and refuses any wrong one with 403", async () => {
    await start(signed);
    await open(signatureOf(WSS));
    for (const headers of [
      signatureOf('https://voice.example.com/media-stream'),
      signatureOf(`${WSS}/`),
      signatureOf(`ws://127.0.0.1:${r.port}/media-stream`),
      signatureOf(WSS, 'another secret'),
      { 'X-Twilio-Signature': 'x' },
    ])
      await expect(open(headers)).rejects.toEqual(refused(403));
    expect(r.streams).toHaveLength(1);
    expect(r.counts.get('upgrade_signature_invalid')).toBe(5);
  });

  it('goes without a signature, since the proof is in the start', async () => {
    await start(signed);
    await open();
    expect(r.streams).toHaveLength(1);
  });

  it('answers 500 when a signature cannot be checked for want of PUBLIC_URL', async () => {
    await start({ twilio: [TWILIO] });
    await expect(open(signatureOf(WSS))).rejects.toEqual(refused(500));
  });

  it('[signalwire] upgrade signature: a bearer token that was asked for is checked, without using it up', async () => {
    await start();
    const document = (await r.post('/incoming-call', { CallSid: UUID })).text;
    const token = tokenOf(document);
    const authorization = { Authorization: `Bearer ${/authBearerToken="([^"]+)"/.exec(document)?.[1]}` };
    await open(authorization);
    expect(r.streams[0]?.stream.bearer).toMatchObject({ carrier: 'signalwire', carrierCallId: UUID });
    expect(await r.streams[0]?.stream.authorizeStart(token, UUID)).toMatchObject({ callId: 'call-1' });
    r.clock.advance(70_000);
    await expect(open(authorization)).rejects.toEqual(refused(401));
    for (const Authorization of ['Bearer forged', 'Basic dTpw', 'Bearer'])
      await expect(open({ Authorization })).rejects.toEqual(refused(401));
    expect(r.counts.get('upgrade_bearer_invalid')).toBe(4);
  });

  it('opens nothing by a token that cannot be looked up, says so, and takes it when it can again', async () => {
    const failing = failingMemory();
    failing.fails = false;
    await start({ remembers: failing.memory });
    const token = tokenOf((await r.post('/incoming-call', { CallSid: UUID })).text);
    const authorization = { Authorization: `Bearer ${token}` };
    failing.fails = true;
    await expect(open(authorization)).rejects.toMatchObject({ code: 'SOCKET_CONNECT_FAILED' });
    expect(r.counts.get('upgrade_failed')).toBe(1);
    failing.fails = false;
    await open(authorization);
    failing.fails = true;
    await expect(r.streams[0]?.stream.authorizeStart(token, UUID)).rejects.toThrow('the memory is gone');
    failing.fails = false;
    expect(await r.streams[0]?.stream.authorizeStart(token, UUID)).toMatchObject({ callId: 'call-1' });
  });

  it('is refused with 503 after the deadline of a memory that does not answer; its webhook was answered all the same', async () => {
    await start({ remembers: withDeadline(silentMemory(), { clock: systemClock, ms: 50 }) });
    const token = tokenOf((await r.post('/incoming-call', { CallSid: UUID })).text);
    await expect(open({ Authorization: `Bearer ${token}` })).rejects.toEqual(refused(503));
    await open();
    await expect(r.streams[0]?.stream.authorizeStart(token, UUID)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect([r.pending.total, r.counts.get('stream_authorized')]).toEqual([1, undefined]);
  });

  it('lets the bearer token stand for one that the start did not bring', async () => {
    await start();
    const token = tokenOf((await r.post('/incoming-call', { CallSid: UUID })).text);
    await open({ Authorization: `Bearer ${token}` });
    expect(await r.streams[0]?.stream.authorizeStart(undefined, UUID)).toMatchObject({ callId: 'call-1' });
    await expect(r.streams[0]?.stream.authorizeStart(token, UUID)).rejects.toEqual(
      expect.objectContaining({ code: 'STREAM_TOKEN_USED' }),
    );
  });

  it('gives a bad handshake 400 and frees its place', async () => {
    await start();
    const { text } = await r.raw(
      'GET /media-stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    await until(() => r.pending.total === 0);
    expect(r.streams).toHaveLength(0);
  });

  it('ends the connection of a refused client that never closes its end', async () => {
    await start();
    const ms = await new Promise<number>((resolve) => {
      const began = performance.now();
      const socket = connect({ port: r.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.write(`GET /nowhere HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n`);
      const timer = setInterval(() => socket.write('x'), 100);
      socket.on('error', () => {});
      socket.resume();
      socket.on('close', () => {
        clearInterval(timer);
        resolve(performance.now() - began);
      });
    });
    expect(ms).toBeGreaterThan(500);
    expect(ms).toBeLessThan(3_000);
  });

  it('survives a client that resets in the middle', async () => {
    await start();
    for (const path of ['/media-stream', '/nowhere'])
      await new Promise<void>((resolve) => {
        const socket = connect(r.port, '127.0.0.1', () => {
          socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n`, () => socket.resetAndDestroy());
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve());
      });
    await until(() => r.pending.total === 0);
    expect((await fetch(`${r.base}/health`)).status).toBe(200);
  });

  it('survives a reset while a handler still makes up its mind', async () => {
    await start();
    let taken = 0;
    let ended = 0;
    r.upgrades.serve('/later', (_request, stream) => {
      taken++;
      stream.resume();
      stream.on('close', () => ended++);
    });
    const socket = connect(r.port, '127.0.0.1', () => {
      socket.write(`GET /later HTTP/1.1\r\nHost: a\r\n${HANDSHAKE}\r\n`);
    });
    socket.on('error', () => {});
    await until(() => taken === 1);
    socket.resetAndDestroy();
    await until(() => ended === 1);
    expect((await fetch(`${r.base}/health`)).status).toBe(200);
    expect(() => r.upgrades.serve('/later', () => {})).toThrow(/served already/);
  });

  it('cuts a connection whose taker throws, and goes on', async () => {
    let broken = true;
    await start({
      media: {
        onStream(stream) {
          if (broken) throw new Error('no leg');
          stream.attach({ text: () => {}, binary: () => {}, close: () => {} });
        },
      },
    });
    const first = await open().catch((error: unknown) => error);
    if (first instanceof Error) expect(first).toMatchObject({ code: 'SOCKET_CONNECT_FAILED' });
    else await until(() => (first as { closed: unknown[] }).closed.length === 1);
    expect(r.counts.get('upgrade_failed')).toBe(1);
    await until(() => r.pending.total === 0);
    broken = false;
    await open();
  });

  it('closes a socket that sends more than 64 KiB in a message with 1009', async () => {
    await start();
    const { socket, closed } = await open();
    socket.send('x'.repeat(65_536));
    await until(() => r.streams[0]?.texts.length === 1);
    socket.send('x'.repeat(65_537));
    await until(() => closed.length === 1);
    expect(closed[0]?.[0]).toBe(1009);
  });
});

describe('the start of a stream', () => {
  async function streamFor(CallSid: string) {
    const token = tokenOf((await r.post('/incoming-call', { CallSid })).text);
    await open();
    const stream = r.streams.at(-1)?.stream;
    if (stream === undefined) throw new Error('no stream');
    return { token, stream };
  }
  const coded = (code: string) => expect.objectContaining({ code: `STREAM_TOKEN_${code}` });

  it('is authorized once, by the token of its own call', async () => {
    await start();
    const { token, stream } = await streamFor(CALL);
    const other = await streamFor('CAother');
    await expect(stream.authorizeStart(undefined, CALL)).rejects.toEqual(coded('MISSING'));
    await expect(stream.authorizeStart('forged', CALL)).rejects.toEqual(coded('INVALID'));
    await expect(stream.authorizeStart(other.token, CALL)).rejects.toEqual(coded('INVALID'));
    expect(await stream.authorizeStart(token, CALL)).toMatchObject({ callId: 'call-1', carrier: 'twilio' });
    await expect(stream.authorizeStart(token, CALL)).rejects.toEqual(coded('USED'));
    r.clock.advance(66_000);
    await expect(other.stream.authorizeStart(other.token, 'CAother')).rejects.toEqual(coded('EXPIRED'));
    const foreign = new StreamTokens({
      secrets: ['another secret of enough bytes'],
      memory: new LocalMemory({ clock: r.clock }),
      wall: () => r.clock.wall(),
    });
    const claims = { carrier: 'twilio', carrierCallId: CALL, callId: 'call-1' };
    await expect(stream.authorizeStart(foreign.issue(claims), CALL)).rejects.toEqual(coded('INVALID'));
    for (const [name, n] of [
      ['missing', 1],
      ['invalid', 3],
      ['used', 1],
      ['expired', 1],
    ] as const)
      expect([name, r.counts.get(`stream_token_${name}`)]).toEqual([name, n]);
    expect(r.counts.get('stream_authorized')).toBe(1);
  });

  it('frees the place among those who proved nothing yet', async () => {
    await start({ media: { pending: { perAddress: 2, total: 10 } } });
    const { token, stream } = await streamFor(CALL);
    await open();
    await expect(open()).rejects.toEqual(refused(429));
    await stream.authorizeStart(token, CALL);
    await open();
    await expect(open()).rejects.toEqual(refused(429));
    sockets[1]?.close();
    await until(() => r.pending.total === 1);
    await open();
    expect(r.counts.get('upgrade_too_many')).toBe(2);
  });

  it('opens no more sockets than one by its token: a second is one without proof, and a used token opens none', async () => {
    await start({ media: { pending: { perAddress: 2, total: 2 } } });
    const token = tokenOf((await r.post('/incoming-call', { CallSid: CALL })).text);
    const bearer = { Authorization: `Bearer ${token}` };
    const [first] = [await open(bearer), await open(bearer), await open(bearer)];
    expect(r.pending.total).toBe(2);
    await expect(open(bearer)).rejects.toEqual(refused(503));
    // Its own socket gone, it opens another, as a carrier that tries again does.
    first.socket.terminate();
    await expect
      .poll(() =>
        open(bearer).then(
          () => 'opened',
          () => 'refused',
        ),
      )
      .toBe('opened');
    expect(await r.streams.at(-1)?.stream.authorizeStart(token, CALL)).toMatchObject({ carrierCallId: CALL });
    await expect(open(bearer)).rejects.toEqual(refused(401));
    expect(r.counts.get('stream_token_used')).toBe(1);
    expect(r.pending.total).toBe(2);
  });

  it('is bounded where a signature proves it, too: one that somebody overheard is always the same', async () => {
    await start({ ...signed, media: { proven: { perAddress: 3, total: 3 } } });
    for (let n = 0; n < 3; n++) await open(signatureOf(WSS));
    await expect(open(signatureOf(WSS))).rejects.toMatchObject({ code: 'SOCKET_REFUSED' });
    expect(r.pending.total).toBe(0);
    const token = tokenOf((await r.post('/incoming-call', { CallSid: CALL }, {}, TWILIO)).text);
    await r.streams[0]?.stream.authorizeStart(token, CALL);
    await open(signatureOf(WSS));
  });

  it('is not kept out by a crowd that proved nothing', async () => {
    await start({ ...signed, media: { pending: { perAddress: 9, total: 2 } } });
    await open();
    await open();
    await expect(open()).rejects.toEqual(refused(503));
    const token = r.tokens.issue({ carrier: 'signalwire', carrierCallId: UUID, callId: 'call-9' });
    await open({ Authorization: `Bearer ${token}` });
    await open(signatureOf(WSS));
    expect(r.streams).toHaveLength(4);
  });
});
