import { describe, expect, it } from 'vitest';
import type { CallerEvent } from '../../../../src/call/events.ts';
import type { LegContext } from '../../../../src/call/leg.ts';
import { termination } from '../../../../src/call/termination.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { LivekitLeg } from '../../../../src/callers/livekit/leg.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeSink, fakeLog } from '../../../fakes/legs.ts';
import { FakeRooms, person } from '../../../fakes/room.ts';

const anna = person('a', { name: 'Anna' });
const ben = person('b', { name: 'Ben' });

async function made({ tellSpeaker = true, run = true, rooms: given = undefined as FakeRooms | undefined } = {}) {
  const clock = new FakeClock();
  const rooms = given ?? new FakeRooms(clock);
  const leg = new LivekitLeg({
    join: (handlers, signal) =>
      rooms.join(
        {
          url: 'ws://127.0.0.1:7880',
          roomName: 'r',
          token: async () => 't',
          trackName: 'agent',
          audio: 'mix',
          rate: 24_000,
          connectMs: 1,
          lostMs: 1,
          attributes: {},
          signal,
        },
        handlers,
      ),
    clock,
    log: fakeLog(),
    tellSpeaker,
    joinMs: 300_000,
    leaveMs: 20_000,
    idleMs: 1_800_000,
  });
  if (given === undefined) await leg.joined;
  const room = rooms.made[0]!;
  const events: CallerEvent[] = [];
  const counted: string[] = [];
  const context: LegContext<CallerEvent> = {
    callId: 'c',
    peer: new FakeSink(24_000),
    emit: (event) => events.push(event),
    count: (counter) => counted.push(counter),
    log: fakeLog(),
    clock,
    ticker: new Ticker(clock),
    signal: new AbortController().signal,
  };
  if (run) await leg.start(context);
  const of = <T extends CallerEvent['type']>(type: T) =>
    events.filter((event): event is Extract<CallerEvent, { type: T }> => event.type === type);
  return { clock, rooms, leg, room, events, counted, context, of };
}

describe('the leg of a room', () => {
  it('tells who was there, who comes and who leaves; agents and recorders are nobody', async () => {
    const { leg, room, context, of } = await made({ run: false });
    room.comes(anna);
    room.comes(person('rec', { kind: 'egress' }));
    await expect(leg.came).resolves.toMatchObject({ identity: 'a' });
    await leg.start(context);
    room.comes(ben);
    room.comes(person('other', { kind: 'agent' }));
    room.goes(anna);
    expect(of('participant').map(({ change, who, kind }) => `${change} ${who.name} ${kind}`)).toEqual([
      'joined Anna standard',
      'joined Ben standard',
      'left Anna standard',
    ]);
  });

  it.each(['dialing', 'ringing'])(
    'does not take a telephone for somebody before it is answered: %s',
    async (status) => {
      const { leg, room, clock, of } = await made();
      const phone = (callStatus: string) =>
        person('sip_1', {
          kind: 'sip',
          attributes: { 'sip.phoneNumber': '+12025550143', 'sip.callStatus': callStatus },
        });
      let came: unknown;
      void leg.came.then((who) => {
        came = who;
      });
      room.comes(phone(status));
      await clock.advanceAsync(400_000, 1_000);
      // He is there all the same: the room is not given up meanwhile.
      expect([came, of('ended'), leg.people.size]).toEqual([undefined, [], 1]);
      room.handlers.participant('changed', phone('active'));
      await expect(leg.came).resolves.toMatchObject({ attributes: { 'sip.callStatus': 'active' } });
      expect(of('participant').map(({ change }) => change)).toEqual(['joined']);
    },
  );

  it('whoever comes while a telephone rings is somebody', async () => {
    const { leg, room } = await made();
    room.comes(person('sip_1', { kind: 'sip', attributes: { 'sip.callStatus': 'ringing' } }));
    room.comes(ben);
    await expect(leg.came).resolves.toMatchObject({ identity: 'b' });
  });

  it('tells who speaks when that changes, and the agent only where there are several', async () => {
    const { room, of } = await made();
    room.comes(anna);
    room.voice(600, 'a');
    room.comes(ben);
    room.voice(600, 'b');
    room.voice(600, 'a');
    const a = { identity: 'a', name: 'Anna' };
    const b = { identity: 'b', name: 'Ben' };
    expect(of('speaker')).toEqual([
      { type: 'speaker', by: a, told: false },
      { type: 'speaker', by: b, before: a, told: true },
      { type: 'speaker', by: a, before: b, told: true },
    ]);
  });

  it('and where they speak all at once is told twenty times a minute, and in the end who speaks', async () => {
    const { room, of } = await made();
    for (const who of ['a', 'b', 'c']) room.comes(person(who));
    for (let i = 0; i < 80; i++) for (const who of ['a', 'b', 'c']) room.voice(240, who);
    expect(of('speaker').length).toBeLessThanOrEqual(26);
    room.voice(4_000, 'b');
    expect(of('speaker').at(-1)).toMatchObject({ by: { identity: 'b' } });
  });

  it('does not tell the agent where that is not wanted', async () => {
    const { room, of } = await made({ tellSpeaker: false });
    room.comes(anna);
    room.comes(ben);
    room.voice(600, 'a');
    room.voice(600, 'b');
    expect(of('speaker').map(({ told }) => told)).toEqual([false, false]);
  });

  it('says whose words they are, and shows them to the room in his name; the agent has its own', async () => {
    const { leg, room } = await made();
    room.comes(anna);
    room.comes(ben);
    room.voice(600, 'b');
    leg.onAgent({ type: 'speech_started', itemId: 'i1' });
    room.voice(600, 'b');
    leg.onAgent({ type: 'speech_stopped', itemId: 'i1' });
    room.voice(400, 'a');
    const words = { type: 'transcript', role: 'caller', itemId: 'i1', text: 'Good morning.', final: true } as const;
    expect(leg.onAgent(words)).toEqual({ ...words, by: { identity: 'b', name: 'Ben' } });
    const answer = {
      type: 'transcript',
      role: 'agent',
      itemId: 'o1',
      text: 'Good morning, Ben.',
      final: true,
    } as const;
    expect(leg.onAgent(answer)).toEqual(answer);
    expect(room.lines).toEqual([
      { segmentId: 'i1', identity: 'b', text: 'Good morning.', final: true },
      { segmentId: 'o1', identity: undefined, text: 'Good morning, Ben.', final: true },
    ]);
  });

  it('shows words as they come, put together, and not with each of them', async () => {
    const { leg, room, clock } = await made();
    for (const text of ['One', ' two', ' three', ' four']) {
      leg.onAgent({ type: 'transcript', role: 'agent', itemId: 'o', text, final: false });
      clock.advance(100);
    }
    leg.onAgent({ type: 'transcript', role: 'agent', itemId: 'o', text: 'One two', final: true });
    expect(room.lines.map(({ text, final }) => `${text}${final ? '.' : ''}`)).toEqual([
      'One',
      'One two three four',
      'One two.',
    ]);
  });

  it('takes back what was shown of an answer that nobody heard, be it whole or not, and says nothing of what nobody saw', async () => {
    const { leg, room } = await made();
    const agent = (itemId: string, text: string, final: boolean) =>
      leg.onAgent({ type: 'transcript', role: 'agent', itemId, text, final });
    agent('begun', 'One', false);
    agent('begun', '', true);
    agent('whole', 'Two', true);
    agent('whole', '', true);
    agent('whole', '', true);
    agent('unseen', '', true);
    expect(room.lines.map(({ segmentId, text, final }) => [segmentId, text, final])).toEqual([
      ['begun', 'One', false],
      ['begun', '', true],
      ['whole', 'Two', true],
      ['whole', '', true],
    ]);
  });

  it('of one person alone all words are his', async () => {
    const { leg, room } = await made();
    room.comes(anna);
    const words = { type: 'transcript', role: 'caller', itemId: 'i', text: 'Hm.', final: true } as const;
    expect(leg.onAgent(words)).toMatchObject({ by: { name: 'Anna' } });
  });

  it('takes what people write and the keys they press, and nothing of others', async () => {
    const { room, of, counted } = await made();
    room.comes(anna);
    room.comes(person('phone', { name: '', kind: 'sip' }));
    const { handlers } = room;
    handlers.text({ identity: 'a', text: ' hello ', topic: 'lk.chat' });
    handlers.text({ identity: 'a', text: 'data', topic: 'something' });
    handlers.text({ identity: 'nobody', text: 'hello', topic: 'lk.chat' });
    handlers.text({ identity: 'a', text: '  ', topic: 'lk.chat' });
    handlers.digit({ identity: 'phone', digit: '5' });
    handlers.digit({ identity: 'phone', digit: '55' });
    handlers.digit({ identity: 'nobody', digit: '1' });
    expect(of('text')).toEqual([{ type: 'text', text: 'hello', by: { identity: 'a', name: 'Anna' } }]);
    expect(of('dtmf')).toEqual([{ type: 'dtmf', digit: '5', by: { identity: 'phone', name: 'phone' } }]);
    expect(of('speaker').map(({ by }) => by.identity)).toEqual(['a', 'phone']);
    expect(counted.filter((name) => name.startsWith('message_'))).toEqual([
      'message_unknown',
      'message_malformed',
      'message_malformed',
      'message_unknown',
    ]);
  });

  it('takes no more lines of each than people write, and no more in all than can be answered', async () => {
    const { room, of, clock, counted } = await made();
    const write = (identity: string, n: number) => {
      for (let i = 0; i < n; i++) room.handlers.text({ identity, text: `line ${i}`, topic: 'lk.chat' });
    };
    const refused = () => counted.filter((name) => name === 'message_flood').length;
    for (const identity of ['a', 'b']) room.comes(person(identity));
    write('a', 100);
    expect([of('text').length, refused()]).toEqual([30, 70]);
    // Of one alone: the other one's lines are taken.
    write('b', 4);
    expect([of('text').length, refused()]).toEqual([34, 70]);
    // Nor has who leaves and comes again more of them.
    room.goes(person('a'));
    room.comes(person('a', { sid: 'PA_again' }));
    write('a', 1);
    expect([of('text').length, refused()]).toEqual([34, 71]);
    for (let i = 0; i < 10; i++) {
      room.comes(person(`c${i}`));
      write(`c${i}`, 20);
    }
    expect([of('text').length, refused()]).toEqual([120, 71 + 34 + 200 - 120]);
    clock.advance(60_000);
    write('a', 1);
    expect(of('text')).toHaveLength(121);
  });

  it('takes no more keys of each than people press', async () => {
    const { room, of, clock, counted } = await made();
    const phones = ['p', 'q'].map((identity) => person(identity, { kind: 'sip' }));
    for (const phone of phones) room.comes(phone);
    const press = (identity: string, n: number) => {
      for (let i = 0; i < n; i++) room.handlers.digit({ identity, digit: '5' });
    };
    press('p', 100);
    expect(of('dtmf')).toHaveLength(40);
    expect(counted.filter((name) => name === 'message_flood')).toHaveLength(60);
    // Of one alone: the other one's keys are taken.
    press('q', 4);
    expect(of('dtmf')).toHaveLength(44);
    clock.advance(1_000);
    press('p', 100);
    expect(of('dtmf')).toHaveLength(54);
  });

  it('tells of no more changes of who it is with by keys than by speech, and in the end of the last', async () => {
    const { room, of, clock } = await made();
    const phones = ['p', 'q'].map((identity) => person(identity, { kind: 'sip' }));
    for (const phone of phones) room.comes(phone);
    for (let i = 0; i < 40; i++) {
      room.handlers.digit({ identity: i % 2 === 0 ? 'p' : 'q', digit: '5' });
      clock.advance(20);
      room.voice(20);
    }
    expect(of('dtmf')).toHaveLength(40);
    expect(of('speaker').length).toBeLessThanOrEqual(6);
    room.voice(4_000);
    expect(of('speaker').at(-1)).toMatchObject({ by: { identity: 'q' } });
  });

  it('plays keys to who is on a telephone, and says why not where nobody is', async () => {
    const { leg, room } = await made();
    room.comes(anna);
    expect(leg.cannot.digits).toContain('telephone');
    expect(leg.sendDigit('1')).toBe(false);
    room.comes(person('phone', { kind: 'sip' }));
    expect(leg.cannot.digits).toBeUndefined();
    expect(leg.cannot.transfer).toBeDefined();
    expect(leg.sendDigit('1')).toBe(true);
    expect(room.digits).toEqual(['1']);
  });

  it('blames nobody for a silence while nobody could be heard, or the server is away', async () => {
    const { leg, room } = await made();
    expect(leg.onHold).toBe(true);
    room.comes(person('a', { microphone: 'muted' }));
    expect(leg.onHold).toBe(true);
    room.handlers.participant('changed', anna);
    expect(leg.onHold).toBe(false);
    room.handlers.link('reconnecting');
    expect(leg.onHold).toBe(true);
    expect(leg.away).toBe(true);
    room.handlers.link('rejoined');
    expect(leg.onHold).toBe(false);
  });

  it('is over 20 s after the last person left, not after a recorder', async () => {
    const { leg, room, clock, of } = await made();
    const spy = person('spy', { kind: 'egress' });
    room.comes(anna);
    room.comes(spy);
    room.goes(spy);
    clock.advance(60_000);
    expect(of('ended')).toEqual([]);
    room.goes(anna);
    clock.advance(20_000);
    expect(of('ended')).toEqual([{ type: 'ended', end: termination('caller-hangup') }]);
    await expect(leg.over).resolves.toBe('all-left');
  });

  it.each([
    ['room-deleted', 'caller-hangup'],
    ['room-closed', 'caller-hangup'],
    ['removed', 'caller-hangup'],
    ['duplicate-identity', 'stream-replaced'],
    ['server-gone', 'media-lost'],
    ['media-stalled', 'media-lost'],
    ['refused', 'carrier-failed'],
    ['worker-lost', 'internal'],
  ] as const)('a room that ends by %s ends the call by %s', async (why, reason) => {
    const { room, of, leg } = await made();
    room.ends(why);
    expect(of('ended').map(({ end }) => end.reason)).toEqual([reason]);
    await expect(leg.over).resolves.toBe(why);
  });

  it('shows what the agent does', async () => {
    const { leg, room, clock } = await made();
    leg.setPace('burst');
    leg.onAgent({ type: 'speech_started' });
    leg.onAgent({ type: 'speech_stopped' });
    leg.audio.write({ samples: new Int16Array(24_000).fill(4_000), sampleRate: 24_000 });
    clock.advance(20);
    room.voice(20);
    clock.advance(1_000);
    room.voice(20);
    clock.advance(500);
    leg.onAgent({ type: 'response_started', responseId: 'r' });
    leg.onAgent({ type: 'response_done', responseId: 'r', status: 'completed' });
    room.voice(20);
    expect(room.states).toEqual(['listening', 'thinking', 'speaking', 'thinking', 'listening']);
  });

  it('has the room know in which pace the agent speaks, also where that is known before it is in the room', async () => {
    const { leg, room } = await made();
    leg.setPace('live');
    leg.setPace('burst');
    expect(room.paces).toEqual(['live', 'burst']);

    const rooms = new FakeRooms(new FakeClock());
    const gate = Promise.withResolvers<void>();
    rooms.gate = gate.promise;
    const early = await made({ rooms, run: false });
    const started = early.leg.start(early.context);
    early.leg.setPace('live');
    gate.resolve();
    await started;
    expect(rooms.made[0]?.paces).toEqual(['live']);
  });

  it('leaves before it came: who joins meanwhile is let go', async () => {
    const clock = new FakeClock();
    const rooms = new FakeRooms(clock);
    const gate = Promise.withResolvers<void>();
    rooms.gate = gate.promise;
    const leg = new LivekitLeg({
      join: (handlers, signal) => rooms.join({ signal, rate: 24_000 } as Parameters<FakeRooms['join']>[0], handlers),
      clock,
      log: fakeLog(),
      tellSpeaker: true,
      joinMs: 1_000,
      leaveMs: 1_000,
      idleMs: 1_000,
    });
    const closing = leg.close(termination('drained'));
    await expect(leg.joined).rejects.toMatchObject({ code: 'ABORTED' });
    await closing;
    await expect(leg.over).resolves.toBe('closed');
    expect(clock.pending).toBe(0);
  });
});
