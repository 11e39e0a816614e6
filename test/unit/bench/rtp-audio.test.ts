import { describe, expect, it } from 'vitest';
import { RtpAudio } from '../../../bench/engine/rtp-audio.ts';
import { l16Decode } from '../../../src/media/l16.ts';
import { rmsDbfs } from '../../../src/media/level.ts';
import { ToneGenerator, toneLevel } from '../../../src/media/tone.ts';

const RATE = 48_000;
const PACKET = 960;
const SECONDS = 12;

const tone = new ToneGenerator(400, RATE, -12).fill(new Int16Array(SECONDS * RATE));

/** Packet `n` of a stream that holds samples as they are. */
function packet(sound: Int16Array, n: number) {
  const payload = new Uint8Array(2 * PACKET);
  const view = new DataView(payload.buffer);
  for (let i = 0; i < PACKET; i++) view.setInt16(2 * i, sound[n * PACKET + i] ?? 0, true);
  return { sequence: (65_500 + n) & 0xffff, timestamp: (2 ** 32 - 9_600 + n * PACKET) >>> 0, payload };
}

/** Packets arrive, each at the time given, or never; frames are pulled in real time. */
function listen(arrival: (n: number) => number | undefined, sound = tone, seconds = SECONDS) {
  const audio = new RtpAudio({
    clockRate: RATE,
    sampleRate: RATE,
    decode: (payload, into) => l16Decode(payload, into, 'le'),
  });
  const packets = Array.from({ length: (seconds * 1_000) / 20 }, (_, n) => ({ n, at: arrival(n) }))
    .filter((one): one is { n: number; at: number } => one.at !== undefined)
    .sort((a, b) => a.at - b.at);
  const heard = new Int16Array(seconds * RATE);
  const frame = new Int16Array(480);
  let at = 0;
  for (let now = 0; now < seconds * 1_000; now += 10) {
    while (packets.length > 0 && packets[0]!.at <= now) audio.push(packet(sound, packets.shift()!.n), now);
    audio.pull(frame, now);
    heard.set(frame, at);
    at += frame.length;
  }
  return { heard, stats: audio.stats };
}

/** Frames of 10 ms in which the tone is not there, from the second second on. */
function holes(heard: Int16Array): number {
  let count = 0;
  for (let at = RATE; at + 480 <= heard.length; at += 480) if (rmsDbfs(heard.subarray(at, at + 480)) < -24) count++;
  return count;
}

/** The same numbers each time. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

describe('RTP audio', () => {
  it('plays a clean stream as it is, soon', () => {
    const { heard, stats } = listen((n) => n * 20);
    const begins = heard.findIndex((sample) => sample !== 0);
    expect(begins / 48).toBeLessThanOrEqual(41);
    expect(heard.slice(begins, begins + 9_600)).toEqual(tone.slice(1, 9_601));
    expect(stats).toMatchObject({ lost: 0, concealed: 0, late: 0, bad: 0 });
    expect(stats.waitedMs / (stats.played / 480)).toBeLessThan(40);
  });

  it('conceals losses so that a tone has no hole', () => {
    const random = chance(7);
    const { heard, stats } = listen((n) => (random() < 0.03 ? undefined : n * 20));
    expect(stats.lost).toBeGreaterThan(5);
    expect(stats.concealed / stats.played).toBeLessThan(0.06);
    expect(holes(heard)).toBe(0);
    expect(toneLevel(heard.subarray(RATE), RATE, 400)).toBeGreaterThan(-14);
  });

  it('grows with jitter until nothing is missing any more', () => {
    const random = chance(3);
    let last = 0;
    const jittered = (n: number) => {
      // As in a queue: none overtakes another.
      last = Math.max(last, n * 20 + random() * 60);
      return last;
    };
    const { heard, stats } = listen(jittered);
    expect(holes(heard)).toBeLessThanOrEqual(4);
    expect(stats.late).toBe(0);
    expect(stats.concealed / stats.played).toBeLessThan(0.01);
  });

  it('grows with packets that overtake one another, and loses none after it has', () => {
    const random = chance(5);
    const { stats } = listen((n) => n * 20 + (random() < 0.2 ? 45 : 0));
    expect(stats.late).toBeLessThanOrEqual(3);
    expect(stats.concealed / stats.played).toBeLessThan(0.02);
  });

  it('wins back, where it is quiet, the delay of a stall', () => {
    const silence = new Int16Array(tone.length);
    const stalled = (n: number) => (n >= 50 && n < 60 ? 1_200 : n * 20);
    const { stats } = listen(stalled, silence, 12);
    expect(stats.leftOut / 48).toBeGreaterThanOrEqual(140);
    const mean = stats.waitedMs / (stats.played / 480);
    expect(mean).toBeLessThan(170);
  });

  it('wins back delay beyond measure in speech, too, without a hole', () => {
    const { heard, stats } = listen((n) => (n >= 50 && n < 70 ? 1_400 : n * 20));
    expect(stats.leftOut / 48).toBeGreaterThanOrEqual(100);
    expect(holes(heard.subarray(2 * RATE))).toBe(0);
  });

  it('counts what no decoder reads and goes on', () => {
    const audio = new RtpAudio({
      clockRate: RATE,
      sampleRate: RATE,
      decode: () => {
        throw new Error('not a packet');
      },
    });
    const frame = new Int16Array(480);
    for (let n = 0; n < 10; n++) {
      audio.push(packet(tone, n), n * 20);
      audio.pull(frame, n * 20);
      audio.pull(frame, n * 20 + 10);
    }
    expect(audio.stats.bad).toBeGreaterThan(5);
    expect(frame.every((sample) => sample === 0)).toBe(true);
  });

  it('is silent, and says so, before anything came', () => {
    const audio = new RtpAudio({ clockRate: RATE, sampleRate: RATE, decode: () => 0 });
    const frame = new Int16Array(480).fill(3);
    expect(audio.pull(frame, 0)).toBe(false);
    expect(frame.every((sample) => sample === 0)).toBe(true);
    expect(audio.isReady).toBe(false);
  });
});
