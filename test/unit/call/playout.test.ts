import { describe, expect, it } from 'vitest';
import { PlayoutLedger } from '../../../src/call/playout.ts';

const item = (itemId: string, responseId = 'r') => ({ itemId, responseId, contentIndex: 0 });

describe('PlayoutLedger', () => {
  it('tells how much of the item in play was heard', () => {
    const ledger = new PlayoutLedger();
    ledger.begin(item('a'), 1_000);
    ledger.end('a', 3_000);
    expect(ledger.heard(1_750, 3_000)).toEqual([
      { itemId: 'a', responseId: 'r', contentIndex: 0, heardMs: 750, writtenMs: 2_000 },
    ]);
  });

  it('counts an item that is still being written up to what was written', () => {
    const ledger = new PlayoutLedger();
    ledger.begin(item('a'), 500);
    expect(ledger.heard(900, 700)[0]).toMatchObject({ heardMs: 200, writtenMs: 200 });
    expect(ledger.heard(400, 700)[0]).toMatchObject({ heardMs: 0, writtenMs: 200 });
  });

  it('lists later items with nothing heard, and forgets those played to their end', () => {
    const ledger = new PlayoutLedger();
    ledger.begin(item('a'), 0);
    ledger.end('a', 400);
    ledger.begin(item('b'), 400);
    ledger.end('b', 900);
    ledger.begin(item('c'), 900);
    expect(ledger.heard(500, 1_000).map((h) => [h.itemId, h.heardMs])).toEqual([
      ['b', 100],
      ['c', 0],
    ]);
  });

  it('ends an item when the next begins', () => {
    const ledger = new PlayoutLedger();
    ledger.begin(item('a'), 0);
    ledger.begin(item('b'), 300);
    expect(ledger.heard(100, 500).map((h) => h.writtenMs)).toEqual([300, 200]);
  });

  it('has nothing in play after a cut, nor after all was played', () => {
    const ledger = new PlayoutLedger();
    ledger.begin(item('a'), 0);
    ledger.cut();
    expect(ledger.inPlay(0)).toBe(false);
    ledger.begin(item('b'), 0);
    ledger.end('b', 100);
    expect(ledger.inPlay(99)).toBe(true);
    expect(ledger.inPlay(100)).toBe(false);
    expect(ledger.heard(100, 100)).toEqual([]);
  });

  it('ignores the end of an item it does not know', () => {
    const ledger = new PlayoutLedger();
    ledger.end('x', 10);
    expect(ledger.inPlay(0)).toBe(false);
  });
});
