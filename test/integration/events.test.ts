import { describe, expect } from 'vitest';
import { build } from '../../src/app.ts';
import { termination } from '../../src/call/termination.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import type { RecordedEvent } from '../../src/records/event.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { FakeAgent } from '../fakes/legs.ts';
import { hearsOut } from './agent-heard.ts';
import { readBySocket, readBySse } from './events-reader.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { OPERATOR, OPERATOR_TOKEN } from './operator.ts';
import { asked, type Rig, sleep, startRig, TRANSPORTS, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { expectUntorn } from './untorn.ts';

/** `GET /events` over the whole daemon, read by real clients while real calls go on. */

const TOKEN = 'an-admin-token-of-operators';
const bearer = { authorization: `Bearer ${TOKEN}` };
const scenario = { greeting: { tone: 620, toneMs: 300 }, loop: true, turns: [{ say: { tone: 620, toneMs: 500 } }] };

/** Of a caller who takes a turn, waits, and takes another. */
const twoTurns = () =>
  scriptSource([
    toneSource(1_020, { ms: 700, dbfs: -15 }),
    { pauseMs: 2_300 },
    toneSource(1_020, { ms: 500, dbfs: -15 }),
  ]);

const ended = (events: readonly RecordedEvent[]) => events.find((event) => event.type === 'call_ended');
const metric = async (rig: Rig, name: string) => {
  const text = await (await fetch(`${rig.url}/metrics`)).text();
  const line = text.split('\n').find((row) => row.startsWith(`${name} `) || row.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
};

/** A call whose agent is driven by hand. */
function byHand(rig: Rig, id: string, conversationId?: string) {
  const agent = new FakeAgent();
  const call = rig.app.calls.create(
    { id, direction: 'inbound', ...(conversationId === undefined ? {} : { conversationId }) },
    agent,
  );
  agent.ready();
  return {
    say: (text: string, final = true) => agent.emit({ type: 'transcript', role: 'agent', itemId: 'item', text, final }),
    end: () => call.end(termination('caller-hangup')),
  };
}

const texts = (events: readonly RecordedEvent[]) =>
  events.filter(({ type }) => type === 'agent.transcript').map(({ data }) => data['text']);

describe.concurrent.each(TRANSPORTS)('a call over %s', { timeout: 240_000 }, (transport) => {
  it('is told as it happens, the same by WebSocket and by server-sent events, with the times of each turn', ({
    own,
    skip,
  }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(await startRig({ transport, scenario }));
      const [socket, sse] = [await readBySocket(rig.url, '?levels=1'), await readBySse(rig.url)];
      const loop = own(watchLoop());
      const { phone, report } = rig.call({ source: silenceSource() });
      const greeting = await hearsOut(phone, 200);
      phone.say(twoTurns());
      await hearsOut(phone, greeting + 700);
      phone.hangUp();
      await report;
      await until(() => ended(socket.events) && ended(sse.events), 'the end of the call in both streams');

      expect(socket.messages[0]).toMatchObject({ kind: 'hello', replayed: 0 });
      expect(sse.contentType).toContain('text/event-stream');
      expect(socket.events).toEqual(sse.events);
      expect(sse.ids).toEqual(sse.events.map(({ id }) => id));
      expect(socket.events.map(({ seq }) => seq)).toEqual(socket.events.map((_, index) => index));
      expect(socket.events).toHaveLength(rig.events.length);

      const levels = socket.messages.filter(({ kind }) => kind === 'levels');
      expect(sse.messages.filter(({ kind }) => kind === 'levels')).toEqual([]);
      expect(new Set(levels.map(({ callId }) => callId))).toEqual(new Set([socket.events[0]?.callId]));
      const loudest = (side: string) => Math.max(...levels.map((level) => Number(level[side])));
      expect(Math.abs(loudest('caller') + 15)).toBeLessThan(2);
      expect(loudest('agent')).toBeGreaterThan(-40);

      const turns = rig.of('turn');
      expect(turns.map(({ index }) => index)).toEqual([0, 1]);
      for (const turn of turns) {
        const { callerStoppedMs = Number.NaN, detectedMs, responseMs = Number.NaN, firstAudioMs, heardMs } = turn;
        const silentMs = detectedMs - callerStoppedMs;
        loop.excuses(skip, silentMs <= 430 || silentMs >= 1_200, 50);
        // The far end waits for 500 ms of silence.
        expect(silentMs).toBeGreaterThan(430);
        expect(silentMs).toBeLessThan(1_200);
        const order = [callerStoppedMs, detectedMs, responseMs, firstAudioMs, heardMs];
        expect(order).toEqual(order.toSorted((a, b) => a - b));
        expect(heardMs - firstAudioMs).toBeLessThan(1_500);
      }
      // A pause of 2300 ms and 500 ms of speech lie between the two ends, whatever the model made of them.
      const between = (turns[1]?.callerStoppedMs ?? 0) - (turns[0]?.callerStoppedMs ?? 0);
      loop.excuses(skip, Math.abs(between - 2_800) >= 200, 50);
      expect(Math.abs(between - 2_800)).toBeLessThan(200);
      const told = socket.events.filter(({ type }) => type === 'turn').map(({ data }) => data);
      expect(told).toEqual(turns.map(({ type: _, ...data }) => data));
      sse.close();
      socket.close();
    }));
});

describe('a reader', () => {
  it('that comes and goes misses nothing and gets nothing twice', async ({ own }) => {
    const rig = own(await startRig({ settings: { EVENTS_KEEP: '100' } }));
    const all = await readBySocket(rig.url);
    const hand = byHand(rig, 'c1');
    await until(() => all.events.length > 0, 'the beginning of the call');
    const start = all.events[0]?.id ?? '';
    const seen: RecordedEvent[] = [];
    let said = 0;
    let last = start;
    for (let visit = 0; visit < 8; visit++) {
      const query = `?call=c1&after=${last}`;
      const reader =
        visit % 2 === 0
          ? await readBySocket(rig.url, query)
          : await readBySse(rig.url, '?call=c1', { ...OPERATOR, 'last-event-id': last });
      for (let i = 0; i < 9; i++) {
        hand.say(`${said++}`);
        if (i % 3 === 0) await sleep(3);
      }
      await until(() => reader.events.length > 4, 'some events');
      reader.close();
      // What happens while nobody reads.
      hand.say(`${said++}`);
      await sleep(20);
      seen.push(...reader.events);
      last = reader.events.at(-1)?.id ?? last;
    }
    const rest = await readBySocket(rig.url, `?call=c1&after=${last}`);
    await hand.end();
    await until(() => ended(rest.events) && ended(all.events), 'the end of the call in both streams');
    seen.push(...rest.events);
    expect(texts(seen)).toEqual(Array.from({ length: said }, (_, i) => String(i)));
    expect(seen.map(({ id }) => id)).toEqual(all.events.slice(1).map(({ id }) => id));
  });

  it('gets one conversation alone, and pieces only where it wants them', async ({ own }) => {
    const rig = own(await startRig());
    const talk = await readBySocket(rig.url, '?conversation=talk-1&transient=0');
    const sse = await readBySse(rig.url, '?conversation=talk-1');
    const [one, two] = [byHand(rig, 'c1', 'talk-1'), byHand(rig, 'c2', 'talk-2')];
    one.say('hel', false);
    two.say('other');
    one.say('hello');
    await Promise.all([one.end(), two.end()]);
    await until(() => ended(talk.events) && ended(sse.events), 'the end');
    expect(new Set(talk.events.map(({ callId }) => callId))).toEqual(new Set(['c1']));
    expect(texts(talk.events)).toEqual(['hello']);
    expect(texts(sse.events)).toEqual(['hel', 'hello']);
    sse.close();
  });

  it('that is slow is dropped and told why; another reader and a call go on', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(await startRig({ scenario, settings: { EVENTS_BUFFER_KB: '64' } }));
      const [slow, slowSse, good] = [
        await readBySocket(rig.url),
        await fetch(`${rig.url}/events`, { headers: OPERATOR }),
        await readBySocket(rig.url),
      ];
      slow.socket.pause();
      const loop = own(watchLoop());
      const { report } = rig.call({ source: silenceSource(), hangUpAfterMs: 4_000 });
      await until(() => rig.of('connected')[0], 'the call');
      const hand = byHand(rig, 'c1');
      const words = 'x'.repeat(48 * 1024);
      // Far more than the kernel's buffers hold; the good reader gets time to take it, as a live stream leaves it.
      for (let i = 0; i < 400; i++) {
        hand.say(words, false);
        if (i % 4 === 0) await sleep(2);
      }
      const dropped = 'voicebridge_event_watchers_dropped_total{why="slow"}';
      await asked(async () => (await metric(rig, dropped)) === 2, 'both slow ones are dropped');
      slow.socket.resume();
      await until(() => slow.ended, 'the end of the slow one');
      expect(slow.ended).toEqual({ code: 1013, reason: 'the reader is too slow' });
      expect((await slowSse.text()).trimEnd().split('\n').at(-1)).toBe(': slow: the reader is too slow');
      await hand.end();
      const heard = await report;
      await until(() => good.events.filter((event) => event.type === 'call_ended').length === 2, 'both calls to end');
      expect(good.ended).toBeUndefined();
      expect(texts(good.events).filter((text) => text === words)).toHaveLength(400);
      expectUntorn(heard, loop, skip);
      expect(rig.of('call_ended').map(({ end }) => end.result)).toEqual(['success', 'success']);
      for (const [via, left] of Object.entries({ ws: 1, sse: 0 }))
        await asked(
          async () => (await metric(rig, `voicebridge_event_watchers{via="${via}"}`)) === left,
          `${left} by ${via}`,
        );
    }));

  it('that comes back after a restart gets what it missed from the records', async ({ own }) => {
    const rig = own(await startRig());
    const before = await readBySocket(rig.url, '?transient=0');
    const [one, two] = [byHand(rig, 'c1', 'talk'), byHand(rig, 'c2')];
    one.say('one');
    await until(() => texts(before.events).length === 1, 'the first words');
    before.socket.terminate();
    const last = before.events.at(-1)?.id ?? '';
    two.say('two');
    one.say('hel', false);
    one.say('three');
    await rig.app.close();

    const config = { OPENAI_API_KEY: 'sk-test-canary-000000000000', OPENAI_BASE_URL: rig.model.url };
    const listening = { DATA_DIR: rig.dataDir, HOST: '127.0.0.1', PORT: '0', USE_WEBRTC: 'false' };
    const next = await build(loadConfig({ ...config, ...listening, ADMIN_TOKEN: OPERATOR_TOKEN }), {
      log: createLog({ level: 'silent' }),
    });
    own({ close: () => next.close() });
    const url = await next.listen();
    const [all, call, talk] = [
      await readBySocket(url, `?after=${last}`),
      await readBySse(url, '?call=c2', { ...OPERATOR, 'last-event-id': last }),
      await readBySocket(url, '?conversation=talk&after=0'),
    ];
    const hello = (reader: { messages: ReadonlyArray<Record<string, unknown>> }) =>
      until(() => reader.messages.find(({ kind }) => kind === 'hello'), 'the end of the replay');
    for (const reader of [all, call, talk]) await hello(reader);
    expect(all.messages.filter(({ kind }) => kind === 'gap')).toEqual([]);
    expect(texts(all.events)).toEqual(['two', 'three']);
    expect(
      all.events
        .filter(({ type }) => type === 'call_ended')
        .map(({ callId }) => callId)
        .sort(),
    ).toEqual(['c1', 'c2']);
    expect(texts(call.events)).toEqual(['two']);
    expect(talk.events[0]?.type).toBe('call_started');
    expect(texts(talk.events)).toEqual(['one', 'three']);
    // What happens from now on follows.
    next.calls.create({ id: 'c3', direction: 'inbound' }, new FakeAgent());
    await until(() => all.events.at(-1)?.callId === 'c3', 'the next call');
    const ids = all.events.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort());
    call.close();
  });

  it('is told when the daemon ends, and does not hold it up', async () => {
    const rig = await startRig();
    const [socket, sse] = [await readBySocket(rig.url), await readBySse(rig.url)];
    const began = performance.now();
    await rig.close();
    expect(performance.now() - began).toBeLessThan(3_500);
    await until(() => socket.ended, 'the end of the WebSocket');
    await sse.over;
    expect(socket.ended).toEqual({ code: 1001, reason: 'the daemon ends' });
    expect(sse.comments.at(-1)).toBe('closing: the daemon ends');
  });
});

describe('who may read', () => {
  const refused = (status: number) => expect.objectContaining({ status });

  it('with a token set: whoever has it, by header or, in a page, by subprotocol', async ({ own }) => {
    const rig = own(await startRig({ settings: { ADMIN_TOKEN: TOKEN, EVENTS_MAX_WATCHERS: '3' } }));

    await expect(readBySocket(rig.url, '', { headers: {} })).rejects.toEqual(refused(401));
    await expect(readBySocket(rig.url, '', { headers: { authorization: 'Bearer wrong' } })).rejects.toEqual(
      refused(401),
    );
    await expect(readBySse(rig.url, '', {})).rejects.toEqual(refused(401));
    await expect(readBySse(rig.url, `?token=${TOKEN}`, {})).rejects.toEqual(refused(401));
    await expect(readBySse(rig.url, '?after=/etc', bearer)).rejects.toEqual(refused(400));
    await expect(readBySocket(rig.url, '?levels=loud', { headers: bearer })).rejects.toEqual(refused(400));
    const wrong = `bearer.${Buffer.from('wrong').toString('base64url')}`;
    const protocols = ['voicebridge.events.v1', wrong];
    await expect(readBySocket(rig.url, '', { headers: {}, protocols })).rejects.toEqual(refused(401));

    // What a browser does: no header of its own, and a page's origin.
    const page = new WebSocket(`${rig.url.replace('http', 'ws')}/events`, [
      'voicebridge.events.v1',
      `bearer.${Buffer.from(TOKEN).toString('base64url')}`,
    ]);
    await new Promise((resolve, reject) => {
      page.onmessage = resolve;
      page.onerror = reject;
    });
    expect(page.protocol).toBe('voicebridge.events.v1');
    const sameSite = await readBySocket(rig.url, '', { headers: { ...bearer, origin: rig.url } });
    const foreign = { ...bearer, origin: 'https://evil.example' };
    await expect(readBySocket(rig.url, '', { headers: foreign })).rejects.toEqual(refused(403));

    const third = await readBySse(rig.url, '', bearer);
    await expect(readBySse(rig.url, '', bearer)).rejects.toEqual(refused(503));
    await expect(readBySocket(rig.url, '', { headers: bearer })).rejects.toEqual(refused(503));
    third.close();
    await expect
      .poll(() =>
        readBySse(rig.url, '', bearer)
          .then((r) => r.close())
          .then(() => 'taken'),
      )
      .toBe('taken');
    page.close();
    sameSite.close();
    expect(JSON.stringify(rig.lines)).not.toContain(TOKEN);
  });
});
