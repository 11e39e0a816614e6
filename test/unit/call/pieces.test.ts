import { describe, expect, it } from 'vitest';
import { Pieces } from '../../../src/call/pieces.ts';

const words = (itemId: string, text: string, final = false, role: 'caller' | 'agent' = 'agent') => ({
  type: 'transcript' as const,
  role,
  itemId,
  text,
  final,
});

describe('words that are told in pieces', () => {
  it('are made whole where no whole comes, in the order in which they began, with whose they are', () => {
    const pieces = new Pieces();
    const by = { identity: 'a', name: 'Anna' };
    pieces.add({ ...words('u1', 'I want ', false, 'caller'), by });
    pieces.add(words('i1', 'It '));
    pieces.add({ ...words('u1', 'a table', false, 'caller'), by });
    pieces.add(words('i1', 'is booked'));
    expect([...pieces.rest()]).toEqual([
      { ...words('u1', 'I want a table', true, 'caller'), by },
      words('i1', 'It is booked', true),
    ]);
    expect([...pieces.rest()]).toEqual([]);
  });

  it('are over with the whole that ends them, be it empty', () => {
    const pieces = new Pieces();
    pieces.add(words('i1', 'It is'));
    pieces.add(words('i1', 'It is booked.', true));
    pieces.add(words('i2', 'Never heard'));
    pieces.add(words('i2', '', true));
    expect([...pieces.rest()]).toEqual([]);
  });

  it('are over with a whole under another id that goes on where they are, and with no other', () => {
    const pieces = new Pieces();
    pieces.add(words('i1', 'It is '));
    pieces.add(words('i2', 'We open'));
    pieces.add(words('i3', 'It is booked.', true));
    pieces.add(words('i4', 'We open at nine.', true, 'caller'));
    expect([...pieces.rest()]).toEqual([words('i2', 'We open', true)]);
  });

  it('that come behind the whole are none of it', () => {
    const pieces = new Pieces();
    pieces.add(words('i1', 'It is', true));
    pieces.add(words('i1', ' booked.'));
    expect([...pieces.rest()]).toEqual([]);
  });

  it('are two where caller and agent have the same id', () => {
    const pieces = new Pieces();
    pieces.add(words('1', 'Hello', false, 'caller'));
    pieces.add(words('1', 'Good day.', true));
    expect([...pieces.rest()]).toEqual([words('1', 'Hello', true, 'caller')]);
  });

  it('fill no memory: the oldest of too many is given whole, and what is told without end is cut', () => {
    const pieces = new Pieces();
    for (let n = 0; n < 64; n++) expect(pieces.add(words(`i${n}`, `${n}`))).toBeUndefined();
    expect(pieces.add(words('i64', '64'))).toEqual(words('i0', '0', true));
    for (let n = 0; n < 40; n++) pieces.add(words('i64', 'x'.repeat(1_000)));
    const rest = [...pieces.rest()];
    expect(rest).toHaveLength(64);
    expect(rest.at(-1)!.text).toHaveLength(32_000);
  });
});
