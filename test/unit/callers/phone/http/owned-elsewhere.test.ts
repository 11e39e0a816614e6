import { describe, expect, it } from 'vitest';
import type { Continuation } from '../../../../../src/call/calls.ts';
import { type CarrierCall, carrierCallKey } from '../../../../../src/call/carrier-call.ts';
import { OwnedElsewhere } from '../../../../../src/callers/phone/http/owned-elsewhere.ts';
import type { PreparedCalls } from '../../../../../src/callers/phone/http/prepared-calls.ts';
import type { Resumed } from '../../../../../src/callers/phone/http/resumed-calls.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { fakeLog } from '../../../../fakes/legs.ts';
import { member, Network } from '../../../fleet/rig.ts';

const CALL: CarrierCall = { carrier: 'acme', accountId: 'AC1', carrierCallId: 'CA1' };
const ALIAS = { kind: 'carrier', id: carrierCallKey(CALL) } as const;

const turn = async () => {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
};

/** Two instances. What each knows of the call is in `knows`; what it answers of it in `next`. */
async function two() {
  const network = new Network();
  const memory = new LocalMemory({ clock: new FakeClock() });
  const make = async (self: string) => {
    const { fleet, clock } = await member(self, { memory, network });
    const state = { knows: false, next: { next: 'apology' } as Continuation, resumed: undefined as Resumed };
    const done: string[] = [];
    const resumes: Array<string | undefined> = [];
    const elsewhere = new OwnedElsewhere({
      fleet,
      clock,
      log: fakeLog(),
      prepared: { publish: (id: string) => void done.push(`published ${id}`) } as unknown as PreparedCalls,
      calls: {
        knows: () => state.knows,
        continuation: () => state.next,
        again: async () => (state.knows ? state.next : { next: 'new' }),
        transferEnded: (_call, { how }) => {
          done.push(`transfer ${how}`);
          return state.next;
        },
        carrierEnded: () => void done.push('ended'),
      },
      resumed: {
        resume: async (_call, failed) => {
          resumes.push(failed);
          return state.resumed;
        },
      },
    });
    return { fleet, clock, elsewhere, done, resumes, state };
  };
  const [a, b] = [await make('a'), await make('b')];
  /** The first has the call from now on. */
  const owned = async () => {
    a.state.knows = true;
    a.state.next = { next: 'reattach', callId: 'call-1' };
    a.fleet.own('call-1', [ALIAS]);
    await turn();
  };
  return { network, a, b, owned };
}

describe('what a carrier asks of a call that another instance has', () => {
  it('is answered by that one, which has the stream taken wherever it lands', async () => {
    const { a, b, owned } = await two();
    await owned();
    expect(await b.elsewhere.continuation(CALL)).toEqual({ next: 'reattach', callId: 'call-1' });
    expect(await b.elsewhere.again(CALL)).toEqual({ next: 'reattach', callId: 'call-1' });
    expect(await b.elsewhere.transferEnded(CALL, { how: 'busy', gone: false } as never)).toMatchObject({
      callId: 'call-1',
    });
    expect(a.done).toEqual(['published call-1', 'published call-1', 'transfer busy', 'published call-1']);
    expect([b.done, b.resumes]).toEqual([[], []]);
  });

  it('is answered here, where this instance has the call, without asking anybody', async () => {
    const { network, a, owned } = await two();
    await owned();
    network.sent.length = 0;
    expect(await a.elsewhere.continuation(CALL)).toEqual({ next: 'reattach', callId: 'call-1' });
    expect([network.sent, a.resumes]).toEqual([[], []]);
  });

  it('begins anew where its owner says that it is over', async () => {
    const { a, b, owned } = await two();
    await owned();
    a.state.next = { next: 'hangup' };
    expect(await b.elsewhere.again(CALL)).toEqual({ next: 'new' });
    // Whose stream ended gets what the owner says.
    expect(await b.elsewhere.continuation(CALL)).toEqual({ next: 'hangup' });
  });

  it('goes on here where the owner does not answer, though its lease lives', async () => {
    const { network, b, owned } = await two();
    await owned();
    network.down.add('a.test');
    b.state.resumed = { next: 'reattach', callId: 'call-2' };
    expect(await b.elsewhere.continuation(CALL)).toEqual({ next: 'reattach', callId: 'call-2' });
    expect(b.resumes).toEqual(['a']);
  });

  it('goes on here where nobody is known to have the call; what cannot gets what a lost call gets', async () => {
    const { b } = await two();
    b.state.resumed = { next: 'reattach', callId: 'call-2' };
    expect(await b.elsewhere.again(CALL)).toEqual({ next: 'reattach', callId: 'call-2' });
    b.state.resumed = undefined;
    expect(await b.elsewhere.continuation(CALL)).toEqual({ next: 'apology' });
    expect(b.resumes).toEqual([undefined, undefined]);
  });

  it('waits for another instance that is just taking the call up, and is then answered by it', async () => {
    const { a, b, owned } = await two();
    b.state.resumed = 'taken';
    const asked = b.elsewhere.continuation(CALL);
    await turn();
    await owned();
    await b.clock.advanceAsync(300, 300);
    expect(await asked).toEqual({ next: 'reattach', callId: 'call-1' });
    expect(a.done).toEqual(['published call-1']);
  });

  it('does not wait for ever for one that is said to have it', async () => {
    const { b } = await two();
    b.state.resumed = 'taken';
    const asked = b.elsewhere.continuation(CALL);
    for (let n = 0; n < 6; n++) {
      await turn();
      b.clock.advance(300);
    }
    expect(await asked).toEqual({ next: 'apology' });
    expect(b.resumes).toHaveLength(4);
  });

  it('does not go on for a caller who has talked to somebody, or is gone', async () => {
    const { network, b, owned } = await two();
    await owned();
    network.down.add('a.test');
    b.state.resumed = { next: 'reattach', callId: 'call-2' };
    for (const report of [
      { how: 'completed', gone: false },
      { how: 'busy', gone: true },
    ])
      expect(await b.elsewhere.transferEnded(CALL, report as never)).toEqual({ next: 'apology' });
    expect(b.resumes).toEqual([]);
  });
});

describe('the end of a call, told to another instance', () => {
  it('is passed on to the one that has it', async () => {
    const { a, b, owned } = await two();
    await owned();
    b.elsewhere.ended(CALL);
    await turn();
    expect([a.done, b.done]).toEqual([['ended'], ['ended']]);
    b.clock.advance(10_000);
    await turn();
    expect(a.done).toEqual(['ended']);
  });

  it('is passed on as soon as it is known who has it: it can be quicker than the call', async () => {
    const { a, b, owned } = await two();
    b.elsewhere.ended(CALL);
    await turn();
    await owned();
    b.clock.advance(250);
    await turn();
    expect(a.done).toEqual(['ended']);
  });

  it('is looked for three times more, and then let be', async () => {
    const { a, b, owned } = await two();
    b.elsewhere.ended(CALL);
    for (const ms of [250, 1_000, 3_000]) {
      await turn();
      b.clock.advance(ms);
    }
    await turn();
    await owned();
    b.clock.advance(60_000);
    await turn();
    expect(a.done).toEqual([]);
  });
});
