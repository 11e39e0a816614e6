import { describe, expect, it } from 'vitest';
import { REFUSALS, type RefusalReason } from '../../../src/admission/admission.ts';
import { placerOf } from '../../../src/features/tests.ts';
import { NoRoom } from '../../../src/suites/attempt.ts';

/** What a run is told of a call that this daemon does not take. */

type Parts = Parameters<typeof placerOf>[0];

/** Refused at the door, or only when it begins. */
function refusing(reason: RefusalReason, at: 'door' | 'begin') {
  let freed = 0;
  const refused = { ok: false as const, reason };
  const arrival = {
    id: 'call',
    assign: async () => ({ begin: () => refused, sources: {} }),
    free: () => void freed++,
  };
  const intake = { admit: () => (at === 'door' ? refused : { ok: true, arrival }) };
  let watched = 0;
  const placer = placerOf({ intake, calls: {} } as unknown as Parts, () => {
    watched++;
    return () => void watched--;
  });
  const target = { kind: 'self', options: {} };
  const placed = placer.place({ target, variables: {} } as never, () => {}).catch((error: unknown) => error);
  return { placed, left: () => [watched, at === 'door' ? 0 : freed - 1] };
}

describe('a call of a test that is refused by this daemon', () => {
  const forRoom = ['calls', 'rate', 'loop-delay', 'memory', 'fleet', 'number', 'caller', 'account'];

  it.for(REFUSALS.flatMap((reason) => [[reason, 'door'] as const, [reason, 'begin'] as const]))(
    'for %s at its %s may be tried later where that is for want of room, and leaves nothing',
    async ([reason, at]) => {
      const { placed, left } = refusing(reason, at);
      const error = await placed;
      expect(error).toMatchObject({ code: 'ABORTED', message: `no more calls are taken: ${reason}` });
      expect(error instanceof NoRoom).toBe(forRoom.includes(reason));
      expect(left()).toEqual([0, 0]);
    },
  );
});
