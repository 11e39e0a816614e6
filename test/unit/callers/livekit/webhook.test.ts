import { createHash } from 'node:crypto';
import { AccessToken } from 'livekit-server-sdk';
import { afterEach, expect, it, vi } from 'vitest';
import { termination } from '../../../../src/call/termination.ts';
import { BridgeError } from '../../../../src/errors.ts';
import { nameForAgent } from '../../../../src/transport/room-names.ts';
import { person } from '../../../fakes/room.ts';
import { seen } from '../../../integration/waiting.ts';
import { livekitRig, member } from './rooms-rig.ts';

/** A webhook as LiveKit's server sends it. */
async function signed(body: string, { secret = 'secret-of-32-characters-and-more', over = body } = {}) {
  const token = new AccessToken('APIkey', secret, { ttl: 300 });
  token.sha256 = createHash('sha256').update(over).digest('base64');
  return { authorization: await token.toJwt(), 'content-type': 'application/webhook+json' };
}

async function rig(...options: Parameters<typeof livekitRig>) {
  const made = await livekitRig(...options);
  const warn = vi.spyOn(made.app.log, 'warn');
  const tell = async (news: object | string, how?: Parameters<typeof signed>[1], header = 'authorization') => {
    const body = typeof news === 'string' ? news : JSON.stringify(news);
    const { authorization, ...headers } = await signed(body, how);
    const reply = await made.app.inject({
      method: 'POST',
      url: '/livekit/webhook',
      headers: { ...headers, [header]: authorization },
      payload: body,
    });
    await made.settle();
    return reply.statusCode;
  };
  /** What the routes warn of. */
  const warnings = () => warn.mock.calls as ReadonlyArray<readonly unknown[]>;
  return { ...made, tell, warnings };
}

afterEach(() => vi.restoreAllMocks());

const room = (name: string, more: object = {}) => ({ sid: `RM_${name}`, name, ...more });

it('brings the agent into rooms whose name fits, once, when they are started or somebody comes', async () => {
  const { tell, rooms, server, ask } = await rig();
  server.rooms.set('support-1', '');
  server.rooms.set('support-2', '');
  server.rooms.set('private', '');
  expect(await tell({ event: 'room_started', room: room('support-1') })).toBe(200);
  expect(await tell({ event: 'participant_joined', room: room('support-1'), participant: { identity: 'a' } })).toBe(
    200,
  );
  expect(
    await tell({ event: 'participant_joined', room: room('support-2'), participant: { identity: 'x', kind: 'AGENT' } }),
  ).toBe(200);
  const observer = { identity: 'o', permission: { canSubscribe: true } };
  expect(await tell({ event: 'participant_joined', room: room('support-2'), participant: observer })).toBe(200);
  expect(rooms.asked.map(({ roomName }) => roomName)).toEqual(['support-1']);
  await tell(
    { event: 'participant_joined', room: room('support-2'), participant: { identity: 's', kind: 'SIP' } },
    undefined,
    'authorize',
  );
  await tell({ event: 'room_started', room: room('private') });
  await tell({ event: 'track_published', room: room('support-3') });
  expect(rooms.asked.map(({ roomName }) => roomName)).toEqual(['support-1', 'support-2']);
  expect((await ask('GET', '/livekit/stats')).body.total).toMatchObject({ dispatched: 2 });
});

it('comes to no room that was made here, whoever made it anew with a token that outlived it, and to no agent’s', async () => {
  const { tell, rooms, server, post, registry } = await rig({ access: 'public', patterns: ['*'] });
  const { connectionId, roomName } = (await post('create-room', {}, {})).body;
  await post('end-call', { connectionId }, {});
  for (const name of [roomName, nameForAgent(connectionId)]) {
    server.rooms.set(name, '');
    await tell({ event: 'room_started', room: room(name) });
    await tell({ event: 'participant_joined', room: room(name), participant: { identity: 'a' } });
  }
  expect(rooms.asked).toHaveLength(1);
  expect(await registry.metrics()).toContain('event="webhook_own_room"} 4');
  // A name that looks alike is its maker's.
  server.rooms.set('room-AbCdEfGhIjKlMnOp', '');
  await tell({ event: 'room_started', room: room('room-AbCdEfGhIjKlMnOp') });
  expect(rooms.asked).toHaveLength(2);
});

it('comes to rooms as LiveKit’s SIP names them, and to none whose name is no line of text', async () => {
  const { tell, rooms, server, registry, warnings } = await rig({ patterns: ['support-_+1202*', 'Zimmer *'] });
  const names = ['support-_+12025550143_RM7xQ2', 'Zimmer (1. Stock)', 'Zimmer \u0000', `Zimmer ${'x'.repeat(250)}`];
  for (const name of names) {
    server.rooms.set(name, '');
    await tell({ event: 'room_started', room: room(name) });
  }
  expect(rooms.asked.map(({ roomName }) => roomName)).toEqual(names.slice(0, 2));
  expect(await registry.metrics()).toContain('event="webhook_name_refused"} 2');
  expect(warnings()).toEqual(Array.from({ length: 2 }, () => [{}, expect.stringContaining('whose name is too long')]));
});

it('takes each field of the metadata by itself, and says which it could not take, not what it says', async () => {
  const { tell, rooms, server, assigned, infos, settle, registry, warnings } = await rig();
  const told: ReadonlyArray<readonly [metadata: string, refused: readonly string[]]> = [
    ['{"agentId":"sales","voiceLanguage":"fr","tenantId":"two words","audio":"pick"}', ['tenantId']],
    [
      '{"agentId":7,"voiceLanguage":"de_DE","tenantId":"acme","audio":"loudest"}',
      ['agentId', 'voiceLanguage', 'audio'],
    ],
    ['{"agentId": "sales",}', ['metadata']],
    ['of somebody else', []],
    ['["sales"]', []],
  ];
  for (const [i, [metadata]] of told.entries()) {
    server.rooms.set(`support-${i}`, metadata);
    rooms.there = [person('a')];
    await tell({ event: 'room_started', room: room(`support-${i}`, { metadata }) });
    await settle();
  }
  expect(assigned.map(({ overrides }) => overrides)).toEqual([
    { prompt: 'sales', language: 'fr' },
    ...Array.from({ length: 4 }, () => ({ prompt: undefined, language: undefined })),
  ]);
  expect(rooms.asked.map(({ audio }) => audio)).toEqual(['pick', 'mix', 'mix', 'mix', 'mix']);
  expect(infos.map(({ tenantId }) => tenantId)).toEqual([undefined, 'acme', undefined, undefined, undefined]);
  expect(warnings().map(([fields]) => fields)).toEqual(told.flatMap(([, all]) => all.map((field) => ({ field }))));
  expect(await registry.metrics()).toContain('event="webhook_field_refused"} 5');
});

it('takes what the agent is to be from the metadata of the room, and lets be what is no such thing', async () => {
  const { tell, rooms, server, assigned, infos, settle } = await rig();
  for (const [name, metadata] of [
    ['support-1', JSON.stringify({ agentId: 'sales', voiceLanguage: 'fr', tenantId: 'acme', audio: 'pick', other: 1 })],
    ['support-2', '{"agentId":"nobody"}'],
    ['support-3', 'not json'],
    ['support-4', '{"tenantId":"two words"}'],
  ] as const) {
    server.rooms.set(name, metadata);
    rooms.there = [person('a')];
    await tell({ event: 'room_started', room: room(name, { metadata }) });
    await settle();
  }
  expect(rooms.asked.map(({ audio }) => audio)).toEqual(['pick', 'mix', 'mix', 'mix']);
  expect(assigned.map(({ overrides }) => overrides)).toMatchObject([
    { prompt: 'sales', language: 'fr' },
    { prompt: undefined },
    { prompt: undefined },
    { prompt: undefined },
  ]);
  expect(infos.map(({ tenantId }) => tenantId)).toEqual(['acme', undefined, undefined, undefined]);
});

it('does not come back into a room that it left while people stayed, but comes again when all had left', async () => {
  const { tell, rooms, server, settle, hangUp, infos, clock, running } = await rig();
  server.rooms.set('support-1', '');
  const joined = { event: 'participant_joined', room: room('support-1'), participant: { identity: 'a' } };
  rooms.there = [person('a')];
  await tell(joined);
  await hangUp(infos[0]!.id);
  await settle();
  await tell(joined);
  expect(rooms.asked).toHaveLength(1);

  server.rooms.set('support-2', '');
  const other = { event: 'participant_joined', room: room('support-2'), participant: { identity: 'b' } };
  rooms.there = [person('b')];
  await tell(other);
  rooms.made[1]!.goes(person('b'));
  clock.advance(20_000);
  await settle();
  await running.get(infos[1]!.id)?.end({ result: 'success', reason: 'caller-hangup' });
  await settle();
  await tell(other);
  expect(rooms.asked).toHaveLength(3);
});

it.each([
  ['nobody had come for five minutes', undefined],
  ['the server was gone', 'server-gone'],
  ['its audio stood still', 'media-stalled'],
  ['its process died', 'worker-lost'],
] as const)('comes again for whoever joins after it left because %s', async (_what, why) => {
  const { tell, rooms, server, clock, settle, infos, running } = await rig();
  server.rooms.set('support-1', '');
  if (why !== undefined) rooms.there = [person('a')];
  await tell({ event: 'room_started', room: room('support-1') });
  await seen(() => expect(rooms.made).toHaveLength(1));
  if (why === undefined) clock.advance(300_000);
  else {
    await seen(() => expect(infos).toHaveLength(1));
    rooms.made[0]!.ends(why);
    // The fake of the call is not told by the leg.
    await running.get(infos[0]!.id)!.end(termination(why === 'worker-lost' ? 'internal' : 'media-lost'));
  }
  await seen(() => expect(rooms.made[0]!.closed).toHaveLength(1));
  await settle();
  await tell({ event: 'participant_joined', room: room('support-1'), participant: { identity: 'b' } });
  await seen(() => expect(rooms.asked).toHaveLength(2));
});

it('comes again for who calls after the telephones were hung up with the call before', async () => {
  const { tell, rooms, server, settle, infos, hangUp } = await rig();
  server.rooms.set('support-1', '');
  rooms.there = [person('sip_1', { kind: 'sip' })];
  await tell({ event: 'room_started', room: room('support-1') });
  await seen(() => expect(infos).toHaveLength(1));
  await hangUp(infos[0]!.id);
  await settle();
  expect(server.putOut).toEqual(['sip_1 of support-1']);
  rooms.there = [];
  const participant = { identity: 'sip_2', kind: 'SIP' };
  await tell({ event: 'participant_joined', room: room('support-1'), participant });
  await seen(() => expect(rooms.asked).toHaveLength(2));
});

it('comes again for whoever joins while it is just leaving, when it has left', async () => {
  const { tell, rooms, server, settle } = await rig();
  server.rooms.set('support-1', '');
  await tell({ event: 'room_started', room: room('support-1') });
  const left = Promise.withResolvers<void>();
  rooms.made[0]!.close = () => left.promise;
  rooms.made[0]!.ends('room-deleted');
  await settle();
  // The same name again, by somebody who called anew at once.
  const again = room('support-1', { sid: 'RM_other' });
  expect(await tell({ event: 'room_started', room: again })).toBe(200);
  expect(await tell({ event: 'participant_joined', room: again, participant: { identity: 'b' } })).toBe(200);
  expect(rooms.asked).toHaveLength(1);
  left.resolve();
  await settle();
  expect(rooms.asked.map(({ roomName }) => roomName)).toEqual(['support-1', 'support-1']);
});

it('believes nothing that is not signed with the secret over this very body', async () => {
  const { tell, rooms, server, app, registry } = await rig();
  server.rooms.set('support-1', '');
  const news = { event: 'room_started', room: room('support-1') };
  expect(await tell(news, { secret: 'another-secret-of-32-characters-' })).toBe(401);
  expect(await tell(news, { over: 'another body' })).toBe(401);
  const bare = await app.inject({ method: 'POST', url: '/livekit/webhook', payload: JSON.stringify(news) });
  expect(bare.statusCode).toBe(401);
  // A participant's token is signed with the same secret.
  const pass = await server.token({ room: 'support-1', identity: 'x', name: 'x', ttlSeconds: 60 });
  const abused = await app.inject({
    method: 'POST',
    url: '/livekit/webhook',
    headers: { authorization: pass },
    payload: JSON.stringify(news),
  });
  expect(abused.statusCode).toBe(401);
  expect(await tell('no json')).toBe(400);
  expect(rooms.asked).toEqual([]);
  const text = await registry.metrics();
  expect(text).toContain('event="webhook_refused"} 4');
  expect(text).toContain('event="webhook_malformed"} 1');
});

const started = (name: string) => ({ event: 'room_started', room: room(name) });

it.each(['LIVEKIT_UNREACHABLE', 'LIVEKIT_WORKER_FAILED'] as const)(
  'tries again for whom it could not come at once, ever more seldom, until it is there: %s',
  async (code) => {
    const { tell, rooms, server, clock, settle, registry } = await rig();
    server.rooms.set('support-1', '');
    rooms.refusal = new BridgeError(code, 'not now');
    await tell(started('support-1'));
    const tries: number[] = [];
    for (let s = 0; s < 80; s++) {
      if (s === 45) rooms.refusal = undefined;
      clock.advance(1_000);
      await settle();
      tries.push(rooms.asked.length);
    }
    // Pauses of 1, 2, 4, 8, 16 s and then of 30 s at most, each shorter by chance by up to a half.
    expect(tries[2]).toBeGreaterThanOrEqual(2);
    expect(tries[44]).toBeGreaterThanOrEqual(6);
    expect(tries[44]).toBeLessThanOrEqual(8);
    await seen(() => expect(rooms.made).toHaveLength(1));
    const there = rooms.asked.length;
    clock.advance(100_000);
    await settle();
    expect(rooms.asked).toHaveLength(there);
    expect(await registry.metrics()).toContain(`event="webhook_retried"} ${there - 1}`);
  },
);

it.each(['LIVEKIT_UNREACHABLE', 'LIVEKIT_WORKER_FAILED'] as const)(
  'tries again where somebody came while it was on its way, and it did not arrive: %s',
  async (code) => {
    const { tell, rooms, server, clock, settle, registry } = await rig();
    server.rooms.set('support-1', '');
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    rooms.gate = gate;
    rooms.refusal = new BridgeError(code, 'not now');
    await tell(started('support-1'));
    await tell(called('support-1'));
    await tell({ event: 'participant_joined', room: room('support-1'), participant: { identity: 'b' } });
    expect(rooms.asked).toHaveLength(1);
    open();
    await settle();
    rooms.refusal = undefined;
    clock.advance(1_000);
    await settle();
    expect([rooms.asked.length, rooms.made.length]).toEqual([2, 1]);
    expect(await registry.metrics()).toContain('event="webhook_retried"} 1');
  },
);

it('hangs up the telephone that came while the agent was on its way as soon as that has failed, where it has waited long enough', async () => {
  const { tell, rooms, server, clock, settle } = await rig();
  server.rooms.set('support-1', '');
  server.there.set('support-1', [member('sip_1')]);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  rooms.gate = gate;
  rooms.refusal = new BridgeError('LIVEKIT_UNREACHABLE', 'no answer');
  await tell(started('support-1'));
  await tell(called('support-1'));
  clock.advance(10_000);
  await settle();
  expect(server.putOut).toEqual([]);
  open();
  await settle();
  expect(server.putOut).toEqual(['sip_1 of support-1']);
  clock.advance(60_000);
  await settle();
  expect(rooms.asked).toHaveLength(1);
});

it('hangs up the telephone that came while the agent was on its way, where it does not arrive for good', async () => {
  const { tell, rooms, server, settle, registry } = await rig();
  server.rooms.set('support-1', '');
  server.there.set('support-1', [member('sip_1')]);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  rooms.gate = gate;
  rooms.refusal = new BridgeError('LIVEKIT_REFUSED', 'wrong key');
  await tell(started('support-1'));
  await tell(called('support-1'));
  open();
  await settle();
  expect(server.putOut).toEqual(['sip_1 of support-1']);
  expect(await registry.metrics()).toContain('event="webhook_failed"} 1');
});

it('comes when a place is free again, and the one who waits is counted once as turned away', async () => {
  const { tell, rooms, server, clock, settle, post, refused } = await rig({}, { maxCalls: 1 });
  const { connectionId } = (await post('create-room', {})).body;
  server.rooms.set('support-1', '');
  await tell(started('support-1'));
  for (let s = 0; s < 20; s++) {
    clock.advance(1_000);
    await settle();
  }
  expect(rooms.made).toHaveLength(1);
  expect(refused).toMatchObject([{ carrier: 'livekit', reason: 'calls' }]);
  await post('end-call', { connectionId });
  clock.advance(30_000);
  await seen(() => expect(rooms.made).toHaveLength(2));
  expect(rooms.asked.at(-1)?.roomName).toBe('support-1');
});

it('stops trying when the room is gone, the agent is there, or five minutes are over, and tells of it once', async () => {
  const { tell, rooms, server, clock, settle, post, log, registry } = await rig();
  const pass = async (seconds: number) => {
    for (let s = 0; s < seconds; s++) {
      clock.advance(1_000);
      await settle();
    }
  };
  for (const name of ['support-1', 'support-2', 'support-3']) server.rooms.set(name, '');
  rooms.refusal = new BridgeError('LIVEKIT_UNREACHABLE', 'not now');
  for (const name of ['support-1', 'support-2', 'support-3', 'support-3']) await tell(started(name));
  server.rooms.delete('support-1');
  rooms.refusal = undefined;
  await post('join-room', { roomName: 'support-2' });
  rooms.refusal = new BridgeError('LIVEKIT_UNREACHABLE', 'not now');
  await pass(40);
  const names = () => rooms.asked.map(({ roomName }) => roomName);
  expect(names().filter((name) => name === 'support-1')).toHaveLength(1);
  expect(names().filter((name) => name === 'support-2')).toHaveLength(2);
  await pass(270);
  const tried = rooms.asked.length;
  await pass(60);
  expect(rooms.asked).toHaveLength(tried);
  const failed = log.lines.filter(({ message }) => message.includes('could not be brought into'));
  // The room that is gone, and the one that was tried for five minutes.
  expect(failed.filter(({ message }) => message.startsWith('a webhook'))).toHaveLength(2);
  expect(await registry.metrics()).toContain('event="webhook_failed"} 2');
  // The room with the agent is over, too, since nobody came: nothing waits any more.
  expect(clock.pending).toBe(0);
});

const called = (name: string) => ({
  event: 'participant_joined',
  room: room(name),
  participant: { identity: 'sip_1', kind: 'SIP' },
});

it('hangs up a telephone for which there is no place, after some seconds, and tries no more for a room that nobody waits in', async () => {
  const { tell, rooms, server, clock, settle, post, registry, log } = await rig({}, { maxCalls: 1 });
  const { connectionId } = (await post('create-room', {})).body;
  server.rooms.set('support-1', '');
  server.there.set('support-1', [member('sip_1')]);
  await tell(called('support-1'));
  const pass = async (seconds: number) => {
    for (let s = 0; s < seconds; s++) {
      clock.advance(1_000);
      await settle();
    }
  };
  await pass(4);
  expect(server.putOut).toEqual([]);
  await pass(1);
  expect(server.putOut).toEqual(['sip_1 of support-1']);
  const text = await registry.metrics();
  expect([text.includes('event="phone_stranded"} 1'), text.includes('event="webhook_failed"} 1')]).toEqual([
    true,
    true,
  ]);
  expect(log.lines.some(({ message }) => message.includes('the telephones in it are hung up'))).toBe(true);

  await post('end-call', { connectionId });
  await pass(60);
  expect(rooms.made).toHaveLength(1);
  // Who calls again finds the agent.
  server.there.set('support-1', [member('sip_1')]);
  await tell(called('support-1'));
  await seen(() => expect(rooms.made).toHaveLength(2));
  expect(server.putOut).toHaveLength(1);
});

it.each([
  ['somebody', 'standard'],
  ['the agent of others', 'agent'],
])('lets a telephone wait while %s is there to talk to, and hangs it up when it is alone', async (_who, kind) => {
  const { tell, server, clock, settle, post } = await rig({}, { maxCalls: 1 });
  await post('create-room', {});
  server.rooms.set('support-1', '');
  server.there.set('support-1', [member('sip_1'), member('ben', kind)]);
  await tell(called('support-1'));
  for (let s = 0; s < 40; s++) {
    clock.advance(1_000);
    await settle();
  }
  expect(server.putOut).toEqual([]);
  server.there.set('support-1', [member('sip_1')]);
  for (let s = 0; s < 30; s++) {
    clock.advance(1_000);
    await settle();
  }
  expect(server.putOut).toEqual(['sip_1 of support-1']);
});

it('hangs up telephones where the agent does not come for good, as soon as it can be known who is there', async () => {
  const { tell, rooms, server, clock, settle } = await rig();
  for (const name of ['support-1', 'support-2']) {
    server.rooms.set(name, '');
    // Whoever only looks on is nobody to talk to.
    server.there.set(name, [member('sip_1'), member('board', 'standard', 'PA_board', true)]);
  }
  rooms.refusal = new BridgeError('LIVEKIT_REFUSED', 'wrong key');
  await tell(called('support-1'));
  expect(server.putOut).toEqual(['sip_1 of support-1']);

  const look = server.participants.bind(server);
  server.participants = async () => {
    throw new BridgeError('LIVEKIT_UNREACHABLE', 'down', { status: 503 });
  };
  await tell(called('support-2'));
  expect(server.putOut).toHaveLength(1);
  server.participants = look;
  clock.advance(1_000);
  await settle();
  expect(server.putOut).toEqual(['sip_1 of support-1', 'sip_1 of support-2']);
  expect(clock.pending).toBe(0);
});

it('tries nothing when the daemon closes, and nothing that will not pass', async () => {
  const { tell, rooms, server, clock, settle, livekit } = await rig();
  server.rooms.set('support-1', '');
  server.rooms.set('support-2', '');
  rooms.refusal = new BridgeError('LIVEKIT_REFUSED', 'wrong key');
  await tell(started('support-1'));
  clock.advance(60_000);
  await settle();
  expect(rooms.asked).toHaveLength(1);
  rooms.refusal = new BridgeError('LIVEKIT_UNREACHABLE', 'not now');
  await tell(started('support-2'));
  await livekit.close();
  expect(clock.pending).toBe(0);
  clock.advance(60_000);
  await settle();
  expect(rooms.asked).toHaveLength(2);
});

it('survives a room that is gone meanwhile', async () => {
  const { tell, rooms, log } = await rig();
  expect(await tell({ event: 'room_started', room: room('support-9') })).toBe(200);
  expect(rooms.asked).toEqual([]);
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
