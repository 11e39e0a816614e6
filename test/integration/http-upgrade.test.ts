import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openSocket } from '../../src/transport/socket.ts';
import { type Rig, type RigOptions, rig } from './webhook-rig.ts';

/** Clients that offer another protocol with a plain request: a server that does not speak it answers as if they had not (RFC 9110, section 7.8). */

let r: Rig;
const start = async (options: RigOptions = {}) => {
  r = await rig(options);
  return r;
};
afterEach(() => r.close());

/** What Java's HttpClient sends by default, and curl --http2. */
const H2C =
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n';
const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n';
const BODY = 'CallSid=CA1&From=%2B12025550143';
/** A request as text. */
const http = (line: string, headers: string, body = '') => `${line} HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`;
const posted = (headers: string) =>
  http('POST /incoming-call', `${headers}${FORM}Content-Length: ${BODY.length}\r\n`, BODY);
const CLOSING = http('GET /health/live', 'Connection: close\r\n');

/** Sends one request after the other on one connection, each when the one before was answered, and a last that ends it; what came back. */
async function said(...requests: string[]): Promise<{ text: string; statuses: number[] }> {
  const left = [...requests, CLOSING];
  const socket = connect(r.port, '127.0.0.1');
  let text = '';
  let answered = 0;
  socket.on('data', (data) => {
    text += data;
    const heads = text.match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0;
    if (heads === answered || !text.includes('\r\n\r\n', text.lastIndexOf('HTTP/1.1 '))) return;
    answered = heads;
    socket.write(left.shift() ?? '');
  });
  socket.write(left.shift() ?? '');
  await once(socket, 'close');
  return { text, statuses: statusesOf(text) };
}
const statusesOf = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

describe('an upgrade to another protocol', () => {
  it.each([
    ['h2c', H2C],
    ['H2C', 'Connection: upgrade\r\nUpgrade: H2C\r\n'],
    ['several', 'Connection: Upgrade\r\nUpgrade: h2c, TLS/1.0, IRC/6.9\r\n'],
    ['one that only begins like it', 'Connection: Upgrade\r\nUpgrade: websockets\r\n'],
    ['nothing', 'Connection: Upgrade\r\nUpgrade: \r\n'],
  ])('%s is answered as if it had not been offered, on every kind of route', async (_name, headers) => {
    await start();
    expect((await said(http('GET /health', headers))).statuses).toEqual([200, 200]);
    expect((await said(http('GET /nowhere', headers))).statuses).toEqual([404]);
    // An upgrade's own path is one that plain requests do not have.
    expect((await said(http('GET /media-stream', headers))).statuses).toEqual([404]);
    expect(r.counts.get('upgrade_path_unknown')).toBeUndefined();
  });

  it('comes with a webhook’s body, whole, and the connection goes on', async () => {
    await start();
    const chunked = http(
      'POST /incoming-call',
      `${H2C}${FORM}Transfer-Encoding: chunked\r\n`,
      `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
    );
    const { text, statuses } = await said(posted(H2C), posted(''), chunked, http('HEAD /health', H2C), posted(H2C));
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
    expect(text.match(/<Stream /g)).toHaveLength(4);
  });

  it('comes with a body that is late, in pieces', async () => {
    await start();
    const whole = posted(H2C.replace('Upgrade, HTTP2-Settings', 'Upgrade, HTTP2-Settings, close'));
    const socket = connect(r.port, '127.0.0.1');
    const closed = once(socket, 'close');
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    for (let at = 0; at < whole.length; at += 40) {
      socket.write(whole.slice(at, at + 40));
      await new Promise((done) => setTimeout(done, 5));
    }
    await closed;
    expect(statusesOf(text)).toEqual([200]);
    expect(text).toContain('<Stream ');
  });

  it('is ignored in HTTP/1.0, which has none', async () => {
    await start();
    const { text } = await r.raw('GET /health/live HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(statusesOf(text)).toEqual([200]);
  });

  it('that is not asked for by GET, or comes with a body, is none: no body is ever taken for frames', async () => {
    await start();
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    expect((await said(posted(upgrade))).statuses).toEqual([200, 200]);
    expect((await said(http('GET /health', `${upgrade}Content-Length: 3\r\n`, 'abc'))).statuses).toEqual([200, 200]);
  });
});

describe('a WebSocket', () => {
  const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

  it.each(['websocket', 'WebSocket', 'websocket, h2c', 'h2c, websocket', 'h2c ,\twebsocket'])(
    'is opened where it is among what is offered: %j',
    async (upgrade) => {
      await start();
      const request = http('GET /media-stream', `Connection: keep-alive, Upgrade\r\nUpgrade: ${upgrade}\r\n${KEY}`);
      const answer = r.raw(request);
      await expect.poll(() => r.streams.length).toBe(1);
      r.streams[0]?.socket.terminate();
      expect((await answer).text).toMatch(/^HTTP\/1\.1 101 .*\r\nUpgrade: websocket\r\n/);
    },
  );

  it('is opened by our own client as before', async () => {
    await start();
    const handlers = { text() {}, binary() {}, close() {} };
    const socket = await openSocket(`ws://127.0.0.1:${r.port}/media-stream`, handlers, {
      maxMessageBytes: 1_000,
      pingIntervalMs: 0,
      connectTimeoutMs: 2_000,
    });
    socket.terminate();
  });

  it('of a wrong version or without a key is refused, and no other way is guessed', async () => {
    await start();
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    const old = await r.raw(http('GET /media-stream', `${upgrade}${KEY.replace('13', '7')}`));
    expect(old.text).toMatch(/^HTTP\/1\.1 400 .*\r\nSec-WebSocket-Version: 13/s);
    expect(statusesOf((await r.raw(http('GET /media-stream', upgrade))).text)).toEqual([400]);
    expect(statusesOf((await r.raw(http('GET /nowhere', upgrade + KEY))).text)).toEqual([404]);
    expect(r.streams).toEqual([]);
  });
});

const noJava = spawnSync('javac', ['-version']).error === undefined ? undefined : 'no Java compiler is installed';

it('Java’s default client posts a webhook, and asks again on the same connection', async ({ skip }) => {
  await start();
  if (noJava !== undefined) skip(noJava);
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-java-'));
  const source = `import java.net.URI; import java.net.http.*;
public class Ask { public static void main(String[] a) throws Exception {
  HttpClient client = HttpClient.newHttpClient();
  for (int i = 0; i < 3; i++) {
    HttpResponse<String> r = client.send(HttpRequest.newBuilder(URI.create(a[0] + "/incoming-call"))
      .header("Content-Type", "application/x-www-form-urlencoded")
      .POST(HttpRequest.BodyPublishers.ofString("CallSid=CA" + i)).build(), HttpResponse.BodyHandlers.ofString());
    System.out.println(r.statusCode() + " " + r.version() + " " + r.body().contains("<Stream "));
  }
  HttpResponse<String> r = client.send(HttpRequest.newBuilder(URI.create(a[0] + "/health")).build(), HttpResponse.BodyHandlers.ofString());
  System.out.println(r.statusCode() + " " + r.version());
} }`;
  try {
    writeFileSync(join(folder, 'Ask.java'), source);
    execFileSync('javac', ['-d', folder, join(folder, 'Ask.java')]);
    const child = spawn('java', ['-Xint', '-cp', folder, 'Ask', r.base]);
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await new Promise((done) => child.once('exit', done));
    expect(said.trim().split('\n')).toEqual([...Array(3).fill('200 HTTP_1_1 true'), '200 HTTP_1_1']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
