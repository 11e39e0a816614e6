import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { comfortTone } from '../../../src/call/comfort.ts';
import { Downlink } from '../../../src/call/downlink.ts';
import { Patch } from '../../../src/call/patch.ts';
import { PlayoutLedger } from '../../../src/call/playout.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { comfortSounds } from '../../../src/comfort-sound.ts';
import { wavHeader } from '../../../src/media/wav.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, FakeSink, fakeLog } from '../../fakes/legs.ts';

const WORDS = { samples: new Int16Array(4_000).fill(-700), sampleRate: 8_000 };
const SOUND = { samples: new Int16Array(8_000).fill(500), sampleRate: 8_000 };

let clock: FakeClock;
let ticker: Ticker;
let agent: FakeAgent;
let caller: FakeCaller;
let downlink: Downlink;

beforeEach(() => {
  clock = new FakeClock();
  ticker = new Ticker(clock);
  agent = new FakeAgent();
  caller = new FakeCaller();
  caller.playsAtOnce = false;
  downlink = new Downlink({
    clock,
    ticker,
    agent,
    comfort: { model: SOUND, limits: WORDS },
    log: fakeLog(),
    journal: { count: () => {}, tell: () => {} },
    path: () => 'a -> b',
  });
  downlink.connect(caller);
});

const begin = (itemId: string) => downlink.begin({ type: 'audio_started', responseId: 'r', itemId, contentIndex: 0 });
const write = (ms: number, level = 1_000) =>
  downlink.patch.write({ samples: new Int16Array(ms * 8).fill(level), sampleRate: 8_000 });
/** Time passes and the caller hears what there is of it. */
const play = (ms: number) => {
  for (let at = 0; at < ms; at += 20) {
    clock.advance(20);
    caller.played = Math.min(caller.played + 20, caller.playout.writtenMs());
  }
};

describe('a sound for who waits', () => {
  it('is another where the model says how long it makes him wait', () => {
    expect(downlink.comfort('limits', false)).toBe(true);
    play(400);
    expect(caller.audio.heard.slice(0, 1_000).every((sample) => sample === -700)).toBe(true);
    play(2_000);
    expect(downlink.comfort('model', false)).toBe(true);
    play(400);
    expect(caller.audio.heard.at(-1)).toBe(500);
  });

  it('is played to its end in real time where no audio flows, never far ahead', () => {
    expect(downlink.comfort('model', false)).toBe(true);
    let most = 0;
    for (let i = 0; i < 100; i++) {
      play(20);
      most = Math.max(most, caller.playout.writtenMs() - caller.played);
    }
    expect(most).toBeLessThanOrEqual(200);
    expect(caller.audio.heard.filter((sample) => sample === 500)).toHaveLength(8_000);
    expect(ticker.size).toBe(0);
  });

  it('is laid over the silence of a live agent, which is not delayed by it', () => {
    expect(downlink.comfort('model', true)).toBe(true);
    for (let i = 0; i < 150; i++) write(10, 0);
    expect(caller.playout.writtenMs()).toBe(1_500);
    expect(caller.audio.heard.filter((sample) => sample === 500)).toHaveLength(8_000);
    expect(ticker.size).toBe(0);
  });

  it('is over with the line that it was played to, and is heard anew on the next one', () => {
    downlink.comfort('model', false);
    play(300);
    downlink.broken();
    const next = new FakeCaller();
    next.playsAtOnce = false;
    downlink.connect(next);
    write(100, 1_000);
    expect(next.audio.heard).toEqual(Array.from({ length: 800 }, () => 1_000));
    caller = next;
    play(200);
    expect(downlink.comfort('model', false)).toBe(true);
    play(2_000);
    expect(next.audio.heard.filter((sample) => sample === 500)).toHaveLength(8_000);
    expect(ticker.size).toBe(0);
  });

  it('gives way to the answer without a click, and delays it by no more than lies ahead', () => {
    downlink.comfort('model', false);
    play(300);
    const before = caller.playout.writtenMs();
    expect(before - caller.played).toBeLessThanOrEqual(200);
    begin('a');
    write(100);
    const answer = caller.audio.heard.slice(before * 8);
    expect(answer[0]).toBe(1_500);
    expect(answer[80]).toBeGreaterThan(1_000);
    expect(answer[200]).toBe(1_000);
    for (let i = 1; i < answer.length; i++) expect(Math.abs((answer[i] ?? 0) - (answer[i - 1] ?? 0))).toBeLessThan(20);
    play(100);
    expect(caller.playout.writtenMs()).toBe(before + 100);
    expect(agent.told.map(([itemId]) => itemId)).not.toContain(undefined);
  });

  it('is no item: it is discarded when the caller speaks, and nobody is told that anything was cut', () => {
    downlink.comfort('model', false);
    play(100);
    expect(downlink.inPlay).toBe(false);
    expect(downlink.cutIn()).toBeUndefined();
    expect(caller.audio.cleared).toBe(1);
    expect(agent.interruptions).toEqual([]);
    const written = caller.playout.writtenMs();
    play(500);
    expect(caller.playout.writtenMs()).toBe(written);
    expect(ticker.size).toBe(0);
  });

  it('is not played over the agent, to nobody, or twice at a time', () => {
    expect(downlink.comfort('model', false)).toBe(true);
    expect(downlink.comfort('model', false)).toBe(false);
    play(2_000);
    begin('a');
    write(500);
    expect(downlink.comfort('model', false)).toBe(false);
    downlink.broken();
    expect(downlink.comfort('model', false)).toBe(false);
    expect(agent.there).toBe(false);
    expect(ticker.size).toBe(0);
  });

  it('ends with a line that takes nothing', () => {
    caller.audio.write = () => {};
    downlink.comfort('model', false);
    play(100);
    downlink.unplug();
    expect(ticker.size).toBe(0);
  });

  it('is not taken for the agent by who watches over the audio', () => {
    const patch = new Patch(8_000);
    patch.connect(new FakeSink());
    patch.lay(SOUND.samples);
    patch.write({ samples: new Int16Array(160), sampleRate: 8_000 });
    expect(patch.read()).toEqual({ samples: 160, audible: false });
  });
});

describe('what the agent is told to be heard', () => {
  it('is each item as far as it was played, then its end, then nothing', () => {
    begin('a');
    write(500);
    downlink.tick(0);
    expect(agent.told).toEqual([]);
    caller.played = 200;
    downlink.tick(100);
    downlink.tick(200);
    downlink.done('a');
    caller.played = 500;
    downlink.tick(300);
    downlink.tick(400);
    expect(agent.told).toEqual([
      ['a', 200],
      ['a', 500],
    ]);
  });

  it('holds a bounded number of items whose end is never told', () => {
    const ledger = new PlayoutLedger();
    for (let i = 0; i < 1_000; i++) ledger.begin({ itemId: `i${i}`, responseId: 'r', contentIndex: 0 }, i);
    expect(ledger.heard(0, 1_000).length).toBeLessThanOrEqual(256);
  });
});

describe('ANSWER_FILLER', () => {
  it('is two soft notes, with words where the wait is known to last, words alone, nothing, or a file of the operator', () => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-'));
    try {
      const file = (name: string, rate: number, samples: number) => {
        const path = join(folder, name);
        writeFileSync(path, Buffer.concat([wavHeader(1, rate, samples * 2), Buffer.alloc(samples * 2, 1)]));
        return path;
      };
      const words = comfortSounds('tone')?.limits;
      expect(words?.sampleRate).toBe(24_000);
      expect(words?.samples.length).toBeGreaterThan(24_000);
      expect(comfortSounds('tone')?.model).toEqual(comfortTone());
      expect(comfortSounds('words')).toEqual({ model: words, limits: words });
      expect(comfortSounds('off')).toBeUndefined();
      const own = { sampleRate: 16_000, samples: { length: 400 } };
      expect(comfortSounds(file('own.wav', 16_000, 400))).toMatchObject({ model: own, limits: own });
      for (const wrong of [
        file('rate.wav', 44_100, 400),
        file('empty.wav', 8_000, 0),
        file('long.wav', 8_000, 250_000),
        join(folder, 'none.wav'),
        folder,
      ]) {
        expect(() => comfortSounds(wrong)).toThrow(/ANSWER_FILLER must be tone, words, off, or the path of a WAV file/);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is audible and gentle: it begins and ends in silence', () => {
    const { samples, sampleRate } = comfortTone();
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    expect(peak).toBeGreaterThan(1_000);
    expect(peak).toBeLessThan(8_000);
    expect(Math.abs(samples[0] ?? 1)).toBeLessThan(50);
    expect(Math.abs(samples.at(-1) ?? 1_000)).toBeLessThan(100);
    expect(samples.length / sampleRate).toBeLessThan(1.5);
  });
});
