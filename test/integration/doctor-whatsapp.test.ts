import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { mediaInChecks } from '../../src/doctor/media-in.ts';
import { publicChecks } from '../../src/doctor/public.ts';
import { whatsappChecks } from '../../src/doctor/whatsapp.ts';
import { NUMBER as AT_META, Meta } from '../../src/simulator/whatsapp/index.ts';
import {
  type Broken,
  type DoctorRig,
  doctorRig,
  freeTcpPort,
  listening,
  of,
  portOf,
  ran,
  startProxy,
  wrong,
} from './doctor-rig.ts';

/** The doctor's checks of WhatsApp: Meta's side, the webhook, and the way in for media; each when all is well, and when it is not. */

const ID = '106540352242922';
const APP = '4711';
const TOKEN = 'EAAG-the-access-token';
const SECRET = 'the-app-secret';
const VERIFY = 'the-verify-token';

let rig: DoctorRig;
beforeAll(async () => {
  rig = await doctorRig();
});
afterAll(() => rig.close());

const told = (code: number, more: object = {}) => ({ error: { message: 'Meta says no', code, ...more } });

/** What Meta answers by path; a number is an HTTP status with the body after it. */
function wellAnswers(): Record<string, object | [status: number, body: object]> {
  const webhook = `${rig.settings()['PUBLIC_URL']}/whatsapp/webhook`;
  return {
    [ID]: { id: ID, webhook_configuration: { application: webhook } },
    [`${ID}/settings`]: { calling: { status: 'ENABLED', sip: { status: 'DISABLED' } } },
    debug_token: {
      data: {
        app_id: APP,
        is_valid: true,
        expires_at: 0,
        scopes: ['whatsapp_business_messaging', 'whatsapp_business_management'],
      },
    },
    [`${APP}/subscriptions`]: {
      data: [
        { object: 'page', active: true, callback_url: 'https://other.example.com', fields: [] },
        {
          object: 'whatsapp_business_account',
          active: true,
          callback_url: webhook,
          fields: [{ name: 'messages' }, { name: 'calls' }],
        },
      ],
    },
  };
}

/** A Graph API that answers so. It takes our token, and the app's own for its subscriptions. */
async function graph(changed: ReturnType<typeof wellAnswers> = {}): Promise<string> {
  const answers = { ...wellAnswers(), ...changed };
  const server = await listening(
    createServer((request, response) => {
      const path = new URL(request.url ?? '', 'http://graph').pathname.replace('/v25.0/', '');
      const expected = path.endsWith('/subscriptions') ? `${APP}|${SECRET}` : TOKEN;
      const known = answers[path] ?? [404, told(100)];
      const [status, body] =
        request.headers.authorization === `Bearer ${expected}`
          ? Array.isArray(known)
            ? known
            : [200, known]
          : ([401, told(190)] as const);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }),
  );
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${portOf(server)}`;
}

const settings = (graphUrl: string, more: Record<string, string> = {}) => ({
  WHATSAPP_PHONE_NUMBER_ID: ID,
  WHATSAPP_ACCESS_TOKEN: TOKEN,
  WHATSAPP_APP_SECRET: SECRET,
  WHATSAPP_VERIFY_TOKEN: VERIFY,
  GRAPH_API_URL: graphUrl,
  ...more,
});

describe('Meta’s side', () => {
  const looked = async (changed: ReturnType<typeof wellAnswers> = {}, more: Record<string, string> = {}) => {
    const deps = rig.deps({ settings: settings(await graph(changed), more) });
    return ran(deps, whatsappChecks(deps));
  };

  it('is well: the token is taken, the number takes calls, and their webhooks come here', async () => {
    const results = await looked();
    expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual([
      'pass whatsapp token',
      'pass whatsapp calling',
      'pass whatsapp webhook',
    ]);
  });

  it('is not looked at without a number', async () => {
    const deps = rig.deps();
    expect(await ran(deps, whatsappChecks(deps))).toMatchObject([{ status: 'skip', name: 'whatsapp token' }]);
  });

  it.each([
    ['a token that ran out', { [ID]: [401, told(190)] }, 'GRAPH_AUTH', 'WHATSAPP_ACCESS_TOKEN'],
    [
      'a number that is not ours',
      { [ID]: [400, told(100, { error_subcode: 33 })] },
      'GRAPH_NUMBER_UNKNOWN',
      'WHATSAPP_PHONE_NUMBER_ID',
    ],
    ['an API that fails', { [ID]: [503, {}] }, 'GRAPH_UNAVAILABLE', 'fails'],
    [
      'a token that may not do enough',
      { debug_token: { data: { app_id: APP, scopes: ['whatsapp_business_messaging'] } } },
      'GRAPH_FORBIDDEN',
      'whatsapp_business_management',
    ],
  ] as const)('with %s fails at the token', async (_what, changed, code, advice) => {
    const results = await looked(changed as never);
    expect(wrong(results)).toContain('fail whatsapp token');
    expect(of(results, 'whatsapp token').detail).toMatch(new RegExp(`^${code}: `));
    expect(of(results, 'whatsapp token').advice).toContain(advice);
  });

  it('skips what needs the token, and tells of one that runs out soon', async () => {
    const refused = await looked({ [ID]: [401, told(190)] });
    expect(refused.slice(1).map(({ status, detail }) => `${status} ${detail}`)).toEqual([
      'skip needs the token',
      'skip needs the token',
    ]);
    const soon = { data: { app_id: APP, expires_at: Math.floor(Date.now() / 1_000) + 86_400 } };
    expect(of(await looked({ debug_token: soon }), 'whatsapp token')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('until 20'),
    });
  });

  it.each([
    [{}, 'GRAPH_CALLING_OFF'],
    [{ calling: { status: 'DISABLED' } }, 'GRAPH_CALLING_OFF'],
    [{ calling: { status: 'ENABLED', sip: { status: 'ENABLED' } } }, 'GRAPH_NUMBER_ON_SIP'],
    [{ calling: { status: 'ENABLED', srtp_key_exchange_protocol: 'SDES' } }, 'SDES'],
    [[403, told(10)], 'GRAPH_FORBIDDEN'],
  ])('with settings of the number %j fails at calling', async (answer, word) => {
    const results = await looked({ [`${ID}/settings`]: answer as never });
    expect(wrong(results)).toEqual(['fail whatsapp calling']);
    expect(of(results, 'whatsapp calling').detail).toContain(word);
  });

  it('tells of call hours', async () => {
    const calling = { status: 'ENABLED', call_hours: { status: 'ENABLED' } };
    expect(of(await looked({ [`${ID}/settings`]: { calling } }), 'whatsapp calling')).toMatchObject({
      status: 'pass',
      detail: expect.stringContaining('call hours'),
    });
  });

  const own = (more: object) => ({
    data: [
      {
        object: 'whatsapp_business_account',
        active: true,
        callback_url: `${rig.settings()['PUBLIC_URL']}/whatsapp/webhook`,
        fields: ['calls'],
        ...more,
      },
    ],
  });
  it.each([
    [
      'of the number go elsewhere',
      () => ({ [ID]: { webhook_configuration: { application: 'https://other.example.com/hook?token=secret' } } }),
      'https://other.example.com/hook, not to',
    ],
    [
      'of the app go elsewhere',
      () => ({ [`${APP}/subscriptions`]: own({ callback_url: 'https://other.example.com/hook?token=secret' }) }),
      'https://other.example.com/hook, not to',
    ],
    [
      'leave calls out',
      () => ({ [`${APP}/subscriptions`]: own({ fields: [{ name: 'messages' }] }) }),
      'the field calls',
    ],
    ['are switched off', () => ({ [`${APP}/subscriptions`]: own({ active: false }) }), 'not subscribed to webhooks'],
    ['are none', () => ({ [`${APP}/subscriptions`]: { data: [] } }), 'not subscribed to webhooks'],
  ])('whose webhooks %s fails at the webhook', async (_what, changed, words) => {
    const results = await looked(changed());
    expect(wrong(results)).toEqual(['fail whatsapp webhook']);
    expect(of(results, 'whatsapp webhook').detail).toContain(words);
    expect(JSON.stringify(results)).not.toContain('token=secret');
  });

  it('that has another app’s secret fails at the webhook', async () => {
    const results = await looked({}, { WHATSAPP_APP_SECRET: 'of-another-app' });
    expect(of(results, 'whatsapp webhook')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('WHATSAPP_APP_SECRET is not the secret'),
    });
  });

  it('that does not tell whose the token is, as its stand-in, is told of as not seen', async () => {
    const meta = await Meta.start({
      webhookUrl: `${rig.settings()['PUBLIC_URL']}/whatsapp/webhook`,
      appSecret: SECRET,
      token: TOKEN,
    });
    onTestFinished(() => meta.close());
    const deps = rig.deps({ settings: settings(meta.url, { WHATSAPP_PHONE_NUMBER_ID: AT_META.id }) });
    const results = await ran(deps, whatsappChecks(deps));
    expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual([
      'pass whatsapp token',
      'pass whatsapp calling',
      'warn whatsapp webhook',
    ]);
  });
});

describe('the webhook of WhatsApp', () => {
  const looked = async (broken: Broken = {}) => {
    const deps = rig.deps({ settings: { ...settings('http://127.0.0.1:9'), ...broken.settings } });
    const way = publicChecks(deps);
    try {
      return of(await ran(deps, way.checks), 'whatsapp signature');
    } finally {
      await way.close();
    }
  };

  it('is taken signed and refused otherwise, by the doctor in the daemon’s place and by the daemon', async () => {
    expect(await looked()).toMatchObject({ status: 'pass' });
    const app = await rig.daemon(settings('http://127.0.0.1:9'));
    onTestFinished(() => app.close());
    expect(await looked()).toMatchObject({ status: 'pass' });
    // The daemon runs with other settings than these.
    expect(await looked({ settings: { WHATSAPP_APP_SECRET: 'another-secret' } })).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('WHATSAPP_APP_SECRET is refused'),
    });
    expect(await looked({ settings: { WHATSAPP_VERIFY_TOKEN: 'another-token' } })).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('WHATSAPP_VERIFY_TOKEN is refused'),
    });
  });

  it('is found changed by a proxy: in its body, or in its path', async () => {
    const behind = async (habits: Parameters<typeof startProxy>[1]) => {
      const proxy = await startProxy(rig.port, habits);
      onTestFinished(() => proxy.close());
      return looked({ settings: { PUBLIC_URL: proxy.url } });
    };
    expect(await behind({})).toMatchObject({ status: 'pass' });
    expect(await behind({ body: (body) => (body === '' ? '' : `${body} `) })).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('is refused'),
    });
    const lost = (path: string) => path.replace('/whatsapp', '/elsewhere');
    expect(await behind({ path: lost })).toMatchObject({ status: 'fail', detail: expect.stringContaining('HTTP 404') });
    expect(await looked({ settings: { PUBLIC_URL: `http://127.0.0.1:${await freeTcpPort()}` } })).toMatchObject({
      status: 'skip',
    });
  });
});

describe('the way in for media', () => {
  const TRIAL = 'http://127.0.0.1:9';
  const looked = async ({ deps: own, settings: set }: Broken = {}) => {
    const deps = rig.deps({
      settings: { ...settings(TRIAL), RTC_PUBLIC_IP: '127.0.0.1', ...set },
      deps: { addresses: () => ['10.0.0.7', '::1'], inContainer: () => false, ...own },
    });
    return ran(deps, mediaInChecks(deps, { mediaPorts: true, webrtc: true }));
  };

  it('is well: packets to both ends of the range come in, and a call’s media is up through the announced address', async () => {
    const results = await looked();
    expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual([
      'pass public ip',
      'pass udp from outside',
      'pass media self-test',
    ]);
    expect(of(results, 'media self-test').detail).toContain('127.0.0.1');
  });

  it('is not looked at where nobody comes that way', () => {
    const deps = rig.deps();
    expect(mediaInChecks(deps, { mediaPorts: true, webrtc: true })).toEqual([]);
  });

  it('fails where callers are told no address of the internet', async () => {
    const real = { GRAPH_API_URL: 'https://graph.facebook.com' };
    const none = await looked({ settings: { ...real, RTC_PUBLIC_IP: '' } });
    expect(of(none, 'public ip')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('RTC_PUBLIC_IP is not set'),
    });
    expect(of(none, 'udp from outside')).toMatchObject({ status: 'skip' });
    expect(of(await looked({ settings: { ...real, RTC_PUBLIC_IP: '192.168.1.4' } }), 'public ip').status).toBe('fail');
    const own = await looked({
      settings: { ...real, RTC_PUBLIC_IP: '' },
      deps: { addresses: () => ['10.0.0.7', '8.8.4.4'], knock: async () => false },
    });
    expect(of(own, 'public ip')).toMatchObject({ status: 'pass', detail: expect.stringContaining('8.8.4.4') });
  });

  it('compares the address with what a STUN server sees', async () => {
    const server = await stunServer('127.0.0.1');
    expect(of(await looked({ settings: { ICE_SERVERS: server } }), 'public ip')).toMatchObject({
      status: 'pass',
      detail: expect.stringContaining('STUN'),
    });
    const other = await stunServer('93.184.216.34');
    expect(of(await looked({ settings: { ICE_SERVERS: other } }), 'public ip')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('the STUN server sees 93.184.216.34'),
      advice: expect.stringContaining('RTC_PUBLIC_IP to 93.184.216.34'),
    });
  });

  it('fails where a part of the range comes in alone, and says so where nothing does', async () => {
    const { RTC_PORT_RANGE = '' } = rig.settings();
    const [first, last] = RTC_PORT_RANGE.split('-').map(Number);
    const part = await looked({ deps: { knock: async (_, port) => port === first } });
    expect(of(part, 'udp from outside')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining(`${last} is not`),
    });
    const none = await looked({ deps: { knock: async () => false } });
    expect(of(none, 'udp from outside').status).toBe('warn');
    expect(of(none, 'media self-test')).toMatchObject({ status: 'skip', detail: 'needs udp from outside' });
    // Really: an address from which nothing comes back.
    const lost = await looked({ settings: { RTC_PUBLIC_IP: '203.0.113.9' } });
    expect(of(lost, 'udp from outside').status).toBe('warn');
  });

  it('fails in a container without a range, which nobody can publish', async () => {
    const open = await looked({ settings: { RTC_PORT_RANGE: '' } });
    expect(of(open, 'udp from outside').status).toBe('warn');
    const shut = await looked({ settings: { RTC_PORT_RANGE: '' }, deps: { inContainer: () => true } });
    expect(of(shut, 'udp from outside')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('RTC_PORT_RANGE is not set'),
    });
  });

  it('fails where packets come through and a call’s media does not', async () => {
    const results = await looked({ settings: { RTC_PUBLIC_IP: '203.0.113.9' }, deps: { knock: async () => true } });
    expect(of(results, 'media self-test')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('media does not'),
    });
  });
});

/** A STUN server that says this of whoever asks (RFC 8489). Its URL. */
async function stunServer(address: string): Promise<string> {
  const socket: Socket = createSocket('udp4');
  socket.on('message', (request, from) => {
    const answer = Buffer.alloc(32);
    request.copy(answer, 0, 0, 20);
    answer.writeUInt16BE(0x0101, 0);
    answer.writeUInt16BE(12, 2);
    answer.writeUInt16BE(0x0020, 20);
    answer.writeUInt16BE(8, 22);
    answer.writeUInt8(1, 25);
    for (const [i, byte] of address.split('.').entries())
      answer.writeUInt8(Number(byte) ^ request.readUInt8(4 + i), 28 + i);
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => void socket.close());
  return `stun:127.0.0.1:${(socket.address() as AddressInfo).port}`;
}
