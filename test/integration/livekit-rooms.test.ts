import { readdirSync } from 'node:fs';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import type { Log } from '../../src/call/leg.ts';
import { makeSweep, sweepMs } from '../../src/media/sweep.ts';
import { isToneAlone, makeTone, toneLevel } from '../../src/media/tone.ts';
import { openRooms, type RoomsOptions } from '../../src/rooms/pool/rooms.ts';
import type { JoinRoom, Person, RoomConnection, RoomEnd, RoomHandlers, Rooms } from '../../src/rooms/room.ts';
import { People } from '../../src/simulator/livekit/people.ts';
import { soundsOn } from '../../src/simulator/livekit/tape.ts';
import { silenceSource, toneSource } from '../../src/simulator/phone/source.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { asked, sleep, until } from './rig.ts';

/** Rooms in worker processes against a real server, with people of LiveKit's own library. */

const RATE = 24_000;
/** Samples in so many ms. */
const ms = (n: number) => (n * RATE) / 1000;
/** A frame: when it came, and how much had come before it, ms. */
interface Came {
  readonly at: number;
  readonly behindMs: number;
}

/** Audio in so much time, 1 being as fast as it is played: from the most punctual frame of the first half to that of the last second, so that no stall of this process counts. */
function paceOf(came: readonly Came[]): number {
  const [from, to] = [came.slice(0, came.length / 2), came.slice(-50)].map((part) =>
    part.reduce((least, one) => (one.at - one.behindMs < least.at - least.behindMs ? one : least)),
  ) as [Came, Came];
  return (to.behindMs - from.behindMs) / (to.at - from.at);
}

const quietLog = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'child'].map((name) => [name, () => quietLog]),
) as unknown as Log;

if (noLiveKit !== undefined) process.stdout.write(`LiveKit's rooms are not tested: ${noLiveKit}\n`);

describe.skipIf(noLiveKit !== undefined)("rooms of LiveKit's", () => {
  let server: Awaited<ReturnType<typeof startLiveKit>>;
  let service: RoomServiceClient;
  let people: People;
  let rooms: Rooms;
  const pools: Rooms[] = [];

  const pool = (limits: RoomsOptions['limits'] = {}) => {
    const made = openRooms({ clock: systemClock, log: quietLog, limits });
    pools.push(made);
    return made;
  };

  beforeAll(async () => {
    [server, people] = await Promise.all([startLiveKit(), People.start()]);
    service = new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret);
    rooms = pool();
    await rooms.ready();
  }, 60_000);

  afterAll(async () => {
    await Promise.all([people?.close(), ...pools.map((one) => one.close())]);
    await server?.close();
  }, 30_000);

  async function token(room: string, identity: string, secret = server.apiSecret): Promise<string> {
    const made = new AccessToken(server.apiKey, secret, { identity, ttl: '10m' });
    if (identity === 'agent') made.kind = 'agent';
    made.addGrant({ roomJoin: true, room, canPublish: true, canSubscribe: true, canUpdateOwnMetadata: true });
    return made.toJwt();
  }

  /** The agent in a room, with what it heard. */
  async function agent(room: string, more: Partial<JoinRoom> = {}, from: Rooms = rooms) {
    const heard: number[] = [];
    const by: string[] = [];
    const told: string[] = [];
    const leftAt = new Map<string, number>();
    const ends: RoomEnd[] = [];
    const came: Came[] = [];
    const handlers: RoomHandlers = {
      audio(samples, speakers) {
        came.push({ at: performance.now(), behindMs: (heard.length * 1_000) / RATE });
        heard.push(...samples);
        by.push(speakers.map(({ identity }) => identity).join());
      },
      participant: (change, person: Person) => {
        told.push(`${person.identity} ${change} ${person.microphone}`);
        if (change === 'left') leftAt.set(person.identity, performance.now());
      },
      text: ({ identity, text }) => told.push(`${identity} writes ${text}`),
      digit: ({ identity, digit }) => told.push(`${identity} presses ${digit}`),
      link: (state) => told.push(state),
      ended: ({ reason }) => ends.push(reason),
    };
    const connection: RoomConnection = await from.join(
      {
        url: server.url,
        roomName: room,
        token: () => token(room, 'agent'),
        trackName: 'voice',
        audio: 'mix',
        rate: RATE,
        connectMs: 15_000,
        lostMs: 30_000,
        attributes: {},
        signal: new AbortController().signal,
        ...more,
      },
      handlers,
    );
    return {
      connection,
      heard,
      by,
      told,
      leftAt,
      ends,
      came,
      last: (n: number) => Int16Array.from(heard.slice(-ms(n))),
    };
  }

  const person = async (room: string, identity: string, hz?: number) =>
    people.join({
      url: server.url,
      token: await token(room, identity),
      source: hz === undefined ? silenceSource() : toneSource(hz, { dbfs: -20 }),
      keepsTape: true,
    });

  const alone = (samples: Int16Array, hz: number) => isToneAlone(samples, RATE, hz, { minDb: -30, maxOtherDb: -45 });
  /** The tone in these samples, in windows of 20 ms: from which to which it is heard, ms. */
  const tonePart = (samples: Int16Array, hz: number) => {
    const windows = Array.from({ length: Math.floor(samples.length / ms(10)) - 1 }, (_, i) =>
      toneLevel(samples.subarray(i * ms(10), i * ms(10) + ms(20)), RATE, hz),
    );
    return { from: windows.findIndex((dbfs) => dbfs > -30) * 10, to: windows.findLastIndex((dbfs) => dbfs > -30) * 10 };
  };

  it('carry tones both ways: everybody hears the agent alone, and the agent all that are there, late, muted, gone', async () => {
    const { connection, told, by, last, came } = await agent('tones');
    await sleep(300);
    expect(
      by.every((who) => who === ''),
      'nobody is there yet',
    ).toBe(true);
    const ann = await person('tones', 'ann', 700);
    await until(() => alone(last(400), 700), 'ann is heard alone');
    const bob = await person('tones', 'bob', 1_100);
    const both = () => [700, 1_100].every((hz) => toneLevel(last(200), RATE, hz) > -24);
    await until(both, 'both are heard');
    expect(told.filter((what) => what.startsWith('ann joined'))).toHaveLength(1);
    expect(by.at(-1)!.split(',').sort()).toEqual(['ann', 'bob']);

    await ann.mute();
    await until(() => alone(last(400), 1_100), 'bob is heard alone');
    await until(() => told.at(-1) === 'ann changed muted', 'it is told that ann is muted');
    await bob.leave();
    await until(() => told.includes('bob left none'), 'it is told that bob left');
    await until(() => last(200).every((sample) => sample === 0), 'it is silent');

    connection.write(makeTone(440, RATE, 1_000, -12));
    await until(() => connection.playout.playedMs() === 1_000, 'it is played');
    // As her library gives it out: her own process may stand still, which is no part of the way.
    const heard = await asked(async () => {
      const { samples } = await ann.tape();
      const { from, to } = tonePart(samples, 440);
      return to - from > 900 && samples.subarray(ms(from + 60), ms(to - 40));
    }, 'all of it to be heard');
    expect(alone(heard, 440)).toBe(true);
    // One frame every 20 ms, all the time.
    expect(paceOf(came)).toBeCloseTo(1, 1);
    await connection.close('the test is over');
    const there = async () => (await service.listParticipants('tones')).map(({ identity }) => identity).join();
    await asked(async () => (await there()) === 'ann', 'the agent to be gone');
    await ann.leave();
  }, 40_000);

  it('drop what was not played, know how far it was heard, and are silent at once', async () => {
    const { connection } = await agent('clear');
    const ann = await person('clear', 'ann');
    await sleep(500);
    const cuts: Array<{ at: number; played: number }> = [];
    for (let round = 0; round < 3; round++) {
      const playedBefore = connection.playout.playedMs();
      connection.write(makeSweep(RATE, 5_000));
      await until(() => connection.playout.playedMs() - playedBefore > 800, 'some of it is played');
      const at = performance.timeOrigin + performance.now() - ann.originMs;
      connection.clear();
      cuts.push({ at, played: connection.playout.playedMs() - playedBefore });
      expect(connection.playout.writtenMs()).toBe(connection.playout.playedMs());
      await sleep(800);
    }
    const tape = await ann.tape();
    const sounds = soundsOn(tape, RATE);
    const found = cuts.flatMap(({ at, played }) => {
      const sound = sounds.find(({ fromMs, toMs }) => fromMs < at && at < toMs + 20);
      return sound === undefined
        ? []
        : [{ off: sweepMs(tape.samples, sound.to, RATE) - played, after: sound.toMs - at }];
    });
    expect(found.length).toBe(cuts.length);
    const off = found.map((one) => one.off);
    const silentAfter = found.map(({ after }) => after);
    off.sort((a, b) => Math.abs(a) - Math.abs(b));
    silentAfter.sort((a, b) => a - b);
    expect(Math.abs(off[1]!), `heard differs by ${off.join()} ms`).toBeLessThanOrEqual(40);
    expect(silentAfter[1], `silent after ${silentAfter.join()} ms`).toBeLessThan(300);
    await Promise.all([connection.close('over'), ann.leave()]);
  }, 40_000);

  it('show what the agent says of itself and what is said, and hear keys and typed words', async () => {
    const { connection, told } = await agent('words', { attributes: { 'lk.agent.name': 'Ada' } });
    const ann = await person('words', 'ann', 700);
    await until(() => told.includes('ann joined live') || told.includes('ann changed live'), 'ann is there');
    connection.setState('listening');
    connection.transcript({ segmentId: 's1', identity: 'ann', text: 'good day', final: true });
    connection.transcript({ segmentId: 's2', identity: undefined, text: 'hello', final: false });
    await until(() => ann.transcripts.length === 2, 'both lines have come');
    expect(ann.transcripts).toMatchObject([
      { identity: 'ann', text: 'good day', segmentId: 's1', isFinal: true },
      { identity: 'agent', text: 'hello', segmentId: 's2', isFinal: false },
    ]);
    expect(ann.transcripts.every(({ trackId }) => trackId.startsWith('TR_'))).toBe(true);
    await until(() => ann.agentStates.at(-1) === 'listening', 'its state has come');
    expect(connection.sendDigit('x')).toBe(false);
    expect(connection.sendDigit('5')).toBe(true);
    await until(() => ann.of('digit').some(({ digit }) => digit === '5'), 'the key has come');
    await ann.press('7');
    await ann.chat('can you hear me?');
    await until(() => told.includes('ann presses 7') && told.includes('ann writes can you hear me?'), 'both have come');
    await Promise.all([connection.close('over'), ann.leave()]);
  }, 30_000);

  it('that cannot be had say why, in time, and leave nothing', async () => {
    const { rooms: before } = rooms.stats();
    const join = (more: Partial<JoinRoom>) => agent('never', more).then(({ connection }) => connection.close('?'));
    await expect(join({ token: () => token('never', 'agent', 'x'.repeat(40)) })).rejects.toMatchObject({
      code: 'LIVEKIT_REFUSED',
      message: expect.not.stringContaining('eyJ'),
    });
    await expect(join({ url: 'ws://127.0.0.1:9', connectMs: 3_000 })).rejects.toMatchObject({
      code: 'LIVEKIT_UNREACHABLE',
    });
    const aborted = new AbortController();
    const joining = join({ signal: aborted.signal });
    setTimeout(() => aborted.abort(new Error('the caller hung up')), 30);
    await expect(joining).rejects.toThrow('the caller hung up');
    await until(() => rooms.stats().rooms === before, 'nothing is held');
  }, 30_000);

  it('that are deleted end with a reason, and a worker that had its share is replaced and leaves no process', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const few = pool({ served: 4 });
    await few.ready();
    const before = { open: open(), listeners: process.listenerCount('exit') };
    const made = await Promise.all([1, 2, 3, 4].map((n) => agent(`deleted-${n}`, {}, few)));
    const { pid } = few.stats().workers[0]!;
    await service.deleteRoom('deleted-1');
    await service.deleteRoom('deleted-2');
    await until(() => made[0]!.ends[0] && made[1]!.ends[0], 'both are told');
    expect(made.map(({ ends }) => ends)).toEqual([['room-deleted'], ['room-deleted'], [], []]);
    await service.removeParticipant('deleted-3', 'agent');
    await until(() => made[2]!.ends[0], 'it is told');
    expect(made[2]!.ends).toEqual(['removed']);
    await made[3]!.connection.close('over');
    const isGone = () => few.stats().workers.every((worker) => worker.pid !== pid);
    await until(() => isGone() && few.stats().workers.length === 1, 'the worker was replaced');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(few.stats().replaced).toMatchObject({ served: 1, died: 0, killed: 0 });
    await until(() => open() <= before.open, 'nothing is open that was not before');
    expect(process.listenerCount('exit')).toBe(before.listeners);
    await few.close();
  }, 40_000);

  it('of a worker that dies end with a reason, and those of another one go on', async () => {
    const apart = pool({ rooms: 1 });
    const [one, other] = [await agent('dies', {}, apart), await agent('lives', {}, apart)];
    const [first] = apart.stats().workers;
    process.kill(first!.pid, 'SIGKILL');
    await until(() => one.ends[0], 'its room is over');
    expect(one.ends).toEqual(['worker-lost']);
    const count = other.heard.length;
    await until(() => other.heard.length > count + ms(200), 'the other is still heard');
    expect(other.ends).toEqual([]);
    expect(apart.stats().replaced.died).toBe(1);
    await one.connection.close('it is idempotent');
    await apart.close();
    expect(apart.stats().workers).toEqual([]);
  }, 40_000);

  it('of a worker that stands still for a while go on, and are heard again; new ones do not wait for it', async () => {
    const slow = pool();
    const one = await agent('stands-still', {}, slow);
    const ann = await person('stands-still', 'ann', 700);
    await until(() => alone(one.last(200), 700), 'ann is heard');
    const { pid } = slow.stats().workers[0]!;
    process.kill(pid, 'SIGSTOP');
    const elsewhere = sleep(4_000).then(() => agent('elsewhere', {}, slow));
    await Promise.all([elsewhere, sleep(8_000)]);
    expect(slow.stats().workers.find((worker) => worker.pid !== pid)?.rooms).toBe(1);
    process.kill(pid, 'SIGCONT');
    await until(() => alone(one.last(200), 700), 'ann is heard again', 15_000);
    expect(one.ends).toEqual([]);
    expect(slow.stats().replaced).toMatchObject({ died: 0, killed: 0 });
    const { connection } = await elsewhere;
    await Promise.all([one.connection.close('over'), connection.close('over'), ann.leave()]);
    await slow.close();
  }, 60_000);

  it('outlive the server: it is killed and back, and everybody is heard again; gone for good, they end', async () => {
    const { connection, told, leftAt, ends, last, heard } = await agent('restart');
    const ann = await people.join({
      url: server.url,
      token: await token('restart', 'ann'),
      source: toneSource(700, { dbfs: -20 }),
      comesBack: true,
    });
    await until(() => alone(last(200), 700), 'ann is heard');
    await server.stop();
    await until(() => told.includes('reconnecting'), 'it is noticed');
    await sleep(2_000);
    const during = heard.length;
    await server.start();
    await until(() => told.includes('resumed') || told.includes('rejoined'), 'the agent is back', 15_000);
    const back = performance.now();
    // Her own client is what she waits for, and joins the room again where its library brings nothing back.
    await until(() => alone(last(200), 700), 'ann is heard again', 60_000);
    // For 20 s nobody who is missing has left. Who gives a link up that carries nothing may be missing for longer.
    expect((leftAt.get('ann') ?? Number.POSITIVE_INFINITY) - back, 'nobody has left meanwhile').toBeGreaterThan(19_500);
    expect(heard.length).toBeGreaterThan(during);
    // She may be heard before she hears: her client takes the agent's track when it is through with its own.
    const hears = async () => tonePart((await ann.recording()).heard, 440).from > 0;
    for (let said = 400; !(await hears()); said += 400) {
      expect(said, 'ann hears the agent again').toBeLessThanOrEqual(20_000);
      connection.write(makeTone(440, RATE, 400, -12));
      await until(() => connection.playout.playedMs() === said, 'the agent is played again');
      await sleep(300);
    }

    const short = await agent('gone', { lostMs: 3_000 });
    await server.stop();
    await until(() => short.ends[0], 'it is over', 8_000);
    expect(short.ends).toEqual(['server-gone']);
    await connection.close('over');
    expect(ends).toEqual([]);
    await server.start();
  }, 150_000);
});
