import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JitterBuffer, type Next } from '../../../bench/engine/jitter-buffer.ts';

const CLOCK = 48_000;
const UNITS = 960;
const payload = new Uint8Array([1]);

/** Packet `n` of a stream of 20 ms packets that began near both wraps. */
const packet = (n: number, sequence = 65_530, timestamp = 2 ** 32 - 3 * UNITS) => ({
  sequence: (sequence + n) & 0xffff,
  timestamp: (timestamp + n * UNITS) >>> 0,
  payload: Uint8Array.of(n),
});

const name = (next: Next) =>
  next.kind === 'packet'
    ? next.packet.payload[0]
    : next.kind === 'lost' || next.kind === 'still'
      ? `${next.kind} ${next.units}`
      : next.kind;

/** Plays so many turns of 20 ms, each after what comes then. */
function play(turns: number, comes: (turn: number) => number[], options: { firstMs?: number; mostMs?: number } = {}) {
  const buffer = new JitterBuffer({ clockRate: CLOCK, ...options });
  const heard: unknown[] = [];
  for (let turn = 0; turn < turns; turn++) {
    for (const n of comes(turn)) buffer.push(packet(n), turn * 20);
    const next = buffer.next(turn * 20 + 1);
    heard.push(name(next));
    if (next.kind === 'dry') buffer.dried(20);
    buffer.taken(turn * 20 + 1, 0);
  }
  return { heard, buffer };
}

describe('a jitter buffer', () => {
  it('waits for the second packet or the time, then gives one after the other over both wraps', () => {
    const { heard } = play(14, (turn) => [turn]);
    expect(heard).toEqual(['waiting', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('does not wait for a second packet for ever', () => {
    const { heard } = play(4, (turn) => (turn === 0 ? [0] : []));
    expect(heard).toEqual(['waiting', 'waiting', 0, 'dry']);
  });

  it('puts packets that overtook one another in order again', () => {
    const { heard } = play(7, (turn) => [[0], [2, 1], [4, 3], [5], [6], [7], [8]][turn] ?? []);
    expect(heard).toEqual(['waiting', 0, 1, 2, 3, 4, 5]);
  });

  it('gives a double once, and says so', () => {
    const buffer = new JitterBuffer({ clockRate: CLOCK, firstMs: 0 });
    expect(buffer.push(packet(0), 0)).toBe('kept');
    expect(buffer.push(packet(0), 0)).toBe('double');
    expect(name(buffer.next(1))).toBe(0);
    expect(buffer.push(packet(0), 2)).toBe('late');
    expect(name(buffer.next(3))).toBe('dry');
  });

  it('tells one packet of a loss at a time, with its length, and goes on behind it', () => {
    const { heard } = play(9, (turn) => (turn === 3 || turn === 4 ? [] : turn === 5 ? [5] : [turn]));
    // Two were lost, and for one turn it ran dry: what is left of both is as long as one.
    expect(heard).toEqual(['waiting', 0, 1, 2, 'dry', 'lost 480', 'lost 480', 5, 6]);
  });

  it('does not take a pause of the sender for a loss', () => {
    const buffer = new JitterBuffer({ clockRate: CLOCK, firstMs: 0 });
    buffer.push(packet(0), 0);
    expect(name(buffer.next(0))).toBe(0);
    const after = { ...packet(1), timestamp: packet(21).timestamp };
    buffer.push(after, 20);
    const told: unknown[] = [];
    for (let i = 0; i < 5; i++) told.push(name(buffer.next(20)));
    // 400 ms, in pieces of no more than the longest packet.
    expect(told).toEqual(['still 5760', 'still 5760', 'still 5760', 'still 1920', 1]);
  });

  it('counts what was played while nothing came as part of the pause', () => {
    const buffer = new JitterBuffer({ clockRate: CLOCK, firstMs: 0 });
    buffer.push(packet(0), 0);
    buffer.next(0);
    for (let i = 0; i < 19; i++) {
      expect(buffer.next(20 * i).kind).toBe('dry');
      buffer.dried(20);
    }
    buffer.push({ ...packet(1), timestamp: packet(21).timestamp }, 400);
    expect(name(buffer.next(400))).toBe('still 960');
    expect(name(buffer.next(400))).toBe(1);
  });

  it('plays what comes late after it ran dry, so that nothing is lost and the delay has grown', () => {
    // A burst: nothing for three turns, then all of it.
    const { heard, buffer } = play(12, (turn) =>
      turn < 3 ? [turn] : turn < 6 ? [] : turn === 6 ? [3, 4, 5, 6] : [turn],
    );
    expect(heard).toEqual(['waiting', 0, 1, 2, 'dry', 'dry', 3, 4, 5, 6, 7, 8]);
    expect(buffer.levelMs).toBe(60);
  });

  it('asks for as much more delay as a packet came too late', () => {
    const buffer = new JitterBuffer({ clockRate: CLOCK, firstMs: 0 });
    for (const n of [0, 2, 3]) buffer.push(packet(n), 0);
    expect([1, 2, 3].map(() => name(buffer.next(1)))).toEqual([0, 'lost 960', 2]);
    expect(buffer.wantedMs).toBe(0);
    expect(buffer.push(packet(1), 60)).toBe('late');
    // Its turn ended where packet 2 begins; packet 3 still lies ready.
    expect(buffer.wantedMs).toBe(60);
    buffer.putIn(20);
    expect(buffer.wantedMs).toBe(40);
  });

  it('finds delay that nothing needed, after seconds, and none while some needs it', () => {
    const steady = (turns: number, jittered: boolean) =>
      play(turns, (turn) => {
        if (turn === 0) return [0, 1, 2, 3, 4];
        // Now and then four turns' worth comes together.
        if (jittered && turn % 100 >= 96) return turn % 100 === 99 ? [turn + 1, turn + 2, turn + 3, turn + 4] : [];
        return [turn + 4];
      }).buffer;
    expect(steady(190, false).spareMs).toBe(0);
    expect(steady(500, false).spareMs).toBe(70);
    expect(steady(500, true).spareMs).toBe(10);
    const buffer = steady(500, false);
    buffer.leftOut(20);
    expect(buffer.spareMs).toBe(50);
  });

  it.each([
    ['fast', 20 / 1.001],
    ['slow', 20 * 1.001],
  ])('follows a far clock that is too %s', (which, everyMs) => {
    const buffer = new JitterBuffer({ clockRate: CLOCK });
    let [sent, dry, left] = [0, 0, 0];
    for (let now = 0; now < 120_000; now += 20) {
      for (; sent * everyMs <= now; sent++)
        buffer.push({ sequence: sent & 0xffff, timestamp: sent * UNITS, payload }, now);
      if (buffer.spareMs >= 20) {
        buffer.next(now);
        buffer.leftOut(20);
        left++;
      }
      if (buffer.next(now).kind === 'dry') {
        buffer.dried(20);
        dry++;
      }
      buffer.taken(now, 0);
    }
    // A thousandth is 120 ms in two minutes: six packets.
    expect(which === 'fast' ? left : dry).toBeGreaterThanOrEqual(4);
    expect(which === 'fast' ? left : dry).toBeLessThanOrEqual(7);
    expect(buffer.levelMs).toBeLessThan(80);
  });

  it('keeps no more than it may, and goes on with the newest', () => {
    const buffer = new JitterBuffer({ clockRate: CLOCK, mostMs: 100 });
    for (let n = 0; n < 20; n++) buffer.push(packet(n), 0);
    expect(buffer.levelMs).toBeLessThanOrEqual(120);
    expect(name(buffer.next(1))).toBe(14);
  });

  it('takes a stranger for none, and two in a row for a sender that begins anew', () => {
    const buffer = new JitterBuffer({ clockRate: CLOCK, firstMs: 0 });
    buffer.push(packet(0), 0);
    expect(name(buffer.next(1))).toBe(0);
    expect(buffer.push({ sequence: 20_000, timestamp: 7, payload }, 2)).toBe('refused');
    expect(buffer.push(packet(1), 3)).toBe('kept');
    expect(name(buffer.next(4))).toBe(1);
    expect(buffer.push({ sequence: 30_000, timestamp: 7, payload }, 5)).toBe('refused');
    expect(buffer.push({ sequence: 30_001, timestamp: 967, payload: Uint8Array.of(99) }, 6)).toBe('kept');
    expect(name(buffer.next(7))).toBe(99);
  });

  it('gives every packet at most once and in order, whatever comes', () => {
    const arrivals = fc.array(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 4 }), { maxLength: 80 });
    fc.assert(
      fc.property(arrivals, (all) => {
        const { heard } = play(all.length, (turn) => all[turn] ?? []);
        const numbers = heard.filter((one): one is number => typeof one === 'number');
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      }),
    );
  });
});
