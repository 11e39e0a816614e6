import { describe, expect, it } from 'vitest';
import { Worst } from '../../../../src/call/worst.ts';
import { Cushion } from '../../../../src/callers/phone/cushion.ts';
import { OutboundRig, quiet, speech } from './carrier.ts';

const OPTIONS = { cushionMs: 400, cushionLeastMs: 50, chunkMs: 20 };
/** A chunk goes beside each cushion. */
const ROOM = 20;

/** 10 ms every 10 ms from `from` on; each of `late` comes so much later, and all that had to wait with it comes at once. */
function speak(cushion: Cushion, from: number, ms: number, late: ReadonlyMap<number, number> = new Map()): void {
  cushion.begin(from);
  let free = 0;
  for (let at = 0; at < ms; at += 10) {
    free = Math.max(free, at + (late.get(at) ?? 0));
    cushion.came(10, from + Math.max(at, free));
  }
}

describe('the cushion of a live source', () => {
  it('is small where nothing was ever late, however long the source speaks', () => {
    const cushion = new Cushion(OPTIONS);
    expect(cushion.targetMs(0)).toBe(50 + ROOM);
    speak(cushion, 1_000, 30_000);
    expect(cushion.targetMs(31_000)).toBe(50 + ROOM);
  });

  it('grows to what the source was late by, and is small again ten minutes after', () => {
    const cushion = new Cushion(OPTIONS);
    speak(cushion, 1_000, 2_000, new Map([[500, 130]]));
    expect(cushion.targetMs(3_000)).toBe(130 + ROOM);
    expect(cushion.targetMs(550_000)).toBe(130 + ROOM);
    expect(cushion.targetMs(602_000)).toBe(50 + ROOM);
  });

  it('knows the true time of speech that began late', () => {
    const cushion = new Cushion(OPTIONS);
    // The first piece was held up for 90 ms, and what was spoken meanwhile came with it: a later one of 60 is late by 60.
    cushion.begin(1_090);
    for (let at = 0; at < 2_000; at += 10) cushion.came(10, Math.max(1_090, 1_000 + at + (at === 1_500 ? 60 : 0)));
    expect(cushion.targetMs(3_100)).toBe(60 + ROOM);
  });

  it('takes what is later than any cushion for a pause', () => {
    const cushion = new Cushion(OPTIONS);
    speak(cushion, 1_000, 500);
    cushion.came(10, 3_000);
    cushion.came(10, 3_010);
    expect(cushion.targetMs(3_010)).toBe(50 + ROOM);
  });

  it('grows with the stalls of the process and the jitter of the carrier, and never beyond its most', () => {
    const cushion = new Cushion(OPTIONS);
    const stalls = new Worst();
    cushion.heed(stalls);
    cushion.echoed(18, 1_000);
    expect(cushion.targetMs(1_000)).toBe(50 + ROOM);
    cushion.echoed(110, 1_000);
    expect(cushion.targetMs(1_000)).toBe(90 + ROOM);
    cushion.echoed(2_000, 1_000);
    expect(cushion.targetMs(1_000)).toBe(150 + ROOM);
    stalls.note(230, 1_000);
    // A tick tells of a stall only what came after it was due.
    expect(cushion.targetMs(1_000)).toBe(230 + 20 + ROOM);
    stalls.note(5_000, 1_000);
    expect(cushion.targetMs(1_000)).toBe(400 + ROOM);
  });

  it('is fixed where least and most are the same, and nothing where the most is nothing', () => {
    const fixed = new Cushion({ ...OPTIONS, cushionMs: 200, cushionLeastMs: 200 });
    expect(fixed.targetMs(0)).toBe(200 + ROOM);
    speak(fixed, 0, 1_000, new Map([[500, 300]]));
    expect(fixed.targetMs(1_000)).toBe(200 + ROOM);
    expect(new Cushion({ ...OPTIONS, cushionMs: 0 }).targetMs(0)).toBe(0);
    expect(new Cushion({ ...OPTIONS, cushionMs: 30 }).targetMs(0)).toBe(30 + ROOM);
  });
});

/** 10 ms of silence or speech every 10 ms: speech in the given ranges. */
function live(rig: OutboundRig, spurts: Array<[number, number]>): (t: number) => void {
  return (t) => {
    if (t % 10 !== 0) return;
    rig.write(spurts.some(([from, to]) => t >= from && t < to) ? speech(10) : quiet(10));
  };
}

describe('stalls behind a cushion that follows', () => {
  it('are heard once, and not again for ten minutes, whenever they come', () => {
    for (const ms of [140, 200, 300])
      for (let at = 3_300; at < 3_360; at += 7) {
        const rig = new OutboundRig({ oneWayMs: 10 });
        const say = live(rig, [
          [1_000, 2_000],
          [3_000, 5_000],
        ]);
        let first = 0;
        rig.carrier.talking = () => {
          const now = rig.clock.now();
          return (now > 1_040 && now < 2_050) || (now > 3_040 && now < 5_050);
        };
        rig.run(6_500, (t) => {
          say(t);
          if (t === 1_400) rig.stall(ms);
          if (t === 2_900) first = rig.carrier.underruns;
          if (t === at) rig.stall(ms);
        });
        expect(first).toBeGreaterThan(0);
        expect(rig.carrier.underruns).toBe(first);
        expect(rig.carrier.played.filter((byte) => byte !== 0xff).length).toBe(3_000 * 8);
      }
  });

  it('of 20 ms are not heard at all, wherever the word and the stall fall between the frames of the carrier', () => {
    for (let from = 1_000; from < 1_020; from += 5)
      for (let at = 1_300; at < 1_330; at += 3) {
        const rig = new OutboundRig({ oneWayMs: 10 });
        // The source keeps its own grid of 10 ms, wherever that lies.
        const say = live(rig, [[0, 1_000]]);
        rig.carrier.talking = () => rig.clock.now() > from + 40 && rig.clock.now() < from + 1_030;
        rig.run(2_300, (t) => {
          if (t < from) live(rig, [])(t);
          else say(t - from);
          if (t === at) rig.stall(20);
        });
        expect(rig.carrier.underruns).toBe(0);
        expect(rig.carrier.played.filter((byte) => byte !== 0xff).length).toBe(1_000 * 8);
      }
  });
});
