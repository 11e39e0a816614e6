import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LateRequests } from '../../../src/http/late-requests.ts';
import { FakeClock } from '../../fakes/clock.ts';

const WITHIN_MS = 10_000;

function connection(bytesRead: number) {
  const clock = new FakeClock();
  const told: string[] = [];
  const socket = Object.assign(new EventEmitter(), { bytesRead, destroyed: false });
  const requests = new LateRequests({
    clock,
    withinMs: WITHIN_MS,
    silent: () => told.push('silent'),
    late: () => told.push('late'),
  });
  return {
    clock,
    told,
    socket,
    begun: (request?: { complete: boolean }) => requests.begun(socket as unknown as Socket, request),
    /** Its time is over, and `read` is what there was to read. */
    async over(read: () => void): Promise<void> {
      requests.over(socket as unknown as Socket, socket.bytesRead === 0);
      expect(told).toEqual([]);
      read();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('a connection whose time is over', () => {
  it('is cut when nothing more was there to read: without a word when it never said anything', async () => {
    for (const [bytesRead, what] of [
      [0, 'silent'],
      [100, 'late'],
    ] as const) {
      const one = connection(bytesRead);
      await one.over(() => {});
      expect([one.told, one.clock.pending]).toEqual([[what], 0]);
    }
  });

  it('is served when the rest of its request was there, and only not read', async () => {
    for (const bytesRead of [0, 100]) {
      const one = connection(bytesRead);
      await one.over(() => {
        one.socket.bytesRead += 200;
        one.begun({ complete: true });
      });
      one.clock.advance(2 * WITHIN_MS);
      expect(one.told).toEqual([]);
    }
  });

  it('is served when the rest of a body was there, or that of an upgrade’s head', async () => {
    const body = connection(100);
    const request = { complete: false };
    body.begun(request);
    await body.over(() => {
      body.socket.bytesRead += 200;
      request.complete = true;
    });
    const upgrade = connection(100);
    await upgrade.over(() => {
      upgrade.socket.bytesRead += 200;
      upgrade.begun();
    });
    for (const { clock, told } of [body, upgrade]) {
      clock.advance(2 * WITHIN_MS);
      expect(told).toEqual([]);
    }
  });

  it('has half a second for the rest of what it had begun, and the time of a whole request where it begins just then', async () => {
    for (const [bytesRead, ms] of [
      [100, 500],
      [0, WITHIN_MS],
    ] as const) {
      const [slow, served] = [connection(bytesRead), connection(bytesRead)];
      for (const one of [slow, served]) {
        // An earlier request does not stand for this one.
        if (bytesRead > 0) one.begun({ complete: true });
        await one.over(() => one.socket.bytesRead++);
        one.clock.advance(ms - 1);
        expect(one.told).toEqual([]);
      }
      slow.begun({ complete: false });
      served.begun({ complete: true });
      // The next one's time is not this one's.
      served.begun({ complete: false });
      for (const one of [slow, served]) one.clock.advance(1);
      expect([slow.told, served.told]).toEqual([['late'], []]);
    }
  });

  it('leaves no timer behind when it is closed', async () => {
    const one = connection(0);
    await one.over(() => one.socket.bytesRead++);
    expect(one.clock.pending).toBe(1);
    one.socket.emit('close');
    expect(one.clock.pending).toBe(0);
    const closed = connection(0);
    await closed.over(() => {
      closed.socket.destroyed = true;
    });
    expect([closed.told, closed.clock.pending]).toEqual([[], 0]);
  });
});
