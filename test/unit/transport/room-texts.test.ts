import { expect, it } from 'vitest';
import { RoomTexts } from '../../../src/transport/room-texts.ts';

/** A stream that ends when the test says so. */
function stream() {
  const all = Promise.withResolvers<string>();
  let closed = 0;
  return {
    readAll: () => all.promise,
    close: async () => {
      closed++;
    },
    ends: all.resolve,
    breaks: () => all.reject(new Error('too long')),
    closed: () => closed,
  };
}

it('reads streams whole, and lets go of those that break off', async () => {
  const texts = new RoomTexts();
  const [whole, broken] = [stream(), stream()];
  const read = [texts.read('ann', whole), texts.read('ann', broken)];
  whole.ends('good day');
  broken.breaks();
  expect(await Promise.all(read)).toEqual(['good day', undefined]);
  expect([whole.closed(), broken.closed()]).toEqual([0, 1]);
});

it('has eight of one participant open and no more, whatever others do, and takes the next when one has ended', async () => {
  const texts = new RoomTexts();
  const never = Array.from({ length: 1_000 }, stream);
  const read = never.map((one) => texts.read('mallory', one));
  expect(await Promise.all(read.slice(8))).toEqual(Array(992).fill(undefined));
  expect(never.map((one) => one.closed())).toEqual([...Array(8).fill(0), ...Array(992).fill(1)]);
  const other = stream();
  other.ends('hello');
  expect(await texts.read('ann', other)).toBe('hello');
  never[0]!.ends('at last');
  expect(await read[0]).toBe('at last');
  const next = stream();
  next.ends('next');
  expect(await texts.read('mallory', next)).toBe('next');
});
