import { connect } from 'node:net';
import { afterEach, describe, expect } from 'vitest';
import type { Preparation } from '../../src/callers/phone/http/incoming-call.ts';
import { openSocket } from '../../src/transport/socket.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { rigTest as it } from './rig-test.ts';
import { type Rig, type RigOptions, rig, until } from './webhook-rig.ts';

let r: Rig;
const start = async (options: RigOptions = {}) => {
  r = await rig(options);
  return r;
};
afterEach(() => r.close());

describe('slow clients', () => {
  const HALF = 'GET /media-stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';

  it('are cut after four seconds in the middle of an upgrade, drip as they may', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      own(await start());
      const loop = own(watchLoop());
      const dripping = r.raw(HALF, { every: 200, text: 'X-A: b\r\n' });
      const stopped = r.raw(HALF);
      for (const { text, ms } of await Promise.all([dripping, stopped])) {
        expect(text).toMatch(/^HTTP\/1\.1 408 /);
        expect(text).toContain('"code":"REQUEST_TIMEOUT"');
        expect(ms).toBeGreaterThan(2_900);
        loop.excuses(skip, ms >= 5_500, 500);
        expect(ms).toBeLessThan(5_500);
      }
      expect(r.counts.get('request_timeout')).toBe(2);
      expect(r.streams).toHaveLength(0);
    }));

  it('are told nothing where they said nothing: a browser would take it for the answer to what it sends just then', async () => {
    await start({ server: { headersTimeoutMs: 300, requestTimeoutMs: 500, checkIntervalMs: 100 } });
    const begun = 'GET /health HTTP/1.1\r\nHost: a\r\n';
    const [silent, half, second] = await Promise.all([r.raw(''), r.raw(begun), r.raw(`${begun}\r\n${begun}`)]);
    expect([silent.text, half.text.slice(0, 13), second.text.match(/HTTP\/1\.1 \d+/g)?.at(-1)]).toEqual([
      '',
      'HTTP/1.1 408 ',
      'HTTP/1.1 408',
    ]);
    expect(silent.ms).toBeLessThan(2_000);
    expect(r.counts.get('request_timeout')).toBe(2);
    expect(r.counts.get('connection_silent')).toBe(1);
  });

  it('are not those whose request is there, and was not read because the process was late', async () => {
    await start({ server: { headersTimeoutMs: 300, requestTimeoutMs: 500, checkIntervalMs: 100 } });
    const socket = connect(r.port, '127.0.0.1');
    await expect.poll(() => r.connections.total).toBe(1);
    // What is due by time comes first after this, and what there is to read behind it.
    setImmediate(() => {
      socket.write('GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
    });
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('are cut in the middle of a body', async () => {
    await start({ server: { headersTimeoutMs: 300, requestTimeoutMs: 500, checkIntervalMs: 100 } });
    const { text, ms } = await r.raw(
      'POST /incoming-call HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nCallSid=',
      { every: 50, text: 'x' },
    );
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(ms).toBeLessThan(2_000);
    expect(r.prepared).toHaveLength(0);
  });
});

describe('what is too much or malformed', () => {
  const post = (body: string, type = 'application/x-www-form-urlencoded') =>
    fetch(`${r.base}/incoming-call`, { method: 'POST', headers: { 'content-type': type }, body });

  it('a body over 64 KiB gives 413', async () => {
    await start();
    const answer = await post(`CallSid=CA1&x=${'x'.repeat(65_536)}`);
    expect([answer.status, await answer.json()]).toEqual([
      413,
      { error: { code: 'BODY_TOO_LARGE', message: expect.any(String) } },
    ]);
    expect(r.counts.get('body_too_large')).toBe(1);
    expect(r.prepared).toHaveLength(0);
  });

  it('more than 256 parameters give 400', async () => {
    await start();
    expect((await post(`CallSid=CA1${'&a=1'.repeat(256)}`)).status).toBe(400);
    expect((await post(`CallSid=CA1${'&a=1'.repeat(255)}`)).status).toBe(200);
  });

  it('another kind of body gives 415', async () => {
    await start();
    for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/xml']) {
      const answer = await post('CallSid=CA1', type);
      expect([answer.status, await answer.json()]).toEqual([
        415,
        { error: { code: 'REQUEST_INVALID', message: expect.any(String) } },
      ]);
    }
  });

  it.each([
    ['GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n', 400],
    ['NONSENSE\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
    ['GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
    [
      'POST /incoming-call HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\n%zz',
      400,
    ],
    [
      'POST /incoming-call HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]',
      400,
    ],
  ])('raw request %# gives a coded answer', async (request, status) => {
    await start();
    const { text } = await r.raw(request);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual({
      error: { code: expect.stringMatching(/^[A-Z_]+$/), message: expect.any(String) },
    });
  });

  it('an unknown path gives 404 in the same shape, and no header tells what we run on', async () => {
    await start();
    const answer = await fetch(`${r.base}/nowhere`);
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: { code: 'NOT_FOUND', message: expect.any(String) } },
    ]);
    expect(answer.headers.get('x-powered-by')).toBeNull();
    expect(answer.headers.get('server')).toBeNull();
  });
});

describe('the server', () => {
  it('tells nothing of an unexpected error but its code', async () => {
    await start({
      phone: {
        memory: {
          recall: () => {
            throw new Error('secret detail');
          },
        } as never,
      },
    });
    const answer = await r.post('/incoming-call', { CallSid: 'CA1' });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      500,
      { error: { code: 'INTERNAL', message: 'internal error' } },
    ]);
    expect(r.counts.get('request_failed')).toBe(1);
  });

  it('takes no more connections than it may have', async () => {
    await start({ server: { maxConnections: 2 } });
    const idle = [r.raw('GET'), r.raw('GET')];
    await until(() => Number((r.app.server as { _connections?: number })._connections) === 2);
    await expect(fetch(`${r.base}/health`)).rejects.toThrow();
    await r.close();
    await Promise.all(idle);
  });

  it('does not believe X-Forwarded-For unless told to', async () => {
    await start({ publicUrl: 'https://voice.example.com', twilio: ['x'] });
    await r.post('/incoming-call', { CallSid: 'CA1' }, { 'x-forwarded-for': '203.0.113.7' });
    expect(r.lines.join('')).not.toContain('203.0.113.7');
    await r.close();
    await start({ publicUrl: 'https://voice.example.com', twilio: ['x'], server: { trustProxy: ['127.0.0.1'] } });
    await r.post('/incoming-call', { CallSid: 'CA1' }, { 'x-forwarded-for': '203.0.113.7' });
    expect(r.lines.join('')).toContain('203.0.113.7');
  });

  it('closes: what runs may end in the time given, what remains is cut', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      own(await start());
      const loop = own(watchLoop());
      let release = (_: Preparation) => {};
      r.desk.answer = () =>
        new Promise((resolve) => {
          release = resolve;
        });
      const running = r.post('/incoming-call', { CallSid: 'CA1' });
      await until(() => r.prepared.length === 1);
      const closed: number[] = [];
      await openSocket(
        `ws://127.0.0.1:${r.port}/media-stream`,
        { text: () => {}, binary: () => {}, close: (code) => void closed.push(code) },
        { maxMessageBytes: 1_000, pingIntervalMs: 0, connectTimeoutMs: 3_000 },
      );
      const began = performance.now();
      const closing = r.close();
      setTimeout(() => release({ callId: 'call-1' }), 100);
      const answer = await running.catch(() => undefined);
      const cut = [...closed];
      await closing;
      const ms = performance.now() - began;
      // Half a second is given: a process that stands still for most of it cuts what it was about to answer.
      loop.excuses(skip, answer === undefined || cut.length > 0 || ms >= 2_000, 300);
      expect(answer?.text).toContain('<Stream');
      expect(cut).toEqual([]);
      expect(ms).toBeGreaterThan(450);
      expect(ms).toBeLessThan(2_000);
      await until(() => closed.length === 1);
      expect(closed).toEqual([1006]);
      await expect(fetch(`${r.base}/health`)).rejects.toThrow();
    }));
});

describe('health', () => {
  it('has the fields that callers read', async () => {
    await start();
    const answer = await fetch(`${r.base}/health`);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'ok', activeSessions: 2, uptime: 1.5, memory: { rss: 1, heapTotal: 1, heapUsed: 1 } },
    ]);
  });

  it('is not ready while it drains, but alive', async () => {
    await start();
    const ready = async () => (await fetch(`${r.base}/ready`)).status;
    expect(await ready()).toBe(200);
    r.state.draining = true;
    expect(await ready()).toBe(503);
    expect((await fetch(`${r.base}/health`)).status).toBe(200);
  });
});
