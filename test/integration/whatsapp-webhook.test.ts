import { describe, expect, it, onTestFinished } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { Meta, NUMBER, signatureOf } from '../../src/simulator/whatsapp/index.ts';
import { connectOf, metaBody, metaChange, terminateOf } from '../fakes/meta.ts';
import { hears } from './agent-heard.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';

/** The daemon's WhatsApp webhook over real HTTP, against Meta's far end. */

const SECRET = 'secret-of-the-tests-app';
const VERIFY = 'token-of-the-tests-webhook';

async function start(settings: Record<string, string> = {}): Promise<{ rig: Rig; meta: Meta }> {
  const meta = await Meta.start({ appSecret: SECRET, token: 'token-of-the-tests-account' });
  const rig = await startRig({
    settings: {
      WHATSAPP_PHONE_NUMBER_ID: NUMBER.id,
      WHATSAPP_ACCESS_TOKEN: 'token-of-the-tests-account',
      WHATSAPP_APP_SECRET: SECRET,
      WHATSAPP_VERIFY_TOKEN: VERIFY,
      GRAPH_API_URL: meta.url,
      ...settings,
    },
  });
  meta.webhookUrl = `${rig.url}/whatsapp/webhook`;
  onTestFinished(async () => {
    await rig.close();
    await meta.close();
  });
  return { rig, meta };
}

const post = (
  rig: Rig,
  body: string,
  headers: Record<string, string> = { 'x-hub-signature-256': signatureOf(SECRET, body) },
) =>
  fetch(`${rig.url}/whatsapp/webhook`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

/** Records of WhatsApp calls, the youngest first. */
async function records(rig: Rig): Promise<Array<Record<string, unknown>>> {
  const answer = await askAsOperator(`${rig.url}/records`);
  const { records: all } = (await answer.json()) as { records: Array<Record<string, unknown>> };
  return all.filter(({ carrier }) => carrier === 'whatsapp');
}

const ended = (rig: Rig, n: number) =>
  until(() => (rig.of('call_ended').length >= n ? rig.of('call_ended') : undefined), `${n} ends`, 20_000);

describe('GET /whatsapp/webhook', () => {
  it('echoes the challenge as text to whoever has the token', async () => {
    const { meta } = await start();
    expect(await meta.webhooks.verify(VERIFY, '1158201444')).toEqual({ status: 200, text: '1158201444' });
  });

  it('refuses another token, another mode, and none', async () => {
    const { rig, meta } = await start();
    expect(await meta.webhooks.verify('another-token-of-somebody', '1')).toMatchObject({ status: 403 });
    for (const query of ['', `?hub.verify_token=${VERIFY}`, `?hub.mode=unsubscribe&hub.verify_token=${VERIFY}`]) {
      const answer = await fetch(`${rig.url}/whatsapp/webhook${query}`);
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: { code: 'WEBHOOK_VERIFY_TOKEN_INVALID' } });
    }
    expect(await rig.counter('verify_refused')).toBe(4);
  });
});

describe('POST /whatsapp/webhook', () => {
  it('believes nothing that is not signed: a forged terminate ends no call, and a forged connect begins none', async () => {
    const { rig, meta } = await start();
    const phone = meta.phone({ source: silenceSource(), record: true });
    const report = phone.placeCall();
    await until(() => rig.of('connected')[0], 'the call');
    const [id = ''] = meta.calls.keys();
    const forged = JSON.stringify(metaBody(terminateOf(id)));
    for (const signature of [
      {},
      { 'x-hub-signature-256': '' },
      { 'x-hub-signature-256': 'sha256=' },
      { 'x-hub-signature-256': signatureOf('another-secret-of-somebody', forged) },
      { 'x-hub-signature-256': signatureOf(SECRET, `${forged} `) },
      { 'x-hub-signature': signatureOf(SECRET, forged) },
    ] as Array<Record<string, string>>) {
      const answer = await post(rig, forged, signature);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ error: { code: 'WEBHOOK_SIGNATURE_INVALID' } });
    }
    expect((await post(rig, JSON.stringify(metaBody(connectOf('wacid.forged'))), {})).status).toBe(401);
    expect(rig.of('call_ended')).toEqual([]);
    await hears(phone, 1_000);
    phone.hangUp();
    expect(await report).toMatchObject({ ok: true, ended: { by: 'caller' } });
    await ended(rig, 1);
    expect(rig.of('call_started')).toHaveLength(1);
    expect(await rig.counter('signature_invalid')).toBe(7);
  });

  it('checks the bytes as they came, whatever JSON would make of them', async () => {
    const { rig } = await start();
    const body = '{ "object" : "whatsapp_business_account",\n\t"entry": [], "text": "\\u00e4\\/ä" }\n';
    expect((await post(rig, body)).status).toBe(200);
    const same = JSON.stringify(JSON.parse(body));
    expect((await post(rig, same, { 'x-hub-signature-256': signatureOf(SECRET, body) })).status).toBe(401);
  });

  it('takes either secret while one is being rotated', async () => {
    const { rig } = await start({ WHATSAPP_APP_SECRET: `the-app-secret-to-come,${SECRET}` });
    const body = JSON.stringify(metaBody());
    for (const secret of [SECRET, 'the-app-secret-to-come'])
      expect((await post(rig, body, { 'x-hub-signature-256': signatureOf(secret, body) })).status).toBe(200);
  });

  it('answers 200 to whatever is signed, and counts what it does not know', async () => {
    const { rig } = await start();
    const statuses = metaChange([], NUMBER.id);
    Object.assign(statuses.value, { contacts: undefined, statuses: [{ id: 'x', type: 'call', status: 'UNHEARD_OF' }] });
    for (const body of [
      'no JSON',
      '',
      '[]',
      JSON.stringify({ object: 'page' }),
      JSON.stringify(metaBody({ id: 'a', event: 'transcribed' })),
      JSON.stringify({ object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'messages', value: {} }] }] }),
      JSON.stringify({ object: 'whatsapp_business_account', entry: [{ changes: [statuses] }] }),
      JSON.stringify(metaBody(connectOf('wacid.B'))).replaceAll('106540352242922', '999'),
    ])
      expect((await post(rig, body)).status, body).toBe(200);
    await expect.poll(() => rig.counter('malformed')).toBe(3);
    await expect.poll(() => rig.counter('other_field')).toBe(2);
    await expect.poll(() => rig.counter('other_event')).toBe(1);
    await expect.poll(() => rig.counter('status')).toBe(1);
    await expect.poll(() => rig.counter('number_unknown')).toBe(1);
    expect(rig.of('call_started')).toEqual([]);
    expect(rig.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('believes nobody but the simulated far end without a number', async () => {
    const rig = await startRig();
    onTestFinished(() => rig.close());
    expect((await post(rig, '{}')).status).toBe(401);
  });
});

describe('a call by WhatsApp', () => {
  it.for([
    ['true', ['pre_accept', 'accept']],
    ['false', ['accept']],
  ] as const)(
    'is one record with the ids of Meta, from the webhook to the end (pre_accept %s)',
    async ([preAccept, actions]) => {
      const { rig, meta } = await start({ WHATSAPP_PRE_ACCEPT: preAccept });
      // He lets the agent greet him: who talks from the first moment on interrupts it before there is anything to hear.
      const phone = meta.phone({ source: silenceSource(), record: true, delivery: { copies: 2 } });
      const over = phone.placeCall();
      await hears(phone, 1_000);
      phone.hangUp();
      expect(await over).toMatchObject({ ok: true, ended: { by: 'caller' } });
      await ended(rig, 1);
      const [id] = meta.calls.keys();
      expect(phone.rtp).toMatchObject({ packetsBeforeAccept: 0 });
      expect(phone.rtp.packets).toBeGreaterThan(50);
      expect(meta.graph.log.map(({ action }) => action)).toEqual(actions);
      await expect
        .poll(() => records(rig))
        .toMatchObject([
          {
            carrier: 'whatsapp',
            carrierCallId: id,
            direction: 'inbound',
            callerKind: 'number',
            reason: 'caller-hangup',
            result: 'success',
          },
        ]);
      expect(await rig.counter('connect_repeated')).toBe(1);
    },
  );

  it('ends cleanly when the Graph API is gone, and Meta is told when it is back', async () => {
    const { rig, meta } = await start();
    const phone = meta.phone({
      source: scriptSource([toneSource(440, { ms: 60_000, dbfs: -12 })]),
      hangUpAfterMs: 30_000,
    });
    const report = phone.placeCall();
    await until(() => rig.of('connected')[0], 'the call');
    await meta.graph.down();
    const [call] = [...rig.app.calls];
    await call?.end({ result: 'success', reason: 'agent-hangup' });
    expect(rig.app.calls.size).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await meta.graph.up();
    expect(await report).toMatchObject({ ended: { by: 'bridge' } });
    await expect.poll(() => meta.graph.log.at(-1)).toMatchObject({ action: 'terminate', status: 200 });
    await expect.poll(() => rig.counter('farewell_lost')).toBe(0);
  });
});
