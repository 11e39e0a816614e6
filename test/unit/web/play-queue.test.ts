import { describe, expect, it } from 'vitest';
import { PlayQueue } from '../../../web/js/listen/play-queue.js';

const RATE = 16_000;
const FRAMES = RATE / 50;

/** 20 ms of both sides. */
const block = (caller: number, agent = caller) =>
  Int16Array.from({ length: FRAMES * 2 }, (_, i) => (i % 2 === 0 ? caller : agent));

function rig() {
  const queue = new PlayQueue(RATE);
  const [left, right] = [new Float32Array(FRAMES), new Float32Array(FRAMES)];
  return {
    queue,
    left,
    right,
    play: () => queue.fill(left, right),
    /** A second in which a block comes for each that is played; ms that wait then. */
    second(sample: number) {
      for (let n = 0; n < 50; n++) {
        queue.push(block(sample));
        queue.fill(left, right);
      }
      return (queue.waiting * 1_000) / RATE;
    },
  };
}

describe('what is heard of a call', () => {
  it('waits for 60 ms after each gap, and has each side more on its own ear', () => {
    const { queue, left, right, play } = rig();
    queue.push(block(16_384, 0));
    queue.push(block(16_384, 0));
    expect([play(), left[0], right[0]]).toEqual([0, 0, 0]);
    queue.push(block(16_384, 0));
    expect(play()).toBe(0.5);
    expect(left[0]).toBeCloseTo(0.4);
    expect(right[0]).toBeCloseTo(0.175);
    play();
    play();
    expect(play(), 'nothing is left').toBe(0);
    queue.push(block(16_384));
    expect(play()).toBe(0);
  });

  it('lets the oldest go where more waits than is worth the delay', () => {
    const { queue } = rig();
    for (let n = 0; n < 40; n++) queue.push(block(1_000));
    expect((queue.waiting * 1_000) / RATE).toBe(300);
  });

  it('is not late for ever after one stall: silence is left out until what is never needed waits no more', () => {
    const { queue, play, second } = rig();
    expect(second(8_000)).toBe(40);
    for (let n = 0; n < 10; n++) play();
    for (let n = 0; n < 10; n++) queue.push(block(8_000));
    expect(second(8_000)).toBe(200);
    expect(second(8_000), 'words are kept').toBe(200);
    expect(second(5)).toBe(60);
    expect(second(5), 'what is needed stays').toBe(60);
    expect(second(8_000)).toBe(60);
  });
});
