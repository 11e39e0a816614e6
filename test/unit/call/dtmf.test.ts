import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DtmfCollector, keypadTurn, maskDigits, maskedEvent } from '../../../src/call/dtmf.ts';
import { FakeClock } from '../../fakes/clock.ts';

function rig(options: { pauseMs?: number; most?: number; terminators?: string } = {}) {
  const clock = new FakeClock();
  const turns: string[] = [];
  const collector = new DtmfCollector({
    clock,
    pauseMs: 2_000,
    most: 20,
    terminators: '#',
    onTurn: (digits) => turns.push(digits),
    ...options,
  });
  const press = (keys: string) => {
    for (const key of keys) collector.press(key);
  };
  return { clock, turns, collector, press };
}

const options = { max: 4, timeoutMs: 5_000 };

describe('digits that nobody asked for', () => {
  it('become one turn at the terminator, which is no part of it', () => {
    const { turns, press, clock } = rig();
    press('123#');
    expect(turns).toEqual(['123']);
    expect(clock.pending).toBe(0);
  });

  it('become a turn after a pause that begins anew with each key', () => {
    const { turns, press, clock } = rig();
    press('1');
    clock.advance(1_900);
    press('2');
    clock.advance(1_999);
    expect(turns).toEqual([]);
    clock.advance(1);
    expect(turns).toEqual(['12']);
  });

  it('become a turn at the maximum, and the next key begins another', () => {
    const { turns, press, clock } = rig({ most: 3 });
    press('1234');
    expect(turns).toEqual(['123']);
    clock.advance(2_000);
    expect(turns).toEqual(['123', '4']);
  });

  it('a lone terminator is an answer too', () => {
    const { turns, press } = rig();
    press('#');
    press('5##');
    expect(turns).toEqual(['#', '5', '#']);
  });

  it('without terminators # is a key as all others', () => {
    const { turns, press, clock } = rig({ terminators: '' });
    press('*1#');
    expect(turns).toEqual([]);
    clock.advance(2_000);
    expect(turns).toEqual(['*1#']);
  });

  it('what is no key is ignored', () => {
    const { turns, press, collector, clock } = rig();
    press('xE a');
    collector.press('12');
    collector.press('');
    clock.advance(10_000);
    press('D#');
    expect(turns).toEqual(['D']);
  });

  it('after the end nothing is told and nothing is kept', () => {
    const { turns, press, collector, clock } = rig();
    press('12');
    collector.close();
    press('3#');
    clock.advance(10_000);
    expect(turns).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(collector.pending).toBe(false);
  });
});

describe('digits that a tool asks for', () => {
  it('are given at the terminator and become no turn', async () => {
    const { turns, press, collector, clock } = rig();
    const gathered = collector.gather(options);
    expect(collector.gathering).toBe(true);
    press('12#');
    expect(await gathered).toBe('12');
    expect(collector.gathering).toBe(false);
    expect(turns).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('are given at the maximum', async () => {
    const { press, collector, turns, clock } = rig();
    const gathered = collector.gather(options);
    press('12345');
    expect(await gathered).toBe('1234');
    clock.advance(2_000);
    expect(turns).toEqual(['5']);
  });

  it('are given when the next one does not come; nothing at all is an answer', async () => {
    const { press, collector, clock } = rig();
    const gathered = collector.gather(options);
    clock.advance(4_000);
    press('7');
    clock.advance(4_999);
    expect(collector.gathering).toBe(true);
    clock.advance(1);
    expect(await gathered).toBe('7');
    const none = collector.gather(options);
    clock.advance(5_000);
    expect(await none).toBe('');
  });

  it('a terminator at once is an empty answer, and other terminators can be had', async () => {
    const { press, collector } = rig();
    const empty = collector.gather(options);
    press('#');
    expect(await empty).toBe('');
    const star = collector.gather({ ...options, terminators: '*' });
    press('1#*');
    expect(await star).toBe('1#');
  });

  it('keys pressed just before count, up to a whole answer', async () => {
    const { press, collector, turns, clock } = rig();
    press('12');
    const gathered = collector.gather(options);
    press('34');
    expect(await gathered).toBe('1234');
    press('98765');
    expect(await collector.gather(options)).toBe('9876');
    clock.advance(2_000);
    expect(turns).toEqual(['5']);
  });

  it('one tool at a time', async () => {
    const { press, collector } = rig();
    const first = collector.gather(options);
    await expect(collector.gather(options)).rejects.toThrow('already');
    press('1#');
    expect(await first).toBe('1');
  });

  it('the end of the call and an abort give what came', async () => {
    const { press, collector, clock } = rig();
    const controller = new AbortController();
    const aborted = collector.gather({ ...options, signal: controller.signal });
    press('1');
    controller.abort();
    expect(await aborted).toBe('1');
    expect(await collector.gather({ ...options, signal: controller.signal })).toBe('');
    const ended = collector.gather(options);
    press('2');
    collector.close();
    expect(await ended).toBe('2');
    expect(await collector.gather(options)).toBe('');
    expect(clock.pending).toBe(0);
  });

  it('are refused without a bound', async () => {
    const { collector } = rig();
    await expect(collector.gather({ max: 0, timeoutMs: 1 })).rejects.toThrow(RangeError);
    await expect(collector.gather({ max: 1, timeoutMs: 0 })).rejects.toThrow(RangeError);
    expect(collector.gathering).toBe(false);
  });

  it('say whether they must not be seen, for as long as they are awaited', async () => {
    const { press, collector } = rig();
    expect(collector.sensitive).toBe(false);
    const pin = collector.gather({ ...options, sensitive: true });
    expect(collector.sensitive).toBe(true);
    press('1234');
    await pin;
    expect(collector.sensitive).toBe(false);
  });
});

describe('any keys at any time', () => {
  it('every key comes out once and in order, terminators aside', () => {
    const step = fc.oneof(fc.constantFrom(...'0123456789*#ABCD'), fc.integer({ min: 0, max: 4_000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { turns, collector, clock } = rig({ most: 5 });
        for (const one of steps) {
          if (typeof one === 'number') clock.advance(one);
          else collector.press(one);
        }
        clock.advance(2_000);
        expect(turns.join('').replaceAll('#', '')).toBe(
          steps.filter((one) => typeof one === 'string' && one !== '#').join(''),
        );
        expect(turns.every((turn) => turn.length <= 5 && turn !== '')).toBe(true);
        expect(clock.pending).toBe(0);
      }),
    );
  });
});

it('the turn spells the keys, the mask hides them', () => {
  expect(keypadTurn('10*')).toBe('[The caller pressed on the keypad: 1 0 *]');
  expect(maskDigits('4711')).toBe('xxxx');
  expect(maskedEvent({ type: 'dtmf', digit: '7', durationMs: 90 })).toEqual({
    type: 'dtmf',
    digit: 'x',
    durationMs: 90,
  });
  const other = { type: 'stream_restarted' } as const;
  expect(maskedEvent(other)).toBe(other);
});
