import { createHash, createHmac } from 'node:crypto';
import twilio from 'twilio/lib/webhooks/webhooks.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Preparation } from '../../src/callers/phone/http/incoming-call.ts';
import {
  CALL,
  PUBLIC,
  type Rig,
  type RigOptions,
  rig,
  SIGNALWIRE,
  TWILIO,
  tokenOf,
  UUID,
  until,
} from './webhook-rig.ts';

let r: Rig;
const start = async (options: RigOptions = {}) => {
  r = await rig(options);
  return r;
};
afterEach(() => r.close());

const form = { CallSid: CALL, AccountSid: 'AC1', From: '+15550001111', To: '+15550002222', Direction: 'inbound' };
const signed = { publicUrl: PUBLIC, twilio: [TWILIO], signalwire: [SIGNALWIRE] };

describe('/incoming-call', () => {
  it('connects a Twilio call and prepares it once', async () => {
    await start(signed);
    const answer = await r.post('/incoming-call', form, {}, TWILIO);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/xml; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const token = tokenOf(answer.text);
    expect(answer.text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Connect>' +
        '<Stream url="wss://voice.example.com/media-stream" statusCallback="https://voice.example.com/stream-status" statusCallbackMethod="POST">' +
        `<Parameter name="token" value="${token}"/></Stream></Connect>` +
        '<Redirect method="POST">https://voice.example.com/call-continue</Redirect></Response>',
    );
    expect(r.tokens.verify(token)).toMatchObject({ carrier: 'twilio', carrierCallId: CALL, callId: 'call-1' });
    expect(r.prepared).toHaveLength(1);
    expect(r.prepared[0]).toMatchObject({
      carrier: 'twilio',
      carrierCallId: CALL,
      from: { kind: 'number', number: '+15550001111' },
      to: { kind: 'number', number: '+15550002222' },
      accountId: 'AC1',
      direction: 'inbound',
      params: form,
    });
  });

  it.each([
    ['auto', 'live', 'true'],
    ['auto', 'burst', 'false'],
    ['true', 'burst', 'true'],
    ['false', 'live', 'false'],
  ] as const)('with realtime %s, and %s audio expected, asks for realtime="%s"', async (setting, pace, asked) => {
    await start({ realtime: setting });
    r.desk.answer = () => ({ callId: 'call-1' });
    r.desk.pace = pace;
    const call = { ...form, CallSid: UUID };
    expect((await r.post('/incoming-call', call)).text).toContain(`realtime="${asked}"`);
    r.desk.next = { next: 'reattach', callId: 'call-1' };
    expect((await r.post('/call-continue', call)).text).toContain(`realtime="${asked}"`);
  });

  it('connects a SignalWire call with its codec and bearer token', async () => {
    await start(signed);
    const params = { ...form, CallSid: UUID, AccountSid: UUID };
    const signature = twilio.getExpectedTwilioSignature(SIGNALWIRE, `${PUBLIC}/incoming-call`, params);
    const answer = await r.post('/incoming-call', params, { 'X-SignalWire-Signature': signature });
    const token = tokenOf(answer.text);
    expect(answer.text).toContain(`authBearerToken="${token}" codec="L16@24000h" realtime="false"`);
    expect(r.prepared[0]).toMatchObject({ carrier: 'signalwire', carrierCallId: UUID });
  });

  it('answers a GET, whose query is signed with the URL', async () => {
    await start(signed);
    const path = `/incoming-call?${new URLSearchParams(form)}`;
    const signature = twilio.getExpectedTwilioSignature(TWILIO, PUBLIC + path, {});
    const get = (p: string) => fetch(r.base + p, { headers: { 'X-Twilio-Signature': signature } });
    expect((await get(path)).status).toBe(200);
    expect(r.prepared[0]?.from).toEqual({ kind: 'number', number: '+15550001111' });
    expect((await get(path.replace('0001111', '0001112'))).status).toBe(403);
    expect((await fetch(r.base + path, { method: 'HEAD' })).status).toBe(404);
    expect(r.prepared).toHaveLength(1);
  });

  it('takes JSON covered by its hash, and by hex over the raw body', async () => {
    await start(signed);
    const send = async (path: string, body: string, headers: Record<string, string>) =>
      (
        await fetch(r.base + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
        })
      ).status;
    const body = JSON.stringify({ ...form, Extra: { nested: true }, N: 1 });
    const path = `/incoming-call?bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
    const signature = twilio.getExpectedTwilioSignature(TWILIO, PUBLIC + path, {});
    expect(await send(path, `${body} `, { 'x-twilio-signature': signature })).toBe(403);
    expect(await send(path, body, { 'x-twilio-signature': signature })).toBe(200);
    expect(r.prepared[0]?.params).toMatchObject({ CallSid: CALL, N: '1' });
    const hex = createHmac('sha1', SIGNALWIRE).update(`${PUBLIC}/incoming-call{}`).digest('hex');
    expect(await send('/incoming-call', '{}', { 'x-signalwire-signature': hex })).toBe(400);
    expect(await send('/incoming-call', '{"CallSid":"CA1"}', { 'x-signalwire-signature': hex })).toBe(403);
    expect(await send('/incoming-call', '{not json', {})).toBe(403);
    expect(r.prepared).toHaveLength(1);
  });

  it.each([
    ['no signature', form, {}, undefined],
    ['another secret', form, {}, 'another secret'],
    [
      'a changed parameter',
      { ...form, To: '+15550009998' },
      { 'x-twilio-signature': twilio.getExpectedTwilioSignature(TWILIO, `${PUBLIC}/incoming-call`, form) },
      undefined,
    ],
    [
      'the signature of another host',
      form,
      {
        'x-twilio-signature': twilio.getExpectedTwilioSignature(TWILIO, 'https://evil.example/incoming-call', form),
        'x-forwarded-host': 'evil.example',
      },
      undefined,
    ],
    [
      "Twilio's secret under SignalWire's header",
      form,
      { 'x-signalwire-signature': twilio.getExpectedTwilioSignature(TWILIO, `${PUBLIC}/incoming-call`, form) },
      undefined,
    ],
    ['SignalWire ids without a signature', { ...form, CallSid: UUID }, {}, undefined],
  ] as const)('[twilio, signalwire] webhook signature: refuses %s with 403', async (_says, params, headers, secret) => {
    await start(signed);
    const answer = await r.post('/incoming-call', params, headers, secret);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toEqual({
      error: { code: 'WEBHOOK_SIGNATURE_INVALID', message: expect.any(String) },
    });
    expect(r.prepared).toHaveLength(0);
    expect(r.counts.get('webhook_signature_invalid')).toBe(1);
  });

  it('accepts both secrets while one is rotated', async () => {
    await start({ publicUrl: PUBLIC, twilio: ['new-token', TWILIO] });
    for (const [id, secret] of [
      ['CA1', 'new-token'],
      ['CA2', TWILIO],
    ] as const)
      expect((await r.post('/incoming-call', { CallSid: id }, {}, secret)).status).toBe(200);
  });

  it('needs a CallSid of a plain form and is lenient on all else', async () => {
    await start();
    for (const CallSid of ['', ' ', 'a"b', 'x'.repeat(101), '__proto__'])
      expect((await r.post('/incoming-call', { CallSid, From: 'x' })).status).toBe(400);
    expect((await r.post('/incoming-call', {})).status).toBe(400);
    expect(r.counts.get('webhook_invalid')).toBe(6);
    expect((await r.post('/incoming-call', { CallSid: 'local-trial' })).status).toBe(200);
    expect(r.prepared[0]).toMatchObject({
      from: { kind: 'withheld' },
      to: { kind: 'withheld' },
      accountId: '',
      direction: 'inbound',
    });
  });

  it.each([
    [CALL, {}, 'twilio'],
    [UUID, {}, 'signalwire'],
    ['local', { 'x-signalwire-signature': 'x' }, 'signalwire'],
    ['local', {}, 'twilio'],
  ])('without secrets takes CallSid %s for its carrier', async (CallSid, headers, carrier) => {
    await start();
    await r.post('/incoming-call', { CallSid }, headers);
    expect(r.prepared[0]?.carrier).toBe(carrier);
  });

  it('gives a repetition the same document and starts nothing, also while the first is being answered', async () => {
    await start();
    let release = (_: Preparation) => {};
    r.desk.answer = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const both = [r.post('/incoming-call', form), r.post('/incoming-call', { ...form, From: 'changed' })];
    await until(() => r.prepared.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    release({ callId: 'call-1' });
    const [first, second] = await Promise.all(both);
    const third = await r.post('/incoming-call', form);
    expect(first?.text).toContain('<Stream');
    expect([second?.text, third.text]).toEqual([first?.text, first?.text]);
    expect(r.prepared).toHaveLength(1);
    expect(r.counts.get('webhook_repeated')).toBe(2);
  });

  it('starts no second session for a webhook replayed after the call ended', async () => {
    await start(signed);
    const replay = () => r.post('/incoming-call', form, {}, TWILIO);
    const first = tokenOf((await replay()).text);
    await r.tokens.redeem(first, { carrierCallId: CALL });
    r.clock.advance(3 * 3_600_000);
    await r.memory.ended({ carrier: 'twilio', accountId: 'AC1', carrierCallId: CALL });
    for (const minutes of [0, 5, 4.9]) {
      r.clock.advance(minutes * 60_000);
      const token = tokenOf((await replay()).text);
      await expect(r.tokens.redeem(token, { carrierCallId: CALL })).rejects.toThrow(/too late|used before/);
    }
    expect(r.prepared).toHaveLength(1);
  });

  it('hangs up on the replayed webhook of a call that another process answered', async () => {
    await start(signed);
    await r.post('/call-continue', form, {}, TWILIO);
    expect((await r.post('/incoming-call', form, {}, TWILIO)).text).toContain('<Response><Hangup/></Response>');
    expect(r.prepared).toHaveLength(0);
  });

  it('turns callers away with words, and asks again for each try', async () => {
    await start();
    r.desk.answer = () => ({ refused: 'busy' });
    expect((await r.post('/incoming-call', form)).text).toContain('<Say>All lines are busy.</Say><Hangup/>');
    r.desk.answer = () => ({ refused: 'draining' });
    expect((await r.post('/incoming-call', form)).text).toContain(
      '<Say>We are sorry.</Say><Dial>+15550009999</Dial><Hangup/>',
    );
    r.desk.answer = () => ({ callId: 'call-x' });
    expect((await r.post('/incoming-call', form)).text).toContain('<Stream');
    expect(r.counts.get('call_refused')).toBe(2);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('model is down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('model is down'))],
  ])('apologises when the desk %s, and tries anew the next time', async (_says, fail) => {
    await start();
    const works = r.desk.answer;
    r.desk.answer = fail;
    const answer = await r.post('/incoming-call', form);
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('<Say>We are sorry.</Say>')]);
    expect(answer.text).not.toContain('model is down');
    r.desk.answer = works;
    expect((await r.post('/incoming-call', form)).text).toContain('<Stream');
    expect(r.counts.get('call_prepare_failed')).toBe(1);
  });

  it('never writes numbers of callers or tokens to the log, by POST or GET', async () => {
    await start(signed);
    const { text } = await r.post('/incoming-call', form, {}, TWILIO);
    await fetch(`${r.base}/incoming-call?${new URLSearchParams(form)}`);
    await fetch(`${r.base}/nowhere?${new URLSearchParams(form)}`);
    const log = r.lines.join('');
    expect(log).toContain('call prepared');
    expect(log).not.toMatch(/5550001111|5550002222/);
    expect(log).not.toContain(tokenOf(text));
  });
});

describe('the Host header', () => {
  const withHost = (host: string) =>
    r.raw(`GET /incoming-call?CallSid=CA1 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  it('serves a local trial', async () => {
    await start();
    const { text } = await withHost('trial.example.com');
    expect(text).toContain('<Stream url="wss://trial.example.com/media-stream"');
  });

  it.each(['a"><Hangup/>', 'a.example/x?', 'user:secret@a.example', "a'b"])('%s is refused with 403', async (host) => {
    await start();
    const { text } = await withHost(host);
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toContain('"code":"HOST_NOT_ALLOWED"');
    expect(text).not.toContain('<');
    expect(r.prepared).toHaveLength(0);
    expect(r.counts.get('host_not_allowed')).toBe(1);
  });

  it('never gets into a document when PUBLIC_URL is set', async () => {
    await start({ publicUrl: PUBLIC });
    const { text } = await withHost('evil.example');
    expect(text).toContain('wss://voice.example.com/media-stream');
    expect(text).not.toContain('evil');
  });

  it('is refused altogether when a secret is set without PUBLIC_URL', async () => {
    await start({ twilio: [TWILIO] });
    const { text } = await withHost('voice.example.com');
    expect(text).toMatch(/^HTTP\/1\.1 500 /);
    expect(text).toContain('"code":"HOST_NOT_ALLOWED"');
  });
});

describe('a page of another site, in a browser that reaches the daemon', () => {
  const form = (headers: Record<string, string>, path = '/incoming-call') =>
    fetch(`${r.base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: `CallSid=${CALL}`,
    });

  it.each([
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ])('begins and ends no call where nothing is signed: %j', async (headers) => {
    await start();
    for (const path of ['/incoming-call', '/call-continue', '/stream-status']) {
      const answer = await form(headers as unknown as Record<string, string>, path);
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: { code: 'ORIGIN_REFUSED' } });
    }
    expect(r.prepared).toEqual([]);
  });

  it('is nothing that a carrier, a script or the address typed in is taken for', async () => {
    await start();
    expect((await form({})).status).toBe(200);
    expect((await form({ 'sec-fetch-mode': 'cors', 'user-agent': 'node' })).status).toBe(200);
    expect((await form({ 'sec-fetch-site': 'none' })).status).toBe(200);
  });
});

describe('/call-continue', () => {
  it('reattaches with a new token of the same call', async () => {
    await start(signed);
    const first = tokenOf((await r.post('/incoming-call', form, {}, TWILIO)).text);
    r.desk.next = { next: 'reattach', callId: 'call-1' };
    const again = tokenOf((await r.post('/call-continue', form, {}, TWILIO)).text);
    expect(again).not.toBe(first);
    expect((await r.tokens.redeem(again, { carrierCallId: CALL })).callId).toBe('call-1');
    expect(r.prepared).toHaveLength(1);
  });

  it('transfers for so long, hangs up, or apologises and transfers', async () => {
    await start(signed);
    r.desk.next = { next: 'transfer', to: '+15550001234', seconds: 600 };
    expect((await r.post('/call-continue', form, {}, TWILIO)).text).toContain(
      '<Response><Dial timeLimit="600">+15550001234</Dial><Hangup/></Response>',
    );
    r.desk.next = { next: 'hangup' };
    expect((await r.post('/call-continue', form, {}, TWILIO)).text).toContain('<Response><Hangup/></Response>');
    r.desk.next = { next: 'apology' };
    expect((await r.post('/call-continue', form, {}, TWILIO)).text).toContain('<Dial>+15550009999</Dial>');
    expect([r.counts.get('continue_hangup'), r.counts.get('continue_apology')]).toEqual([1, 1]);
  });

  it('is signed too', async () => {
    await start(signed);
    expect((await r.post('/call-continue', form)).status).toBe(403);
  });
});

describe('/stream-status', () => {
  it('answers 204, counts, and warns of a stream error with its reason', async () => {
    await start(signed);
    for (const [StreamEvent, StreamError] of [
      ['stream-started', ''],
      ['stream-error', 'codec_error'],
      ['stream-stopped', ''],
      ['stream-invented', ''],
    ] as const) {
      const answer = await r.post(
        '/stream-status',
        { CallSid: CALL, StreamSid: 'MZ1', StreamEvent, StreamError },
        {},
        TWILIO,
      );
      expect([answer.status, answer.text]).toEqual([204, '']);
    }
    const warnings = r.lines.map((line) => JSON.parse(line)).filter((line) => line.level === 40);
    expect(warnings).toEqual([expect.objectContaining({ streamError: 'codec_error', carrierCallId: CALL })]);
    for (const name of ['started', 'error', 'stopped', 'other'] as const)
      expect(r.counts.get(`stream_status_${name}`)).toBe(1);
  });

  it('is signed too', async () => {
    await start(signed);
    expect((await r.post('/stream-status', { ...form, StreamEvent: 'stream-error' })).status).toBe(403);
    expect(r.counts.get('stream_status_error')).toBeUndefined();
  });
});
