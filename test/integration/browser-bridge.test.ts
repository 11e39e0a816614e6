import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, onTestFinished } from 'vitest';
import { openPeers } from '../../src/transport/peer.ts';
import { ask, bridgeUrl, Page } from './browser-page.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { OPERATOR } from './operator.ts';
import { loudestTone, startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const VOICE = { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } };

function page(): Page {
  const made = new Page();
  onTestFinished(() => made.close());
  return made;
}

const offer = async () => {
  const made = page();
  return made.peer.createOffer(0);
};

describe('a call from a page', () => {
  it.for(TRANSPORTS)(
    'carries each side’s tone to the other, alone, with the model on %s',
    async (transport, { own }) => {
      const rig = own(await startRig({ transport, model: VOICE }));
      const caller = page();
      const { status, body } = await caller.call(rig.url, { conversation_id: 'c1' });
      expect(status).toBe(200);
      await until(() => rig.of('call_started')[0], 'the call');
      expect(body).toEqual({
        session_id: rig.of('call_started')[0]?.info.id,
        answer: expect.stringMatching(/^v=0\r\n/),
      });

      const agentMs = () => toneAloneMs(caller.heard(), 48_000, AGENT_HZ);
      await until(() => agentMs() >= 1_200, 'the greeting to be heard');
      await until(() => caller.events('agent.audio_done')[0], 'the end of the greeting');
      await new Promise((resolve) => setTimeout(resolve, 400));
      caller.say(CALLER_HZ);
      await until(() => caller.events('agent.speech_started')[0], 'the model to hear the caller');
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      caller.say(undefined);
      await until(() => agentMs() >= 2_400, 'the answer to be heard');

      const heard = caller.heard();
      // The onset of a tone has a little of every frequency; the other side's own would be at -15.
      expect(loudestTone(heard, 48_000, CALLER_HZ)).toBeLessThan(-40);
      const input = rig.model.sessions[0]!.inputAudio();
      expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(900);
      expect(loudestTone(input, 24_000, AGENT_HZ)).toBeLessThan(-40);

      const [info] = rig.of('call_started').map((event) => event.info);
      expect(info).toMatchObject({ carrier: 'browser', conversationId: 'c1', direction: 'inbound' });
      expect(rig.of('connected')[0]?.audioPath).toContain('opus/48000 -> browser');

      caller.send({ type: 'hangup' });
      await until(() => caller.told('ended')[0], 'the page to be told');
      expect(caller.told('ended')).toEqual([{ type: 'ended', result: 'success', reason: 'caller-hangup' }]);
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
      await until(() => rig.model.sessions.every((s) => !s.live), 'the end of the session');
      caller.close();
      await until(() => openPeers() === 0, 'all peers to be closed');
    },
  );

  it('that the page merely closes is a hang-up', async ({ own }) => {
    const rig = own(await startRig());
    const caller = page();
    await caller.call(rig.url, { conversation_id: 'c1' });
    await until(() => rig.of('connected')[0], 'the call');
    caller.close();
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end.reason).toBe('caller-hangup');
    await until(() => openPeers() === 0, 'all peers to be closed');
  });

  it('interrupts the agent by voice: what was not heard is not played', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(await startRig({ model: { voice: { tone: AGENT_HZ, ms: 8_000, dbfs: -15 } } }));
      const caller = page();
      await caller.call(rig.url, { conversation_id: 'c1' });
      await until(() => loudestTone(caller.heard(), 48_000, AGENT_HZ) > -30, 'the agent to be heard');
      const loop = own(watchLoop());
      caller.say(CALLER_HZ);
      const [cut] = await until(() => rig.of('barge_in')[0]?.heard, 'the interruption');
      caller.say(undefined);
      const before = toneAloneMs(caller.heard(), 48_000, AGENT_HZ);
      expect(cut?.heardMs).toBeGreaterThan(0);
      expect(cut?.heardMs).toBeLessThan(4_000);
      await new Promise((resolve) => setTimeout(resolve, 400));
      // What was on its way, and no more.
      const behindMs = toneAloneMs(caller.heard(), 48_000, AGENT_HZ) - before;
      loop.excuses(skip, behindMs > 300, 50);
      expect(behindMs).toBeLessThanOrEqual(300);
    }));

  it('interrupts the agent by writing too, and is answered', async ({ own }) => {
    const rig = own(await startRig({ model: { voice: { tone: AGENT_HZ, ms: 8_000, dbfs: -15 } } }));
    const caller = page();
    await caller.call(rig.url, { conversation_id: 'c1' });
    await until(() => loudestTone(caller.heard(), 48_000, AGENT_HZ) > -30, 'the agent to be heard');
    caller.send({ type: 'text', id: 't1', text: 'Wait a moment.' });
    const [cut] = await until(() => rig.of('barge_in')[0]?.heard, 'the interruption');
    expect(cut?.heardMs).toBeLessThan(4_000);
    await until(() => rig.agentEvents('audio_started')[1], 'the answer to the typed turn');
    expect(JSON.stringify(rig.model.sessions[0]!.received)).toContain('Wait a moment.');
  });

  it('is not heard while it is muted', async ({ own }) => {
    const rig = own(await startRig({ settings: { GREETING: 'off' }, model: VOICE }));
    const caller = page();
    await caller.call(rig.url, { conversation_id: 'c1' });
    await until(() => rig.of('connected')[0], 'the call');
    caller.send({ type: 'mute', muted: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
    caller.say(CALLER_HZ);
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(loudestTone(rig.model.sessions[0]!.inputAudio(), 24_000, CALLER_HZ)).toBeLessThan(-60);
    caller.send({ type: 'mute', muted: false });
    await until(() => caller.events('agent.speech_started')[0], 'the model to hear the caller');
  });
});

describe('the events channel', () => {
  it('takes typed turns once each, and says which it cannot take', async ({ own }) => {
    const rig = own(await startRig({ settings: { GREETING: 'off' }, model: VOICE }));
    const caller = page();
    await caller.call(rig.url, { conversation_id: 'c1' });
    await until(() => rig.of('connected')[0], 'the call');
    caller.send({ type: 'text', id: 't1', text: 'What are your opening hours?' });
    await until(() => caller.told('text_accepted')[0], 'the acknowledgement');
    caller.send({ type: 'text', id: 't1', text: 'What are your opening hours?' });
    caller.send({ type: 'text', id: 't2', text: '   ' });
    await until(() => caller.told('text_accepted')[1], 'the second acknowledgement');
    await until(() => caller.told('text_failed')[0], 'the refusal');
    expect(caller.told('text_accepted')).toEqual([
      { type: 'text_accepted', id: 't1' },
      { type: 'text_accepted', id: 't1' },
    ]);
    expect(caller.told('text_failed')).toMatchObject([{ id: 't2', code: 'TEXT_INVALID' }]);
    await until(() => toneAloneMs(caller.heard(), 48_000, AGENT_HZ) >= 1_000, 'the answer to be heard');

    // The same by HTTP, as a page without a channel of its own would.
    const typed = await ask(`${bridgeUrl(rig.url, 'c1')}/text`, 'POST', { text: 'And on Sundays?' });
    expect(typed).toMatchObject({ status: 202, body: { status: 'accepted' } });
    await until(() => caller.events('caller.text')[1], 'the typed turn among the events');
    expect(caller.events('caller.text')).toEqual([
      { text: 'What are your opening hours?' },
      { text: 'And on Sundays?' },
    ]);
    const items = () =>
      JSON.stringify(rig.model.sessions[0]!.received.filter((e) => e['type'] === 'conversation.item.create'));
    await until(() => items().includes('And on Sundays?'), 'the typed turn at the model');
    expect(items().match(/opening hours/g)).toHaveLength(1);
    expect(JSON.stringify(rig.lines)).not.toContain('opening hours');
  });

  it('survives what is no message, answers it with a code and counts it', async ({ own }) => {
    const rig = own(await startRig());
    const caller = page();
    await caller.call(rig.url, { conversation_id: 'c1' });
    // What comes before the daemon has taken its end of the channel may change places with what comes after.
    await until(() => rig.of('connected')[0], 'the call');
    for (const junk of ['{', '[]', 'null', '{"type":"dance"}', '{"type":"text","id":5}', 'x'.repeat(20_000)])
      caller.send(junk);
    await until(() => caller.told('error').length === 6 || undefined, 'six answers');
    expect(caller.told('error').map((e) => e['code'])).toEqual([
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_UNKNOWN',
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
    ]);
    await ask(bridgeUrl(rig.url, 'c1'), 'DELETE');
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.counters).toMatchObject({ message_malformed: 5, message_unknown: 1 });
  });
});

describe('the routes', () => {
  it('give a conversation one call at a time: a new one closes the old first', async ({ own }) => {
    const rig = own(await startRig());
    const first = page();
    const second = page();
    const one = await first.call(rig.url, { conversation_id: 'c1' });
    const two = await second.call(rig.url, { conversation_id: 'c1' });
    expect(two.body['session_id']).not.toBe(one.body['session_id']);
    await until(() => first.told('ended')[0], 'the first page to be told');
    expect(first.told('ended')).toMatchObject([{ reason: 'stream-replaced' }]);
    // A call begins when media is up, which the page may know before the bridge does.
    const starts = (count: number) => until(() => rig.of('call_started')[count - 1], `call ${count} to begin`);
    await starts(2);
    const types = rig.events.map((event) => event.type);
    expect(types.indexOf('call_ended')).toBeLessThan(types.lastIndexOf('call_started'));
    expect(rig.app.calls.size).toBe(1);

    // Another conversation is not touched.
    const other = page();
    await other.call(rig.url, { conversation_id: 'c2' });
    await starts(3);
    expect(rig.app.calls.size).toBe(2);
    expect(await ask(bridgeUrl(rig.url, 'c1'), 'DELETE')).toMatchObject({ status: 204 });
    expect(rig.app.calls.size).toBe(1);
    await until(() => second.told('ended')[0], 'the page to be told');
    expect(await ask(bridgeUrl(rig.url, 'c1'), 'DELETE')).toMatchObject({
      status: 404,
      body: { error: { code: 'BRIDGE_UNKNOWN' } },
    });
    expect(other.told('ended')).toEqual([]);
  });

  it('let the newest of several requests at once have the conversation', async ({ own }) => {
    const rig = own(await startRig());
    const pages = [page(), page(), page()];
    const offers = await Promise.all(pages.map((one) => one.peer.createOffer(500)));
    const answers = await Promise.all(
      offers.map((sdp) => ask(bridgeUrl(rig.url), 'POST', { conversation_id: 'c1', offer: sdp })),
    );
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 200]);
    expect(answers[0]?.body).toMatchObject({ error: { code: 'BRIDGE_REPLACED' } });
    await pages[2]?.accept(answers[2]?.body['answer']);
    await until(() => rig.of('connected')[0], 'the call');
    expect(rig.of('call_started').map(({ info }) => info.id)).toEqual([answers[2]?.body['session_id']]);
    for (const one of pages) one.close();
    await until(() => rig.app.calls.size === 0, 'the end of the call');
    await until(() => openPeers() === 0, 'all peers to be closed');
  });

  it('answer in the form of the offer, and pass voice, prompt and instructions on', async ({ own }) => {
    const rig = own(await startRig());
    const caller = page();
    const sdp = await caller.peer.createOffer(500);
    const answered = await ask(bridgeUrl(rig.url), 'POST', {
      conversation_id: 'c1',
      offer: { type: 'offer', sdp },
      voice: 'cedar',
      agent_name: 'after-hours',
      system_prompt: 'You are a test.',
    });
    expect(answered.body['answer']).toMatchObject({ type: 'answer', sdp: expect.stringMatching(/^v=0/) });
    await caller.accept(answered.body['answer']);
    await until(() => rig.of('connected')[0], 'the call');
    const update = JSON.stringify(rig.model.sessions[0]?.received.find((e) => e['type'] === 'session.update'));
    expect(update).toContain('"voice":"cedar"');
    expect(update).toContain('You are a test.');
    expect(rig.of('call_started')[0]?.info.prompt).toBe('after-hours');
    // A name that no prompt has is a name and no more.
    const other = await ask(bridgeUrl(rig.url), 'POST', {
      conversation_id: 'c2',
      offer: await offer(),
      agent_name: 'Ada',
    });
    expect(other.status).toBe(200);
  });

  it('name the ports of the range, and the address under which they are reached from outside', async ({ own }) => {
    const rig = own(await startRig({ settings: { RTC_PORT_RANGE: '41200-41240', RTC_PUBLIC_IP: '203.0.113.9' } }));
    const caller = page();
    const { body } = await caller.call(rig.url, { conversation_id: 'c1' });
    const candidates = [...String(body['answer']).matchAll(/^a=candidate:\S+ \d udp \d+ (\S+) (\d+) typ host/gm)];
    expect(candidates.map(([, address]) => address)).toContain('203.0.113.9');
    for (const [, , port] of candidates) {
      expect(Number(port)).toBeGreaterThanOrEqual(41_200);
      expect(Number(port)).toBeLessThanOrEqual(41_240);
    }
  });

  it('refuse what cannot be understood, before anything is made for it', async ({ own }) => {
    const rig = own(await startRig());
    for (const [body, code] of [
      [undefined, 'REQUEST_INVALID'],
      [{ conversation_id: 'c1' }, 'REQUEST_INVALID'],
      [{ conversation_id: '../x', offer: 'v=0' }, 'REQUEST_INVALID'],
      [{ conversation_id: 'c1', offer: 'hello' }, 'PEER_SDP_INVALID'],
      [{ conversation_id: 'c1', offer: { type: 'answer', sdp: 'v=0' } }, 'REQUEST_INVALID'],
    ] as const)
      expect(await ask(bridgeUrl(rig.url), 'POST', body)).toMatchObject({ status: 400, body: { error: { code } } });
    expect(rig.of('call_started')).toEqual([]);
  });

  it('refuse an offer of an end that does not want its connection yet: that is its own fault', async ({ own }) => {
    const rig = own(await startRig());
    const sdp = (await offer()).replaceAll('a=setup:actpass', 'a=setup:holdconn');
    const refused = await ask(bridgeUrl(rig.url), 'POST', { conversation_id: 'c1', offer: sdp });
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'PEER_SDP_INVALID' } } });
  });

  it('refuse an offer that libwebrtc cannot use, and leave nothing behind', async ({ own }) => {
    const rig = own(await startRig());
    const sdp = (await offer()).replace(/a=ice-pwd:.*\r\n/g, 'a=ice-pwd:x\r\n');
    const peers = openPeers();
    const refused = await ask(bridgeUrl(rig.url), 'POST', { conversation_id: 'c1', offer: sdp });
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'PEER_SDP_INVALID' } } });
    expect(rig.of('call_started')).toEqual([]);
    expect(rig.app.calls.size).toBe(0);
    expect(openPeers()).toBe(peers);
    expect(rig.model.sessions).toEqual([]);
  });

  it.for([
    [{ fault: 'refuse_key', status: 401 }, 'MODEL_AUTH', 'model-auth'],
    [{ fault: 'refuse_key', status: 503 }, 'MODEL_UNAVAILABLE', 'model-unavailable'],
  ] as const)(
    'tell the page by a code and in words when the model cannot be had: %o',
    async ([fault, code, reason], { own }) => {
      const rig = own(await startRig({ scenario: { faults: [{ ...fault, sessions: 'all' } as never] } }));
      const caller = page();
      const { status } = await caller.call(rig.url, { conversation_id: 'c1' });
      expect(status).toBe(200);
      await until(() => caller.told('ended')[0], 'the page to be told', 20_000);
      expect(caller.told('error')).toMatchObject([{ code }]);
      expect(caller.told('ended')).toEqual([{ type: 'ended', result: 'upstream_error', reason }]);
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end.reason).toBe(reason);
      // The recorded apology was heard, not a silence.
      expect(caller.heard().reduce((sum, sample) => sum + (Math.abs(sample) > 1_000 ? 1 : 0), 0)).toBeGreaterThan(
        20_000,
      );
      caller.close();
      await until(() => openPeers() === 0, 'all peers to be closed');
      expect(rig.app.calls.size).toBe(0);
    },
  );

  it('free all when the page goes before it is answered', async ({ own }) => {
    // A STUN server that says nothing: gathering takes as long as it may.
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const rig = own(await startRig({ settings: { ICE_SERVERS: `stun:127.0.0.1:${silent.address().port}` } }));
    const sdp = await offer();
    const peers = openPeers();
    const gone = new AbortController();
    const request = fetch(bridgeUrl(rig.url), {
      method: 'POST',
      headers: { ...OPERATOR, 'content-type': 'application/json' },
      body: JSON.stringify({ conversation_id: 'c1', offer: sdp }),
      signal: gone.signal,
    });
    request.catch(() => {});
    await until(() => openPeers() === peers + 1, 'the peer to be made');
    gone.abort();
    await until(() => openPeers() === peers, 'the peer to be closed', 4_000);
    expect(rig.of('call_started')).toEqual([]);
    // The conversation has no call any more.
    expect(await ask(bridgeUrl(rig.url, 'c1'), 'DELETE')).toMatchObject({ status: 404 });
  });

  it('keep typed turns for calls that there are', async ({ own }) => {
    const rig = own(await startRig());
    expect(await ask(`${bridgeUrl(rig.url, 'c1')}/text`, 'POST', { text: 'Hello' })).toMatchObject({
      status: 404,
      body: { error: { code: 'BRIDGE_UNKNOWN' } },
    });
    // Answered, and the page has not connected yet.
    await ask(bridgeUrl(rig.url), 'POST', { conversation_id: 'c1', offer: await offer() });
    expect(await ask(`${bridgeUrl(rig.url, 'c1')}/text`, 'POST', { text: 'Hello' })).toMatchObject({
      status: 409,
      body: { error: { code: 'CALL_NOT_ANSWERED' } },
    });
    expect(await ask(`${bridgeUrl(rig.url, 'c1')}/text`, 'POST', { text: ' ' })).toMatchObject({ status: 400 });
  });

  it('forget a page that never connects, for which there was no call and no session of the model', async ({ own }) => {
    const rig = own(await startRig({ settings: { BROWSER_CONNECT_MS: '1000' } }));
    const sdp = await offer();
    const peers = openPeers();
    const answered = ask(bridgeUrl(rig.url), 'POST', { conversation_id: 'c1', offer: sdp });
    // Looked at while it is made: it may be forgotten by when this process gets to read the answer.
    await until(() => openPeers() === peers + 1, 'the peer to be made');
    await answered;
    // Sooner than one that is left to the 8 s that are set.
    await until(() => openPeers() === peers, 'the peer to be closed', 6_000);
    expect(rig.of('call_started')).toEqual([]);
    expect(rig.model.sessions).toEqual([]);
    expect(await ask(bridgeUrl(rig.url, 'c1'), 'DELETE')).toMatchObject({ status: 404 });
  });

  it('take a data channel of another name', async ({ own }) => {
    const rig = own(await startRig({ model: VOICE }));
    const caller = new Page('chat');
    onTestFinished(() => caller.close());
    await caller.call(rig.url, { conversation_id: 'c1' });
    await until(() => toneAloneMs(caller.heard(), 48_000, AGENT_HZ) >= 1_000, 'the greeting to be heard');
    caller.send({ type: 'hangup' });
    await until(() => caller.told('ended')[0], 'the page to be told');
  });
});

describe('who may call', () => {
  const TOKEN = 'a-token-of-the-operators';

  it('operators alone, as it is', async ({ own }) => {
    const rig = own(await startRig({ settings: { ADMIN_TOKEN: TOKEN, BROWSER_ORIGINS: 'https://www.example.com' } }));
    const order = { conversation_id: 'c1', offer: await offer() };
    expect(await ask(bridgeUrl(rig.url), 'POST', order, {})).toMatchObject({ status: 401 });
    const bearer = { authorization: `Bearer ${TOKEN}` };
    expect(
      await ask(bridgeUrl(rig.url), 'POST', order, { ...bearer, origin: 'https://elsewhere.example' }),
    ).toMatchObject({ status: 403, body: { error: { code: 'ORIGIN_REFUSED' } } });
    const allowed = { origin: 'https://www.example.com' };
    const preflight = await ask(bridgeUrl(rig.url), 'OPTIONS', undefined, allowed);
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const answered = await ask(bridgeUrl(rig.url), 'POST', order, { ...bearer, ...allowed });
    expect(answered.status).toBe(200);
    expect(answered.headers.get('access-control-allow-origin')).toBe('https://www.example.com');
  });

  it('the console’s page by the public address, though the proxy asks under another host', async ({ own }) => {
    const settings = { ADMIN_TOKEN: TOKEN, PUBLIC_URL: 'https://Voice.example.com/bridge' };
    const rig = own(await startRig({ settings }));
    const order = { conversation_id: 'c1', offer: await offer() };
    const headers = { authorization: `Bearer ${TOKEN}`, origin: 'https://voice.example.com' };
    expect(await ask(bridgeUrl(rig.url), 'POST', order, headers)).toMatchObject({ status: 200 });
  });

  it('an operator, who may choose another agent, and is told what is wrong with one', async ({ own }) => {
    const rig = own(await startRig({ settings: { ADMIN_TOKEN: TOKEN, BROWSER_ACCESS: 'public' } }));
    const order = { conversation_id: 'c1', offer: await offer() };
    expect(await ask(bridgeUrl(rig.url), 'POST', { ...order, agent: 'openai' }, {})).toMatchObject({
      status: 403,
      body: { error: { code: 'AGENT_REFUSED' } },
    });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const refused = await ask(bridgeUrl(rig.url), 'POST', { ...order, agent: { kind: 'opnai' } }, headers);
    expect(refused).toMatchObject({ status: 422, body: { error: { code: 'AGENT_UNKNOWN' } } });
    expect(JSON.stringify(refused.body)).toContain('opnai');
    expect(await ask(bridgeUrl(rig.url), 'POST', { ...order, agent: 'openai' }, headers)).toMatchObject({
      status: 200,
    });
  });

  it('anybody, where it is so set: within the limits, and each with a call of his own', async ({ own }) => {
    const rig = own(
      await startRig({ settings: { ADMIN_TOKEN: TOKEN, BROWSER_ACCESS: 'public', RATE_LIMIT_BROWSER_CALLS: '1' } }),
    );
    const sdp = await offer();
    const order = { conversation_id: 'c1', offer: sdp };
    expect(await ask(bridgeUrl(rig.url), 'POST', { ...order, system_prompt: 'Obey.' }, {})).toMatchObject({
      status: 403,
      body: { error: { code: 'SYSTEM_PROMPT_REFUSED' } },
    });
    const mine = await ask(bridgeUrl(rig.url), 'POST', { ...order, agent_name: 'after-hours' }, {});
    expect(mine.status).toBe(200);
    const id = String(mine.body['session_id']);
    expect(await ask(bridgeUrl(rig.url), 'POST', order, {})).toMatchObject({ status: 403 });
    expect(await ask(bridgeUrl(rig.url, 'c1'), 'DELETE', undefined, {})).toMatchObject({
      body: { error: { code: 'BRIDGE_FORBIDDEN' } },
    });
    expect(await ask(bridgeUrl(rig.url, 'c1'), 'DELETE', undefined, { 'x-session-id': id })).toMatchObject({
      status: 204,
    });
    const statuses = new Set<number>();
    for (let i = 0; i < 14; i++) statuses.add((await ask(bridgeUrl(rig.url), 'POST', {}, {})).status);
    expect(statuses).toEqual(new Set([400, 429]));
  });
});
