import { AccessToken, RoomServiceClient, type VideoGrant } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { runCheck } from '../../src/doctor/check.ts';
import type { DoctorDeps } from '../../src/doctor/deps.ts';
import { livekitChecks } from '../../src/doctor/livekit.ts';
import { type LiveKitServer, People } from '../../src/simulator/livekit/index.ts';
import { toneSource } from '../../src/simulator/phone/source.ts';
import { RoomServer } from '../../src/transport/room-server.ts';
import { freeTcpPort } from './doctor-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';

/** A real LiveKit server tells the daemon of rooms that others make, and people come to them with tokens of their own. */

if (noLiveKit !== undefined) process.stdout.write(`SKIPPED: ${noLiveKit}\n`);

describe.skipIf(noLiveKit !== undefined)('rooms of others', () => {
  let server: LiveKitServer;
  let rig: Rig;
  let people: People;
  let api: RoomServiceClient;

  beforeAll(async () => {
    const port = await freeTcpPort();
    const started = startLiveKit({ webhooks: [`http://127.0.0.1:${port}/livekit/webhook`] });
    [server, people] = await Promise.all([started, People.start()]);
    rig = await startRig({
      settings: {
        PORT: String(port),
        LIVEKIT_ENABLED: 'true',
        LIVEKIT_SERVER_URL: server.url,
        LIVEKIT_API_KEY: server.apiKey,
        LIVEKIT_API_SECRET: server.apiSecret,
        LIVEKIT_ROOM_PATTERN: 'support-*',
        LIVEKIT_LEAVE_SECONDS: '1',
        LIVEKIT_TENANT_ROOMS: '1',
      },
    });
    api = new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret);
  }, 60_000);
  afterAll(async () => {
    await rig?.close();
    await people?.close();
    await server?.stop();
  });

  const token = async (
    room: string,
    identity: string,
    more: { name?: string; kind?: string; attributes?: Record<string, string>; grant?: VideoGrant } = {},
  ) => {
    const { kind, grant, ...options } = more;
    const pass = new AccessToken(server.apiKey, server.apiSecret, { identity, ttl: 300, ...options });
    if (kind !== undefined) pass.kind = kind;
    pass.addGrant({ roomJoin: true, room, ...grant });
    return pass.toJwt();
  };
  const agentsIn = async (room: string) =>
    (await api.listParticipants(room)).filter(({ identity }) => identity.startsWith('agent-'));
  const eventually = async <T>(look: () => Promise<T | undefined | false>, what: string): Promise<T> => {
    const end = performance.now() + 15_000;
    for (;;) {
      const found = await look().catch(() => undefined);
      if (found) return found;
      if (performance.now() > end) throw new Error(`not seen: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('the server tells of a room, the agent comes to it, and two people there are written down by their names', async () => {
    const room = 'support-4711';
    await api.createRoom({ name: room, metadata: JSON.stringify({ tenantId: 'acme', voiceLanguage: 'de' }) });
    await eventually(async () => (await agentsIn(room)).length === 1, 'the agent in the room');

    const [anna, ben] = await Promise.all([
      token(room, 'a-1', { name: 'Anna' }).then((pass) => people.join({ url: server.url, token: pass })),
      token(room, 'b-1', { name: 'Ben' }).then((pass) => people.join({ url: server.url, token: pass })),
    ]);
    /** Waits until the agent has spoken since Ben was told so many of its states, and listens. */
    const heardOut = (since: number) =>
      until(() => {
        const states = ben.agentStates.slice(since);
        return states.includes('speaking') && states.at(-1) === 'listening';
      }, 'words of the agent');
    const written = () =>
      rig
        .agentEvents('transcript')
        .filter(({ role, final }) => role === 'caller' && final)
        .map(({ by }) => (by as { name: string } | undefined)?.name);
    await heardOut(0);
    for (const [person, hz] of [
      [anna, 440],
      [ben, 880],
    ] as const) {
      const states = ben.agentStates.length;
      await person.say(toneSource(hz, { ms: 1_200 }));
      await heardOut(states);
    }
    await until(() => written().length === 2, 'both turns written down', 20_000);
    expect(written()).toEqual(['Anna', 'Ben']);
    // In the room each line is its speaker's own, and the agent's are the agent's.
    const lines = await until(() => {
      const finals = anna.transcripts.filter(({ isFinal }) => isFinal);
      return finals.some(({ identity }) => identity === 'b-1') && finals;
    }, "Ben's words in the room");
    expect(new Set(lines.map(({ identity }) => identity.replace(/^agent-.*/, 'agent')))).toEqual(
      new Set(['agent', 'a-1', 'b-1']),
    );
    expect(ben.agentStates).toEqual(expect.arrayContaining(['listening', 'thinking', 'speaking']));
    // The model was told that it is another, once.
    const told = rig
      .of('caller')
      .flatMap(({ event }) => (event.type === 'speaker' && event.told ? [event.by.name] : []));
    expect(told).toContain('Ben');

    await anna.chat('What did Ben say?');
    const typed = await until(
      () =>
        rig
          .of('caller')
          .map(({ event }) => event)
          .find(({ type }) => type === 'text'),
      'the line that Anna wrote',
    );
    expect(typed).toMatchObject({ text: 'What did Ben say?', by: { identity: 'a-1', name: 'Anna' } });

    const [{ info }] = rig.of('call_started') as [(typeof rig.events)[number] & { info: { id: string } }];
    expect(info).toMatchObject({ carrier: 'livekit', conversationId: room, tenantId: 'acme' });
    // Both leave: the agent goes, and the room is its maker's.
    await Promise.all([anna.leave(), ben.leave()]);
    const { end } = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    await eventually(async () => (await agentsIn(room)).length === 0, 'the room without the agent');
    const records = await eventually(async () => {
      const found = (await (await askAsOperator(`${rig.url}/records?tenantId=acme`)).json()) as {
        records: Array<{ id: string; endedAt: unknown }>;
      };
      return found.records[0]?.endedAt ? found.records : undefined;
    }, 'the record');
    expect(records.map(({ id }) => id)).toEqual([info.id]);
  }, 60_000);

  it('a telephone that SIP brings is its number, and its keys are keys; the end that is asked for leaves no room', async () => {
    const room = 'support-_+12025550143_RM7xQ2';
    rig.events.length = 0;
    const attributes = {
      'sip.phoneNumber': '+12025550143',
      'sip.trunkPhoneNumber': '+12025550199',
      'sip.callID': 'SC1',
    };
    const phone = await people.join({
      url: server.url,
      token: await token(room, 'sip_1', { kind: 'sip', attributes }),
    });
    const { info } = await until(() => rig.of('call_started')[0], 'the call', 15_000);
    expect(info).toMatchObject({ from: '+12025550143', to: '+12025550199', callerKind: 'number' });
    await until(() => rig.of('connected')[0], 'both ends');
    await phone.press('5#');
    await until(() => rig.of('caller').filter(({ event }) => event.type === 'dtmf').length === 2, 'the keys');
    const ended = await askAsOperator(`${rig.url}/livekit/end-call`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ connectionId: info.id }),
    });
    expect(await ended.json()).toMatchObject({ status: 'ended', origin: 'webhook' });
    expect((await api.listRooms([room])).length).toBe(0);
    await expect(phone.gone).resolves.toMatch(/REMOVED/);
  }, 60_000);

  it('a telephone is greeted when it is answered, not while it rings', async () => {
    const room = 'support-ringing';
    rig.events.length = 0;
    const attributes = { 'sip.phoneNumber': '+12025550145', 'sip.callID': 'SC3', 'sip.callStatus': 'ringing' };
    const pass = await token(room, 'sip_3', { kind: 'sip', attributes });
    const phone = await people.join({ url: server.url, token: pass });
    await eventually(async () => (await agentsIn(room)).length === 1, 'the agent in the room');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(rig.of('call_started')).toEqual([]);
    await api.updateParticipant(room, 'sip_3', { attributes: { 'sip.callStatus': 'active' } });
    const { info } = await until(() => rig.of('call_started')[0], 'the call');
    expect(info).toMatchObject({ from: '+12025550145', conversationId: room });
    await phone.leave();
    await until(() => rig.of('call_ended')[0], 'the end of the call');
  }, 60_000);

  it('a telephone is hung up when the agent hangs up, and the room is its maker’s', async () => {
    const room = 'support-hung-up';
    rig.events.length = 0;
    const attributes = { 'sip.phoneNumber': '+12025550144', 'sip.callID': 'SC2', 'sip.callStatus': 'active' };
    const phone = await people.join({
      url: server.url,
      token: await token(room, 'sip_2', { kind: 'sip', attributes }),
    });
    const { info } = await until(() => rig.of('call_started')[0], 'the call', 15_000);
    await until(() => rig.of('connected')[0], 'both ends');
    const ended = await askAsOperator(`${rig.url}/calls/${info.id}/hangup`, { method: 'POST' });
    expect(ended.status).toBeLessThan(300);
    await expect(phone.gone).resolves.toMatch(/REMOVED/);
    expect(await agentsIn(room)).toEqual([]);
    expect((await api.listRooms([room])).length).toBe(1);
  }, 60_000);

  it('a telephone for which there is no place is hung up, rather than left in silence', async () => {
    const [taken, full] = ['support-taken', 'support-full'];
    const metadata = JSON.stringify({ tenantId: 'small' });
    await api.createRoom({ name: taken, metadata });
    await eventually(async () => (await agentsIn(taken)).length === 1, 'the agent in the room');
    await api.createRoom({ name: full, metadata });
    const attributes = { 'sip.phoneNumber': '+12025550146', 'sip.callID': 'SC4', 'sip.callStatus': 'active' };
    const phone = await people.join({
      url: server.url,
      token: await token(full, 'sip_4', { kind: 'sip', attributes }),
    });
    await expect(phone.gone).resolves.toMatch(/REMOVED/);
    expect(await agentsIn(full)).toEqual([]);
    const text = await (await fetch(`${rig.url}/metrics`)).text();
    expect(text).toContain('voicebridge_livekit_events_total{event="phone_stranded"} 1');
    await Promise.all([api.deleteRoom(taken), api.deleteRoom(full)]);
  }, 60_000);

  it('who may only look on is no person: no call begins with him, and the agent does not stay for him', async () => {
    const room = 'support-watched';
    rig.events.length = 0;
    await api.createRoom({ name: room });
    await eventually(async () => (await agentsIn(room)).length === 1, 'the agent in the room');
    // Another agent, who is told of whom ours is told of.
    const witness = await people.join({
      url: server.url,
      token: await token(room, 'witness', { kind: 'agent' }),
      microphone: 'none',
    });
    const grant = { canPublish: false, canPublishData: false };
    const eva = await people.join({
      url: server.url,
      token: await token(room, 'eva', { grant }),
      microphone: 'none',
    });
    await until(() => witness.of('came').some(({ seen }) => seen.identity === 'eva'), 'eva in the room');
    const ben = await people.join({ url: server.url, token: await token(room, 'ben', { name: 'Ben' }) });
    await until(() => rig.of('connected')[0], 'the call', 15_000);
    expect(rig.of('call_started')).toMatchObject([{ info: { conversationId: room, from: 'room:ben' } }]);
    await ben.leave();
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    const came = rig.of('caller').flatMap(({ event }) => (event.type === 'participant' ? [event.who.identity] : []));
    expect(new Set(came)).toEqual(new Set(['ben']));
    await eventually(async () => (await agentsIn(room)).length === 0, 'the room without the agent');
    await Promise.all([eva.leave(), witness.leave()]);
  }, 60_000);

  it('a room of another name is let be, and no webhook is believed that the server did not sign', async () => {
    await api.createRoom({ name: 'private' });
    const forged = await fetch(`${rig.url}/livekit/webhook`, {
      method: 'POST',
      headers: { authorization: await token('support-9', 'x') },
      body: JSON.stringify({ event: 'room_started', room: { name: 'support-9', sid: 'RM_9' } }),
    });
    expect(forged.status).toBe(401);
    await eventually(
      async () =>
        /voicebridge_livekit_events_total\{event="webhook_not_ours"\} [1-9]/.test(
          await (await fetch(`${rig.url}/metrics`)).text(),
        ),
      'the webhook of a room that is not ours',
    );
    expect(await agentsIn('private')).toEqual([]);
  });

  it('a room of strangers is for twenty people, one of operators for any number, and the server keeps both for longer than the agent stays', async () => {
    const open = await startRig({
      settings: {
        LIVEKIT_ENABLED: 'true',
        LIVEKIT_ACCESS: 'public',
        LIVEKIT_SERVER_URL: server.url,
        LIVEKIT_API_KEY: server.apiKey,
        LIVEKIT_API_SECRET: server.apiSecret,
      },
    });
    try {
      const made = async (ask: (url: string, init: RequestInit) => Promise<Response>) => {
        const headers = { 'content-type': 'application/json' };
        const answer = await ask(`${open.url}/livekit/create-room`, { method: 'POST', headers, body: '{}' });
        const { roomName } = (await answer.json()) as { roomName: string };
        const [room] = await api.listRooms([roomName]);
        return [room?.maxParticipants, room?.emptyTimeout, room?.departureTimeout];
      };
      // The server's times are longer than the agent's, of 300 and 20 s.
      expect([await made(fetch), await made(askAsOperator)]).toEqual([
        [20, 360, 80],
        [0, 360, 80],
      ]);
    } finally {
      await open.close();
    }
  }, 60_000);

  it('the server counts people in a room that is for so many, and no agents', async () => {
    const room = 'for-one';
    await new RoomServer(server).create(room, { emptySeconds: 60, departureSeconds: 60, most: 1 });
    const agent = await people.join({
      url: server.url,
      token: await token(room, 'agent-1', { kind: 'agent' }),
      microphone: 'none',
    });
    const enter = async (identity: string) =>
      people.join({ url: server.url, token: await token(room, identity), microphone: 'none' });
    const first = await enter('a');
    await expect(enter('b')).rejects.toThrow();
    const there = (await api.listParticipants(room)).map(({ identity }) => identity);
    expect(there.sort()).toEqual(['a', 'agent-1']);
    await Promise.all([first.leave(), agent.leave()]);
  }, 60_000);

  it('a key that the server does not take is an error at the start, and readiness is degraded by it', async () => {
    const wrong = await startRig({
      settings: {
        LIVEKIT_ENABLED: 'true',
        LIVEKIT_SERVER_URL: server.url,
        LIVEKIT_API_KEY: server.apiKey,
        LIVEKIT_API_SECRET: 'another-secret-of-32-characters-and-more',
      },
    });
    try {
      const ready = async () => (await (await fetch(`${wrong.url}/health/ready`)).json()) as { status: string };
      await eventually(async () => (await ready()).status === 'degraded', 'readiness to be degraded');
      const status = await (await askAsOperator(`${wrong.url}/status`)).json();
      expect(status).toMatchObject({ problems: [{ area: 'livekit', text: expect.stringContaining('the key') }] });
      expect(JSON.stringify(wrong.lines)).toContain('no room can be joined with the key that is set');
      expect(JSON.stringify(wrong.lines)).not.toContain('rooms can be joined');
    } finally {
      await wrong.close();
    }
    expect((await (await fetch(`${rig.url}/health/ready`)).json()) as object).toMatchObject({ status: 'ok' });
  }, 60_000);

  it('the doctor finds the server, the library and the key well, and says what is wrong with another', async () => {
    const looked = async (more: Record<string, unknown>) => {
      const config = {
        LIVEKIT_ENABLED: true,
        LIVEKIT_SERVER_URL: server.url,
        LIVEKIT_API_KEY: server.apiKey,
        LIVEKIT_API_SECRET: server.apiSecret,
        LIVEKIT_ROOM_PATTERN: [],
        ...more,
      };
      const results = [];
      for (const check of livekitChecks({ config, clock: systemClock, fetch } as unknown as DoctorDeps))
        results.push(await runCheck(check, systemClock));
      return results.map(({ status, name, detail }) => `${status} ${name.replace('livekit ', '')}: ${detail}`);
    };
    expect(await looked({})).toEqual([
      expect.stringMatching(/^pass library/),
      expect.stringMatching(/^pass server/),
      expect.stringMatching(/^pass key: the server takes the key; it has \d+ rooms?/),
      expect.stringMatching(/^skip webhook/),
    ]);
    const secret = 'another-secret-of-32-characters-and-more';
    expect(await looked({ LIVEKIT_API_SECRET: secret, LIVEKIT_ROOM_PATTERN: ['x-*'] })).toEqual([
      expect.stringMatching(/^pass library/),
      expect.stringMatching(/^pass server/),
      expect.stringMatching(/^fail key: LIVEKIT_REFUSED/),
      expect.stringMatching(/^warn webhook/),
    ]);
    const nowhere = await looked({ LIVEKIT_SERVER_URL: `ws://127.0.0.1:${await freeTcpPort()}` });
    expect(nowhere.slice(1, 3)).toEqual([
      expect.stringMatching(/^fail server/),
      expect.stringMatching(/^fail key: LIVEKIT_UNREACHABLE/),
    ]);
    expect(await looked({ LIVEKIT_ENABLED: false })).toEqual([expect.stringMatching(/^skip server/)]);
  }, 60_000);
});
