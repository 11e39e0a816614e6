import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/errors.ts';
import { HostedRoom, type JoinOrder } from '../../../src/rooms/worker/hosted-room.ts';
import type { News, UpAudio } from '../../../src/rooms/worker/wire.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeLibrary } from '../../fakes/room-library.ts';

const RATE = 24_000;
/** The machine's clock counts from another moment than a process's. */
const MACHINE_MS = 5_000_000;
const frame = (value: number) => new Int16Array(480).fill(value);
const REFUSED = new BridgeError('LIVEKIT_REFUSED', 'refused with 401');
const UNREACHABLE = new BridgeError('LIVEKIT_UNREACHABLE', 'no way');

function rig(more: Partial<JoinOrder> = {}) {
  const clock = new FakeClock();
  const library = new FakeLibrary();
  const news: News[] = [];
  const tokens: string[] = [];
  const audio: UpAudio[] = [];
  const room = new HostedRoom({
    library,
    clock,
    machineNow: () => clock.now() + MACHINE_MS,
    order: {
      t: 'join',
      token: 'token-0',
      url: 'ws://server',
      roomName: 'r',
      trackName: 'voice',
      audio: 'mix',
      rate: RATE,
      connectMs: 5_000,
      lostMs: 60_000,
      attributes: { 'lk.agent.name': 'Ada' },
      ...more,
    },
    tell: (one) => news.push(one),
    freshToken: async () => {
      tokens.push(`token-${tokens.length + 1}`);
      return tokens.at(-1)!;
    },
  });
  /** Ticks as a worker does, and lets promises run. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 20) {
      await clock.advanceAsync(20, 20);
      room.tick(1, (one) => audio.push({ ...one, samples: one.samples.slice() }));
    }
  };
  const told = (t: News['t']) => news.filter((one) => one.t === t);
  const people = () =>
    news.flatMap((one) =>
      one.t === 'person' ? [`${one.person.identity} ${one.change} ${one.person.microphone}`] : [],
    );
  return { clock, library, news, tokens, audio, room, pass, told, people };
}

async function joined(more: Partial<JoinOrder> = {}) {
  const all = rig(more);
  await all.room.join();
  await all.pass(100);
  return all;
}

type Joined = Awaited<ReturnType<typeof joined>>;

describe('joining', () => {
  it('publishes the track, says who the agent is, and tells of everybody before it says that it is there', async () => {
    const { library, room, news, pass } = rig();
    library.prepare = (link) => {
      link.there.set('ann', {
        identity: 'ann',
        sid: 'PA_ann',
        name: 'Ann',
        kind: 'sip',
        attributes: { 'sip.phoneNumber': '+4930123' },
        microphone: { sid: 'TR_ann', muted: false },
        observes: false,
      });
    };
    await room.join();
    await pass(20);
    expect(news.map(({ t }) => t).slice(0, 2)).toEqual(['person', 'joined']);
    expect(news[0]).toMatchObject({ change: 'joined', person: { identity: 'ann', kind: 'sip', microphone: 'live' } });
    expect(library.link.said).toEqual([
      ['publish', 'voice'],
      ['attributes', { 'lk.agent.name': 'Ada', 'lk.agent.state': 'initializing' }],
    ]);
    expect(library.link.heard).toEqual(['TR_ann']);
  });

  it.each([
    ['a refusal', REFUSED, 'LIVEKIT_REFUSED'],
    ['a way that is not there', UNREACHABLE, 'LIVEKIT_UNREACHABLE'],
  ] as const)('fails by %s with its code, and holds nothing', async (_what, error, code) => {
    const { library, room, news, clock } = rig();
    library.next.push(error);
    await room.join();
    expect(news).toEqual([{ t: 'failed', code, message: error.message }]);
    expect(clock.pending).toBe(0);
  });

  it('fails in time when the server never answers', async () => {
    const { library, room, news, clock } = rig();
    library.next.push('never');
    void room.join();
    await clock.advanceAsync(5_000, 1_000);
    expect(news).toMatchObject([{ t: 'failed', code: 'LIVEKIT_UNREACHABLE' }]);
    expect(clock.pending).toBe(0);
  });

  it('leaves a room whose track cannot be published', async () => {
    const { library, room, news } = rig();
    library.prepare = (link) => {
      link.publishFails = true;
    };
    await room.join();
    expect(news).toMatchObject([{ t: 'failed', code: 'LIVEKIT_UNREACHABLE' }]);
    expect(library.link.closed).toBe(true);
  });

  it('closed meanwhile ends with no link and no timer', async () => {
    const { library, room, clock, news } = rig();
    const joining = room.join();
    await room.close();
    await joining;
    expect(library.link.closed).toBe(true);
    expect([news, clock.pending]).toEqual([[], 0]);
  });
});

describe('left while it is joined', () => {
  /** A server that lets the agent in when the test says so. */
  function slow() {
    const all = rig();
    const { library } = all;
    const gate = Promise.withResolvers<void>();
    const connect = library.connect.bind(library);
    library.connect = (...how) => gate.promise.then(() => connect(...how));
    const joining = all.room.join();
    let isClosed: boolean | undefined;
    void all.room.close().then((inTime) => {
      isClosed = inTime;
    });
    return { ...all, gate, joining, isClosed: () => isClosed };
  }

  it('is gone when the agent that came in late has left: a room that is deleted before is made anew by it', async () => {
    const { library, clock, gate, joining, isClosed, news } = slow();
    await clock.advanceAsync(1_000);
    expect(isClosed()).toBeUndefined();
    gate.resolve();
    await joining;
    await clock.advanceAsync(10);
    expect([library.link.closed, isClosed()]).toEqual([true, true]);
    expect([news, clock.pending]).toEqual([[], 0]);
  });

  it('is gone within its time where the server never answers, and no process is worn out by it', async () => {
    const { clock, isClosed } = slow();
    await clock.advanceAsync(4_500, 100);
    expect(isClosed()).toBe(true);
  });
});

describe('people', () => {
  it('are told of once each time something of them changes', async () => {
    const { library, people } = await joined();
    const { link } = library;
    link.put('ann');
    link.put('ann', { mic: 'TR_a' });
    link.put('ann', { mic: 'TR_a' });
    link.put('ann', { mic: 'TR_a', muted: true });
    link.remove('ann');
    expect(people()).toEqual(['ann joined none', 'ann changed live', 'ann changed muted', 'ann left none']);
  });

  it('of other kinds are told of and not heard: agents, recorders, streams, and who publishes in an agent’s name', async () => {
    const { library, people } = await joined();
    const { link } = library;
    link.put('robot', { kind: 'agent', mic: 'TR_1' });
    link.put('tape', { kind: 'egress', mic: 'TR_2' });
    link.put('avatar', { attributes: { 'lk.publish_on_behalf': 'robot' }, mic: 'TR_3' });
    link.put('film', { kind: 'ingress', mic: 'TR_4' });
    link.put('phone', { kind: 'sip', mic: 'TR_5' });
    expect(link.heard).toEqual(['TR_5']);
    expect(people()).toHaveLength(5);
  });

  it('who only look on are not there until they take part', async () => {
    const { library, people } = await joined();
    const { link } = library;
    link.put('eva', { observes: true });
    link.remove('eva');
    link.put('eva', { observes: true });
    expect(people()).toEqual([]);
    link.put('eva', { mic: 'TR_e' });
    expect(people()).toEqual(['eva joined live']);
    const other = await joined({ role: 'person' });
    other.library.link.put('eva', { observes: true });
    expect(other.people()).toEqual(['eva joined none']);
  });

  it('are heard summed, and named', async () => {
    const { library, audio, pass, told } = await joined();
    const { link } = library;
    link.put('ann', { mic: 'TR_a' });
    link.put('bob', { mic: 'TR_b' });
    for (let i = 0; i < 4; i++) {
      link.tell.frame('TR_a', frame(3_000));
      link.tell.frame('TR_b', frame(-1_000));
    }
    audio.length = 0;
    await pass(40);
    expect(audio.map(({ samples }) => samples[0])).toEqual([2_000, 2_000]);
    expect(told('speaker')).toEqual([
      { t: 'speaker', n: 0, identity: 'ann' },
      { t: 'speaker', n: 1, identity: 'bob' },
    ]);
    expect(audio[1]!.by.map(({ n }) => n)).toEqual([0, 1]);
  });

  it('are a frame of silence every 20 ms when nobody is there', async () => {
    const { audio, pass } = await joined();
    audio.length = 0;
    await pass(1_000);
    expect(audio).toHaveLength(50);
    expect(audio.every(({ samples, by }) => samples.length === 0 && by.length === 0)).toBe(true);
  });

  it('say keys and typed words', async () => {
    const { library, news } = await joined();
    library.link.tell.digit('phone', '5');
    library.link.tell.text('ann', 'hello', 'lk.chat', {});
    expect(news.slice(-2)).toEqual([
      { t: 'digit', identity: 'phone', digit: '5' },
      { t: 'text', identity: 'ann', text: 'hello', topic: 'lk.chat', attributes: {} },
    ]);
  });

  it('and servers send data, which is told to whoever asked for it, as far as it is no flood', async () => {
    const packet = (text: string) => Buffer.from(text);
    const asked = await joined({ data: true });
    asked.library.link.tell.data('server', packet('{"event_type":"update"}'));
    asked.library.link.tell.data('server', packet('x'.repeat(16 * 1024 + 1)));
    expect(asked.told('data')).toEqual([{ t: 'data', identity: 'server', text: '{"event_type":"update"}' }]);
    const other = await joined();
    other.library.link.tell.data('server', packet('{}'));
    expect(other.told('data')).toEqual([]);
  });
});

describe('a person', () => {
  it('hears agents and whoever else is there, and says nothing of itself', async () => {
    const { library, audio, pass } = await joined({ role: 'person', topics: ['lk.transcription'] });
    const { link } = library;
    expect(link.said).toEqual([['publish', 'voice']]);
    expect(link.options.topics).toEqual(['lk.transcription']);
    link.put('robot', { kind: 'agent', mic: 'TR_1' });
    link.put('tape', { kind: 'egress', mic: 'TR_2' });
    link.put('server', { mic: 'TR_3' });
    expect(link.heard).toEqual(['TR_1', 'TR_3']);
    for (let i = 0; i < 4; i++) link.tell.frame('TR_1', frame(1_000));
    await pass(40);
    expect(audio.at(-1)?.samples[0]).toBe(1_000);
    link.tell.reconnecting();
    link.tell.reconnected();
    await pass(20);
    expect(link.said).toHaveLength(1);
  });
});

describe('the agent', () => {
  it('sends silence from the start, and what it is given in between', async () => {
    const { library, room, pass, clock } = await joined();
    const { track } = library.link;
    const before = track.samples.length;
    // The first tick was 80 ms ago.
    const beganMs = clock.now() - 80;
    let dropped = 0;
    track.clear = () => {
      track.calls.push('clear');
      dropped += track.samples.length - (clock.now() - beganMs) * 24;
    };
    expect(before).toBeGreaterThanOrEqual(100 * 24);
    room.write(frame(7));
    await pass(200);
    const { samples } = track;
    expect(samples.filter((sample) => sample !== 0)).toEqual(Array(480).fill(7));
    expect(track.calls).toEqual(['clear']);
    // Beside the silence that the speech overtook, what was played by now and what the library may hold.
    expect(dropped).toBeGreaterThan(0);
    expect(samples.length - dropped).toBeLessThanOrEqual((clock.now() - beganMs + 180) * 24);
  });

  it('wins back in pauses what a stall made late, of an agent that speaks in real time', async () => {
    const { room, library, pass } = await joined();
    const late = async () => {
      // What was said while this process stood still, and a pause behind it.
      for (let n = 0; n < 25; n++) room.write(frame(500));
      for (let n = 0; n < 25; n++) room.write(frame(0));
      await pass(20);
      room.write(frame(900));
      const { samples } = library.link.track;
      const from = samples.length;
      await pass(1_400);
      return samples.indexOf(900, from) - from;
    };
    const before = await late();
    room.order({ t: 'pace', pace: 'live' });
    expect(await late()).toBeLessThan(before);
  });

  it('tells how far it is played, since the last clear', async () => {
    const { room, library, audio, pass, clock } = await joined();
    room.write(new Int16Array(24_000).fill(7));
    await pass(500);
    expect(audio.at(-1)).toMatchObject({ epoch: 0, atMs: clock.now() + MACHINE_MS });
    // What the library holds at the least beyond a tick.
    expect(audio.at(-1)!.ahead / 24).toBeGreaterThanOrEqual(20);
    expect(audio.at(-1)!.played / 24).toBeGreaterThan(400);
    library.link.track.calls.length = 0;
    room.order({ t: 'clear', epoch: 1 });
    expect(library.link.track.calls).toEqual(['clear']);
    await pass(100);
    expect(audio.at(-1)).toMatchObject({ epoch: 1, ahead: 0, played: 0 });
  });

  it('sends its latest state alone, and again in a room that was joined anew', async () => {
    const { library, room, pass } = await joined();
    room.order({ t: 'state', state: 'thinking' });
    room.order({ t: 'state', state: 'speaking' });
    await pass(40);
    const states = (link = library.link) =>
      link.said.flatMap((one) =>
        (one as unknown[])[0] === 'attributes' ? [(one as Array<Record<string, string>>)[1]!['lk.agent.state']] : [],
      );
    expect(states().at(-1)).toBe('speaking');
    library.link.tell.ended('signal_close');
    await pass(500);
    expect(library.links).toHaveLength(2);
    expect(states()).toEqual(['speaking']);
  });

  it('sends a line of the transcript in both forms, in the name and for the track of who said it', async () => {
    const { library, room, pass } = await joined();
    library.link.put('ann', { mic: 'TR_a' });
    room.order({ t: 'transcript', line: { segmentId: 's1', identity: 'ann', text: 'good day', final: true } });
    room.order({ t: 'transcript', line: { segmentId: 's2', identity: undefined, text: 'Hel', final: false } });
    await pass(40);
    const own = library.link.track.sid;
    const attributes = (id: string, track: string, final: string) => ({
      'lk.segment_id': id,
      'lk.transcription_final': final,
      'lk.transcribed_track_id': track,
    });
    expect(library.link.said.slice(-4)).toEqual([
      [
        'text',
        {
          topic: 'lk.transcription',
          attributes: attributes('s1', 'TR_a', 'true'),
          from: 'ann',
          text: 'good day',
          id: 's1',
        },
      ],
      ['transcription', { identity: 'ann', trackSid: 'TR_a', id: 's1', text: 'good day', final: true }],
      [
        'text',
        { topic: 'lk.transcription', attributes: attributes('s2', own, 'false'), from: 'agent', text: 'Hel', id: 's2' },
      ],
      ['transcription', { identity: 'agent', trackSid: own, id: 's2', text: 'Hel', final: false }],
    ]);
  });

  it('sends all states of a line as streams of one id, and a line that was taken back as a blank one', async () => {
    const { library, room, pass } = await joined();
    const tell = (text: string, final: boolean) =>
      room.order({ t: 'transcript', line: { segmentId: 's', identity: undefined, text, final } });
    for (const [text, final] of [
      ['Hel', false],
      ['Hello.', true],
      ['', true],
    ] as const) {
      tell(text, final);
      await pass(40);
    }
    const said = library.link.said as Array<[string, unknown]>;
    const sent = said.flatMap(([form, what]) => (form === 'text' || form === 'transcription' ? [what] : []));
    expect(sent).toMatchObject([
      { id: 's', text: 'Hel' },
      { id: 's', text: 'Hel', final: false },
      { id: 's', text: 'Hello.' },
      { id: 's', text: 'Hello.', final: true },
      { id: 's', text: ' ' },
      { id: 's', text: '', final: true },
    ]);
  });

  it('sends a line as a stream of another id while the one before, which was given up, may still be open', async () => {
    const { library, room, pass } = await joined();
    const { link } = library;
    const sendText = link.sendText.bind(link);
    link.sendText = async (text) => {
      await sendText(text);
      await new Promise(() => {});
    };
    room.order({ t: 'transcript', line: { segmentId: 's', identity: undefined, text: 'Hel', final: false } });
    await pass(40);
    link.sendText = sendText;
    room.order({ t: 'transcript', line: { segmentId: 's', identity: undefined, text: 'Hello.', final: true } });
    await pass(6_000);
    const said = link.said as Array<[string, { text: string; id?: string }]>;
    const streams = said.filter(([form]) => form === 'text');
    expect(streams.map(([, { text, id }]) => [text, id])).toEqual([
      ['Hel', 's'],
      ['Hello.', undefined],
    ]);
  });

  it('sends keys by their codes', async () => {
    const { library, room, pass } = await joined();
    for (const digit of ['7', '*', '#', 'A']) room.order({ t: 'digit', digit });
    await pass(40);
    expect(library.link.said.slice(-4)).toEqual([7, 10, 11, 12].map((code, i) => ['digit', code, '7*#A'[i]]));
    room.order({ t: 'data', text: '{"a":1}' });
    await pass(20);
    expect(library.link.said.at(-1)).toEqual(['data', '{"a":1}']);
  });
});

describe('a track that does not move', () => {
  it('is published again when the library keeps a frame for two seconds, and goes on', async () => {
    const { library, room, pass } = await joined();
    const first = library.link.track;
    first.behaves = 'holds';
    await pass(2_100);
    const second = library.link.track;
    expect(second).not.toBe(first);
    expect(first.calls).toContain('close');
    room.write(frame(9));
    await pass(200);
    expect(second.samples).toContain(9);
  });

  it('is published again when every frame is refused, and what was refused is not lost', async () => {
    const { library, room, pass } = await joined();
    const first = library.link.track;
    first.behaves = 'refuses';
    room.write(frame(9));
    await pass(2_300);
    expect(library.link.track).not.toBe(first);
    expect(library.link.track.samples.filter((sample) => sample === 9)).toHaveLength(480);
  });

  it('is left alone when a frame is refused now and then', async () => {
    const { library, pass } = await joined();
    const { track } = library.link;
    for (let i = 0; i < 10; i++) {
      track.behaves = 'refuses';
      await pass(100);
      track.behaves = 'takes';
      await pass(100);
    }
    expect(library.link.track).toBe(track);
  });

  it('is published again when no packet was sent twice in a row, and not after one such look', async () => {
    const { library, pass, told } = await joined();
    const first = library.link.track;
    library.link.isSending = false;
    library.link.packetsSent = 100;
    await pass(5_000);
    library.link.packetsSent = 200;
    await pass(5_000);
    await pass(5_100);
    expect(library.link.track).toBe(first);
    await pass(2_100);
    expect(library.link.track).not.toBe(first);
    await pass(5_000);
    expect(told('quality').at(-1)).toMatchObject({ quality: { republished: 1, rttMs: 3, packetsSent: 200 } });
  });

  it('tells how long live audio waits on its way out, and what is heard on its way in', async () => {
    const { library, room, pass, told } = await joined({ role: 'person' });
    library.link.put('ann', { mic: 'TR_a' });
    for (let i = 0; i < 300; i++) {
      room.write(new Int16Array((RATE * 20) / 1_000).fill(1));
      library.link.tell.frame('TR_a', new Int16Array((RATE * 20) / 1_000).fill(1));
      await pass(20);
    }
    const { quality } = told('quality').at(-1) as Extract<News, { t: 'quality' }>;
    // What the library holds when a frame comes and until its turn, and the frame in hand with the time until the tick.
    expect(quality.leadMs).toBeCloseTo(40, -1);
    expect(quality.cushionMs).toBeCloseTo(40, -1);
    expect(quality.lately).toMatchObject({ jitterBufferMs: 60 });
    expect(quality.lately.leadMs).toBeCloseTo(40, -1);
    expect(quality.lately.cushionMs).toBeCloseTo(40, -1);
  });

  it('tells no wait of audio that comes ahead of time', async () => {
    const { room, pass, told } = await joined();
    room.write(new Int16Array(RATE));
    await pass(5_000);
    expect((told('quality').at(-1) as Extract<News, { t: 'quality' }>).quality.leadMs).toBeUndefined();
  });

  it('is watched on where the library once does not answer for how it is', async () => {
    const { library, pass, clock, room } = await joined();
    const first = library.link.track;
    const stats = library.link.stats.bind(library.link);
    library.link.isSending = false;
    library.link.stats = () => new Promise(() => {});
    await pass(6_000);
    library.link.stats = stats;
    library.link.isSending = false;
    await pass(30_000);
    expect(library.link.track).not.toBe(first);
    await room.close();
    expect(clock.pending).toBe(0);
  });

  it('is left alone when the process itself stood still: what was answered meanwhile is heard after the next tick', async () => {
    const { library, clock, pass } = await joined();
    const { track } = library.link;
    for (let i = 0; i < 5; i++) {
      clock.stall(3_000);
      library.link.packetsSent += 100;
      await pass(100);
    }
    expect(library.link.track).toBe(track);
  });

  it('that cannot be published is tried again after a while, and then ends the room', async () => {
    const { library, pass, told } = await joined();
    library.link.publishFails = true;
    library.link.track.behaves = 'holds';
    await pass(3_000);
    expect(told('ended')).toEqual([]);
    await pass(8_000);
    expect(told('ended')).toMatchObject([{ reason: 'media-stalled' }]);
  });

  it('ends the room when publishing it three times within a minute did not help', async () => {
    const { library, pass, told, clock } = await joined();
    library.prepare = () => {};
    for (let i = 0; i < 4; i++) {
      library.link.track.behaves = 'holds';
      await pass(2_300);
    }
    expect(told('ended')).toMatchObject([{ reason: 'media-stalled' }]);
    expect(library.link.closed).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe('a server that goes away', () => {
  it('and is back by the library’s own doing: nobody has left meanwhile, and who is not back in time has', async () => {
    const { library, pass, told, people } = await joined();
    const { link } = library;
    link.put('ann', { mic: 'TR_a' });
    link.put('bob', { mic: 'TR_b' });
    link.tell.reconnecting();
    link.remove('ann');
    link.remove('bob');
    await pass(5_000);
    link.tell.reconnected();
    // As late as a browser's client was seen to be.
    await pass(17_000);
    link.put('ann', { mic: 'TR_a2', sid: 'PA_ann2' });
    expect(people()).toEqual(['ann joined live', 'bob joined live', 'ann changed live']);
    await pass(8_000);
    expect(people().slice(3)).toEqual(['bob left none']);
    expect(told('link').map((one) => (one as { state: string }).state)).toEqual(['reconnecting', 'resumed']);
    expect(link.heard).toContain('TR_a2');
  });

  it('and is back: who is not has left also where the timer fires a fraction early, as those of Node do', async () => {
    const { library, clock, pass, people } = await joined();
    const { link } = library;
    const after = clock.after.bind(clock);
    clock.after = (ms, fn) => after(ms - 0.5, fn);
    link.put('ann', { mic: 'TR_a' });
    link.tell.reconnecting();
    link.remove('ann');
    link.tell.reconnected();
    await pass(19_000);
    expect(people()).toEqual(['ann joined live']);
    await pass(2_000);
    expect(people()).toEqual(['ann joined live', 'ann left none']);
  });

  it.each(['stands', 'is silent about it'])(
    'and is back by the library’s word alone: where its way %s it is joined again by us, once',
    async (how) => {
      const { library, pass, told, tokens } = await joined();
      const { link } = library;
      link.tell.reconnecting();
      link.tell.reconnected();
      if (how === 'stands') link.isSending = false;
      else link.stats = () => new Promise(() => {});
      await pass(how === 'stands' ? 9_500 : 12_500);
      expect(library.links).toHaveLength(2);
      expect(link.closed).toBe(true);
      expect(library.link.options.token).toBe(tokens.at(-1));
      expect(told('link').map((one) => (one as { state: string }).state)).toEqual([
        ...['reconnecting', 'resumed', 'reconnecting', 'rejoined'],
      ]);
      await pass(60_000);
      expect(library.links).toHaveLength(2);
      expect(told('ended')).toEqual([]);
    },
  );

  it('sends nothing while it is away, and what was written goes on afterwards', async () => {
    const { library, room, pass } = await joined();
    const { link } = library;
    link.tell.reconnecting();
    const before = link.track.samples.length;
    room.write(frame(9));
    await pass(1_000);
    expect(link.track.samples.length).toBe(before);
    link.tell.reconnected();
    await pass(200);
    expect(link.track.samples.filter((sample) => sample === 9)).toHaveLength(480);
  });

  it('is joined again with a new token once the library gives up, tried for until it answers', async () => {
    const { library, pass, told, tokens, audio } = await joined();
    const first = library.link;
    first.tell.reconnecting();
    await pass(20_000);
    library.next.push(UNREACHABLE, UNREACHABLE, UNREACHABLE);
    first.tell.ended('unknown_reason');
    await pass(6_000);
    expect(first.closed).toBe(true);
    expect(library.links).toHaveLength(2);
    expect(library.link.options.token).toBe(tokens.at(-1));
    expect(tokens).toHaveLength(4);
    expect(told('link').map((one) => (one as { state: string }).state)).toEqual(['reconnecting', 'rejoined']);
    // The room ticked on all the time.
    expect(audio.length).toBeGreaterThanOrEqual(1_300);
    first.put('ghost');
    library.link.put('ann');
    expect(told('person')).toMatchObject([{ person: { identity: 'ann' } }]);
  });

  it('is within 3 s of the server’s return, also after a long time', async () => {
    const { library, pass, told } = await joined();
    library.next.push(...Array(20).fill(UNREACHABLE));
    library.link.tell.ended('unknown_reason');
    await pass(30_000);
    library.next.length = 0;
    await pass(2_100);
    expect(told('link').at(-1)).toEqual({ t: 'link', state: 'rejoined' });
  });

  it('for good is the end after the time that was given, whether the library still tries or not', async () => {
    for (const gaveUp of [false, true]) {
      const { library, pass, told, clock } = await joined({ lostMs: 30_000 });
      library.next.push(...Array(60).fill(UNREACHABLE));
      library.link.tell.reconnecting();
      await pass(10_000);
      if (gaveUp) library.link.tell.ended('unknown_reason');
      await pass(19_000);
      expect(told('ended')).toEqual([]);
      await pass(1_100);
      expect(told('ended')).toMatchObject([{ reason: 'server-gone' }]);
      expect(clock.pending).toBe(0);
    }
  });

  it('and refuses afterwards is believed the third time', async () => {
    const { library, pass, told } = await joined();
    library.next.push(REFUSED, REFUSED, REFUSED);
    library.link.tell.ended('state_mismatch');
    await pass(5_000);
    expect(told('ended')).toEqual([{ t: 'ended', reason: 'refused', detail: 'refused with 401' }]);
  });

  it.each([
    ['room_deleted', 'room-deleted'],
    ['room_closed', 'room-closed'],
    ['participant_removed', 'removed'],
    ['duplicate_identity', 'duplicate-identity'],
  ] as const)('is something else than %s, after which nobody comes back', async (why, reason) => {
    const { library, pass, told, clock } = await joined();
    library.link.tell.ended(why);
    await pass(1_000);
    expect(told('ended')).toMatchObject([{ reason }]);
    expect([library.links.length, library.link.closed, clock.pending]).toEqual([1, true, 0]);
  });
});

describe('leaving', () => {
  it('closes the link, and nothing is told or played afterwards', async () => {
    const { library, room, news, clock, pass } = await joined();
    expect(await room.close()).toBe(true);
    const count = news.length;
    const written = library.link.track.samples.length;
    room.write(frame(9));
    library.link.put('late');
    library.link.tell.ended('unknown_reason');
    await pass(1_000);
    expect([news.length, library.link.track.samples.length, clock.pending]).toEqual([count, written, 0]);
  });

  it.each([
    ['of a room that broke', (all: Joined) => all.room.broke('its audio broke')],
    ['of a link that was lost', (all: Joined) => all.library.link.tell.ended('unknown_reason')],
  ] as const)('is over when the link %s is left, which had begun before, and not sooner', async (_what, breaks) => {
    const all = await joined();
    const { library, room, clock } = all;
    const left = Promise.withResolvers<void>();
    library.link.close = () => left.promise;
    library.next.push('never');
    breaks(all);
    let over: boolean | undefined;
    void room.close().then((inTime) => {
      over = inTime;
    });
    await clock.advanceAsync(1_000, 100);
    expect(over).toBeUndefined();
    left.resolve();
    await clock.advanceAsync(20, 20);
    expect([over, clock.pending]).toEqual([true, 0]);
  });

  it('says so when the library hangs in a room that broke', async () => {
    const { library, room, clock } = await joined();
    library.link.hangs = true;
    room.broke('its audio broke');
    const left = room.close();
    await clock.advanceAsync(4_500, 500);
    expect(await left).toBe(false);
  });

  it('says so when the library hangs', async () => {
    const { library, room, clock } = await joined();
    library.link.hangs = true;
    const left = room.close();
    await clock.advanceAsync(4_500, 500);
    expect(await left).toBe(false);
  });
});
