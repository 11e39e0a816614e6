import { beforeEach, describe, expect, it } from 'vitest';
import { KEYPAD, Keypad } from '../../../src/call/keypad.ts';
import { FakeClock } from '../../fakes/clock.ts';

let clock: FakeClock;
let turns: string[];
let bargeIns: number;
let untaken: number;
let keypad: Keypad;

beforeEach(() => {
  clock = new FakeClock();
  turns = [];
  bargeIns = 0;
  untaken = 0;
  keypad = new Keypad({
    clock,
    settings: KEYPAD,
    agent: { sendText: (text) => void turns.push(text) },
    notTaken: () => void untaken++,
    bargeIn: () => void bargeIns++,
  });
});

const press = (keys: string) => {
  for (const key of keys) keypad.press(key);
};
const shown = (digit: string) => keypad.shown({ type: 'dtmf', digit, durationMs: 100 });

describe('Keypad', () => {
  it('makes a turn of keys, and each cuts in as a word does', () => {
    press('12');
    expect(keypad.busy).toBe(true);
    clock.advance(2_000);
    expect(turns).toEqual(['[The caller pressed on the keypad: 1 2]']);
    expect(bargeIns).toBe(2);
    expect(keypad.busy).toBe(false);
    expect(shown('1')).toEqual({ type: 'dtmf', digit: '1', durationMs: 100 });
  });

  it('gives them to a tool that asks, without cutting in, and hides them only while that wants it', async () => {
    const open = keypad.gather({ most: 2, timeoutMs: 5_000 });
    expect(keypad.busy).toBe(true);
    expect(shown('7')).toMatchObject({ digit: '7' });
    press('77');
    expect(await open).toBe('77');
    const secret = keypad.gather({ most: 8, timeoutMs: 5_000, terminators: '*', sensitive: true });
    expect(shown('9')).toEqual({ type: 'dtmf', digit: 'x', durationMs: 100 });
    press('9#8*');
    expect(await secret).toBe('9#8');
    expect(shown('9')).toMatchObject({ digit: '9' });
    expect(turns).toEqual([]);
    expect(bargeIns).toBe(0);
  });

  it('gives no more entries than a person makes: each costs an answer', () => {
    press('#'.repeat(600));
    expect(turns).toHaveLength(20);
    expect(untaken).toBe(580);
    clock.advance(60_000);
    press('7#');
    expect(turns.at(-1)).toBe('[The caller pressed on the keypad: 7]');
    // A menu that is answered as fast as it can be heard.
    turns.length = 0;
    for (let n = 0; n < 100; n++) {
      clock.advance(2_000);
      press('1#');
    }
    expect(turns).toHaveLength(100);
  });

  it('lets a tool that ran out of time go, and the next one ask', async () => {
    const abort = new AbortController();
    const first = keypad.gather({ most: 4, timeoutMs: 60_000, signal: abort.signal });
    await expect(keypad.gather({ most: 1, timeoutMs: 10 })).rejects.toThrow('already');
    press('1');
    abort.abort();
    expect(await first).toBe('1');
    const second = keypad.gather({ most: 1, timeoutMs: 10 });
    press('2');
    expect(await second).toBe('2');
  });

  it('ends with the call: who waits gets what came, and no turn follows', async () => {
    const waiting = keypad.gather({ most: 4, timeoutMs: 5_000 });
    press('3');
    keypad.close();
    keypad.close();
    expect(await waiting).toBe('3');
    press('4');
    clock.advance(10_000);
    expect(turns).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
