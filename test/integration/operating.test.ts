import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { describe, expect } from 'vitest';
import { processMemory } from '../../src/admission/memory.ts';
import { lamlSignature } from '../../src/callers/phone/carriers/laml/signature.ts';
import { loadConfig } from '../../src/config.ts';
import type { RateLimitName } from '../../src/http/rate-limit.ts';
import { rateLimits } from '../../src/http/settings.ts';
import { newCallSid } from '../../src/simulator/phone/carrier.ts';
import { Phone, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { hears } from './agent-heard.ts';
import { asked, type Rig, sleep, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What operators need of the daemon: metrics, health, traces, limits. */

const PUBLIC = 'https://voice.example.com';
const SECRET = 'twilio-auth-token-0123456789';
const voice = { tone: 620, ms: 800, dbfs: -15 };
const hear = (ms: number) => ({ source: toneSource(1_020, { ms: 300 }), hangUpAfterMs: ms });

/** A call whose caller hangs up when he has heard the agent. */
async function heardCall(rig: Rig) {
  const { phone, report } = rig.call(hear(60_000));
  await hears(phone, 400);
  phone.hangUp();
  return report;
}

/** Rates so low that a test sees them at once. */
const LOW = {
  RATE_LIMIT_WEBHOOKS: '1',
  RATE_LIMIT_STREAMS: '1',
  RATE_LIMIT_API: '1',
  RATE_LIMIT_HEALTH: '1',
  RATE_LIMIT_BROWSER_CALLS: '1',
};

/** The status and headers with which an upgrade is refused. */
function upgrade(url: string, path: string, headers: Record<string, string> = {}): Promise<string> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => {
      const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more.join('')}\r\n`,
      );
    });
    socket.on('data', (data) => {
      text += data.toString();
      if (text.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/**
 * Asks until it is refused: as often as may be at once, which is what 10 s allow, and not more often than the time of asking allows beyond that. Fails where nothing is
 * refused then, or something too early.
 */
async function flooded<T>(ask: () => Promise<T>, isRefused: (answer: T) => boolean, perSecond = 1): Promise<T[]> {
  const answers: T[] = [];
  const began = performance.now();
  for (;;) {
    const answer = await ask();
    answers.push(answer);
    const passed = answers.length - 1;
    if (isRefused(answer)) {
      expect(passed).toBeGreaterThanOrEqual(perSecond * 10);
      return answers;
    }
    expect(passed).toBeLessThan(perSecond * (10 + Math.ceil((performance.now() - began) / 1_000)));
  }
}

describe.concurrent('rate limits', () => {
  it('are on every route there is: flooded, each answers 429 with Retry-After, to that address alone', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: { ...LOW, METRICS_ACCESS: 'public' } }));
    const { server, http } = rig.app;
    const routes = http.routes.filter(({ method }) => method !== 'HEAD');
    expect(routes.map(({ url }) => url)).toEqual(
      expect.arrayContaining(['/incoming-call', '/call-continue', '/stream-status', '/health', '/metrics']),
    );
    // Exceptions: none. A route that needs one is named here, with why.
    const exceptions = new Set<string>();
    const limits = rateLimits(loadConfig({ DATA_DIR: rig.dataDir, ...LOW }));
    const flood = (method: string, url: string, remoteAddress: string, limit: RateLimitName = 'api') =>
      flooded(
        () => server.inject({ method: method as 'GET', url: url.replace(/:\w+|\*/g, 'x'), remoteAddress }),
        ({ statusCode }) => statusCode === 429,
        limits[limit],
      );
    for (const [n, { method, url, limit }] of routes.entries()) {
      if (exceptions.has(url)) continue;
      const answers = await flood(method, url, `198.51.100.${n}`, limit);
      expect(answers[0]?.statusCode, `${method} ${url}`).not.toBe(429);
      const last = answers.at(-1);
      expect([last?.statusCode, last?.json().error?.code], `${method} ${url}`).toEqual([429, 'RATE_LIMITED']);
      expect(Number(last?.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    const nowhere = await flood('GET', '/no-such-place', '203.0.113.1');
    expect([nowhere[0]?.statusCode, nowhere.at(-1)?.statusCode]).toEqual([404, 429]);
    expect((await server.inject({ url: '/health', remoteAddress: '203.0.113.250' })).statusCode).toBe(200);
    expect(await rig.counter('rate_limited')).toBeGreaterThan(0);
  });

  it('are on upgrades too, of every path', async ({ own }) => {
    const rig = own(await startRig({ settings: LOW }));
    const paths = rig.app.http.upgrades.paths;
    expect(paths.map(({ path }) => path)).toContain('/media-stream');
    const kinds = new Set(paths.map(({ limit }) => limit));
    for (const kind of kinds) {
      const path = paths.find(({ limit }) => limit === kind)?.path ?? '';
      const answers = await flooded(
        () => upgrade(rig.url, path),
        (answer) => /^HTTP\/1.1 429/.test(answer),
      );
      expect(answers.at(-1)).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\n[\s\S]*retry-after: \d/);
    }
  });

  it("a stranger's flood costs no caller his call, though both come through one proxy", async ({ own }) => {
    const rig = own(
      await startRig({
        model: { voice },
        settings: { ...LOW, TWILIO_AUTH_TOKEN: SECRET, PUBLIC_URL: PUBLIC },
      }),
    );
    const post = async (signature: string) => {
      const params = { CallSid: newCallSid('twilio') };
      const url = `${PUBLIC}/incoming-call`;
      const { status } = await fetch(`${rig.url}/incoming-call`, {
        method: 'POST',
        headers: { 'x-twilio-signature': signature || lamlSignature(SECRET, url, params) },
        body: new URLSearchParams(params),
      });
      return status;
    };
    const forged = await flooded(
      () => post('c3RyYW5nZXI='),
      (status) => status === 429,
    );
    expect(new Set(forged)).toEqual(new Set([403, 429]));
    await flooded(
      () => upgrade(rig.url, '/media-stream'),
      (answer) => /^HTTP\/1.1 429/.test(answer),
    );
    const phone = new Phone({ ...hear(30_000), carrier: 'twilio', verbTimeScale: 0.05, record: true });
    const report = phone.placeCall({ webhookUrl: `${rig.url}/incoming-call`, secret: SECRET, publicUrl: PUBLIC });
    await hears(phone, 400);
    phone.hangUp();
    const heard = await report;
    expect(heard.reason).toBe('audio went both ways');
    expect(await post('')).toBe(200);
  });

  it('count by the address that a trusted proxy tells, and by nobody else’s word', async ({ own }) => {
    const rig = own(await startRig({ settings: { ...LOW, TRUST_PROXY: 'loopback' } }));
    const ask = (from: string, remoteAddress: string) =>
      rig.app.server.inject({ url: '/health', remoteAddress, headers: { 'x-forwarded-for': from } });
    const isRefused = ({ statusCode }: { statusCode: number }) => statusCode === 429;
    await flooded(() => ask('203.0.113.1', '127.0.0.1'), isRefused);
    expect((await ask('203.0.113.2', '127.0.0.1')).statusCode).toBe(200);
    let n = 100;
    await flooded(() => ask(`203.0.113.${n++}`, '198.51.100.9'), isRefused);
  });
});

describe.concurrent('/metrics', () => {
  it('is for operators, by the token; public when that is set', async ({ own }) => {
    const guarded = own(
      await startRig({ settings: { ADMIN_TOKEN: 'token-of-the-operators', METRICS_ACCESS: 'admin' } }),
    );
    const status = async (url: string, headers: Record<string, string> = {}) =>
      (await fetch(`${url}/metrics`, { headers })).status;
    expect(await status(guarded.url)).toBe(401);
    expect(await status(guarded.url, { authorization: 'Bearer wrong' })).toBe(401);
    expect(await status(guarded.url, { authorization: 'Bearer token-of-the-operators' })).toBe(200);

    const open = own(await startRig({ settings: { ADMIN_TOKEN: 'token-of-the-operators', METRICS_ACCESS: 'public' } }));
    expect(await status(open.url)).toBe(200);
  });

  it('counts frames while the call goes on, and has all that the dashboard asks for', async ({ own }) => {
    const rig = own(await startRig({ model: { voice } }));
    const { phone, report } = rig.call(hear(60_000));
    await until(() => rig.of('connected')[0], 'both ends');
    await asked(async () => (await rig.counter('frames_in')) > 20, 'frames to be counted');
    expect(rig.of('call_ended')).toEqual([]);
    await hears(phone, 400);
    phone.hangUp();
    await report;
    await until(() => rig.of('call_ended')[0], 'the end');
    const text = await (await fetch(`${rig.url}/metrics`)).text();
    const [ended] = rig.of('call_ended');
    expect(await rig.counter('frames_in')).toBe(ended?.counters['frames_in']);
    expect(text).toMatch(/voicebridge_call_setup_seconds_count\{transport="websocket"\} 1/);
    expect(text).toMatch(/voicebridge_first_audio_seconds_count\{transport="websocket"\} 1/);

    const types = new Map(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name ?? '', type ?? '']),
    );
    const names = new Set(
      [...types].flatMap(([name, type]) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const dashboard = JSON.parse(readFileSync(new URL('../../docs/grafana/voicebridge.json', import.meta.url), 'utf8'));
    const targets = (
      dashboard.panels as Array<{ targets?: Array<{ expr: string; datasource: { uid: string } }> }>
    ).flatMap((panel) => panel.targets ?? []);
    expect(targets.length).toBeGreaterThan(20);
    for (const { expr, datasource } of targets) {
      expect(datasource.uid).toMatch(/^\$\{datasource\}$/);
      const used = expr.match(/\b(?:voicebridge|process|nodejs)_\w+/g) ?? [];
      expect(used.length, expr).toBeGreaterThan(0);
      for (const name of used) expect(names, expr).toContain(name);
      // Labels that are grouped by, and series that are chosen, are there as well.
      for (const [, counters = ''] of expr.matchAll(/counter=~"([^"]+)"/g))
        for (const counter of counters.split('|'))
          expect(text).toMatch(new RegExp(`voicebridge_call_count_total\\{counter="${counter}"\\}`));
    }
  });
});

describe.concurrent('health', () => {
  it('says that it lives, whether it takes calls, and why not', async ({ own }) => {
    const rig = own(await startRig({ model: { voice }, settings: { MAX_CALLS: '1' } }));
    const get = async (path: string) => {
      const answer = await fetch(rig.url + path);
      return [answer.status, (await answer.json()) as Record<string, unknown>] as const;
    };
    const [, health] = await get('/health');
    expect(Object.keys(health)).toEqual(['status', 'activeSessions', 'uptime', 'memory']);
    expect(await get('/health/ready')).toEqual([200, { status: 'ok' }]);
    const first = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
    await until(() => rig.of('connected')[0], 'the first caller');
    expect(await get('/health/ready')).toEqual([503, { status: 'overloaded' }]);
    expect(await get('/ready')).toEqual([503, { status: 'overloaded' }]);
    const second = await rig.call({ source: silenceSource(), hangUpAfterMs: 3_000 }).report;
    expect(second.streams).toEqual([]);
    expect(second.timeline.map((entry) => JSON.stringify(entry)).join()).toContain('All lines are busy');
    expect(await (await fetch(`${rig.url}/metrics`)).text()).toContain(
      'voicebridge_calls_refused_total{reason="calls"} 1',
    );
    await hears(first.phone, 400);
    first.phone.hangUp();
    expect((await first.report).ok).toBe(true);
    await until(() => rig.app.calls.size === 0, 'the end');
    expect(await get('/health/ready')).toEqual([200, { status: 'ok' }]);
    await rig.app.drain();
    await expect(fetch(`${rig.url}/health`)).rejects.toThrow();
  });
});

describe('memory that is nearly full', () => {
  it('lets the next caller hear that all lines are busy, and keeps who is on the line', async ({ own }) => {
    const { heapUsed, heapLimit, rss, rssLimit } = processMemory();
    const used = Math.max(heapUsed / heapLimit, rssLimit > 0 ? rss / rssLimit : 0) * 100;
    const limit = Math.ceil(used) + 2;
    const rig = own(await startRig({ model: { voice }, settings: { MAX_MEMORY_PERCENT: String(limit) } }));
    const first = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
    await until(() => rig.of('connected')[0], 'the first caller');
    // Numbers that a garbage collection cannot take away, up to four points above the limit.
    const numbers = (((limit + 4 - used) / 100) * heapLimit) / 8;
    const held: number[][] = [];
    for (let left = numbers; left > 0; left -= 4_000_000) {
      held.push(new Array<number>(4_000_000).fill(0.5));
      await sleep(20);
    }
    const isReady = async () => (await fetch(`${rig.url}/health/ready`)).status === 200;
    await asked(async () => !(await isReady()), 'no more callers to be taken');
    const second = await rig.call({ source: silenceSource(), hangUpAfterMs: 3_000 }).report;
    expect(second.streams).toEqual([]);
    expect(second.timeline.map((entry) => JSON.stringify(entry)).join()).toContain('All lines are busy');
    expect(await (await fetch(`${rig.url}/metrics`)).text()).toContain(
      'voicebridge_calls_refused_total{reason="memory"} 1',
    );
    first.phone.hangUp();
    const report = await first.report;
    expect([report.ok, report.ended.by, report.streams.length, held.length > 0]).toEqual([true, 'caller', 1, true]);
  });
});

describe.concurrent('traces', () => {
  /** A collector that keeps what it gets, and answers with `status`. */
  async function collector(status = 200) {
    const got: Array<{ url: string; headers: IncomingHttpHeaders; body: string }> = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (data) => {
        body += data;
      });
      request.on('end', () => {
        got.push({ url: request.url ?? '', headers: request.headers, body });
        response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    return { got, endpoint: `http://127.0.0.1:${port}`, close: async () => void server.close() };
  }

  interface OtlpSpan {
    traceId: string;
    spanId: string;
    parentSpanId?: string;
    name: string;
  }

  it('reach a collector by OTLP: one tree a call, sent at the latest when the daemon closes', async ({ own }) => {
    const far = own(await collector());
    const rig = await startRig({
      model: { voice },
      settings: {
        OTEL_EXPORTER_OTLP_ENDPOINT: far.endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: '{"x-api-key":"k"}',
        OTEL_SERVICE_NAME: 'bridge-under-test',
      },
    });
    expect((await heardCall(rig)).ok).toBe(true);
    await until(() => rig.of('call_ended')[0], 'the end');
    await rig.close();
    expect(far.got[0]).toMatchObject({ url: '/v1/traces', headers: { 'x-api-key': 'k' } });
    const bodies = far.got.map(({ body }) => JSON.parse(body));
    expect(JSON.stringify(bodies)).toContain('bridge-under-test');
    const spans: OtlpSpan[] = bodies.flatMap((body) =>
      body.resourceSpans.flatMap((r: { scopeSpans: Array<{ spans: OtlpSpan[] }> }) =>
        r.scopeSpans.flatMap((s) => s.spans),
      ),
    );
    const root = spans.filter(({ name }) => name === 'call');
    expect(root).toHaveLength(1);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['setup', 'response']));
    const ids = new Set(spans.map(({ spanId }) => spanId));
    for (const span of spans) if (span !== root[0]) expect(ids).toContain(span.parentSpanId);
    expect(JSON.stringify(bodies)).not.toContain('+1500');
  });

  it('that cannot be delivered harm no call and are told of once', async ({ own }) => {
    const far = own(await collector(500));
    const rig = own(await startRig({ model: { voice }, settings: { OTEL_EXPORTER_OTLP_ENDPOINT: far.endpoint } }));
    expect((await heardCall(rig)).ok).toBe(true);
    await until(() => rig.of('call_ended')[0], 'the end');
    await rig.app.close();
    expect(far.got.length).toBeGreaterThan(0);
    expect(rig.lines.filter(({ msg }) => msg === 'traces could not be delivered').length).toBe(1);
  });
});
