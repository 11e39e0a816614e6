import { describe, expect, it } from 'vitest';
import type { CarrierCall } from '../../../src/call/carrier-call.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import type { CallInfo } from '../../../src/call/info.ts';
import type { Said } from '../../../src/call/said.ts';
import { Continuity, type TakenUp, type WhatIsKept } from '../../../src/continuity/continuity.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { MemoryState, ProcessMemory } from '../../../src/memory/memory.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, memoryThrough } from '../../fakes/memory.ts';

const CALL: CarrierCall = { carrier: 'acme', accountId: 'AC1', carrierCallId: 'CA1' };
const info = (id: string): CallInfo => ({ id, direction: 'inbound', ...CALL });
const JOINED: CallEvent = { type: 'caller_joined', kind: 'acme', again: false };
const SPOKEN: CallEvent = {
  type: 'agent',
  event: { type: 'transcript', role: 'caller', itemId: 'i', text: 'x', final: true },
};
const turn = (text: string): Said => ({ kind: 'message', role: 'caller', text });

const isGone = async () => true;

interface Brought {
  readonly prompt: string;
}

/** Instances that share a memory, which counts what it is asked for. */
function fleet(inner?: ProcessMemory) {
  const clock = new FakeClock();
  const asked = { times: 0 };
  const memory = memoryThrough((work) => {
    asked.times++;
    return work();
  }, inner ?? new LocalMemory({ clock }));
  const instance = (self: string, shared: ProcessMemory = memory) => {
    const said: Said[] = [];
    const failed: unknown[] = [];
    const continuity = new Continuity<Brought>({
      memory: shared,
      self,
      clock,
      said: () => said,
      failed: (error) => failed.push(error),
    });
    return {
      continuity,
      said,
      failed,
      begin(id: string, lives = 0) {
        continuity.begun(info(id), { prompt: 'ada' }, lives);
        continuity.onEvent(id, JOINED);
      },
      says(id: string, text: string) {
        said.push(turn(text));
        continuity.onEvent(id, SPOKEN);
      },
    };
  };
  return { clock, asked, memory, instance };
}

const taken = (kept: WhatIsKept<Brought>): TakenUp<Brought> => {
  if (kept === undefined || kept === 'taken' || 'next' in kept) throw new Error('nothing was taken up');
  return kept;
};

describe('a call whose instance dies', () => {
  it('is taken up elsewhere with how it was brought and all that was said five seconds before', async () => {
    const { clock, instance } = fleet();
    const a = instance('a');
    a.begin('call-1');
    a.says('call-1', 'one');
    await clock.advanceAsync(250, 50);
    a.says('call-1', 'two');
    await clock.advanceAsync(5_000, 50);
    a.says('call-1', 'lost with it');
    const kept = taken(await instance('b').continuity.takeUp(CALL, 'call-2', isGone));
    expect(kept).toMatchObject({ before: 'call-1', brought: { prompt: 'ada' }, said: [turn('one'), turn('two')] });
  });

  it('is taken up by one of all who want it at once', async () => {
    const { instance } = fleet();
    instance('a').begin('call-1');
    const answers = await Promise.all(
      ['b', 'c', 'd'].map((self, n) => instance(self).continuity.takeUp(CALL, `call-${n + 2}`, isGone)),
    );
    expect(answers.filter((one) => one === 'taken')).toHaveLength(2);
    expect(answers.filter((one) => typeof one === 'object')).toHaveLength(1);
  });

  it('may die again with who took it up, and is then given up, since it may be what they die of', async () => {
    const { clock, instance } = fleet();
    instance('a').begin('call-1');
    const b = instance('b');
    b.begin('call-2', taken(await b.continuity.takeUp(CALL, 'call-2', isGone)).lives);
    b.said.push(turn('said in the second life'));
    await clock.advanceAsync(250, 50);
    const c = instance('c');
    const kept = taken(await c.continuity.takeUp(CALL, 'call-3', isGone));
    expect(kept.said).toEqual([turn('said in the second life')]);
    c.begin('call-3', kept.lives);
    expect(await instance('d').continuity.takeUp(CALL, 'call-4', isGone)).toEqual({ next: 'apology' });
  });

  it('is not taken from an instance that lives', async () => {
    const { instance } = fleet();
    instance('a').begin('call-1');
    const asked: string[] = [];
    const lives = async (id: string) => {
      asked.push(id);
      return false;
    };
    expect(await instance('b').continuity.takeUp(CALL, 'call-2', lives)).toBe('taken');
    expect(asked).toEqual(['a']);
  });

  it('that moved before its caller came is kept by the instance that has it', async () => {
    const { clock, instance } = fleet();
    const [a, b] = [instance('a'), instance('b')];
    a.continuity.begun(info('call-1'), { prompt: 'ada' });
    b.begin('call-1');
    a.continuity.onEvent('call-1', { type: 'call_moved', to: 'b', durationMs: 1 });
    a.continuity.ended('call-1', 'apology');
    await clock.advanceAsync(300, 50);
    expect(taken(await instance('c').continuity.takeUp(CALL, 'call-2', isGone)).before).toBe('call-1');
  });

  it('can be taken up by another where the first could not take it', async () => {
    const { instance } = fleet();
    instance('a').begin('call-1');
    await taken(await instance('b').continuity.takeUp(CALL, 'call-2', isGone)).giveBack();
    expect(taken(await instance('c').continuity.takeUp(CALL, 'call-3', isGone)).before).toBe('call-1');
  });

  it('that was cut off and not dead does not get its caller back by what it still writes', async () => {
    const { clock, instance } = fleet();
    const a = instance('a');
    a.begin('call-1');
    const b = instance('b');
    b.begin('call-2', taken(await b.continuity.takeUp(CALL, 'call-2', isGone)).lives);
    b.said.push(turn('here'));
    a.says('call-1', 'there');
    await clock.advanceAsync(6_000, 50);
    a.continuity.ended('call-1', 'apology');
    await clock.advanceAsync(10, 10);
    expect(taken(await instance('c').continuity.takeUp(CALL, 'call-3', isGone)).said).toEqual([turn('here')]);
  });

  it('is not known where its caller had not come, or where no carrier has it', async () => {
    const { instance } = fleet();
    const a = instance('a');
    a.continuity.begun(info('call-1'), { prompt: 'ada' });
    a.continuity.ended('call-1', 'apology');
    a.continuity.begun({ id: 'call-9', direction: 'inbound', carrier: 'browser' }, { prompt: 'ada' });
    a.continuity.onEvent('call-9', JOINED);
    expect(await instance('b').continuity.takeUp(CALL, 'call-2', isGone)).toBeUndefined();
  });
});

describe('a call that is over', () => {
  it('is not taken up: its caller gets what its own instance would have given him, and its words are gone', async () => {
    const { clock, memory, instance } = fleet();
    const a = instance('a');
    a.begin('call-1');
    a.says('call-1', 'one');
    await clock.advanceAsync(250, 50);
    const words = memory.space({ name: 'kept-words', most: 9 });
    expect(await words.get('call-1')).toEqual([turn('one')]);
    a.continuity.onEvent('call-1', {
      type: 'call_ended',
      end: { result: 'success', reason: 'caller-hangup' },
      durationMs: 1,
      counters: {},
    });
    a.continuity.ended('call-1', 'hangup');
    await clock.advanceAsync(10, 10);
    expect(await words.get('call-1')).toBeUndefined();
    expect(await instance('b').continuity.takeUp(CALL, 'call-2', isGone)).toEqual({ next: 'hangup' });
    expect(clock.pending).toBe(0);
  });
});

describe('what a call costs the memory', () => {
  it('is one command in five seconds at most, however much is said', async () => {
    const { clock, asked, instance } = fleet();
    const a = instance('a');
    a.begin('call-1');
    for (let n = 0; n < 300; n++) {
      a.says('call-1', `word ${n}`);
      await clock.advanceAsync(200, 50);
    }
    // A minute: one for the call itself, thirteen for its words.
    expect(asked.times).toBeGreaterThan(8);
    expect(asked.times).toBeLessThanOrEqual(14);
  });

  it('is nothing while nothing is said, but for keeping its words from being forgotten', async () => {
    const { clock, asked, memory, instance } = fleet();
    const a = instance('a');
    a.begin('call-1');
    a.says('call-1', 'one');
    await clock.advanceAsync(250, 50);
    const before = asked.times;
    a.continuity.onEvent('call-1', SPOKEN);
    await clock.advanceAsync(239_000, 1_000);
    expect(asked.times).toBe(before);
    await clock.advanceAsync(1_000_000, 1_000);
    expect(asked.times - before).toBeLessThanOrEqual(5);
    expect(await memory.space({ name: 'kept-words', most: 9 }).get('call-1')).toEqual([turn('one')]);
  });

  it('is bounded in size: the newest words, and no result without its call', async () => {
    const { clock, memory, instance } = fleet();
    const a = instance('a');
    a.begin('call-1');
    a.said.push({ kind: 'tool_call', toolCallId: 't', name: 'find', arguments: '{}' });
    a.said.push({ kind: 'tool_result', toolCallId: 't', output: 'long ago' });
    for (let n = 0; n < 59; n++) a.said.push(turn('x'.repeat(n === 58 ? 20_000 : 100)));
    a.says('call-1', 'newest');
    await clock.advanceAsync(300, 50);
    const words = (await memory.space<readonly Said[]>({ name: 'kept-words', most: 9 }).get('call-1')) ?? [];
    expect(words.at(-1)).toEqual(turn('newest'));
    expect(JSON.stringify(words).length).toBeLessThan(13_000);
    expect(words.some(({ kind }) => kind === 'tool_result')).toBe(false);
  });
});

describe('a memory that is away', () => {
  it('changes nothing for the call, and has all of it again when it is back', async () => {
    let changed: (state: MemoryState) => void = () => {};
    const clock = new FakeClock();
    const fails = failingMemory(new LocalMemory({ clock }));
    const away: ProcessMemory = {
      ...fails.memory,
      state: 'away',
      onState(told) {
        changed = told;
        return () => {};
      },
    };
    const rig = fleet();
    const a = rig.instance('a', away);
    a.begin('call-1');
    a.says('call-1', 'one');
    await rig.clock.advanceAsync(20_000, 50);
    expect(a.failed.length).toBeGreaterThan(0);
    fails.fails = false;
    changed('here');
    await rig.clock.advanceAsync(6_000, 50);
    expect(taken(await rig.instance('b', away).continuity.takeUp(CALL, 'call-2', isGone))).toMatchObject({
      before: 'call-1',
      said: [turn('one')],
    });
  });
});
