import { describe, expect, it } from 'vitest';
import { playDigits } from '../../../src/call/dtmf.ts';
import { dtmfFrequencies, dtmfSamples } from '../../../src/call/dtmf-tones.ts';
import { ulawDecode, ulawEncode } from '../../../src/media/g711.ts';
import { toneLevel } from '../../../src/media/tone.ts';
import { FakeClock } from '../../fakes/clock.ts';

const FREQUENCIES = [697, 770, 852, 941, 1209, 1336, 1477, 1633];
/** ITU-T Q.23, table 1. */
const TABLE: Record<string, [number, number]> = {
  1: [697, 1209],
  2: [697, 1336],
  3: [697, 1477],
  A: [697, 1633],
  4: [770, 1209],
  5: [770, 1336],
  6: [770, 1477],
  B: [770, 1633],
  7: [852, 1209],
  8: [852, 1336],
  9: [852, 1477],
  C: [852, 1633],
  '*': [941, 1209],
  0: [941, 1336],
  '#': [941, 1477],
  D: [941, 1633],
};

describe('digits as sound', () => {
  it.each([8_000, 24_000])('at %i Hz each key is its two tones and no other, after G.711 too', (rate) => {
    for (const [key, pair] of Object.entries(TABLE)) {
      expect(dtmfFrequencies(key)).toEqual(pair);
      const samples = dtmfSamples(key, rate).subarray(0, (rate * 120) / 1000);
      const bytes = new Uint8Array(samples.length);
      ulawEncode(samples, bytes);
      const heard = new Int16Array(samples.length);
      ulawDecode(bytes, heard);
      for (const hz of FREQUENCIES) {
        const level = toneLevel(heard, rate, hz);
        if (pair.includes(hz)) expect(level, `${key} has ${hz}`).toBeGreaterThan(-12);
        else expect(level, `${key} lacks ${hz}`).toBeLessThan(-35);
      }
    }
  });

  it('keys have gaps, w is half a second, the rest is nothing', () => {
    expect(dtmfSamples('1', 8_000)).toHaveLength(1_600);
    expect(dtmfSamples('1w2', 8_000)).toHaveLength(1_600 * 2 + 4_000);
    expect(dtmfSamples('x yE', 8_000)).toHaveLength(0);
    expect(
      dtmfSamples('5', 8_000)
        .subarray(960)
        .every((sample) => sample === 0),
    ).toBe(true);
    expect(dtmfFrequencies('')).toBeUndefined();
    expect(dtmfFrequencies('12')).toBeUndefined();
  });

  it('is loud and never clips', () => {
    for (const key of Object.keys(TABLE)) {
      const peak = Math.max(...dtmfSamples(key, 8_000).map(Math.abs));
      expect(peak).toBeLessThan(30_000);
      expect(peak).toBeGreaterThan(15_000);
    }
  });
});

describe('digits by the leg', () => {
  const sending = (accept = (_: string) => true) => {
    const clock = new FakeClock();
    const sent: string[] = [];
    const send = (digit: string) => {
      sent.push(`${digit}@${clock.now()}`);
      return accept(digit);
    };
    return { clock, sent, send };
  };

  it('go one after the other, with the pauses asked for', async () => {
    const { clock, sent, send } = sending();
    const played = playDigits('12w#', send, clock);
    await clock.advanceAsync(2_000);
    expect(await played).toBe(true);
    expect(sent).toEqual(['1@0', '2@200', '#@900']);
    expect(clock.pending).toBe(0);
  });

  it('cannot go where the leg has none, or refuses', async () => {
    const { clock, send, sent } = sending((digit) => digit !== '2');
    expect(await playDigits('1', undefined, clock)).toBe(false);
    const played = playDigits('123', send, clock);
    await clock.advanceAsync(1_000);
    expect(await played).toBe(false);
    expect(sent).toHaveLength(2);
  });

  it('stop when the call ends', async () => {
    const { clock, send, sent } = sending();
    const controller = new AbortController();
    const played = playDigits('123', send, clock, controller.signal);
    controller.abort(new Error('over'));
    await expect(played).rejects.toThrow('over');
    expect(sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
