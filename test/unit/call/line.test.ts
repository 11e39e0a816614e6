import { beforeEach, describe, expect, it } from 'vitest';
import { Line } from '../../../src/call/line.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeCaller } from '../../fakes/legs.ts';

let clock: FakeClock;
let caller: FakeCaller;
let asked: string[];
let ends: Array<string | undefined>;
let abort: AbortController;
let line: Line;
let writing: boolean;

beforeEach(() => {
  clock = new FakeClock();
  caller = new FakeCaller();
  caller.playsAtOnce = false;
  asked = [];
  ends = [];
  writing = false;
  abort = new AbortController();
  line = new Line({
    clock,
    agent: { respond: (words) => void asked.push(words) },
    signal: abort.signal,
    caller: () => caller,
    inPlay: () => writing,
    gather: async () => '',
    away: () => false,
    taken: () => false,
    end: ({ transferTo }) => void ends.push(transferTo),
  });
});

const speak = (ms: number) => {
  line.onAgent({ type: 'response_started', responseId: 'r' });
  line.onAgent({ type: 'audio_started', responseId: 'r', itemId: 'i', contentIndex: 0 });
  caller.audio.write({ samples: new Int16Array(ms * 8), sampleRate: 8000 });
};
const done = () => line.onAgent({ type: 'response_done', responseId: 'r', status: 'completed' });

describe('Line', () => {
  it('hangs up only when the response is done and all of it was heard', async () => {
    speak(1_000);
    const outcome = line.hangupAfterPlayout();
    await clock.advanceAsync(500);
    done();
    caller.played = 900;
    await clock.advanceAsync(500);
    expect(ends).toEqual([]);
    caller.played = 1_000;
    await clock.advanceAsync(40);
    expect(await outcome).toBe('ended');
    expect(ends).toEqual([undefined]);
    expect(asked).toEqual([]);
  });

  it('waits for live audio, which is written long after its response is done', async () => {
    line.onAgent({ type: 'response_started', responseId: 'r' });
    line.onAgent({ type: 'audio_started', responseId: 'r', itemId: 'i', contentIndex: 0 });
    done();
    writing = true;
    const outcome = line.hangupAfterPlayout();
    await clock.advanceAsync(500);
    expect(ends).toEqual([]);
    writing = false;
    await clock.advanceAsync(40);
    expect(await outcome).toBe('ended');
  });

  it('asks for a goodbye when nothing was said, and waits for it', async () => {
    const outcome = line.hangupAfterPlayout();
    await clock.advanceAsync(200);
    expect(asked).toHaveLength(1);
    expect(ends).toEqual([]);
    speak(500);
    done();
    caller.played = 500;
    await clock.advanceAsync(40);
    expect(await outcome).toBe('ended');
  });

  it('lets the caller who speaks up keep the call', async () => {
    speak(1_000);
    const outcome = line.hangupAfterPlayout();
    await clock.advanceAsync(100);
    line.onAgent({ type: 'speech_started' });
    await clock.advanceAsync(40);
    expect(await outcome).toBe('caller_spoke');
    expect(ends).toEqual([]);
  });

  it('transfers after the words were heard, or not when the caller objects', async () => {
    speak(300);
    const first = line.transfer('+12025550100');
    await clock.advanceAsync(40);
    line.onAgent({ type: 'speech_started' });
    const refused = expect(first).rejects.toThrow('spoke up');
    await clock.advanceAsync(40);
    await refused;
    done();
    caller.played = 300;
    const second = line.transfer('+12025550100');
    await clock.advanceAsync(40);
    await second;
    expect(ends).toEqual(['+12025550100']);
  });

  it('never waits for ever', async () => {
    speak(1_000);
    const outcome = line.hangupAfterPlayout();
    await clock.advanceAsync(30_100, 20);
    expect(await outcome).toBe('ended');
    expect(clock.pending).toBe(0);
  });

  it('says so when nobody is there to hear digits, and plays them as digits where the wire can', async () => {
    caller.audio.write = () => {};
    await expect(line.sendDigits('1')).rejects.toThrow('nobody is on the line');
    const sent: string[] = [];
    Object.assign(caller, { sendDigit: (digit: string) => sent.push(digit) > 0 });
    const all = line.sendDigits('1w#');
    await clock.advanceAsync(1_100);
    await all;
    expect(sent).toEqual(['1', '#']);
  });
});
