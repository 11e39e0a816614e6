import { type RequestOptions, request } from 'node:http';
import { describe, expect } from 'vitest';
import { openPeers } from '../../src/transport/peer.ts';
import { ask, type Page } from './browser-page.ts';
import { accepted, client, HandlerSocket, START, start, stop } from './handed-rig.ts';
import { OPERATOR } from './operator.ts';
import { loudestTone, type Rig, sleep, startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Calls that somebody else's webhook handler hands on, with callers of real WebRTC. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const VOICE = { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } };
const ID = 'wacid.HBgLMTU1NTEyMzQ1NjcVAgASGCA=';

describe('a call that a handler hands on', () => {
  it.for(TRANSPORTS)(
    'carries each side’s tone to the other, alone, and is told and operated by its socket, with the model on %s',
    async (transport, { own }) => {
      const rig = own(await startRig({ transport, model: VOICE }));
      const caller = client();
      const { status, body } = await start(rig.url, {
        callId: ID,
        sdpOffer: await caller.peer.createOffer(1_000),
        from: '15550001111',
      });
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { success: true, callId: ID, sdpAnswer: expect.stringMatching(/^v=0\r\n/) },
      });
      expect(Object.keys(body)).toEqual(['success', 'callId', 'sdpAnswer', 'bridgeUrl']);
      expect(body['bridgeUrl']).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/bridge\/call\?token=[\w-]{43}$/);
      const socket = await HandlerSocket.open(body['bridgeUrl']);
      await caller.accept(body['sdpAnswer']);
      await until(() => rig.of('connected')[0], 'the call');

      const agentMs = () => toneAloneMs(caller.heard(), 48_000, AGENT_HZ);
      await until(() => agentMs() >= 1_200, 'the greeting to be heard');
      await until(() => socket.events('agent.audio_done')[0], 'the end of the greeting');
      await sleep(400);
      caller.say(CALLER_HZ);
      await until(() => socket.events('agent.speech_started')[0], 'the model to hear the caller');
      await sleep(1_200);
      caller.say(undefined);
      await until(() => agentMs() >= 2_400, 'the answer to be heard');
      expect(loudestTone(caller.heard(), 48_000, CALLER_HZ)).toBeLessThan(-40);
      const input = rig.model.sessions[0]!.inputAudio();
      expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(900);
      expect(loudestTone(input, 24_000, AGENT_HZ)).toBeLessThan(-40);

      const [info] = rig.of('call_started').map((event) => event.info);
      expect(info).toMatchObject({
        carrier: 'bridge',
        carrierCallId: ID,
        from: '+15550001111',
        callerKind: 'number',
        direction: 'inbound',
      });
      expect(socket.messages[0]).toEqual({ type: 'hello', callId: ID, id: info?.id, missed: 0 });
      expect(socket.events('connected')).toHaveLength(1);

      socket.send({ type: 'hangup' });
      await until(() => socket.told('ended')[0], 'the handler to be told');
      expect(socket.told('ended')).toEqual([{ type: 'ended', result: 'success', reason: 'operator-hangup' }]);
      await until(() => socket.closed, 'the socket to be closed');
      expect(socket.closed?.code).toBe(1000);
      expect(rig.of('call_ended').map(({ end }) => end.reason)).toEqual(['operator-hangup']);
      const logged = JSON.stringify(rig.lines);
      expect(logged).not.toContain(new URL(String(body['bridgeUrl'])).searchParams.get('token'));
      expect(logged).not.toContain('15550001111');
      expect(logged).not.toContain(ID);
      caller.close();
      await until(() => openPeers() === 0, 'all peers to be closed');
    },
  );
});

/** A call that is up, with its socket. */
async function called(rig: Rig, fields: Record<string, unknown> = {}, callId = ID) {
  const caller = client();
  const { body } = await start(rig.url, { callId, sdpOffer: await caller.peer.createOffer(1_000), ...fields });
  const socket = await HandlerSocket.open(body['bridgeUrl']);
  await caller.accept(body['sdpAnswer']);
  await until(() => rig.of('connected').length > 0, 'the call');
  return { caller, body, socket };
}

describe('the socket of a call', () => {
  it('takes typed turns and words to say, each once, and says which it cannot take', async ({ own }) => {
    const rig = own(await startRig({ settings: { GREETING: 'off' }, model: VOICE }));
    const { socket, caller } = await called(rig);
    socket.send({ type: 'text', id: 't1', text: 'What are your opening hours?' });
    socket.send({ type: 'text', id: 't1', text: 'What are your opening hours?' });
    socket.send({ type: 'text', id: 't2', text: '   ' });
    await until(() => socket.told('text_failed')[0], 'the refusal');
    expect(socket.told('text_accepted').map(({ id }) => id)).toEqual(['t1', 't1']);
    expect(socket.told('text_failed')).toMatchObject([{ id: 't2', code: 'TEXT_INVALID' }]);
    await until(() => toneAloneMs(caller.heard(), 48_000, AGENT_HZ) >= 1_000, 'the answer to be heard');
    socket.send({ type: 'say', id: 's1', text: 'We close in five minutes.' });
    await until(() => socket.told('say_accepted')[0], 'the acknowledgement');
    const received = () => JSON.stringify(rig.model.sessions[0]!.received);
    await until(() => received().includes('We close in five minutes.'), 'the model to be asked for the words');
    const turns = rig.model.sessions[0]!.received.filter((e) => e['type'] === 'conversation.item.create');
    expect(JSON.stringify(turns).match(/opening hours/g)).toHaveLength(1);
    expect(socket.events('caller.text')).toEqual([{ text: 'What are your opening hours?' }]);
    expect(JSON.stringify(rig.lines)).not.toMatch(/opening hours|five minutes/);
  });

  it('says that nobody is on the line yet, to whoever writes before that', async ({ own }) => {
    const rig = own(await startRig());
    const { body } = await start(rig.url, { callId: ID, sdpOffer: await client().peer.createOffer(500) });
    const socket = await HandlerSocket.open(body['bridgeUrl']);
    socket.send({ type: 'say', text: 'Hello' });
    await until(() => socket.told('error')[0], 'the refusal');
    expect(socket.told('error')).toMatchObject([{ code: 'CALL_NOT_ANSWERED' }]);
  });

  it('tells who opens it later what happened before, and more than one of it', async ({ own }) => {
    const rig = own(await startRig({ model: VOICE }));
    const { body, socket } = await called(rig);
    await until(() => socket.events('agent.audio_done')[0], 'the end of the greeting');
    const later = await HandlerSocket.open(body['bridgeUrl']);
    await until(() => later.events('agent.audio_done')[0], 'what happened before');
    expect(later.events('connected')).toHaveLength(1);
    const open = await Promise.all([3, 4].map(() => HandlerSocket.open(body['bridgeUrl'])));
    await expect(HandlerSocket.open(body['bridgeUrl'])).rejects.toMatchObject({ status: 429 });
    await stop(rig.url, ID);
    for (const one of [socket, later, ...open]) await until(() => one.told('ended')[0], 'each to be told of the end');
  });

  it('survives what is no message, and is closed for messages without end while the call goes on', async ({ own }) => {
    const rig = own(await startRig());
    const { socket, body } = await called(rig);
    for (const junk of ['{', '[]', 'null', '{"type":"dance"}', '{"type":"text","text":5}', 'x'.repeat(20_000)])
      socket.send(junk);
    await until(() => socket.told('error').length === 6, 'six answers');
    expect(socket.told('error').map(({ code }) => code)).toEqual([
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_UNKNOWN',
      'TEXT_INVALID',
      'MESSAGE_INVALID',
    ]);
    for (let i = 0; i < 1_200; i++) socket.send('{"type":"dance"}');
    await until(() => socket.closed, 'the socket to be closed');
    expect(socket.closed?.code).toBe(1008);
    expect(rig.app.calls.size).toBe(1);
    const next = await HandlerSocket.open(body['bridgeUrl']);
    await until(() => next.told('hello')[0], 'another socket of the call');
    // One message of more than is ever read.
    next.send('x'.repeat(100_000));
    await until(() => next.closed, 'that one to be closed');
    expect(next.closed?.code).toBe(1009);
    expect(rig.app.calls.size).toBe(1);
  });

  it('opens for its own token alone, and for none once the call is over', async ({ own }) => {
    const rig = own(await startRig());
    const { body } = await called(rig);
    const bare = String(body['bridgeUrl']).split('?')[0];
    for (const url of [bare, `${bare}?token=`, `${body['bridgeUrl']}x`])
      await expect(HandlerSocket.open(url)).rejects.toMatchObject({ status: 401 });
    await stop(rig.url, ID);
    await expect(HandlerSocket.open(body['bridgeUrl'])).rejects.toMatchObject({ status: 401 });
    expect(await ask(String(bare).replace(/^ws/, 'http'), 'GET')).toMatchObject({ status: 426 });
  });
});

describe('POST /bridge/start', () => {
  it('gives the same call the same answer, also when it is asked for at once, and begins it once', async ({ own }) => {
    const rig = own(await startRig());
    const order = { callId: ID, sdpOffer: await client().peer.createOffer(500), from: 'US.1349' };
    const answers = await Promise.all([1, 2, 3].map(() => start(rig.url, order)));
    answers.push(await start(rig.url, order));
    for (const { status, body } of answers) expect({ status, body }).toEqual({ status: 200, body: answers[0]!.body });
    const repeated = answers.map(({ headers }) => headers.get('idempotency-replayed'));
    expect(repeated).toEqual([null, 'true', 'true', 'true']);
    expect(rig.of('call_started').map(({ info }) => [info.from, info.callerKind])).toEqual([
      ['whatsapp:US.1349', 'identity'],
    ]);
    expect(rig.app.calls.size).toBe(1);
    expect(openPeers()).toBe(2);
    const metrics = await (await fetch(`${rig.url}/metrics`)).text();
    expect(metrics).toContain('voicebridge_bridge_starts_total{outcome="answered"} 1');
    expect(metrics).toContain('voicebridge_bridge_starts_total{outcome="repeated"} 3');
    expect(metrics).toContain('voicebridge_bridge_calls 1');
  });

  it('refuses a call that was stopped, before it came or after, and one that is over', async ({ own }) => {
    const rig = own(await startRig());
    const sdpOffer = await client().peer.createOffer(500);
    const refused = { status: 409, body: { error: { code: 'BRIDGE_STOPPED' } } };
    expect(await stop(rig.url, 'early')).toMatchObject({ status: 200, body: { success: true } });
    expect(await start(rig.url, { callId: 'early', sdpOffer })).toMatchObject(refused);
    expect(rig.of('call_started')).toEqual([]);
    expect((await start(rig.url, { callId: 'a', sdpOffer })).status).toBe(200);
    expect(await stop(rig.url, 'a')).toMatchObject({ status: 200, body: { success: true } });
    expect(await stop(rig.url, 'a')).toMatchObject({ status: 200, body: { success: true } });
    expect(await start(rig.url, { callId: 'a', sdpOffer })).toMatchObject(refused);
    expect(await accepted(rig.url, 'a')).toMatchObject(refused);
    expect(await accepted(rig.url, 'nobody')).toMatchObject({ status: 404, body: { error: { code: 'CALL_UNKNOWN' } } });
    expect(rig.of('call_ended').map(({ end }) => end.reason)).toEqual(['caller-hangup']);
    // Stopped while it is answered: whichever comes first, nothing is left.
    const [, stopping] = await Promise.all([start(rig.url, { callId: 'b', sdpOffer }), stop(rig.url, 'b')]);
    expect(stopping.status).toBe(200);
    await until(() => rig.app.calls.size === 0, 'the end of the call');
    expect(await start(rig.url, { callId: 'b', sdpOffer })).toMatchObject(refused);
  });

  it('refuse what cannot be understood with a code, before anything is made for it', async ({ own }) => {
    const rig = own(await startRig());
    const sdpOffer = await client().peer.createOffer(500);
    for (const [body, code] of [
      [undefined, 'REQUEST_INVALID'],
      [{ callId: 'a' }, 'REQUEST_INVALID'],
      [{ callId: 'a b', sdpOffer }, 'REQUEST_INVALID'],
      [{ callId: 'a', sdpOffer, sessionConfig: { temperature: 3 } }, 'REQUEST_INVALID'],
      [{ callId: 'a', sdpOffer: 'hello' }, 'PEER_SDP_INVALID'],
      [{ callId: 'a', sdpOffer: JSON.stringify(sdpOffer).slice(1, -1) }, 'PEER_SDP_INVALID'],
      [{ callId: 'a', sdpOffer: sdpOffer.replace(/a=fingerprint.*\r\n/g, '') }, 'PEER_SDP_INVALID'],
      [{ callId: 'a', sdpOffer: sdpOffer.replace(/a=ice-pwd:.*\r\n/g, 'a=ice-pwd:x\r\n') }, 'PEER_SDP_INVALID'],
    ] as const)
      expect(await ask(`${rig.url}${START}`, 'POST', body), JSON.stringify(body)).toMatchObject({
        status: 400,
        body: { error: { code } },
      });
    expect(rig.of('call_started')).toEqual([]);
    // None of them has used the id up.
    expect((await start(rig.url, { callId: 'a', sdpOffer })).status).toBe(200);
  });

  it('passes voice and instructions on, and says that the model takes no temperature', async ({ own }) => {
    const rig = own(await startRig());
    const sessionConfig = { voice: 'cedar', instructions: 'You are a test.', temperature: 0.7 };
    const { body } = await called(rig, { sessionConfig });
    expect(body['ignored']).toEqual(['temperature']);
    const update = JSON.stringify(rig.model.sessions[0]?.received.find((e) => e['type'] === 'session.update'));
    expect(update).toContain('"voice":"cedar"');
    expect(update).toContain('You are a test.');
    expect(update).not.toContain('temperature');
  });

  it('passes the temperature on where the model takes one, and says where it is too high for it', async ({ own }) => {
    const rig = own(await startRig({ settings: { OPENAI_KEY_API: 'sessions' } }));
    const { body } = await called(rig, { sessionConfig: { temperature: 0.7 } });
    expect(body).not.toHaveProperty('ignored');
    const [session] = rig.model.sessions;
    const update = session?.received.find((e) => e['type'] === 'session.update');
    expect(update).toMatchObject({ session: { temperature: 0.7 } });
    const sdpOffer = await client().peer.createOffer(500);
    const other = await start(rig.url, { callId: 'b', sdpOffer, sessionConfig: { temperature: 1.8 } });
    expect(other.body['ignored']).toEqual(['temperature']);
  });

  it('names its socket by the public address', async ({ own }) => {
    const rig = own(await startRig({ settings: { PUBLIC_URL: 'https://voice.example.com/calls' } }));
    const { body } = await start(rig.url, { callId: ID, sdpOffer: await client().peer.createOffer(500) });
    expect(body['bridgeUrl']).toMatch(/^wss:\/\/voice\.example\.com\/calls\/bridge\/call\?token=[\w-]{43}$/);
  });

  it('says why no further call is taken, and while it drains', async ({ own }) => {
    const rig = own(await startRig({ settings: { MAX_CALLS: '1', DRAIN_TIMEOUT: '1' } }));
    const sdpOffer = await client().peer.createOffer(500);
    expect((await start(rig.url, { callId: 'a', sdpOffer })).status).toBe(200);
    const full = await start(rig.url, { callId: 'b', sdpOffer });
    expect(full).toMatchObject({ status: 503, body: { error: { code: 'NO_MORE_CALLS', reason: 'calls' } } });
    expect(full.headers.get('retry-after')).toBe('10');
    await stop(rig.url, 'a');
    // One that was refused may come again.
    expect((await start(rig.url, { callId: 'b', sdpOffer })).status).toBe(200);
    const draining = rig.app.drain();
    expect(await start(rig.url, { callId: 'c', sdpOffer })).toMatchObject({
      status: 503,
      body: { error: { code: 'NO_MORE_CALLS', reason: 'draining' } },
    });
    await draining;
    expect(openPeers()).toBe(1);
  });
});

describe('the end of a call that was handed on', () => {
  it.for([
    ['its handler stops it', 'caller-hangup', (rig: Rig) => stop(rig.url, ID)],
    ['the caller’s end is gone', 'media-lost', async (_: Rig, caller: Page) => caller.close()],
    ['an operator hangs up', 'operator-hangup', (rig: Rig) => hangUp(rig)],
  ] as const)('when %s leaves one record, and nothing else', async ([, reason, end], { own }) => {
    const rig = own(await startRig());
    const { caller, socket } = await called(rig);
    await end(rig, caller);
    await until(() => socket.told('ended')[0], 'the handler to be told', 25_000);
    expect(socket.told('ended')).toMatchObject([{ reason }]);
    caller.close();
    await until(() => openPeers() === 0, 'every peer to be closed');
    expect(rig.app.calls.size).toBe(0);
    const record = await recorded(rig);
    expect(record).toMatchObject({ carrier: 'bridge', carrierCallId: ID, reason });
  });

  it('is that of a model that cannot be had, which the handler is told by its reason', async ({ own }) => {
    const rig = own(await startRig({ scenario: { faults: [{ fault: 'refuse_key', status: 401, sessions: 'all' }] } }));
    const caller = client();
    const { body } = await start(rig.url, { callId: ID, sdpOffer: await caller.peer.createOffer(1_000) });
    const socket = await HandlerSocket.open(body['bridgeUrl']);
    await caller.accept(body['sdpAnswer']);
    await until(() => socket.told('ended')[0], 'the handler to be told', 20_000);
    expect(socket.told('ended')).toEqual([{ type: 'ended', result: 'upstream_error', reason: 'model-auth' }]);
    // The recorded apology was heard, not a silence.
    const loud = () => caller.heard().filter((sample) => Math.abs(sample) > 1_000).length;
    await until(() => loud() > 20_000, 'the apology to be heard');
  });

  it('comes when nobody connects in time', async ({ own }) => {
    const rig = own(await startRig({ settings: { STREAM_TIMEOUT_MS: '1000' } }));
    const caller = client();
    const { body } = await start(rig.url, { callId: ID, sdpOffer: await caller.peer.createOffer(500) });
    const socket = await HandlerSocket.open(body['bridgeUrl']);
    await until(() => socket.told('ended')[0], 'the handler to be told');
    expect(socket.told('ended')).toMatchObject([{ reason: 'no-stream' }]);
    caller.close();
    await until(() => openPeers() === 0, 'every peer to be closed');
  });
});

describe('who may hand calls on', () => {
  const token = 'token-of-the-handler-1';
  const bearer = { authorization: `Bearer ${token}` };
  const asked = (rig: Rig, headers: Record<string, string>) => start(rig.url, { callId: 'x' }, headers);
  /** What the guard let pass is wrong in its body. */
  const PASSED = { status: 400, body: { error: { code: 'REQUEST_INVALID' } } };
  const REFUSED = { status: 401, body: { error: { code: 'ADMIN_TOKEN_MISSING' } } };

  it('is who has the token for it, or the admin token; that token opens nothing else', async ({ own }) => {
    const rig = own(await startRig({ settings: { BRIDGE_TOKEN: token } }));
    expect(await asked(rig, bearer)).toMatchObject(PASSED);
    expect(await asked(rig, { ...OPERATOR })).toMatchObject(PASSED);
    expect(await asked(rig, {})).toMatchObject(REFUSED);
    expect(await asked(rig, { authorization: 'Bearer wrong' })).toMatchObject({ status: 401 });
    expect(await ask(`${rig.url}/calls`, 'GET', undefined, bearer)).toMatchObject({ status: 401 });
  });

  it('is a program on this machine where no token is set, and nobody who comes through it', async ({ own }) => {
    const rig = own(await startRig({ settings: { ADMIN_TOKEN: '' } }));
    expect(await asked(rig, {})).toMatchObject(PASSED);
    for (const headers of [
      { 'x-forwarded-for': '203.0.113.1' },
      { forwarded: 'for=203.0.113.1' },
      { 'cf-connecting-ip': '203.0.113.1' },
      { origin: 'http://127.0.0.1' },
    ])
      expect(await asked(rig, headers), JSON.stringify(headers)).toMatchObject(REFUSED);
    // As a tunnel asks that passes its name on: `fetch` would not let a test choose it.
    const { hostname, port } = new URL(rig.url);
    const through = await raw({ hostname, port, path: START, headers: { host: 'voice.example.com' } });
    expect(through).toBe(401);
    const operators = await ask(`${rig.url}/calls`, 'GET', undefined, {});
    expect(operators.status).toBe(401);
  });

  it('is nobody without a token where a proxy on this machine is trusted', async ({ own }) => {
    const rig = own(await startRig({ settings: { ADMIN_TOKEN: '', TRUST_PROXY: 'loopback' } }));
    expect(await asked(rig, {})).toMatchObject(REFUSED);
  });
});

/** The one record there is, once its end is written. */
async function recorded(rig: Rig): Promise<Record<string, unknown> | undefined> {
  for (let i = 0; i < 100; i++) {
    const records = (await ask(`${rig.url}/records`, 'GET')).body['records'] as Array<Record<string, unknown>>;
    if (records.length > 1) throw new Error('there is more than one record');
    if (typeof records[0]?.['reason'] === 'string') return records[0];
    await sleep(100);
  }
  return undefined;
}

async function hangUp(rig: Rig): Promise<void> {
  const [call] = rig.app.calls;
  await ask(`${rig.url}/calls/${call?.info.id}/hangup`, 'POST');
}

/** The status of a POST whose every header is the test's own. */
function raw(options: RequestOptions): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({ method: 'POST', ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject);
    sent.end();
  });
}
