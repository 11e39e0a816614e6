import { describe, expect, it } from 'vitest';
import { makeTone } from '../../../../src/media/tone.ts';
import { jitterBufferOf, latenessOf, soundsOn, TapeRecorder } from '../../../../src/simulator/livekit/tape.ts';

const RATE = 24_000;
const ms = (n: number) => n * 24;
const FRAME = ms(20);

/** A tape of these samples, each frame given out when it is whole, and read so much later. */
function tapeOf(samples: Int16Array, late: (frame: number) => number) {
  const recorder = new TapeRecorder();
  for (let i = 0; (i + 1) * FRAME <= samples.length; i++)
    recorder.add(samples.subarray(i * FRAME, (i + 1) * FRAME), FRAME, 1_000 + (i + 1) * 20 + late(i));
  return recorder.read();
}

describe("a tape of the agent's track", () => {
  const samples = new Int16Array(ms(8_000));
  samples.set(makeTone(440, RATE, 1_000, -18), ms(2_000));
  samples.set(makeTone(880, RATE, 505, -30), ms(4_000));

  it('has each sound from its first sample to its last, by when those were given out', () => {
    const sounds = soundsOn(
      tapeOf(samples, () => 0),
      RATE,
    );
    expect(sounds).toEqual([
      { from: ms(2_000), to: ms(3_000), fromMs: 3_000, toMs: 4_000, holes: [] },
      { from: ms(4_000), to: ms(4_505), fromMs: 5_000, toMs: 5_505, holes: [] },
    ]);
  });

  it('tells what is missing inside a sound', () => {
    const broken = samples.slice();
    broken.fill(0, ms(2_300), ms(2_330));
    broken.fill(0, ms(2_700), ms(2_705));
    const [first] = soundsOn(
      tapeOf(broken, () => 0),
      RATE,
    );
    expect(first!.holes).toEqual([30]);
  });

  it('is not moved by a reader that stood still', () => {
    // Nothing is read for 400 ms around the end of the first sound, then all at once.
    const [first] = soundsOn(
      tapeOf(samples, (i) => (i >= 140 && i < 160 ? (160 - i) * 20 : 1)),
      RATE,
    );
    expect(first).toMatchObject({ fromMs: 3_001, toMs: 4_001 });
    const late = latenessOf(
      tapeOf(samples, (i) => (i === 200 ? 90 : 1)),
      RATE,
    );
    expect(late[200]).toBeCloseTo(89, 6);
    expect(Math.max(...late.toSpliced(200, 1))).toBeCloseTo(0, 6);
  });

  it('hears no click and no hiss', () => {
    const clicks = new Int16Array(ms(1_000));
    clicks.set(makeTone(440, RATE, 10, -6), ms(500));
    for (const [i] of clicks.entries()) clicks[i]! += i % 2 === 0 ? 40 : -40;
    expect(
      soundsOn(
        tapeOf(clicks, () => 0),
        RATE,
      ),
    ).toEqual([]);
  });

  it('tells of the jitter buffer what the library counts', () => {
    const inbound = { jitterBufferDelay: 96, jitterBufferEmittedCount: 1_600n, concealedSamples: 5_280n };
    const heard = { ...inbound, silentConcealedSamples: 480n, concealmentEvents: 3n };
    expect(jitterBufferOf([{ stats: { case: 'inboundRtp', value: { inbound: heard } } }])).toEqual({
      meanMs: 60,
      concealedMs: 100,
      concealments: 3,
    });
    expect(jitterBufferOf([{ stats: { case: 'inboundRtp', value: {} } }])).toBeUndefined();
  });
});
