import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../../src/callers/phone/backlog.ts';
import { ByteQueue } from '../../../../src/callers/phone/byte-queue.ts';
import { CarrierClock } from '../../../../src/callers/phone/carrier-clock.ts';
import { LiveGate, SKIP } from '../../../../src/callers/phone/live-gate.ts';
import { PHONE_LEG_DEFAULTS, withDefaults } from '../../../../src/callers/phone/options.ts';
import { Positions } from '../../../../src/callers/phone/positions.ts';
import { SourcePace } from '../../../../src/callers/phone/source-pace.ts';
import { pcmu } from '../../../../src/media/codecs.ts';

describe('the byte queue', () => {
  it('gives back what was put in, in any chunking', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9_000), fc.nat(9_000)), { maxLength: 40 }), (steps) => {
        const queue = new ByteQueue();
        const expected: number[] = [];
        let next = 0;
        for (const [put, take] of steps) {
          const bytes = Buffer.from(Array.from({ length: put }, () => next++ & 0xff));
          queue.push(bytes, put);
          for (const byte of bytes) expected.push(byte);
          expect(queue.length).toBe(expected.length);
          const want = Buffer.from(expected.splice(0, take));
          expect(queue.takeBase64(take)).toBe(want.toString('base64'));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('gives its memory back as it is read, and has none when nothing waits', () => {
    const queue = new ByteQueue();
    queue.fill(0xff, 1_000_000);
    expect(queue.capacity).toBeGreaterThan(1_000_000);
    expect(queue.takeBase64(990_000)).toBe(Buffer.alloc(990_000, 0xff).toString('base64'));
    expect(queue.length).toBe(10_000);
    expect(queue.capacity).toBeLessThan(20_000);
    queue.take(10_000);
    expect(queue.capacity).toBe(0);
    queue.fill(1, 5_000);
    queue.clear();
    expect(queue.capacity).toBe(0);
    expect(queue.takeBase64(1)).toBe('');
  });

  it('has no bytes of another queue, which are in the same memory before and after', () => {
    const queues = [new ByteQueue(), new ByteQueue()];
    for (let round = 1; round <= 20; round++) {
      queues.forEach((queue, i) => {
        queue.push(Buffer.alloc(3_000, 10 * round + i), 3_000);
      });
      queues.forEach((queue, i) => {
        expect(queue.take(3_000).equals(Buffer.alloc(3_000, 10 * round + i))).toBe(true);
      });
    }
  });

  it('exchanges the bytes of all samples that wait, and no others', () => {
    const queue = new ByteQueue();
    const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i & 0xff));
    queue.push(bytes, bytes.length);
    queue.take(1_002);
    queue.swap16();
    queue.push(bytes, 2);
    expect(queue.take(10_000)).toEqual(
      Buffer.concat([Buffer.from(bytes.subarray(1_002)).swap16(), bytes.subarray(0, 2)]),
    );
  });
});

describe('the carrier clock', () => {
  it('plays from arrival on, as far as was sent', () => {
    const clock = new CarrierClock(8000);
    clock.onSent(800, 1_000, 30);
    expect(clock.at(1_030)).toBe(0);
    expect(clock.at(1_080)).toBe(400);
    expect(clock.at(2_000)).toBe(800);
    // A second spurt, long after the first, begins where the first ended.
    clock.onSent(800, 5_000, 30);
    expect(clock.at(5_030)).toBe(800);
    expect(clock.at(5_040)).toBe(880);
  });

  it('corrects itself by echoes, and does not let a late one push it back', () => {
    const clock = new CarrierClock(8000);
    clock.onSent(8_000, 0, 30);
    // The carrier began 100 ms later than thought: the echo of 200 ms comes at 30 + 100 + 200 + 30.
    clock.onEcho(1_600, 360, 60);
    expect(clock.at(330)).toBe(1_600);
    expect(clock.at(430)).toBe(2_400);
    // The echo of 400 ms is delayed by 150 ms on its way back.
    clock.onEcho(3_200, 710, 60);
    expect(clock.at(530)).toBe(3_200);
    expect(clock.at(630)).toBe(4_000);
  });

  it('ignores echoes that say nothing new, and stands still after a flush', () => {
    const clock = new CarrierClock(8000);
    clock.onSent(800, 0, 0);
    clock.onEcho(4_000, 50, 0);
    expect(clock.at(50)).toBe(400);
    clock.flush();
    expect(clock.at(60)).toBe(800);
    expect(clock.unplayedMs(60)).toBe(0);
  });
});

describe('positions', () => {
  it('part where silence is added or left out', () => {
    const p = new Positions();
    p.add(100);
    p.pad(50);
    p.add(100);
    expect(p.writtenEnd).toBe(200);
    expect([0, 100, 120, 150, 200, 250].map((w) => p.writtenAt(w))).toEqual([0, 100, 100, 100, 150, 200]);
    p.skip(40);
    p.skip(40);
    expect(p.writtenEnd).toBe(280);
    expect(p.writtenAt(249)).toBe(199);
    expect(p.writtenAt(250)).toBe(280);
    p.pad(10);
    p.add(5);
    expect([250, 255, 260, 265].map((w) => p.writtenAt(w))).toEqual([280, 280, 280, 285]);
  });

  it('never fall, never pass what was written, and reach it at the end', () => {
    const step = fc.tuple(fc.constantFrom('add', 'pad', 'skip', 'ask' as const), fc.integer({ min: 1, max: 500 }));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const p = new Positions();
        let wire = 0;
        let asked = 0;
        let last = 0;
        for (const [what, n] of steps) {
          if (what === 'ask') {
            asked = Math.min(wire, asked + n);
            const written = p.writtenAt(asked);
            expect(written).toBeGreaterThanOrEqual(last);
            expect(written).toBeLessThanOrEqual(p.writtenEnd);
            last = written;
          } else {
            p[what](n);
            if (what !== 'skip') wire += n;
          }
        }
        expect(p.writtenAt(wire)).toBe(p.writtenEnd);
      }),
    );
  });
});

describe('the pace of a source', () => {
  const run = (pace: SourcePace, from: number, ms: number, every: number, factor: number) => {
    for (let t = 0; t < ms; t += every) pace.wrote(every * factor, from + t);
  };

  it('is live when audio comes in real time', () => {
    const pace = new SourcePace();
    run(pace, 0, 200, 10, 1);
    expect(pace.live).toBe(false);
    run(pace, 200, 200, 10, 1);
    expect(pace.live).toBe(true);
  });

  it('stays live through a stall of ours and the burst after it, and through an hour of clock drift', () => {
    const pace = new SourcePace();
    run(pace, 0, 1_000, 10, 1);
    for (let n = 0; n < 60; n++) pace.wrote(10, 1_600);
    expect(pace.live).toBe(true);
    for (let n = 1; n < 360_000; n++) pace.wrote(10, 1_600 + n * 9.998);
    expect(pace.live).toBe(true);
  });

  it('is bursty when an answer comes faster than it can be spoken, and again after a change of transport', () => {
    const pace = new SourcePace();
    run(pace, 0, 1_000, 100, 4);
    expect(pace.live).toBe(false);
    run(pace, 5_000, 1_000, 10, 1);
    expect(pace.live).toBe(true);
    run(pace, 6_000, 300, 50, 5);
    expect(pace.live).toBe(false);
    pace.forced = true;
    expect(pace.live).toBe(true);
  });
});

describe('the live gate', () => {
  const gate = () => new LiveGate({ hangoverMs: 400, slackMs: { above: 40, below: 20 } });

  it('leaves silence out, lays the cushion before the first word, and ends 400 ms after the last', () => {
    const g = gate();
    expect(g.next(true, 10, 0, 260)).toBe(SKIP);
    expect(g.next(false, 10, 0, 260)).toBe(260);
    expect(g.next(false, 10, 260, 260)).toBe(0);
    for (let ms = 10; ms <= 400; ms += 10) expect(g.next(true, 10, 260, 260)).toBe(0);
    expect(g.talking).toBe(true);
    expect(g.next(true, 10, 260, 260)).toBe(SKIP);
    expect(g.talking).toBe(false);
    // What is still in front counts towards the next cushion.
    expect(g.next(false, 10, 100, 260)).toBe(160);
  });

  it('corrects the cushion in pauses, never within words', () => {
    const g = gate();
    g.next(false, 10, 0, 260);
    expect(g.next(false, 10, 20, 260)).toBe(0);
    expect(g.next(false, 10, 900, 260)).toBe(0);
    for (let ms = 10; ms < 60; ms += 10) expect(g.next(true, 10, 900, 260)).toBe(0);
    expect(g.next(true, 10, 900, 260)).toBe(SKIP);
    expect(g.next(true, 10, 310, 260)).toBe(SKIP);
    expect(g.next(true, 10, 290, 260)).toBe(0);
    expect(g.next(true, 10, 200, 260)).toBe(60);
  });

  it('wins back between the words of a line that is never silent what was late, and cuts no end of a word', () => {
    const g = gate();
    g.next(false, 10, 0, 260);
    for (let ms = 10; ms <= 120; ms += 10) expect(g.next(false, 10, 900, 260, true)).toBe(0);
    expect(g.next(false, 10, 900, 260, true)).toBe(SKIP);
    expect(g.next(false, 10, 290, 260, true)).toBe(0);
    expect(g.next(false, 10, 900, 260)).toBe(0);
    expect(g.next(false, 10, 900, 260, true)).toBe(0);
    expect(g.talking).toBe(true);
  });
});

describe('the backlog', () => {
  const bytes = (ms: number) => Math.ceil(ms * (8 * (4 / 3) + 120 / PHONE_LEG_DEFAULTS.chunkMs));

  it('drops beyond five seconds, once, and resumes below one', () => {
    const b = new Backlog(pcmu, PHONE_LEG_DEFAULTS);
    expect(b.check(bytes(4_900), 0)).toBe('ok');
    expect(b.check(bytes(5_100), 20)).toBe('drop');
    expect(b.blocked).toBe(true);
    expect(b.check(bytes(5_100), 40)).toBe('ok');
    expect(b.check(bytes(1_100), 60)).toBe('ok');
    expect(b.blocked).toBe(true);
    expect(b.check(bytes(900), 80)).toBe('ok');
    expect(b.blocked).toBe(false);
  });

  it('gives up beyond ten, or after as long a blockade', () => {
    expect(new Backlog(pcmu, PHONE_LEG_DEFAULTS).check(bytes(10_100), 0)).toBe('close');
    const b = new Backlog(pcmu, PHONE_LEG_DEFAULTS);
    b.check(bytes(5_100), 0);
    expect(b.check(bytes(5_100), 4_800)).toBe('ok');
    expect(b.check(bytes(5_100), 5_000)).toBe('close');
  });
});

describe('the options', () => {
  it('refuse what cannot work', () => {
    expect(() => withDefaults({ chunkMs: 10 })).toThrow(RangeError);
    expect(() => withDefaults({ leadMs: 30 })).toThrow(RangeError);
    expect(() => withDefaults({ closeBacklogMs: 1 })).toThrow(RangeError);
    expect(withDefaults({ leadMs: 200 }).leadMs).toBe(200);
  });
});
