import { describe, expect, it } from 'vitest';
import { PendingConnections, pendingLimits } from '../../../src/http/pending.ts';

describe('connections without proof', () => {
  it.each([
    [200, 50],
    [7, 1],
    [1, 1],
  ])('%s in all leave one address %s', (total, perAddress) => {
    expect(pendingLimits(total)).toEqual({ total, perAddress });
  });

  it('leave room for others when one address has taken its share', () => {
    const pending = new PendingConnections(pendingLimits(8));
    const free = pending.admit('203.0.113.1');
    pending.admit('203.0.113.1');
    expect(pending.admit('203.0.113.1')).toBe('address');
    for (const last of [2, 3, 4])
      for (const _ of [1, 2]) expect(pending.admit(`203.0.113.${last}`)).toBeTypeOf('function');
    expect(pending.admit('203.0.113.9')).toBe('total');
    if (typeof free === 'string') throw new Error(free);
    free();
    free();
    expect(pending.total).toBe(7);
    expect(pending.admit('203.0.113.1')).toBeTypeOf('function');
  });

  it('of IPv6 are counted by the network that one subscriber has', () => {
    const pending = new PendingConnections({ perAddress: 1, total: 10 });
    expect(pending.admit('2001:db8::1')).toBeTypeOf('function');
    expect(pending.admit('2001:db8::ffff:1')).toBe('address');
    expect(pending.admit('2001:db8:0:1::1')).toBeTypeOf('function');
  });
});
