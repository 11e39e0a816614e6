import { generateKeyPairSync, sign, verify } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { type Carrier, type CarrierKind, defineCarrier } from '../../../../../src/callers/phone/carriers/carrier.ts';
import { CARRIERS, openCarriers } from '../../../../../src/callers/phone/carriers/index.ts';
import { lamlSignature } from '../../../../../src/callers/phone/carriers/laml/signature.ts';
import { signalwireMedia } from '../../../../../src/callers/phone/carriers/signalwire/media.ts';
import type { CarrierWebhook, Instruction, WebhookFacts } from '../../../../../src/callers/phone/carriers/webhook.ts';
import { addressOf } from '../../../../../src/callers/phone/http/answers.ts';
import { CallMemory } from '../../../../../src/callers/phone/http/call-memory.ts';
import { callStatusRoute, type StatusUpdate } from '../../../../../src/callers/phone/http/call-status.ts';
import type { IncomingCall } from '../../../../../src/callers/phone/http/incoming-call.ts';
import { StreamTokens } from '../../../../../src/callers/phone/http/stream-token.ts';
import { upgradeProof } from '../../../../../src/callers/phone/http/upgrade-proof.ts';
import { WebhookRoutes } from '../../../../../src/callers/phone/http/webhook-routes.ts';
import { phoneWebhooks } from '../../../../../src/callers/phone/http/webhooks.ts';
import { loadConfig } from '../../../../../src/config.ts';
import type { HttpCounter } from '../../../../../src/http/counters.ts';
import { publicUrls } from '../../../../../src/http/public-url.ts';
import { createHttpServer } from '../../../../../src/http/server.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { parseParty } from '../../../../../src/numbering/party.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

/*
 * A carrier as unlike the first two as one can be: JSON events of all kinds at one address of its own, a signature over time and raw body,
 * and commands over REST, since nobody there reads what a webhook is answered.
 */

const PUBLIC = 'https://voice.example.com';
const TOKEN = 'auth-token';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const OWN = '/eventful';
const TOLERANCE_MS = 300_000;
const EVENTS: Readonly<Record<string, WebhookFacts['event']>> = {
  ringing: 'incoming-call',
  detached: 'call-continue',
  broken: 'call-continue',
  stream: 'stream-status',
  over: 'call-status',
};

/** What one of them is news of besides. */
const ALSO: Readonly<Record<string, WebhookFacts['also']>> = { broken: 'stream-status' };

interface Commands {
  /** What asked the daemon for nothing. */
  readonly noted: string[];
  readonly given: Array<[Instruction['do'], string]>;
  fail: boolean;
}

const eventfulKind = (commands: Commands): CarrierKind =>
  defineCarrier({
    name: 'eventful',
    title: 'Eventful',
    settings: { calls: {}, control: {} },
    open: (_settings, { clock }): Carrier => ({
      name: 'eventful',
      title: 'Eventful',
      isSigned: true,
      secretSetting: 'EVENTFUL_KEY',
      webhook: eventfulWebhook(commands, () => clock.wall()),
      media: { ...signalwireMedia({ byteOrder: 'le', codec: 'PCMU@8000h' }), name: 'eventful' },
      checks: { secrets: [], trials: () => [], forged: () => ({ setting: 'EVENTFUL_KEY', headers: {}, body: '{}' }) },
    }),
  });

function eventfulWebhook(commands: Commands, wall: () => number): CarrierWebhook {
  return {
    addresses: { 'incoming-call': OWN, 'call-continue': OWN, 'stream-status': OWN, 'call-status': OWN },
    callIdName: 'a call_id',
    proves({ headers, rawBody }) {
      const stamp = Number(headers['eventful-timestamp']);
      const signature = Buffer.from(String(headers['eventful-ed25519'] ?? ''), 'base64');
      return (
        Math.abs(wall() - stamp) <= TOLERANCE_MS &&
        verify(null, Buffer.from(`${stamp}|${rawBody}`), publicKey, signature)
      );
    },
    likeness: ({ contentType, rawBody }) =>
      contentType === 'application/json' && rawBody.includes('"call_id"') ? 5 : 0,
    read({ rawBody }) {
      const { event = '', data = {} } = JSON.parse(rawBody) as { event?: string; data?: Record<string, string> };
      const { call_id = '', account = '' } = data;
      const also = ALSO[event];
      return {
        event: EVENTS[event] ?? 'other',
        also,
        accountId: account,
        carrierCallId: call_id,
        params: data,
        query: {},
      };
    },
    upgrade: ({ headers }) =>
      headers.authorization?.startsWith('Bearer ey.')
        ? { signed: headers.authorization === 'Bearer ey.right', ownAuthorization: true }
        : { token: headers['eventful-token']?.toString() },
    offered: ({ params: { from = '', to = '' } }, origin) => ({
      from: parseParty(from, origin),
      to: parseParty(to, origin),
      wrapped: false,
      direction: 'inbound',
      forwardedBy: parseParty(''),
      rings: false,
    }),
    status: ({ params: { to = '' } }) => ({ status: 'completed', word: 'over', to: parseParty(to) }),
    stream: ({ params: { why = '' } }) => ({ event: 'error', word: 'failed', streamId: 's1', error: why }),
    transferEnded: () => ({ how: 'failed', seconds: 0, gone: true, n: 1 }),
    noted: ({ carrierCallId }) => void commands.noted.push(carrierCallId),
    documentType: 'application/json',
    document: () => '',
    async carryOut(instruction, { carrierCallId }) {
      if (commands.fail) throw new Error('it is out of order');
      commands.given.push([instruction.do, carrierCallId]);
    },
    voice: (name) => name,
  };
}

const closing: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function rig() {
  const clock = new FakeClock();
  const commands: Commands = { given: [], noted: [], fail: false };
  const carriers = openCarriers(loadConfig({ TWILIO_AUTH_TOKEN: TOKEN }), {
    kinds: [...CARRIERS, eventfulKind(commands)],
    clock,
  });
  const urls = publicUrls({ publicUrl: PUBLIC, signed: true });
  const counts = new Map<HttpCounter, number>();
  const count = (name: HttpCounter) => void counts.set(name, (counts.get(name) ?? 0) + 1);
  const webhooks = new WebhookRoutes({ carriers, urls, count });
  const prepared: IncomingCall[] = [];
  const updates: StatusUpdate[] = [];
  const failed: string[] = [];
  const { app } = createHttpServer({ log: Fastify().log, count: () => {} });
  closing.push(() => app.close());
  await app.register(phoneWebhooks, {
    desk: {
      prepare(incoming) {
        prepared.push(incoming);
        return { callId: 'c1' };
      },
      continuation: () => ({ next: 'hangup' }),
    },
    carriers,
    webhooks,
    urls,
    memory: new CallMemory({ memory: new LocalMemory({ clock }), clock }),
    tokens: new StreamTokens({
      secrets: ['a secret of sixteen bytes'],
      memory: new LocalMemory({ clock }),
      wall: () => clock.wall(),
    }),
    count,
    apology: { text: 'Sorry.' },
    notTold: ({ carrierCallId }, error) => void failed.push(`${carrierCallId}: ${(error as Error).message}`),
  });
  await app.register(callStatusRoute, { carriers, webhooks, onStatus: (update) => void updates.push(update) });
  const tell = (url: string, event: string, data: Record<string, string>, at = clock.wall()) => {
    const payload = JSON.stringify({ event, data: { call_id: 'v3:abc', account: 'acc', ...data } });
    return app.inject({
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        'eventful-timestamp': String(at),
        'eventful-ed25519': sign(null, Buffer.from(`${at}|${payload}`), privateKey).toString('base64'),
      },
      payload,
    });
  };
  return { app, carriers, clock, commands, counts, failed, prepared, tell, updates, urls };
}

describe('a carrier with events of all kinds at one address, answered over REST', () => {
  it('has its calls taken, once, however often it tells of them', async () => {
    const { commands, counts, prepared, tell } = await rig();
    for (let i = 0; i < 2; i++) {
      const answer = await tell(OWN, 'ringing', { from: '+12025550143', to: '+12025550177' });
      expect(answer).toMatchObject({ statusCode: 200, body: '' });
      expect(answer.headers['content-type']).toContain('application/json');
    }
    expect(prepared).toMatchObject([
      { carrier: 'eventful', accountId: 'acc', carrierCallId: 'v3:abc', from: { number: '+12025550143' } },
    ]);
    expect(commands.given).toEqual([['connect', 'v3:abc']]);
    expect(counts.get('webhook_repeated')).toBe(1);
  });

  it('has each event seen to by whoever serves it, wherever that is registered', async () => {
    const { commands, counts, tell, updates } = await rig();
    await tell(OWN, 'detached', {});
    expect(commands.given).toEqual([['hang-up', 'v3:abc']]);
    expect((await tell(OWN, 'stream', { why: 'codec' })).statusCode).toBe(204);
    expect(counts.get('stream_status_error')).toBe(1);
    expect((await tell(OWN, 'over', { to: '+12025550177' })).statusCode).toBe(204);
    expect(updates).toMatchObject([{ carrier: 'eventful', status: 'completed', to: '+12025550177' }]);
    expect((await tell(OWN, 'machine.premium.thoughts', {})).statusCode).toBe(204);
    expect(commands.given).toHaveLength(1);
    expect(commands.noted).toEqual(['v3:abc']);
  });

  it('may tell two things by one event, of which the second is answered', async () => {
    const { commands, counts, tell } = await rig();
    expect((await tell(OWN, 'broken', { why: 'gone' })).statusCode).toBe(200);
    expect(counts.get('stream_status_error')).toBe(1);
    expect(commands.given).toEqual([['hang-up', 'v3:abc']]);
    expect(commands.noted).toEqual([]);
  });

  it('may have ids that are padded as base64 is', async () => {
    const { prepared, tell } = await rig();
    await tell(OWN, 'ringing', { call_id: 'v2:abc_-9==' });
    expect(prepared).toMatchObject([{ carrierCallId: 'v2:abc_-9==' }]);
  });

  it('may tell them at the common addresses too, beside carriers that post forms there', async () => {
    const { app, prepared, tell } = await rig();
    await tell('/call-status', 'ringing', {});
    const params = { CallSid: `CA${'a1'.repeat(16)}`, From: '+12025550143', To: '+12025550177' };
    const answer = await app.inject({
      method: 'POST',
      url: '/incoming-call',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': lamlSignature(TOKEN, `${PUBLIC}/incoming-call`, params),
      },
      payload: new URLSearchParams(params).toString(),
    });
    expect(answer.body).toContain('<Connect>');
    expect(answer.headers['content-type']).toContain('text/xml');
    expect(prepared.map(({ carrier }) => carrier)).toEqual(['eventful', 'twilio']);
  });

  it('is believed by its own proof alone, which grows old', async () => {
    const { app, clock, counts, prepared, tell } = await rig();
    expect((await tell(OWN, 'ringing', {}, clock.wall() - TOLERANCE_MS - 1)).statusCode).toBe(403);
    const params = { CallSid: `CA${'a1'.repeat(16)}` };
    const twilios = await app.inject({
      method: 'POST',
      url: OWN,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': lamlSignature(TOKEN, PUBLIC + OWN, params),
      },
      payload: new URLSearchParams(params).toString(),
    });
    expect(twilios.statusCode).toBe(403);
    expect(counts.get('webhook_signature_invalid')).toBe(2);
    expect((await tell(OWN, 'ringing', { call_id: '' })).json()).toMatchObject({
      error: { message: 'a webhook needs a call_id of 1 to 100 letters, digits and .:_=-' },
    });
    expect(prepared).toEqual([]);
  });

  it('is told of nobody else when it does not take a command', async () => {
    const { commands, failed, tell } = await rig();
    commands.fail = true;
    expect((await tell(OWN, 'ringing', {})).statusCode).toBe(200);
    expect(failed).toEqual(['v3:abc: it is out of order']);
  });

  it('is given its own addresses, and others the common ones', async () => {
    const { carriers } = await rig();
    expect(addressOf(carriers.get('eventful'), 'call-status')).toBe(OWN);
    expect(addressOf(carriers.get('eventful'), 'transfer-ended')).toBe('/transfer-ended');
    expect(addressOf(carriers.get('twilio'), 'incoming-call')).toBe('/incoming-call');
    expect(addressOf(undefined, 'incoming-call')).toBe('/incoming-call');
  });
});

describe('what an upgrade of the media socket shows', () => {
  it.each([
    ['nothing', {}, { signed: undefined, token: undefined }],
    ['a bearer token of ours', { authorization: 'Bearer abc' }, { signed: undefined, token: 'abc' }],
    ['something else', { authorization: 'Basic abc' }, { signed: undefined, token: '(no bearer token)' }],
    ["a carrier's own authorization", { authorization: 'Bearer ey.right' }, { signed: true, token: undefined }],
    ['a forged one', { authorization: 'Bearer ey.wrong' }, { signed: false, token: undefined }],
    ['a token in its own header', { 'eventful-token': 'abc' }, { signed: undefined, token: 'abc' }],
    [
      'a signature',
      { 'x-twilio-signature': lamlSignature(TOKEN, 'wss://voice.example.com/media-stream', {}) },
      { signed: true, token: undefined },
    ],
    ['a forged signature', { 'x-twilio-signature': 'x' }, { signed: false, token: undefined }],
  ])('%s', async (_what, headers, shown) => {
    const { carriers, urls } = await rig();
    expect(upgradeProof(carriers, urls, { headers } as IncomingMessage)).toEqual(shown);
  });
});
