import { expect, it } from 'vitest';
import { Clearing } from '../../../../src/callers/livekit/http/clearing.ts';
import { BridgeError } from '../../../../src/errors.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { fakeLog } from '../../../fakes/legs.ts';
import { FakeServer, member } from './rooms-rig.ts';

/** A server of which every question is counted, and what is left in rooms that are over. */
function rig() {
  const clock = new FakeClock();
  const server = new FakeServer();
  const counts = new Map<string, number>();
  const log = fakeLog();
  const agents = new Map<string, string>();
  let tries = 0;
  const remove = server.remove.bind(server);
  server.remove = async (name) => {
    tries++;
    await remove(name);
  };
  const clearing = new Clearing({
    server,
    agentIn: async (roomName) => agents.get(roomName),
    clock,
    log,
    metrics: { count: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1) },
    random: () => 1,
  });
  const code = (callId: string) => {
    try {
      clearing.check(callId);
      return undefined;
    } catch (error) {
      return (error as BridgeError).code;
    }
  };
  return { clock, server, clearing, agents, log, code, tries: () => tries, counts: () => Object.fromEntries(counts) };
}

const room = { roomName: 'r', sid: 'RM_r', callId: 'c' };

it('deletes a room at once, and one that cannot be deleted when the server is there again', async () => {
  const { clock, server, clearing, code, tries, counts } = rig();
  await clearing.deleteRoom({ ...room, roomName: 'well' });
  expect([server.removed, clock.pending, code('c')]).toEqual([['well'], 0, undefined]);
  server.rooms.set('r', '');
  server.down = true;
  await clearing.deleteRoom(room);
  expect(code('c')).toBe('LIVEKIT_UNREACHABLE');
  // After 1, 2, 4 and 8 s; the room is looked for before each.
  await clock.advanceAsync(14_000, 500);
  expect(counts()).toEqual({ delete_retried: 4 });
  server.down = false;
  await clock.advanceAsync(3_000, 500);
  expect([server.removed, tries(), clock.pending, code('c')]).toEqual([['well', 'r'], 3, 0, undefined]);
  expect(counts()).toEqual({ delete_retried: 4 });
});

it('gives up after five minutes, counts it once, and has nothing that waits', async () => {
  const { clock, server, clearing, code, counts, log } = rig();
  server.down = true;
  await clearing.deleteRoom(room);
  await clearing.hangUp(room, member('sip_1'));
  await clock.advanceAsync(270_000, 1_000);
  expect([counts().delete_failed, counts().put_out_failed]).toEqual([undefined, undefined]);
  await clock.advanceAsync(30_000, 1_000);
  // Pauses of 1, 2, 4, 8, 16 s, and of 30 s for what is left.
  expect(counts()).toEqual({ delete_retried: 13, delete_failed: 1, put_out_retried: 13, put_out_failed: 1 });
  expect([clock.pending, code('c')]).toEqual([0, undefined]);
  expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(4);
});

it('says that the server refuses where it is that', async () => {
  const { server, clearing, code } = rig();
  server.remove = async () => {
    throw new BridgeError('LIVEKIT_REFUSED', 'wrong key', { status: 502 });
  };
  await clearing.deleteRoom(room);
  expect([code('c'), code('other')]).toEqual(['LIVEKIT_REFUSED', undefined]);
});

it('tries once where nobody is in the room', async () => {
  const { clock, server, clearing, counts } = rig();
  server.down = true;
  await clearing.deleteRoom(room, { isEmpty: true });
  expect([counts(), clock.pending]).toEqual([{ delete_failed: 1 }, 0]);
});

it.each([
  ['the agent is there again', 'RM_r', 'other', 0],
  ['it is another room of the same name', 'RM_anew', undefined, 0],
  ['it is still the same room', 'RM_r', undefined, 1],
  ['it is the same room, and the call has not let go of it yet', 'RM_r', 'c', 1],
] as const)('looks before it deletes again: %s', async (_, sid, agent, deleted) => {
  const { clock, server, clearing, agents } = rig();
  server.down = true;
  await clearing.deleteRoom(room);
  server.down = false;
  server.find = async (name) => ({ sid, name, metadata: '' });
  if (agent !== undefined) agents.set('r', agent);
  await clock.advanceAsync(60_000, 500);
  expect([server.removed.length, clock.pending]).toEqual([deleted, 0]);
});

it.each([
  ['is still there', member('sip_1'), undefined, 1],
  ['has called anew', member('sip_1', 'sip', 'PA_anew'), undefined, 0],
  ['has hung up', member('sip_2'), undefined, 0],
  ['has the agent again', member('sip_1'), 'other', 0],
] as const)('looks before it hangs a telephone up again: it %s', async (_, there, agent, hungUp) => {
  const { clock, server, clearing, agents } = rig();
  server.down = true;
  await clearing.hangUp(room, member('sip_1'));
  server.down = false;
  server.there.set('r', [there]);
  if (agent !== undefined) agents.set('r', agent);
  await clock.advanceAsync(60_000, 500);
  expect([server.putOut.length, clock.pending]).toEqual([hungUp, 0]);
});

it('tries once more what waits when it is closed, and once what comes after it', async () => {
  const { clock, server, clearing, counts, tries } = rig();
  server.rooms.set('r', '');
  server.down = true;
  await clearing.deleteRoom({ roomName: 'r', callId: 'c' });
  await clearing.deleteRoom({ roomName: 'lost', callId: 'd' });
  server.down = false;
  const remove = server.remove.bind(server);
  server.remove = async (name) => {
    if (name === 'lost') throw new BridgeError('LIVEKIT_UNREACHABLE', 'down');
    await remove(name);
  };
  await clearing.close();
  expect([server.removed, clock.pending, tries()]).toEqual([['r'], 0, 3]);
  expect(counts()).toEqual({ delete_retried: 2, delete_failed: 1 });
  server.down = true;
  await clearing.deleteRoom({ roomName: 'late' });
  expect([counts().delete_failed, clock.pending]).toEqual([2, 0]);
});

it('waits for a thousand at most: whatever is beyond them is tried once', async () => {
  const { clock, server, clearing, counts } = rig();
  server.down = true;
  for (let i = 0; i < 1_002; i++) await clearing.deleteRoom({ roomName: `r${i}` });
  expect([clock.pending, counts()]).toEqual([1_000, { delete_retried: 1_000, delete_failed: 2 }]);
  await clearing.close();
  expect(clock.pending).toBe(0);
});
