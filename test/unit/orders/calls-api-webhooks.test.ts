import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { openCarriers } from '../../../src/callers/phone/carriers/index.ts';
import { lamlSignature } from '../../../src/callers/phone/carriers/laml/signature.ts';
import { callStatusRoute, type StatusUpdate } from '../../../src/callers/phone/http/call-status.ts';
import { HostedDocuments, hostedDocumentRoute } from '../../../src/callers/phone/http/hosted-documents.ts';
import { WebhookRoutes } from '../../../src/callers/phone/http/webhook-routes.ts';
import { loadConfig } from '../../../src/config.ts';
import { publicUrls } from '../../../src/http/public-url.ts';
import { createHttpServer } from '../../../src/http/server.ts';
import { FakeClock } from '../../fakes/clock.ts';

const PUBLIC = 'https://voice.example.com';
const KEY = 'PSK_signing_key';
const CALL = '5e0a1f6c-1111-4222-8333-444455556666';
/** As a webhook without AccountSid names it. */
const OURS = { carrier: 'signalwire', accountId: '', carrierCallId: CALL };
const DOCUMENT = '<?xml version="1.0" encoding="UTF-8"?><Response><Dial>+15550003333</Dial></Response>';

async function rig(options: { publicUrl?: string | undefined; secrets?: string[]; ttlMs?: number } = {}) {
  const clock = new FakeClock();
  const urls = publicUrls({ publicUrl: 'publicUrl' in options ? options.publicUrl : PUBLIC, signed: true });
  const documents = new HostedDocuments({
    secrets: options.secrets ?? ['a secret of sixteen bytes'],
    urls,
    wall: () => clock.wall(),
    ...(options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
  });
  const carriers = openCarriers(loadConfig({ SIGNALWIRE_SIGNING_KEY: KEY }));
  const webhooks = new WebhookRoutes({ carriers, urls, count: () => {} });
  const updates: StatusUpdate[] = [];
  const { app } = createHttpServer({ log: Fastify().log, count: () => {} });
  await app.register(hostedDocumentRoute, { documents, webhooks });
  await app.register(callStatusRoute, { carriers, webhooks, onStatus: (update) => void updates.push(update) });
  const post = (path: string, params: Record<string, string>, signed = true) =>
    app.inject({
      method: 'POST',
      url: path,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(signed ? { 'x-signalwire-signature': lamlSignature(KEY, PUBLIC + path, params) } : {}),
      },
      payload: new URLSearchParams(params).toString(),
    });
  return { clock, documents, post, updates };
}

const pathOf = (url: string) => url.slice(PUBLIC.length);

describe('a hosted document', () => {
  it('is served to the carrier at its address, again and again', async () => {
    const { documents, post } = await rig();
    const url = documents.url(DOCUMENT);
    expect(url.startsWith(`${PUBLIC}/hosted-document?document=`)).toBe(true);
    for (let i = 0; i < 2; i++) {
      const answer = await post(pathOf(url), { CallSid: CALL });
      expect(answer).toMatchObject({ statusCode: 200, body: DOCUMENT });
      expect(answer.headers).toMatchObject({ 'content-type': 'text/xml; charset=utf-8', 'cache-control': 'no-store' });
    }
  });

  it('shows nothing of itself in its address, and no two addresses are alike', async () => {
    const { documents } = await rig();
    const url = documents.url(DOCUMENT);
    const bytes = Buffer.from(url.split('document=')[1]!, 'base64url').toString('latin1');
    expect(url + bytes).not.toMatch(/5550003333|Dial/);
    expect(documents.url(DOCUMENT)).not.toBe(url);
  });

  it('is nobody else’s to fetch', async () => {
    const { documents, post } = await rig();
    expect(await post(pathOf(documents.url(DOCUMENT)), { CallSid: CALL }, false)).toMatchObject({ statusCode: 403 });
  });

  it('cannot be made or changed by anybody', async () => {
    const { documents, post } = await rig();
    const stranger = (await rig({ secrets: ['another secret of ours'] })).documents.url(DOCUMENT);
    const path = pathOf(documents.url(DOCUMENT));
    const at = path.length - 30;
    const changed = path.slice(0, at) + (path[at] === 'A' ? 'B' : 'A') + path.slice(at + 1);
    for (const bad of [
      pathOf(stranger),
      changed,
      path.slice(0, -4),
      '/hosted-document?document=',
      '/hosted-document',
      `${path}&document=x`,
    ])
      expect((await post(bad, { CallSid: CALL })).statusCode, bad).toBe(404);
  });

  it('goes out of date, and not sooner where the clock of who serves it is ten minutes ahead', async () => {
    const { documents, post, clock } = await rig({ ttlMs: 1_000 });
    const path = pathOf(documents.url(DOCUMENT));
    clock.advance(601_000);
    expect((await post(path, { CallSid: CALL })).statusCode).toBe(200);
    clock.advance(1);
    expect((await post(path, { CallSid: CALL })).statusCode).toBe(404);
  });

  it('is served by every instance that shares the secret, also while that is rotated', async () => {
    const url = (await rig({ secrets: ['the older secret'] })).documents.url(DOCUMENT);
    const other = await rig({ secrets: ['the newer secret', 'the older secret'] });
    expect(await other.post(pathOf(url), { CallSid: CALL })).toMatchObject({ statusCode: 200, body: DOCUMENT });
  });

  it('needs a public address', async () => {
    const { documents } = await rig({ publicUrl: undefined });
    expect(() => documents.url(DOCUMENT)).toThrow('PUBLIC_URL');
  });
});

describe('news of a call', () => {
  it('is told in one form, whichever carrier says it', async () => {
    const { post, updates } = await rig();
    const To = '+15550001111';
    for (const CallStatus of ['initiated', 'ringing', 'in-progress', 'answered', 'no-answer', 'completed'])
      expect(await post('/call-status', { CallSid: CALL, CallStatus, To })).toMatchObject({
        statusCode: 204,
        body: '',
      });
    expect(updates.map(({ status }) => status)).toEqual([
      'initiated',
      'ringing',
      'in-progress',
      'in-progress',
      'no-answer',
      'completed',
    ]);
    expect(updates[0]).toEqual({ ...OURS, status: 'initiated', to: To });
  });

  it('says who answered', async () => {
    const { post, updates } = await rig();
    await post('/call-status', { CallSid: CALL, AnsweredBy: 'machine_end_beep' });
    await post('/call-status', { CallSid: CALL, AnsweredBy: '<script>', CallStatus: 'odd' });
    expect(updates).toEqual([{ ...OURS, answeredBy: 'machine_end_beep' }, OURS]);
  });

  it('is believed of the carrier alone', async () => {
    const { post, updates } = await rig();
    expect(await post('/call-status', { CallSid: CALL, CallStatus: 'completed' }, false)).toMatchObject({
      statusCode: 403,
    });
    expect(updates).toEqual([]);
  });
});
