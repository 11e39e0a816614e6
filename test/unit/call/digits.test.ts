import { beforeEach, describe, expect, it } from 'vitest';
import { KeysCut, sendDigits } from '../../../src/call/digits.ts';
import { dtmfSamples } from '../../../src/call/dtmf-tones.ts';
import { toneLevel } from '../../../src/media/tone.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeCaller } from '../../fakes/legs.ts';

let clock: FakeClock;
let caller: FakeCaller;
let abort: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  caller = new FakeCaller();
  abort = new AbortController();
});

const send = (digits: string) => sendDigits(digits, caller, clock, abort.signal);
const carries = (carried: (digit: string) => boolean) => Object.assign(caller, { sendDigit: carried });

describe('sendDigits', () => {
  it('sends digits as such where the wire carries them, and no sound', async () => {
    const sent: string[] = [];
    carries((digit) => sent.push(digit) > 0);
    const outcome = send('1w#');
    await clock.advanceAsync(900);
    expect(await outcome).toBe(true);
    expect(sent).toEqual(['1', '#']);
    expect(caller.audio.heard).toEqual([]);
  });

  it.each([
    ['has no digits', () => {}],
    ['refuses them', () => carries(() => false)],
  ])('plays the tones where the wire %s, and resolves when they were heard', async (_what, prepare) => {
    prepare();
    caller.playsAtOnce = false;
    let done = false;
    const outcome = send('5').then((result) => {
      done = true;
      return result;
    });
    await clock.advanceAsync(500, 20);
    expect(done).toBe(false);
    const tone = new Int16Array(caller.audio.heard).subarray(80, 880);
    expect(toneLevel(tone, 8_000, 770)).toBeGreaterThan(-12);
    expect(toneLevel(tone, 8_000, 1_336)).toBeGreaterThan(-12);
    caller.played = 200;
    await clock.advanceAsync(20, 20);
    expect(await outcome).toBe(true);
  });

  it('plays no tones behind digits that were sent: the line went in between', async () => {
    let left = 1;
    carries(() => left-- > 0);
    const outcome = expect(send('12')).rejects.toMatchObject({ message: 'the keys were cut off: 1 of 2 were played' });
    await clock.advanceAsync(300);
    await outcome;
    expect(caller.audio.heard).toEqual([]);
  });

  it('says no where nobody is, where the line takes nothing, and where the tones are never played', async () => {
    expect(await sendDigits('1', undefined, clock, abort.signal)).toBe(false);
    caller.playsAtOnce = false;
    const never = send('1');
    await clock.advanceAsync(3_000, 20);
    expect(await never).toBe(false);
    caller.audio.write = () => {};
    expect(await send('1')).toBe(false);
    expect(clock.pending).toBe(0);
  });

  let cuts = 0;
  /** The caller speaks up when so much was played, ms. */
  const cutOff = async (playedMs: number) => {
    await clock.advanceAsync(40, 20);
    Object.assign(caller, { cut: { n: ++cuts, playedMs } });
    // What is discarded was never written: the position falls back to what was played.
    caller.audio.heard.length = playedMs * 8;
    caller.played = playedMs;
    await clock.advanceAsync(40, 20);
  };
  const soundMs = () => caller.audio.heard.length / 8;

  it('presses again what was cut off, and that alone, behind what comes between', async () => {
    caller.playsAtOnce = false;
    const outcome = send('12w3');
    // The second sounded to its end; the pause and the third are to come.
    await cutOff(330);
    expect(soundMs() - 330).toBe((dtmfSamples('w', 8_000).length + dtmfSamples('3', 8_000).length) / 8);
    caller.played = 10_000;
    await clock.advanceAsync(40, 20);
    expect(await outcome).toBe(true);
  });

  it.each([
    [239, 1],
    [240, 2],
  ])('counts a key of which so much was heard that receivers take it: cut off after %d ms', async (ms, played) => {
    caller.playsAtOnce = false;
    const outcome = send('123').catch((error: unknown) => error);
    await cutOff(ms);
    expect(soundMs() - ms).toBe(((3 - played) * dtmfSamples('1', 8_000).length) / 8);
    abort.abort(new Error('over'));
    await clock.advanceAsync(40, 20);
    expect(await outcome).toBe(false);
  });

  it('tells how many were played where the rest is cut off over and over', async () => {
    caller.playsAtOnce = false;
    const outcome = send('123').catch((error: unknown) => error);
    for (let n = 0; n < 4; n++) await cutOff(240);
    const error = await outcome;
    expect(error).toBeInstanceOf(KeysCut);
    expect(error).toMatchObject({ played: 2 });
  });

  it('stops with the call', async () => {
    carries(() => true);
    const outcome = expect(send('1234')).rejects.toThrow('over');
    await clock.advanceAsync(100);
    abort.abort(new Error('over'));
    await outcome;
    expect(clock.pending).toBe(0);
  });
});
