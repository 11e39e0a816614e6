import { describe, expect, it } from 'vitest';
import { CallEars, LISTEN_RATE } from '../../../src/listening/call-ears.ts';
import { Lane } from '../../../src/listening/lane.ts';
import { makeTone, toneLevel } from '../../../src/media/tone.ts';

const BLOCK = LISTEN_RATE / 50;

function sides(blocks: readonly Uint8Array[]) {
  const samples = blocks.flatMap((block) => [...new Int16Array(block.slice().buffer)]);
  return [0, 1].map((side) => Int16Array.from(samples.filter((_, i) => i % 2 === side)));
}

describe('a call that is listened to', () => {
  it('goes out in step: the caller as he comes, the agent as it is heard, though all of its answer came at once', () => {
    const ears = new CallEars();
    const tap = ears.tap({ id: 'c1' });
    const blocks: Uint8Array[] = [];
    ears.listen(
      'c1',
      (block) => blocks.push(block),
      () => {},
    );
    const caller = makeTone(400, 8_000, 2_000);
    const agent = makeTone(1_000, 24_000, 1_000);
    tap.agent({ samples: agent, sampleRate: 24_000 }, 0);
    for (let ms = 0; ms < 2_000; ms += 20) {
      tap.caller({ samples: caller.subarray(ms * 8, (ms + 20) * 8), sampleRate: 8_000 });
      // Playing begins half a second later.
      tap.tick(Math.max(0, ms - 500), ms);
    }
    const [left, right] = sides(blocks) as [Int16Array, Int16Array];
    expect(left.length).toBe(2 * LISTEN_RATE);
    const level = (side: Int16Array, hz: number, from: number, to: number) =>
      toneLevel(side.subarray(from * 16, to * 16), LISTEN_RATE, hz);
    expect(level(left, 400, 100, 1_900)).toBeGreaterThan(-8);
    expect(level(left, 1_000, 100, 1_900)).toBeLessThan(-50);
    expect(level(right, 1_000, 0, 500)).toBeLessThan(-50);
    expect(level(right, 1_000, 650, 1_450)).toBeGreaterThan(-8);
    expect(level(right, 1_000, 1_650, 2_000)).toBeLessThan(-50);
  });

  it('has nothing of what was discarded unheard', () => {
    const ears = new CallEars();
    const tap = ears.tap({ id: 'c1' });
    const blocks: Uint8Array[] = [];
    ears.listen(
      'c1',
      (block) => blocks.push(block),
      () => {},
    );
    tap.agent({ samples: makeTone(1_000, 16_000, 1_000), sampleRate: 16_000 }, 0);
    for (let ms = 0; ms <= 200; ms += 20) tap.tick(ms, ms);
    tap.cleared(200);
    for (let ms = 220; ms <= 1_000; ms += 20) tap.tick(ms, ms);
    const [, right] = sides(blocks);
    expect(toneLevel(right!.subarray(400 * 16), LISTEN_RATE, 1_000)).toBeLessThan(-50);
  });

  it('costs nothing while nobody listens, and tells those who do that it is over', () => {
    const ears = new CallEars();
    const tap = ears.tap({ id: 'c1' });
    expect([tap.hearing, tap.ticking]).toEqual([false, false]);
    let over = 0;
    const leave = ears.listen(
      'c1',
      () => {},
      () => over++,
    );
    ears.listen(
      'c1',
      () => {},
      () => over++,
    );
    expect([tap.hearing, tap.ticking]).toEqual([true, true]);
    leave?.();
    expect(tap.hearing).toBe(true);
    tap.ended();
    expect([over, tap.hearing]).toEqual([1, false]);
    expect(
      ears.listen(
        'c1',
        () => {},
        () => {},
      ),
    ).toBeUndefined();
  });
});

describe('one side', () => {
  const lane = () => new Lane({ leastSamples: 2 * BLOCK, mostSamples: 10 * BLOCK });
  const pulled = (from: Lane) => {
    const out = new Int16Array(BLOCK * 2).fill(7);
    from.pull(out, 1, 2);
    expect(out[0]).toBe(7);
    return out[1];
  };
  const piece = (value: number, blocks = 1) => new Int16Array(BLOCK * blocks).fill(value);

  it('waits for two pieces after each gap, so that the next may be late', () => {
    const side = lane();
    side.push(piece(1));
    expect(pulled(side)).toBe(0);
    side.push(piece(2));
    expect([pulled(side), pulled(side), pulled(side)]).toEqual([1, 2, 0]);
    side.push(piece(3));
    expect(pulled(side)).toBe(0);
  });

  it('lets the oldest go where more waits than is worth the delay', () => {
    const side = lane();
    for (let n = 1; n <= 11; n++) side.push(piece(n));
    expect(side.waiting).toBe(2 * BLOCK);
    expect(pulled(side)).toBe(10);
    side.push(piece(9, 100));
    expect(side.waiting).toBeLessThanOrEqual(10 * BLOCK);
  });

  it('is not late for ever after one stall: silence is left out until what is never needed waits no more', () => {
    const side = lane();
    const second = (value: number) => {
      for (let n = 0; n < 50; n++) {
        side.push(piece(value));
        pulled(side);
      }
      return side.waiting / BLOCK;
    };
    expect(second(1_000)).toBe(1);
    // Nothing came for 160 ms, and then all of it.
    for (let n = 0; n < 8; n++) pulled(side);
    side.push(piece(1_000, 8));
    expect(second(1_000), 'words are kept').toBe(8);
    expect(second(1_000), 'words are kept').toBe(8);
    // A pause between words.
    expect(second(3)).toBe(2);
    expect(second(3), 'what is needed stays').toBe(2);
    expect(second(1_000)).toBe(2);
    expect(pulled(side)).toBe(1_000);
  });
});
