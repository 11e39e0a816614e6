import { beforeEach, describe, expect, it } from 'vitest';
import { sendDigits } from '../../../src/call/digits.ts';
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
    const outcome = send('12');
    await clock.advanceAsync(300);
    expect(await outcome).toBe(false);
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

  it('stops with the call', async () => {
    carries(() => true);
    const outcome = expect(send('1234')).rejects.toThrow('over');
    await clock.advanceAsync(100);
    abort.abort(new Error('over'));
    await outcome;
    expect(clock.pending).toBe(0);
  });
});
