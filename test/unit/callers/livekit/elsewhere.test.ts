import { createHash } from 'node:crypto';
import { AccessToken } from 'livekit-server-sdk';
import { expect, it } from 'vitest';
import { termination } from '../../../../src/call/termination.ts';
import { LocalMemory } from '../../../../src/memory/local.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { person } from '../../../fakes/room.ts';
import { member, Network } from '../../fleet/rig.ts';
import { FakeServer, livekitRig } from './rooms-rig.ts';

/** What the server tells of somebody in a room: the body and its headers. */
async function told(event: string, name: string, sid = `RM_${name}`) {
  const news = { event, room: { sid, name }, participant: { identity: 'a' } };
  const token = new AccessToken('APIkey', 'secret-of-32-characters-and-more', { ttl: 300 });
  token.sha256 = createHash('sha256').update(JSON.stringify(news)).digest('base64');
  return [news, { authorization: await token.toJwt(), 'content-type': 'application/webhook+json' }] as const;
}

/** Two processes with rooms of one server, and one memory. */
async function two(options: Parameters<typeof livekitRig>[0] = {}) {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  const network = new Network();
  const server = new FakeServer();
  const made: Array<Awaited<ReturnType<typeof livekitRig>>> = [];
  for (const name of ['one', 'other']) {
    const { fleet } = await member(name, { memory, network, clock });
    made.push(await livekitRig({ ...options, clock, memory, fleet, server }));
  }
  const [one, other] = made as [(typeof made)[0], (typeof made)[0]];
  /** The server tells both of a room. */
  const tell = async (event: string, name: string) => {
    const [payload, headers] = await told(event, name);
    await Promise.all(made.map(({ app }) => app.inject({ method: 'POST', url: '/livekit/webhook', headers, payload })));
    await one.settle();
    await one.settle();
  };
  const agents = () => [...one.rooms.asked, ...other.rooms.asked].map(({ roomName }) => roomName);
  return { clock, memory, server, one, other, tell, agents };
}

it('two processes that are told of one room bring one agent, and both know its connection', async () => {
  const { server, one, other, tell, agents } = await two();
  server.rooms.set('support-1', '');
  await tell('room_started', 'support-1');
  await tell('participant_joined', 'support-1');
  expect(agents()).toEqual(['support-1']);
  const asked = await Promise.all(
    [one, other].map(({ post }) => post('join-room', { roomName: 'support-1', participantName: 'Ann' })),
  );
  expect(asked.map(({ status }) => status)).toEqual([200, 200]);
  expect(new Set(asked.map(({ body }) => body.connectionId)).size).toBe(1);
  expect(asked.every(({ body }) => typeof body.accessToken === 'string')).toBe(true);
  expect(agents()).toEqual(['support-1']);
});

it('a connection is asked for and ended at any process, for ten minutes after its end, too', async () => {
  const { clock, server, one, other, agents } = await two();
  const { connectionId, roomName } = (await one.post('create-room', {})).body;
  expect(await other.status(connectionId)).toMatchObject({ status: 'waiting', roomName });
  expect((await other.ask('GET', '/livekit/stats')).body).toMatchObject({
    rooms: { waiting: 1 },
    total: { created: 1 },
  });
  expect(await other.post('end-call', { connectionId })).toMatchObject({ status: 200, body: { status: 'ended' } });
  expect(server.removed).toEqual([roomName]);
  expect(await one.status(connectionId)).toMatchObject({ status: 'ended' });
  expect(await other.status(connectionId)).toMatchObject({ status: 'ended' });
  clock.advance(700_000);
  expect((await other.ask('GET', `/livekit/connection-status/${connectionId}`)).status).toBe(404);
  expect(agents()).toHaveLength(1);
});

it('a room is free again when its connection is over, and when the process that had it has died', async () => {
  const { clock, memory, server, one, other, agents } = await two();
  server.rooms.set('r', '');
  const { connectionId } = (await one.post('join-room', { roomName: 'r' })).body;
  // Renewed for as long as it lasts.
  for (let s = 0; s < 120; s += 10) {
    clock.advance(10_000);
    await one.settle();
  }
  expect((await other.post('join-room', { roomName: 'r' })).body).toEqual(expect.objectContaining({ connectionId }));
  await one.post('end-call', { connectionId });
  server.rooms.set('r', '');
  await other.post('join-room', { roomName: 'r' });
  expect(agents()).toEqual(['r', 'r']);

  server.rooms.set('s', '');
  const claims = memory.space({ name: 'livekit-rooms', most: 1 });
  await claims.put('s', { instance: 'dead', connectionId: 'x', operator: true }, 30_000);
  expect((await one.post('join-room', { roomName: 's' })).body.connectionId).toBe('x');
  clock.advance(30_001);
  expect((await one.post('join-room', { roomName: 's' })).body.connectionId).not.toBe('x');
});

it('a room that another process is just leaving is nobody’s to hand tokens for, and whoever joins it gets the agent when it has left', async () => {
  const { clock, server, one, other, agents } = await two();
  server.rooms.set('support-1', '');
  await one.post('join-room', { roomName: 'support-1' });
  const left = Promise.withResolvers<void>();
  one.rooms.made[0]!.close = () => left.promise;
  one.rooms.made[0]!.ends('room-deleted');
  await one.settle();
  expect(await other.post('join-room', { roomName: 'support-1', participantName: 'Ben' })).toMatchObject({
    status: 409,
    body: { error: { code: 'LIVEKIT_CLOSING' } },
  });
  await other.post('webhook', ...(await told('participant_joined', 'support-1', 'RM_made-again')));
  await other.settle();
  left.resolve();
  for (let i = 0; i < 3; i++) {
    await other.settle();
    clock.advance(500);
  }
  await other.settle();
  expect(agents()).toEqual(['support-1', 'support-1']);
});

it('what one process left no other is brought back to by an event, and one that never came in may come yet', async () => {
  const { server, one, other, tell, agents } = await two();
  server.rooms.set('support-1', '');
  one.rooms.refusal = new Error('no worker');
  other.rooms.refusal = new Error('no worker');
  await tell('room_started', 'support-1');
  one.rooms.refusal = undefined;
  other.rooms.refusal = undefined;
  const before = agents().length;
  one.rooms.there = [person('a')];
  other.rooms.there = [person('a')];
  await tell('participant_joined', 'support-1');
  expect(agents().length).toBe(before + 1);
  const [id] = [...one.running.keys(), ...other.running.keys()];
  await (one.running.get(id!) ?? other.running.get(id!))!.end(termination('agent-hangup'));
  await one.settle();
  await tell('participant_joined', 'support-1');
  expect(agents().length).toBe(before + 1);
});

it('a stranger may bring another into a room of strangers that another process has, and into no other', async () => {
  const { one, other } = await two({ access: 'public' });
  const strangers = (await one.post('create-room', {}, {})).body.roomName;
  expect((await other.post('join-room', { roomName: strangers, participantName: 'B' }, {})).status).not.toBe(403);
  const { roomName: operators, connectionId } = (await one.post('create-room', {})).body;
  expect((await other.post('join-room', { roomName: operators, participantName: 'B' }, {})).status).toBe(403);
  // Nor end it, or look at it, where it came to know of its id.
  expect((await other.post('end-call', { connectionId }, {})).status).toBe(404);
  expect((await other.ask('GET', `/livekit/connection-status/${connectionId}`, undefined, {})).status).toBe(404);
  expect((await other.ask('GET', `/livekit/connection-status/${connectionId}`)).body.status).toBe('waiting');
});
