import { readFileSync, statSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { readBySocket } from './events-reader.ts';
import { nginx, noNginx } from './nginx.ts';
import { type Rig, startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/**
 * What shows calls, or does something with them, is shut to whoever has no token: on this machine, and through every kind of thing that
 * passes strangers' requests on from this machine without a trace.
 */

/** What anybody may ask: carriers' webhooks prove themselves otherwise, and the rest holds nothing of any call. */
const OPEN = [
  '/',
  '/console/*',
  '/openapi.json',
  '/health',
  '/health/live',
  '/health/ready',
  '/ready',
  '/incoming-call',
  '/call-continue',
  '/stream-status',
  '/call-status',
  '/hosted-document',
  '/transfer-ended',
  '/vonage/stream',
  '/vonage/transfer',
  '/whatsapp/webhook',
  // Their addresses hold a token of their own.
  '/bridge/call',
  '/tests/tools/:token/:name',
];

/** What a program on this machine may ask of its own accord, while no token is set: it shows nothing, and begins calls. */
const HANDLERS = ['/bridge/start', '/bridge/accepted', '/bridge/stop'];

/** No token is set, and nothing else is. */
const PUBLIC = { PUBLIC_URL: 'https://voice.example.com' };
const UNSET = { ADMIN_TOKEN: '', METRICS_ACCESS: 'admin', BROWSER_ACCESS: 'admin', RATE_LIMIT_API: '0' };

interface Door {
  readonly url: string;
  close(): Promise<void>;
}

/** `ssh -L`, docker's userland proxy, a layer-4 balancer: bytes, as they are. */
async function plainPipe(to: string): Promise<Door> {
  const { port, hostname } = new URL(to);
  const ends = new Set<Socket>();
  const server = createTcpServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far).pipe(near);
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', () => [near, far].map((one) => one.destroy()));
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const end of ends) end.destroy();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

/** A proxy that says nothing of whom it got the request from, and names the upstream as Host: nginx with a bare `proxy_pass`. */
async function silentProxy(to: string): Promise<Door> {
  const { port, hostname, host } = new URL(to);
  const server = createServer((request, response) => {
    const headers = { ...request.headers, host };
    const { method, url: path } = request;
    const onwards = httpRequest({ port, hostname, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onwards.on('error', () => response.destroy());
    response.on('close', () => onwards.destroy());
    request.pipe(onwards);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

/** Routes that are not open to everybody, asked without a token: those that did not refuse, with what they answered. */
async function openRoutes(
  rig: Rig,
  url: string,
  { headers = {}, except = [] }: { headers?: Record<string, string>; except?: readonly string[] } = {},
): Promise<string[]> {
  const open = [...OPEN, ...except];
  const guarded = rig.app.http.routes.filter((route) => !open.includes(route.url) && route.method !== 'OPTIONS');
  expect(guarded.length).toBeGreaterThan(12);
  const found: string[] = [];
  for (const { method, url: path } of guarded) {
    // An id that is no call's: a refusal comes before anybody looks.
    const asked = path.replace(/:\w+/g, 'abc');
    const answer = await fetch(url + asked, { method, headers, signal: AbortSignal.timeout(5_000) });
    await answer.body?.cancel();
    if (answer.status !== 401) found.push(`${method} ${asked} ${answer.status}`);
  }
  return found;
}

describe('without ADMIN_TOKEN', () => {
  it.for([
    ['asked directly', undefined, {}, HANDLERS],
    ['asked directly where there is a public address', undefined, PUBLIC, []],
    ['behind a plain pipe (ssh -L, docker)', plainPipe, {}, []],
    // It cannot be told from a program on this machine: that there is one is known by the public address alone.
    ['behind a proxy that adds nothing', silentProxy, {}, HANDLERS],
    ['behind a proxy that adds nothing, under a public address', silentProxy, PUBLIC, []],
    ['behind nginx with a bare proxy_pass', nginx, {}, []],
    ['behind nginx with a bare proxy_pass, under a public address', nginx, PUBLIC, []],
  ] as const)('%s, no route of the operators’ answers', async ([, door, settings, except], { own, skip }) => {
    if (door === nginx && noNginx !== undefined) skip(noNginx);
    const rig = own(await startRig({ settings: { ...UNSET, ...settings } }));
    const way = door === undefined ? { url: rig.url, close: async () => {} } : await door(rig.url);
    try {
      expect(await openRoutes(rig, way.url, { except })).toEqual([]);
      await expect(readBySocket(way.url, '', { headers: {} })).rejects.toThrow();
    } finally {
      await way.close();
    }
  });

  it('no header makes a request one of this machine', async ({ own }) => {
    const rig = own(await startRig({ settings: { ...UNSET, TRUST_PROXY: 'loopback' } }));
    const { host } = new URL(rig.url);
    for (const headers of [
      { host: 'localhost' },
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-for': '::1', forwarded: 'for=127.0.0.1' },
      { 'x-real-ip': '127.0.0.1' },
      { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
    ])
      expect(await openRoutes(rig, rig.url, { headers: headers as Record<string, string> })).toEqual([]);
  });

  it('a token is made, kept for the operator alone, told by its path and never by its value', async ({ own }) => {
    const rig = own(await startRig({ settings: UNSET }));
    const file = join(rig.dataDir, 'admin-token');
    const token = readFileSync(file, 'utf8').trim();
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${rig.url}/calls`, { headers })).status).toBe(200);
    // A token in an address would be in the logs of everything on the way.
    for (const query of [`token=${token}`, `access_token=${token}`, `authorization=Bearer%20${token}`])
      expect((await fetch(`${rig.url}/calls?${query}`)).status, query).toBe(401);
    expect(rig.app.adminTokenFile).toBe(file);
    const said = JSON.stringify(rig.lines);
    expect(said).toContain(file);
    expect(said).not.toContain(token);
  });

  it('a page of another site cannot read events, whatever name it has', async ({ own }) => {
    const rig = own(await startRig({ settings: UNSET }));
    for (const origin of ['https://evil.example', 'null', rig.url]) {
      const refused = readBySocket(rig.url, '', { headers: { origin } });
      await expect(refused, origin).rejects.toMatchObject({ code: 'SOCKET_REFUSED' });
    }
  });
});
