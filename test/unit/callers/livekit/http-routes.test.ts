import { TokenVerifier } from 'livekit-server-sdk';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../../src/errors.ts';
import { AloneFleet } from '../../../../src/fleet/alone.ts';
import { LocalMemory } from '../../../../src/memory/local.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { failingMemory } from '../../../fakes/memory.ts';
import { person } from '../../../fakes/room.ts';
import { livekitRig, member, TOKEN } from './rooms-rig.ts';

const anna = person('a', { name: 'Anna' });
const verifier = new TokenVerifier('APIkey', 'secret-of-32-characters-and-more');

describe('POST /livekit/create-room', () => {
  it('makes a room with the agent in it, and gives a token for this room alone, for an hour at most', async () => {
    const { post, server, rooms, status } = await livekitRig();
    const {
      status: code,
      body,
      headers,
    } = await post('create-room', {
      participantName: 'Anna',
      agentId: 'sales',
      voiceLanguage: 'de-de',
      tenantId: 'acme',
    });
    expect(code).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(Object.keys(body).sort()).toEqual(['accessToken', 'connectionId', 'roomName', 'serverUrl', 'status']);
    expect(body).toMatchObject({ serverUrl: 'wss://livekit.example.com', status: 'created' });
    expect([...server.rooms.keys()]).toEqual([body.roomName]);
    expect(rooms.asked).toMatchObject([{ roomName: body.roomName, url: 'ws://127.0.0.1:7880', audio: 'mix' }]);
    const claims = await verifier.verify(body.accessToken);
    expect(claims.name).toBe('Anna');
    expect(claims.exp! - claims.nbf!).toBeLessThanOrEqual(3_600);
    expect(claims.video).toEqual({
      room: body.roomName,
      roomJoin: true,
      canPublish: true,
      canSubscribe: true,
      canPublishData: true,
      canUpdateOwnMetadata: false,
    });
    const agent = await verifier.verify(await rooms.asked[0]!.token());
    expect(agent).toMatchObject({ kind: 'agent', name: 'Agent', video: { room: body.roomName, roomJoin: true } });
    expect(agent.sub).not.toBe(claims.sub);
    expect(await status(body.connectionId)).toMatchObject({
      status: 'waiting',
      participants: [],
      tenantId: 'acme',
      origin: 'create-room',
      agent: { state: 'initializing' },
    });
  });

  it('asks for the model when somebody comes, with the prompt and the language that were asked for', async () => {
    const { post, rooms, infos, assigned, running, settle, status } = await livekitRig();
    const { body } = await post('create-room', { agentId: 'sales', voiceLanguage: 'de-de', tenantId: 'acme' });
    await settle();
    expect(infos).toEqual([]);
    rooms.made[0]!.comes(anna);
    await settle();
    expect(assigned).toMatchObject([
      { facts: { carrier: 'livekit', direction: 'inbound' }, overrides: { prompt: 'sales', language: 'de-DE' } },
    ]);
    expect(infos).toMatchObject([
      { id: body.connectionId, carrier: 'livekit', from: 'room:a', conversationId: body.roomName, tenantId: 'acme' },
    ]);
    expect(running.get(body.connectionId)?.leg?.kind).toBe('livekit');
    rooms.made[0]!.comes(person('b'));
    await settle();
    expect(infos).toHaveLength(1);
    expect(await status(body.connectionId)).toMatchObject({
      status: 'active',
      participants: [
        { identity: 'a', name: 'Anna', kind: 'standard', microphone: 'live' },
        { identity: 'b', name: 'b' },
      ],
    });
  });

  it('knows a telephone by its number, and which number it called', async () => {
    const { post, rooms, infos, assigned, settle } = await livekitRig();
    await post('create-room', {});
    const attributes = { 'sip.phoneNumber': '+12025550143', 'sip.trunkPhoneNumber': '+12025550199' };
    rooms.made[0]!.comes(person('sip_1', { kind: 'sip', attributes }));
    await settle();
    expect(infos).toMatchObject([{ from: '+12025550143', to: '+12025550199', callerKind: 'number' }]);
    expect(assigned[0]!.facts.to).toEqual({ kind: 'number', number: '+12025550199' });
  });

  it.each([
    [{ participantName: '' }],
    [{ participantName: 'x'.repeat(65) }],
    [{ participantName: 'two\nlines' }],
    [{ voiceLanguage: 'klingonese' }],
    [{ voiceLanguage: 'de_DE' }],
    [{ tenantId: 'a b' }],
    [{ agentId: '../x' }],
    [{ audio: 'loudest' }],
    [[]],
  ])('refuses %j, and takes nothing for it', async (body) => {
    const { post, rooms, server } = await livekitRig();
    expect(await post('create-room', body)).toMatchObject({
      status: 400,
      body: { error: { code: 'REQUEST_INVALID' } },
    });
    expect([rooms.asked.length, server.rooms.size]).toEqual([0, 0]);
  });

  it('tells which prompts there are where there is none of the name', async () => {
    const { post } = await livekitRig();
    expect(await post('create-room', { agentId: 'nobody' })).toMatchObject({
      status: 404,
      body: { error: { code: 'PROMPT_UNKNOWN', agents: ['default', 'sales', 'secret'] } },
    });
  });

  it('needs the admin token, and lets strangers create rooms within their limits alone', async () => {
    const closed = await livekitRig();
    expect(await closed.post('create-room', {}, {})).toMatchObject({ status: 401 });
    const { post, ask } = await livekitRig({ access: 'public', strangers: 4 });
    expect(await post('create-room', { agentId: 'secret' }, {})).toMatchObject({
      status: 404,
      body: { error: { agents: ['sales'] } },
    });
    expect(await post('create-room', { audio: 'pick' }, {})).toMatchObject({ status: 403 });
    const mine = await post('create-room', { agentId: 'sales' }, {});
    expect(mine).toMatchObject({ status: 200 });
    // One address has a quarter of what may wait.
    expect(await post('create-room', {}, {})).toMatchObject({
      status: 429,
      body: { error: { code: 'NO_MORE_CALLS' } },
    });
    const theirs = await post('create-room', {});
    expect(await post('join-room', { roomName: theirs.body.roomName }, {})).toMatchObject({
      status: 403,
      body: { error: { code: 'LIVEKIT_FORBIDDEN' } },
    });
    expect(await post('join-room', { roomName: mine.body.roomName, participantName: 'Ben' }, {})).toMatchObject({
      status: 200,
      body: { connectionId: mine.body.connectionId },
    });
    expect((await ask('GET', '/livekit/stats', undefined, {})).status).toBe(401);
    expect(await post('create-room', {}, { origin: 'https://evil.example' })).toMatchObject({
      status: 403,
      body: { error: { code: 'ORIGIN_REFUSED' } },
    });
  });

  it('lets strangers end and look at what strangers made alone, also when it is over', async () => {
    const { post, ask } = await livekitRig({ access: 'public' });
    const theirs = (await post('create-room', {})).body.connectionId;
    const mine = (await post('create-room', {}, {})).body.connectionId;
    const look = async (id: string) => (await ask('GET', `/livekit/connection-status/${id}`, undefined, {})).status;
    const end = async (id: string, headers?: object) => (await post('end-call', { connectionId: id }, headers)).status;
    expect([await look(theirs), await end(theirs, {}), await look(mine), await end(mine, {})]).toEqual([
      404, 404, 200, 200,
    ]);
    expect((await ask('GET', `/livekit/connection-status/${theirs}`)).body).toMatchObject({ status: 'waiting' });
    expect(await end(theirs)).toBe(200);
    expect([await look(theirs), await end(theirs, {}), await look(mine), await end(mine)]).toEqual([
      404, 404, 200, 200,
    ]);
  });

  it('the agent is called by no name that says the connection, and by the same for each of its tokens', async () => {
    const { post, rooms } = await livekitRig();
    const { connectionId } = (await post('create-room', {})).body;
    await post('create-room', {});
    const names: string[] = [];
    for (const { token } of [rooms.asked[0]!, rooms.asked[0]!, rooms.asked[1]!])
      names.push((await verifier.verify(await token())).sub ?? '');
    expect(names[0]).toMatch(/^agent-[\w-]{12}$/);
    expect(names[0]).not.toContain(connectionId);
    expect([names[1] === names[0], names[2] === names[0]]).toEqual([true, false]);
  });

  it('counts the rooms of a tenant', async () => {
    const { post } = await livekitRig({ perTenant: 1 });
    const first = await post('create-room', { tenantId: 'acme' });
    expect(await post('create-room', { tenantId: 'acme' })).toMatchObject({
      status: 429,
      body: { error: { code: 'LIVEKIT_TENANT_FULL' } },
    });
    expect(await post('create-room', { tenantId: 'other' })).toMatchObject({ status: 200 });
    await post('end-call', { connectionId: first.body.connectionId });
    expect(await post('create-room', { tenantId: 'acme' })).toMatchObject({ status: 200 });
  });

  it('counts the rooms of a tenant over all processes that share the memory, and those of one that died for half a minute', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const instance = (self: string) =>
      livekitRig({
        perTenant: 2,
        memory,
        fleet: new AloneFleet({ self, clock, calls: () => 0, maxCalls: 10, isDraining: () => false }),
      });
    const [one, two] = [await instance('one'), await instance('two')];
    const theirs = { tenantId: 'acme' };
    const first = await one.post('create-room', theirs);
    two.server.rooms.set('of-others', '');
    expect(await two.post('join-room', { roomName: 'of-others', ...theirs })).toMatchObject({ status: 200 });
    const full = { status: 429, body: { error: { code: 'LIVEKIT_TENANT_FULL' } } };
    for (const { post } of [one, two]) {
      expect(await post('create-room', theirs)).toMatchObject(full);
      expect(await post('create-room', { tenantId: 'other' })).toMatchObject({ status: 200 });
    }
    // Where it is already it takes no further place.
    expect(await two.post('join-room', { roomName: 'of-others', ...theirs })).toMatchObject({ status: 200 });
    await one.post('end-call', { connectionId: first.body.connectionId });
    expect(await two.post('create-room', theirs)).toMatchObject({ status: 200 });
    expect(await one.post('create-room', theirs)).toMatchObject(full);
    // The clock by which the other one renews stands still: it died.
    await clock.advance(30_001);
    expect(await one.post('create-room', theirs)).toMatchObject({ status: 200 });
  });

  it('keeps the place of a room that goes on, and none of one that did not come about', async () => {
    const { post, rooms, clock, settle } = await livekitRig({ perTenant: 1 });
    const theirs = { tenantId: 'acme' };
    rooms.refusal = new BridgeError('LIVEKIT_REFUSED', 'no');
    expect(await post('create-room', theirs)).toMatchObject({ status: 502 });
    rooms.refusal = undefined;
    expect(await post('create-room', theirs)).toMatchObject({ status: 200 });
    await clock.advance(120_000);
    await settle();
    expect(await post('create-room', theirs)).toMatchObject({ status: 429 });
  });

  it('takes a room that cannot be counted', async () => {
    const { memory } = failingMemory();
    const { post, log } = await livekitRig({ perTenant: 1, memory });
    for (let i = 0; i < 2; i++) expect(await post('create-room', { tenantId: 'acme' })).toMatchObject({ status: 200 });
    expect(log.lines.map(({ message }) => message)).toContain('a room cannot be counted for the limit of its tenant');
  });

  it('lets no more people into a room of strangers than talk with one another', async () => {
    const { post, server } = await livekitRig({ access: 'public' });
    const strangers = (await post('create-room', {}, {})).body.roomName;
    const operators = (await post('create-room', {})).body.roomName;
    // The server counts no agents: https://github.com/livekit/livekit/blob/v1.13.5/pkg/rtc/room.go
    expect([server.made.get(strangers)?.most, server.made.get(operators)?.most]).toEqual([20, undefined]);
  });

  it('has the server keep the room for longer than the agent stays in it, before anybody comes and when all have left', async () => {
    const { post, server } = await livekitRig({ joinMs: 600_000, leaveMs: 3_600_000 });
    const { roomName } = (await post('create-room', {})).body;
    expect(server.made.get(roomName)).toEqual({ emptySeconds: 660, departureSeconds: 3_660 });
  });

  it('takes no tenant from strangers, who may say any: no record, status, figure or limit has it', async () => {
    const { post, rooms, infos, registry, ask, status, settle } = await livekitRig({ perTenant: 1, access: 'public' });
    const strangers = await post('create-room', { tenantId: 'acme' }, {});
    expect(strangers).toMatchObject({ status: 200 });
    rooms.made[0]!.comes(anna);
    await settle();
    expect(infos).toHaveLength(1);
    expect(infos[0]).not.toHaveProperty('tenantId');
    expect(await status(strangers.body.connectionId)).not.toHaveProperty('tenantId');
    expect((await ask('GET', '/livekit/stats')).body.tenants).toEqual({});
    expect(await registry.metrics()).not.toContain('acme');
    // Nobody is kept out by it.
    expect(await post('create-room', { tenantId: 'acme' })).toMatchObject({ status: 200 });
    expect(await post('create-room', { tenantId: 'acme' })).toMatchObject({ status: 429 });
    expect(await registry.metrics()).toContain('voicebridge_livekit_rooms{tenant="acme"} 1');
  });

  it('leaves nothing where the agent cannot come, or the server is away', async () => {
    const { post, rooms, server, ask, clock } = await livekitRig({}, { maxCalls: 1 });
    rooms.refusal = new BridgeError('LIVEKIT_UNAVAILABLE', 'no binary');
    expect(await post('create-room', {})).toMatchObject({
      status: 503,
      body: { error: { code: 'LIVEKIT_UNAVAILABLE' } },
    });
    expect(server.rooms.size).toBe(0);
    rooms.refusal = new BridgeError('LIVEKIT_REFUSED', 'no');
    expect(await post('create-room', {})).toMatchObject({ status: 502 });
    server.down = true;
    expect(await post('create-room', {})).toMatchObject({
      status: 503,
      body: { error: { code: 'LIVEKIT_UNREACHABLE' } },
    });
    server.down = false;
    rooms.refusal = undefined;
    expect(clock.pending).toBe(0);
    // The only place is free again.
    expect(await post('create-room', {})).toMatchObject({ status: 200 });
    expect((await ask('GET', '/livekit/stats')).body).toMatchObject({
      rooms: { waiting: 1 },
      total: { created: 4, failed: 3 },
    });
  });
});

describe('POST /livekit/end-call', () => {
  it('does not call a room gone that is still there: it says so until it is deleted, by itself', async () => {
    const { post, server, status, clock, settle, registry } = await livekitRig();
    const { connectionId, roomName } = (await post('create-room', {})).body;
    server.down = true;
    for (const _time of [1, 2])
      expect(await post('end-call', { connectionId })).toMatchObject({
        status: 503,
        body: { error: { code: 'LIVEKIT_UNREACHABLE' } },
      });
    expect(await status(connectionId)).toMatchObject({ status: 'ended' });
    server.down = false;
    clock.advance(1_000);
    await settle();
    expect(server.removed).toEqual([roomName]);
    expect(await post('end-call', { connectionId })).toMatchObject({ status: 200, body: { status: 'ended' } });
    expect(clock.pending).toBe(0);
    const text = await registry.metrics();
    expect([text.includes('event="delete_retried"} 1'), text.includes('event="delete_failed"} 0')]).toEqual([
      true,
      true,
    ]);
  });

  it('leaves the room of others that was made again under its name meanwhile', async () => {
    const { post, server, clock, settle } = await livekitRig();
    server.rooms.set('theirs', '');
    const { connectionId } = (await post('join-room', { roomName: 'theirs' })).body;
    server.down = true;
    expect(await post('end-call', { connectionId })).toMatchObject({ status: 503 });
    server.down = false;
    server.find = async (name) => ({ sid: 'RM_anew', name, metadata: '' });
    clock.advance(1_000);
    await settle();
    expect(server.removed).toEqual([]);
    expect(await post('end-call', { connectionId })).toMatchObject({ status: 200 });
    expect(clock.pending).toBe(0);
  });

  it('leaves the room of others to the server where it was joined again, and may be another', async () => {
    const { post, server, rooms, clock, settle } = await livekitRig();
    server.rooms.set('theirs', '');
    const { connectionId } = (await post('join-room', { roomName: 'theirs' })).body;
    rooms.made[0]!.handlers.link('reconnecting');
    rooms.made[0]!.handlers.link('rejoined');
    server.down = true;
    await post('end-call', { connectionId });
    server.down = false;
    clock.advance(60_000);
    await settle();
    expect([server.removed, clock.pending]).toEqual([[], 0]);
  });

  it('leaves nothing that waits when the daemon closes, which tries once more', async () => {
    const { post, server, clock, livekit, settle } = await livekitRig();
    const { connectionId, roomName } = (await post('create-room', {})).body;
    server.down = true;
    expect(await post('end-call', { connectionId })).toMatchObject({ status: 503 });
    server.down = false;
    await livekit.close();
    expect(server.removed).toEqual([roomName]);
    expect(clock.pending).toBe(0);
    clock.advance(60_000);
    await settle();
    expect(server.removed).toEqual([roomName]);
  });
});

describe('POST /livekit/join-room', () => {
  it('brings the agent once, however many ask at once, and gives tokens where they are asked for', async () => {
    const { post, rooms, server } = await livekitRig();
    server.rooms.set('theirs', '');
    const [one, two] = await Promise.all([
      post('join-room', { roomName: 'theirs' }),
      post('join-room', { roomName: 'theirs', participantName: 'Ben', audio: 'pick' }),
    ]);
    expect([one!.status, two!.status]).toEqual([200, 200]);
    expect(one!.body.connectionId).toBe(two!.body.connectionId);
    expect(one!.body.accessToken).toBeUndefined();
    expect((await verifier.verify(two!.body.accessToken)).video?.room).toBe('theirs');
    expect(rooms.asked).toHaveLength(1);
    const again = await post('join-room', { roomName: 'theirs' });
    expect(again.body.connectionId).toBe(one!.body.connectionId);
    expect(rooms.asked).toHaveLength(1);
  });

  it('finds no room that there is not', async () => {
    const { post, rooms } = await livekitRig();
    expect(await post('join-room', { roomName: 'nowhere' })).toMatchObject({
      status: 404,
      body: { error: { code: 'LIVEKIT_ROOM_UNKNOWN' } },
    });
    expect(rooms.asked).toEqual([]);
    expect(await post('join-room', { roomName: 'bad\u0000name' })).toMatchObject({ status: 400 });
  });

  it.each([
    ['of LiveKit’s SIP', 'support-_+12025550143_RM7xQ2'],
    ['with spaces and signs', 'Zimmer (1. Stock), #4 & "groß" / 会議室 👋🏽'],
    ['as long as the server takes one', 'x'.repeat(256)],
  ])('brings the agent into a room of a name %s, and the call is that conversation’s', async (_what, roomName) => {
    const { post, rooms, server, infos, settle } = await livekitRig();
    server.rooms.set(roomName, '');
    rooms.there = [anna];
    const { status, body } = await post('join-room', { roomName, participantName: 'Ben' });
    expect([status, body.roomName]).toEqual([200, roomName]);
    expect((await verifier.verify(body.accessToken)).video?.room).toBe(roomName);
    await settle();
    expect(infos).toMatchObject([{ conversationId: roomName }]);
  });

  it.each([[''], ['x'.repeat(257)], ['two\nlines'], ['two\u2028lines'], ['half \ud83d'], ['bell\u0007']])(
    'takes %j for no name',
    async (roomName) => {
      const { post, rooms, server } = await livekitRig();
      server.rooms.set(roomName, '');
      expect(await post('join-room', { roomName })).toMatchObject({
        status: 400,
        body: { error: { code: 'REQUEST_INVALID' } },
      });
      expect(rooms.asked).toEqual([]);
    },
  );

  it('does not come again to a room that was made here, whoever asks: its tokens outlive its call, and its limits do not', async () => {
    const { post, rooms, server, registry } = await livekitRig({ access: 'public' });
    const { connectionId, roomName } = (await post('create-room', {}, {})).body;
    await post('end-call', { connectionId }, {});
    // Whoever comes by his token makes it anew.
    server.rooms.set(roomName, '');
    expect(await post('join-room', { roomName })).toMatchObject({
      status: 409,
      body: { error: { code: 'LIVEKIT_ROOM_OVER' } },
    });
    expect((await post('join-room', { roomName }, {})).status).toBe(403);
    expect(rooms.asked).toHaveLength(1);
    expect(await registry.metrics()).toContain('event="room_over"} 1');
  });

  it('leaves the room of others where it is when its call ends, unless the end of it was asked for', async () => {
    const { post, server, rooms, settle, hangUp } = await livekitRig();
    for (const end of ['by the agent', 'asked for']) {
      server.rooms.set('theirs', '');
      rooms.there = [anna];
      const { body } = await post('join-room', { roomName: 'theirs' });
      await settle();
      if (end === 'asked for') await post('end-call', { connectionId: body.connectionId });
      else await hangUp(body.connectionId);
      await settle();
      expect([end, server.rooms.has('theirs')]).toEqual([end, end === 'by the agent']);
    }
    expect(rooms.made.map(({ closed }) => closed.length)).toEqual([1, 1]);
  });

  it.each(['by the agent', 'asked for'] as const)(
    'has everybody out of a room that is deleted before the agent leaves it, whose end is %s',
    async (end) => {
      const { post, server, rooms, settle, hangUp, clock } = await livekitRig();
      rooms.there = [anna, person('ben')];
      const { body } = await post('create-room', {});
      await settle();
      const [room] = rooms.made;
      const agentAt: number[] = [];
      const putOut = server.removeParticipant.bind(server);
      server.removeParticipant = async (name, identity) => {
        agentAt.push(room!.closed.length);
        await putOut(name, identity);
        // The second of them is not answered: the agent does not stay for it.
        if (agentAt.length === 2) await new Promise(() => {});
      };
      const ended =
        end === 'asked for' ? post('end-call', { connectionId: body.connectionId }) : hangUp(body.connectionId);
      await settle();
      expect(server.putOut).toEqual([`a of ${body.roomName}`, `ben of ${body.roomName}`]);
      expect([agentAt, room!.closed.length, server.removed]).toEqual([[0, 0], 0, []]);
      clock.advance(2_000);
      await settle();
      await ended;
      expect([room!.closed.length, server.removed]).toEqual([1, [body.roomName]]);
    },
  );

  const phones = ['sip_1', 'sip_2'].map((identity) => person(identity, { kind: 'sip' }));
  const others = [person('ben'), person('sip_1', { kind: 'sip' })];
  it.each([
    ['hung up when the agent leaves', phones, 'agent', ['sip_1 of theirs', 'sip_2 of theirs']],
    ['not where somebody else is there to talk to', others, 'agent', []],
    ['not where the agent was put out', phones, 'removed', []],
    ['not where the room is gone', phones, 'room-deleted', []],
    ['but where the process of the room died', phones, 'worker-lost', ['sip_1 of theirs', 'sip_2 of theirs']],
  ] as const)('telephones in the room of others are %s', async (_what, there, why, putOut) => {
    const { post, server, rooms, settle, hangUp } = await livekitRig();
    server.rooms.set('theirs', '');
    rooms.there = [...there];
    const { body } = await post('join-room', { roomName: 'theirs' });
    await settle();
    const [room] = rooms.made;
    if (why !== 'agent') room!.ends(why);
    // What was told of the room's end is the call's to end by.
    await hangUp(body.connectionId);
    await settle();
    expect(server.putOut).toEqual(putOut);
    expect([room!.closed.length, server.rooms.has('theirs')]).toEqual([1, true]);
  });

  it.each([
    ['hung up as soon as it can be', 'PA_sip_1', ['sip_1 of theirs', 'sip_2 of theirs']],
    ['left alone where it has called anew', 'PA_other', ['sip_2 of theirs']],
  ])(
    'a telephone that the way to the server is cut to is %s, and the call does not wait for it',
    async (_, sid, out) => {
      const { post, server, rooms, settle, hangUp, status, registry, clock } = await livekitRig();
      server.rooms.set('theirs', '');
      rooms.there = phones;
      const { body } = await post('join-room', { roomName: 'theirs' });
      await settle();
      server.down = true;
      await hangUp(body.connectionId);
      await settle();
      expect(await status(body.connectionId)).toMatchObject({ status: 'ended' });
      expect(await registry.metrics()).toContain('event="put_out_retried"} 2');
      server.down = false;
      server.there.set('theirs', [member('sip_1', 'sip', sid), member('sip_2')]);
      clock.advance(1_000);
      await settle();
      // Each is tried again by itself, after a pause that is drawn.
      expect(server.putOut.toSorted()).toEqual(out);
      expect(clock.pending).toBe(0);
      expect(await registry.metrics()).toContain('event="put_out_failed"} 0');
    },
  );
});

it('a server that was away is seen in the status, and counted though nobody looked', async () => {
  const { post, rooms, clock, status, settle } = await livekitRig();
  const { body } = await post('create-room', {});
  const { handlers } = rooms.made[0]!;
  rooms.made[0]!.comes(anna);
  await settle();
  handlers.link('reconnecting');
  handlers.link('resumed');
  clock.advance(1_000);
  handlers.link('reconnecting');
  const away = clock.wall();
  clock.advance(5_000);
  expect(await status(body.connectionId)).toMatchObject({
    status: 'reconnecting',
    since: away,
    participants: [{ name: 'Anna' }],
    counters: { reconnects: 2 },
  });
  handlers.link('rejoined');
  expect(await status(body.connectionId)).toMatchObject({ status: 'active' });
});

describe('the end of a connection', () => {
  it('frees all, answers how it ended, and for ten minutes what it was', async () => {
    const { post, rooms, server, running, settle, clock, status, ask } = await livekitRig();
    const { body } = await post('create-room', { participantName: 'Anna' });
    rooms.made[0]!.comes(anna);
    await settle();
    const ended = await post('end-call', { connectionId: body.connectionId });
    expect(ended).toMatchObject({
      status: 200,
      body: { status: 'ended', end: { result: 'success', reason: 'caller-hangup' }, participants: [] },
    });
    expect([running.size, server.rooms.size, clock.pending]).toEqual([0, 0, 0]);
    expect(rooms.made[0]!.closed).toHaveLength(1);
    expect(await post('end-call', { connectionId: body.connectionId })).toMatchObject({
      status: 200,
      body: { status: 'ended' },
    });
    clock.advance(599_000);
    expect(await status(body.connectionId)).toMatchObject({ status: 'ended' });
    clock.advance(1_000);
    const gone = await ask('GET', `/livekit/connection-status/${body.connectionId}`);
    expect(gone).toMatchObject({ status: 404, body: { error: { code: 'LIVEKIT_CONNECTION_UNKNOWN' } } });
    expect(await post('end-call', { connectionId: body.connectionId })).toMatchObject({ status: 404 });
    expect(await post('end-call', { connectionId: 'x' })).toMatchObject({ status: 400 });
  });

  it('comes by itself where nobody comes, the last one left, or nothing happens, and the room is deleted', async () => {
    const { post, rooms, server, settle, clock, status, running } = await livekitRig();
    const alone = await post('create-room', {});
    clock.advance(300_000);
    await settle();
    expect(await status(alone.body.connectionId)).toMatchObject({ status: 'ended', end: { reason: 'no-stream' } });
    expect(server.rooms.size).toBe(0);

    const left = await post('create-room', {});
    rooms.made[1]!.comes(anna);
    await settle();
    const leg = running.get(left.body.connectionId)!.leg!;
    expect(leg.kind).toBe('livekit');
    rooms.made[1]!.goes(anna);
    clock.advance(20_000);
    await settle();
    // The fake of the call does not start the leg: that its end ends the call is the call's, and its test's.
    await running.get(left.body.connectionId)!.end({ result: 'success', reason: 'caller-hangup' });
    await settle();
    expect(await status(left.body.connectionId)).toMatchObject({ status: 'ended' });
    expect(server.rooms.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('while the agent is still on its way lets it not come', async () => {
    const { post, rooms, ask, server, settle } = await livekitRig();
    const gate = Promise.withResolvers<void>();
    rooms.gate = gate.promise;
    const creating = post('create-room', {});
    await settle();
    const { rooms: now } = (await ask('GET', '/livekit/stats')).body;
    expect(now.created).toBe(1);
    const [room] = [...server.rooms.keys()];
    const joining = post('join-room', { roomName: room! });
    await settle();
    rooms.refusal = new BridgeError('LIVEKIT_WORKER_FAILED', 'gone');
    gate.resolve();
    expect((await creating).status).toBe(503);
    expect((await joining).status).toBe(503);
    expect(server.rooms.size).toBe(0);
  });

  it('comes with the daemon, for all', async () => {
    const { post, rooms, server, livekit, clock } = await livekitRig();
    await post('create-room', {});
    await post('create-room', {});
    await livekit.close();
    expect(server.rooms.size).toBe(0);
    expect(rooms.made.every(({ closed }) => closed.length === 1)).toBe(true);
    expect(rooms.closed).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('tells of no more than it remembers, and its metrics of tenants that are bounded', async () => {
    const { post, registry, ask } = await livekitRig({}, { maxCalls: 200 });
    for (let i = 0; i < 60; i++) {
      const { body } = await post('create-room', { tenantId: `t${i}` });
      await registry.metrics();
      await post('end-call', { connectionId: body.connectionId });
    }
    await post('create-room', { tenantId: 't59' });
    const text = await registry.metrics();
    expect(text).toContain('voicebridge_livekit_rooms{tenant="(other)"} 1');
    expect(text).not.toContain('tenant="t59"');
    expect(text).toContain('voicebridge_livekit_events_total{event="created"} 61');
    expect((await ask('GET', '/livekit/stats')).body).toMatchObject({ tenants: { t59: 1 }, workers: [] });
  });
});

it('the admin token is looked at even where anybody may ask', async () => {
  const { post } = await livekitRig({ access: 'public' });
  expect(await post('create-room', {}, { authorization: `Bearer ${TOKEN}x` })).toMatchObject({ status: 401 });
});

it.each(['admin', 'public'] as const)('are in the OpenAPI document with who may ask: %s', async (access) => {
  const { ask } = await livekitRig({ access });
  const { paths } = (await ask('GET', '/openapi.json')).body;
  const told = Object.entries<Record<string, { security: unknown[]; responses: object }>>(paths)
    .filter(([path]) => path.startsWith('/livekit/'))
    .map(([path, methods]) => `${Object.keys(methods)[0]} ${path} ${Object.values(methods)[0]!.security.length}`);
  const [asked, ours] = [access === 'admin' ? 1 : 2, 1];
  expect(told.sort()).toEqual([
    `get /livekit/connection-status/{id} ${asked}`,
    `get /livekit/stats ${ours}`,
    `post /livekit/create-room ${asked}`,
    `post /livekit/end-call ${asked}`,
    `post /livekit/join-room ${asked}`,
  ]);
});

it('strangers are counted as those who call from pages, and a backend with the admin token is not', async () => {
  const { post, app } = await livekitRig({ access: 'public' });
  const charged: string[] = [];
  app.charge = (_request, limit) => void charged.push(limit);
  await post('create-room', {});
  await post('join-room', { roomName: 'r' });
  expect(charged).toEqual([]);
  await post('create-room', {}, {});
  await post('join-room', { roomName: 'r' }, {});
  expect(charged).toEqual(['browser-call', 'browser-call']);
});

it.each(['draining', 'broken'] as const)(
  'who came hears why nothing answers before the room is closed: %s',
  async (why) => {
    const apology = { samples: new Int16Array(24_000), sampleRate: 24_000 };
    const { post, rooms, state, status, clock, settle, server } = await livekitRig({ apology });
    const { connectionId, roomName } = (await post('create-room', {})).body;
    state[why] = true;
    const [room] = rooms.made;
    room!.comes(anna);
    await settle();
    expect((await status(connectionId)).status).toBe('waiting');
    const pass = async (ms: number) => {
      for (let at = 0; at < ms; at += 100) {
        clock.advance(100);
        await settle();
      }
    };
    await pass(1_500);
    expect(room!.states).toContain('speaking');
    expect(server.removed).toEqual([]);
    await pass(1_000);
    expect(room!.heard).toBe(24_000);
    expect((await status(connectionId)).status).toBe('ended');
    expect(server.removed).toEqual([roomName]);
  },
);
