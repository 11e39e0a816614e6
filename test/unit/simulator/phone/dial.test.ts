import { describe, expect, it } from 'vitest';
import { type DialInstruction, type DialledParty, dial } from '../../../../src/simulator/phone/dial.ts';

const dialled = async (
  party: DialledParty,
  instruction: Partial<DialInstruction> = {},
  { from = '+12025550143', hangUp = false } = {},
) => {
  const hungUp = new AbortController();
  const waited: number[] = [];
  const wait = async (ms: number) => {
    waited.push(ms);
    if (hangUp) hungUp.abort();
  };
  const outcome = await dial(
    { target: '+12025550199', ...instruction },
    { from, party, wait, ringOut: wait, hungUp: hungUp.signal },
  );
  return { ...outcome, waited };
};

describe('a number that is dialled for a caller', () => {
  it.each<[DialledParty, Partial<DialInstruction>, object]>([
    [{ outcome: 'answer', ringMs: 50, talkMs: 9_000 }, {}, { status: 'completed', seconds: 9, waited: [50, 9_000] }],
    [{ outcome: 'answer', ringMs: 50, talkMs: 9_000 }, { timeLimit: 4 }, { seconds: 4, waited: [50, 4_000] }],
    [{ outcome: 'answer', ringMs: 9_000 }, { timeout: 5 }, { status: 'no-answer', waited: [5_000] }],
    [{ outcome: 'no-answer', ringMs: 0 }, {}, { status: 'no-answer', seconds: undefined, waited: [30_000] }],
    [{ outcome: 'busy', ringMs: 10 }, {}, { status: 'busy', seconds: undefined, waited: [10] }],
    [{ outcome: 'failed', ringMs: 0 }, {}, { status: 'failed', waited: [0] }],
  ])('%o with %o', async (party, instruction, expected) => {
    expect(await dialled(party, instruction)).toMatchObject(expected);
  });

  it('rings no more when the caller hangs up', async () => {
    expect(await dialled({ outcome: 'answer', ringMs: 50 }, {}, { hangUp: true })).toMatchObject({
      status: 'canceled',
    });
  });

  it('is not reached for a caller without a number, unless one is shown in its place', async () => {
    const party = { outcome: 'answer', ringMs: 0 } as const;
    expect(await dialled(party, {}, { from: 'Anonymous' })).toMatchObject({ status: 'failed', waited: [] });
    expect(await dialled(party, { callerId: '+12025550100' }, { from: 'Anonymous' })).toMatchObject({
      status: 'completed',
    });
  });
});
