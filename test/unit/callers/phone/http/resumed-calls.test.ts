import { describe, expect, it } from 'vitest';
import type { CarrierCall } from '../../../../../src/call/carrier-call.ts';
import type { Said } from '../../../../../src/call/said.ts';
import type { IncomingCall } from '../../../../../src/callers/phone/http/incoming-call.ts';
import type { Brought, PhoneCalls } from '../../../../../src/callers/phone/http/phone-calls.ts';
import { ResumedCalls } from '../../../../../src/callers/phone/http/resumed-calls.ts';
import type { WhatIsKept } from '../../../../../src/continuity/continuity.ts';
import type { Overrides } from '../../../../../src/dispatch.ts';
import type { Fleet } from '../../../../../src/fleet/fleet.ts';
import { peerUnreachable } from '../../../../../src/fleet/fleet.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { fakeLog } from '../../../../fakes/legs.ts';

const CALL: CarrierCall = { carrier: 'acme', accountId: 'AC1', carrierCallId: 'CA1' };
const INCOMING = { ...CALL, direction: 'inbound', params: {}, custom: {} } as unknown as IncomingCall;
const SAID: readonly Said[] = [{ kind: 'message', role: 'caller', text: 'a table for two' }];

interface Options {
  /** The instance that is named as the owner, and whether it answers. */
  readonly owner?: string;
  readonly lives?: boolean;
  readonly hasRoom?: boolean;
  /** What becomes of the call here. */
  readonly begin?: () => Promise<unknown>;
  readonly kept?: WhatIsKept<Brought>;
  readonly away?: boolean;
}

function rig({ owner = 'dead', lives = false, hasRoom = true, begin, kept, away = false }: Options = {}) {
  const done: string[] = [];
  const begun: Array<{ id: string; overrides: Overrides }> = [];
  const admitted: Array<string | undefined> = [];
  const clock = new FakeClock();
  let takenUp = 0;
  const fleet = {
    self: 'here',
    serve: () => {},
    ask: async (instance: string) => {
      done.push(`asked ${instance}`);
      if (!lives) throw peerUnreachable('refused');
      return true;
    },
  } as unknown as Fleet;
  const resumed = new ResumedCalls({
    continuity: {
      takeUp: async (_call, _id, isGone) => {
        takenUp++;
        if (away) throw new Error('the memory is gone');
        if (kept !== undefined) return kept;
        if (!(await isGone(owner))) return 'taken';
        const brought = { incoming: INCOMING, overrides: { prompt: 'ada' } };
        return {
          before: 'call-1',
          lives: 1,
          brought,
          said: SAID,
          giveBack: async () => void done.push('given back'),
        };
      },
    },
    phone: {
      begin: async (_arrival: unknown, _incoming: unknown, overrides: Overrides, id: string) => {
        begun.push({ id, overrides });
        return begin === undefined ? { ok: true } : begin();
      },
    } as unknown as PhoneCalls,
    prepared: { publish: (id) => void done.push(`published ${id}`) },
    intake: {
      takeOver: (from?: string) => {
        admitted.push(from);
        return { free: () => void done.push('freed') } as never;
      },
    },
    hasRoom: () => hasRoom,
    fleet,
    clock,
    log: fakeLog(),
  });
  return { resumed, clock, done, begun, admitted, takenUp: () => takenUp };
}

describe('a call whose caller the carrier has brought here', () => {
  it('goes on from what was said, under another id, in the place that it had before', async () => {
    const { resumed, done, begun, admitted } = rig();
    const answer = await resumed.resume(CALL, undefined);
    const { id } = begun[0]!;
    expect(answer).toEqual({ next: 'reattach', callId: id });
    expect(begun).toEqual([{ id, overrides: { prompt: 'ada', before: { callId: 'call-1', lives: 1, said: SAID } } }]);
    expect(admitted).toEqual(['call-1']);
    expect(done).toEqual(['asked dead', `published ${id}`, 'freed']);
  });

  it('is left to its owner, where that says that it lives', async () => {
    const { resumed, begun, done } = rig({ lives: true });
    expect(await resumed.resume(CALL, undefined)).toBe('taken');
    expect([begun, done]).toEqual([[], ['asked dead']]);
  });

  it('is not asked of an owner that has just failed to answer, nor of this instance, which does not know it', async () => {
    const failed = rig({ lives: true });
    expect(await failed.resumed.resume(CALL, 'dead')).toMatchObject({ next: 'reattach' });
    const own = rig({ owner: 'here', lives: true });
    expect(await own.resumed.resume(CALL, undefined)).toMatchObject({ next: 'reattach' });
    for (const { done } of [failed, own]) expect(done.some((one) => one.startsWith('asked'))).toBe(false);
  });

  it('is made once, however often the carrier asks meanwhile, and looked for anew when that is over', async () => {
    const { resumed, clock, begun, takenUp } = rig();
    const [one, two] = await Promise.all([resumed.resume(CALL, undefined), resumed.resume(CALL, 'dead')]);
    expect(one).toEqual(two);
    expect([begun.length, takenUp()]).toEqual([1, 1]);
    clock.advance(100);
    await resumed.resume({ ...CALL, carrierCallId: 'CA2' }, undefined);
    clock.advance(100);
    await resumed.resume(CALL, undefined);
    expect(takenUp()).toBe(3);
  });

  it('is one of many that come at once, which are made one after the other, so that whoever else is on the line hears nothing of it', async () => {
    const { resumed, clock, begun, done } = rig();
    const all = Promise.all(
      Array.from({ length: 50 }, (_, n) => resumed.resume({ ...CALL, carrierCallId: `CA${n}` }, undefined)),
    );
    // Who has them is asked about all of them at once.
    await clock.advanceAsync(1, 0.1);
    expect(done.filter((one) => one.startsWith('asked')).length).toBe(50);
    expect(begun.length).toBe(1);
    await clock.advanceAsync(150);
    expect(begun.length).toBe(6);
    await clock.advanceAsync(49 * 30 - 150);
    expect((await all).every((one) => typeof one === 'object' && one.next === 'reattach')).toBe(true);
  });

  it('is given back for another instance where there is no room here, before anything is made', async () => {
    const { resumed, begun, done, admitted } = rig({ hasRoom: false });
    expect(await resumed.resume(CALL, undefined)).toBeUndefined();
    expect([begun, admitted, done]).toEqual([[], [], ['asked dead', 'given back']]);
  });

  it('is given back where it is refused here, and its place is freed', async () => {
    const { resumed, done } = rig({ begin: async () => ({ ok: false, reason: 'model' }) });
    expect(await resumed.resume(CALL, undefined)).toBeUndefined();
    expect(done).toEqual(['asked dead', 'freed', 'given back']);
  });

  it('is given back where making it fails', async () => {
    const fails = async () => {
      throw new Error('the prompt is gone');
    };
    const { resumed, done } = rig({ begin: fails });
    expect(await resumed.resume(CALL, undefined)).toBeUndefined();
    expect(done).toEqual(['asked dead', 'freed', 'given back']);
  });

  it('gets what is known of its end, and nothing where nobody knows it or the memory cannot be asked', async () => {
    expect(await rig({ kept: { next: 'apology' } }).resumed.resume(CALL, undefined)).toEqual({ next: 'apology' });
    expect(await rig({ away: true }).resumed.resume(CALL, undefined)).toBeUndefined();
  });
});
