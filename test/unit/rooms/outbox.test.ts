import { describe, expect, it } from 'vitest';
import { Outbox } from '../../../src/rooms/worker/outbox.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('what is said in a room', () => {
  it('goes one after the other, and of one key only the latest that waits', async () => {
    const clock = new FakeClock();
    const outbox = new Outbox(clock);
    const said: string[] = [];
    const say = (text: string) => async () => {
      said.push(text);
    };
    outbox.put('state', say('listening'));
    outbox.put('state', say('thinking'));
    outbox.put('line', say('Hel'));
    outbox.put('state', say('speaking'));
    outbox.put('line', say('Hello'));
    await clock.advanceAsync(10);
    expect(said).toEqual(['listening', 'speaking', 'Hello']);
    expect(clock.pending).toBe(0);
  });

  it('goes on after what fails and what never ends, and counts both', async () => {
    const clock = new FakeClock();
    const outbox = new Outbox(clock);
    const said: string[] = [];
    outbox.put('a', () => Promise.reject(new Error('away')));
    outbox.put('b', () => new Promise(() => {}));
    outbox.put('c', async () => {
      said.push('c');
    });
    await clock.advanceAsync(4_990);
    expect(said).toEqual([]);
    await clock.advanceAsync(20);
    expect([said, outbox.failed]).toEqual([['c'], 2]);
  });

  it('waits for some no longer than is said with them', async () => {
    const clock = new FakeClock();
    const outbox = new Outbox(clock);
    const said: string[] = [];
    outbox.put('state', () => new Promise(() => {}), 250);
    outbox.put('line', async () => {
      said.push('Hello');
    });
    await clock.advanceAsync(240);
    expect(said).toEqual([]);
    await clock.advanceAsync(20);
    expect(said).toEqual(['Hello']);
  });

  it('is not endless: the oldest gives way', async () => {
    const clock = new FakeClock();
    const outbox = new Outbox(clock);
    const said: number[] = [];
    outbox.put('stuck', () => new Promise(() => {}));
    for (let i = 0; i < 250; i++) {
      outbox.put(`line ${i}`, async () => {
        said.push(i);
      });
    }
    await clock.advanceAsync(5_000, 1_000);
    await clock.advanceAsync(400, 1);
    expect(said).toEqual(Array.from({ length: 200 }, (_, i) => i + 50));
  });

  it('is nothing more once it is closed', async () => {
    const clock = new FakeClock();
    const outbox = new Outbox(clock);
    const said: string[] = [];
    outbox.put('a', () => new Promise(() => {}));
    outbox.put('b', async () => {
      said.push('b');
    });
    outbox.close();
    await clock.advanceAsync(6_000, 1_000);
    expect(said).toEqual([]);
  });
});
