import { beforeEach, describe, expect, it } from 'vitest';
import type { Counter } from '../../../src/call/counters.ts';
import { Downlink } from '../../../src/call/downlink.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../../fakes/legs.ts';
import { sine } from '../../fakes/sine.ts';

let clock: FakeClock;
let agent: FakeAgent;
let caller: FakeCaller;
let events: CallEvent[];
let counted: Counter[];
let downlink: Downlink;

beforeEach(() => {
  clock = new FakeClock();
  agent = new FakeAgent();
  caller = new FakeCaller();
  caller.playsAtOnce = false;
  events = [];
  counted = [];
  downlink = new Downlink({
    clock,
    ticker: new Ticker(clock),
    agent,
    log: fakeLog(),
    journal: { count: (counter) => void counted.push(counter), tell: (event) => void events.push(event) },
    path: () => 'a -> b',
  });
});

const begin = (itemId: string) => downlink.begin({ type: 'audio_started', responseId: 'r', itemId, contentIndex: 0 });
const write = (ms: number, level = 1_000) =>
  downlink.patch.write({ samples: new Int16Array(ms * 8).fill(level), sampleRate: 8_000 });

describe('Downlink', () => {
  it('is in play while an item is written, and until its end was played', () => {
    downlink.connect(caller);
    expect(downlink.inPlay).toBe(false);
    begin('a');
    expect(downlink.inPlay).toBe(true);
    write(500);
    caller.played = 500;
    // Live audio: all that was written was heard, and more is to come.
    expect(downlink.inPlay).toBe(true);
    write(100);
    downlink.done('a');
    expect(downlink.inPlay).toBe(true);
    caller.played = 600;
    expect(downlink.inPlay).toBe(false);
  });

  it('cuts in: discards first, then tells the model what was heard, once', () => {
    downlink.connect(caller);
    begin('a');
    write(1_000);
    caller.played = 400;
    const order: string[] = [];
    const clear = caller.audio.clear.bind(caller.audio);
    caller.audio.clear = () => {
      order.push('clear');
      clear();
    };
    agent.interrupt = (heard) => void order.push(`interrupt ${heard[0]?.heardMs}`);
    expect(downlink.cutIn()?.heard[0]).toMatchObject({ itemId: 'a', heardMs: 400, writtenMs: 1_000 });
    expect(order).toEqual(['clear', 'interrupt 400']);
    expect(downlink.cutIn()).toBeUndefined();
  });

  it('tells the first audio once, since the first caller came', () => {
    begin('nobody');
    downlink.connect(caller);
    clock.advance(300);
    begin('a');
    downlink.connect(new FakeCaller());
    begin('b');
    expect(events).toEqual([{ type: 'first_agent_audio', sinceJoinMs: 300 }]);
  });

  it('raises no alarm once the cable is pulled, and one while it is in', () => {
    downlink.connect(caller);
    begin('a');
    clock.advance(2_000);
    downlink.tick(clock.now());
    expect(events.at(-1)).toEqual({ type: 'audio_alarm', kind: 'missing', audioPath: 'a -> b' });
    expect(counted).toEqual(['agent_audio_missing']);
    begin('b');
    downlink.unplug();
    clock.advance(2_000);
    downlink.tick(clock.now());
    expect(counted).toHaveLength(1);
  });

  it.each([
    [8_000, 1_000],
    [8_000, 2_000],
    [16_000, 4_000],
    [24_000, 6_000],
    [24_000, 3_000],
    [48_000, 12_000],
  ])('hears a tone at %i Hz of %i Hz, which is zero at every so many samples', (rate, hz) => {
    const own = new FakeAgent();
    Object.assign(own, { rate });
    downlink = new Downlink({
      clock,
      ticker: new Ticker(clock),
      agent: own,
      log: fakeLog(),
      journal: { count: (counter) => void counted.push(counter), tell: () => {} },
      path: () => 'a -> b',
    });
    downlink.connect(caller);
    for (const phase of [0, Math.PI / 2]) {
      begin(`tone ${phase}`);
      for (let t = 0; t < 2_000; t += 20) {
        downlink.patch.write({ samples: sine(hz, rate, 20, phase, 8_000), sampleRate: rate });
        clock.advance(20);
        downlink.tick(clock.now());
      }
    }
    expect(counted).toEqual([]);
    begin('a dither too quiet to be heard');
    for (let t = 0; t < 2_000; t += 20) {
      downlink.patch.write({ samples: sine(hz, rate, 20, Math.PI / 2, 20), sampleRate: rate });
      clock.advance(20);
      downlink.tick(clock.now());
    }
    expect(counted).toEqual(['agent_audio_silent']);
  });

  it('of a broken line tells what was heard, and is in play nowhere', () => {
    downlink.connect(caller);
    begin('a');
    write(1_000);
    caller.played = 250;
    downlink.broken();
    expect(agent.interruptions[0]?.[0]?.heardMs).toBe(250);
    expect(downlink.inPlay).toBe(false);
    const written = caller.audio.heard.length;
    write(100);
    expect(caller.audio.heard).toHaveLength(written);
  });
});
