import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineWatch } from '../../../web/phone/line-watch.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const counted = (packetsReceived: number) => new Map([['a', { type: 'inbound-rtp', packetsReceived }]]);

function watched(stats: () => Promise<unknown>) {
  const said: string[] = [];
  const told = {
    flows: () => void said.push('flows'),
    unstable: () => void said.push('unstable'),
    lost: () => void said.push('lost'),
  };
  return { said, watch: new LineWatch({ getStats: stats } as never, told) };
}

describe('the watch over a line', () => {
  it('tells of packets that come, that stay away, and that never come again', async () => {
    let packets = 1;
    const { said, watch } = watched(async () => counted(packets));
    await vi.advanceTimersByTimeAsync(1_000);
    packets = 2;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(said).toEqual(['flows', 'flows']);
    await vi.advanceTimersByTimeAsync(8_000);
    expect(said.slice(2)).toEqual([...Array.from({ length: 6 }, () => 'unstable'), 'lost']);
    watch.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(said).toHaveLength(9);
  });

  it('tells nothing of a line that was closed while the browser counted', async () => {
    const asked = Promise.withResolvers<unknown>();
    const { said, watch } = watched(() => asked.promise);
    await vi.advanceTimersByTimeAsync(1_000);
    watch.close();
    asked.resolve(counted(7));
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual([]);
  });
});
