import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyed } from '../../../web/js/lib/dom.js';

/** As much of an element as has children in an order, and counts how often one is put somewhere. */
class FakeParent {
  children: FakeRow[] = [];
  moves = 0;
  get firstElementChild() {
    return this.children[0] ?? null;
  }
  insertBefore(row: FakeRow, next: FakeRow | null) {
    this.moves += 1;
    row.remove();
    row.parent = this;
    this.children.splice(next === null ? this.children.length : this.children.indexOf(next), 0, row);
  }
}

class FakeRow {
  parent: FakeParent | undefined;
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
  get nextElementSibling(): FakeRow | null {
    const all = this.parent?.children ?? [];
    return all[all.indexOf(this) + 1] ?? null;
  }
  remove() {
    const all = this.parent?.children ?? [];
    const at = all.indexOf(this);
    if (at >= 0) all.splice(at, 1);
    this.parent = undefined;
  }
}

/** How many rows were moved until they stand in this order. */
function put(parent: FakeParent, keys: readonly string[]): number {
  parent.moves = 0;
  keyed(
    parent as never,
    keys,
    (key) => key,
    (key) => ({ element: new FakeRow(key) as never, update: () => {} }),
  );
  return parent.moves;
}

const keysOf = ({ children }: FakeParent) => children.map(({ key }) => key);

it('moves a row alone, wherever it goes, and nothing where the order stays', () => {
  const parent = new FakeParent();
  const calls = Array.from({ length: 200 }, (_, i) => `call-${i}`);
  const [first = '', ...others] = calls;
  expect(put(parent, calls)).toBe(200);
  expect(put(parent, calls)).toBe(0);
  // An error is no news any more: the call goes from the top to the end of the list.
  expect(put(parent, [...others, first])).toBe(1);
  expect(keysOf(parent)).toEqual([...others, first]);
  expect(put(parent, calls)).toBe(1);
  expect(put(parent, others)).toBe(0);
  expect(keysOf(parent)).toEqual(others);
});

it('has what is wanted in its order, and the same rows, whatever stood there before', () => {
  const keys = fc.uniqueArray(fc.constantFrom(...'abcdefghijklmnop'));
  fc.assert(
    fc.property(keys, keys, (before, after) => {
      const parent = new FakeParent();
      put(parent, before);
      const rows = new Map(parent.children.map((row) => [row.key, row]));
      const moves = put(parent, after);
      expect(keysOf(parent)).toEqual(after);
      for (const row of parent.children) if (rows.has(row.key)) expect(row).toBe(rows.get(row.key));
      expect(moves).toBeLessThanOrEqual(after.length);
    }),
  );
});
