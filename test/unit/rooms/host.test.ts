import { describe, expect, it } from 'vitest';
import { Ticker } from '../../../src/call/ticker.ts';
import { Host } from '../../../src/rooms/worker/host.ts';
import { decodeUp, encodeJson, type News, WireReader } from '../../../src/rooms/worker/wire.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeLibrary } from '../../fakes/room-library.ts';

const frame = (value: number) => new Int16Array(480).fill(value);

const join = (room: number) =>
  encodeJson(room, {
    t: 'join',
    token: 't',
    url: 'ws://s',
    roomName: `r${room}`,
    trackName: 'agent',
    audio: 'mix',
    rate: 24_000,
    connectMs: 5_000,
    lostMs: 60_000,
    attributes: {},
  });
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A worker's rooms, one of them joined, with a person whose frames are numbered from 1000 on. */
async function rig() {
  const clock = new FakeClock();
  const library = new FakeLibrary();
  const heard: number[] = [];
  const news: Array<[number, News]> = [];
  const wire = new WireReader({
    audio: (room, content) => {
      if (room === 0) heard.push(decodeUp(content).samples[479] ?? 0);
    },
    json: (room, content) => news.push([room, content as News]),
  });
  /** What the event loop has to do once what came in is read. */
  let later: Array<() => void> = [];
  const host = new Host({
    library,
    clock,
    machineNow: () => clock.now(),
    ticker: new Ticker(clock),
    write: (bytes) => wire.read(bytes),
    waiting: () => 0,
    afterInput: (fn) => later.push(fn),
  });
  host.read(join(0));
  await clock.advanceAsync(20, 20);
  const { link } = library;
  link.put('ann', { mic: 'TR_a' });
  let said = 1_000;
  const rest = () => {
    for (const fn of later) fn();
    later = [];
  };
  return {
    library,
    host,
    news,
    heard,
    /** So many frames come, one every 20 ms. */
    speak(frames: number) {
      for (let i = 0; i < frames; i++) {
        link.tell.frame('TR_a', frame(said++));
        clock.advance(20);
        rest();
      }
    },
    /** The process stands still while so many frames come; which the event loop then turns to first is its own affair. */
    stall(frames: number, first: 'timers' | 'input') {
      const input = () => {
        for (let i = 0; i < frames; i++) link.tell.frame('TR_a', frame(said++));
      };
      if (first === 'input') input();
      clock.stall(frames * 20);
      if (first === 'timers') input();
      rest();
    },
    said: () => said,
  };
}

describe('the rooms of a worker', () => {
  it.each(['timers', 'input'] as const)(
    'that stood still hear all of what was said meanwhile, in its place: %s first',
    async (first) => {
      const { heard, speak, stall, said } = await rig();
      speak(20);
      heard.length = 0;
      stall(40, first);
      speak(20);
      // One frame in hand on the way.
      const all = Array.from({ length: 60 }, (_, i) => said() - 61 + i);
      expect(heard).toEqual(all);
    },
  );

  it('go on when one of them breaks, which ends alone', async () => {
    const { library, host, news, heard, speak } = await rig();
    host.read(join(1));
    await settle();
    const broken = library.link;
    broken.track.write = () => {
      throw new Error('the handle is gone');
    };
    heard.length = 0;
    speak(20);
    expect(heard.filter((value) => value !== 0).length).toBeGreaterThanOrEqual(18);
    expect(news.filter(([, one]) => one.t === 'ended')).toEqual([
      [1, { t: 'ended', reason: 'media-stalled', detail: 'the handle is gone' }],
    ]);
    expect(broken.closed).toBe(true);
  });

  it('that stood still for longer hear the last second', async () => {
    const { heard, speak, stall, said } = await rig();
    speak(20);
    heard.length = 0;
    stall(200, 'input');
    speak(20);
    expect(heard.filter((value) => value !== 0).length).toBeGreaterThanOrEqual(60);
    expect(heard.at(-1)).toBeGreaterThanOrEqual(said() - 11);
  });
});
