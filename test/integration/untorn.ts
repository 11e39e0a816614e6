import { expect } from 'vitest';
import type { CallReport } from '../../src/simulator/phone/index.ts';
import type { Loop } from './loop.ts';
import type { Skip } from './measured-again.ts';

/** What a stall of this process, in which the phone, the daemon and the model are, may tear of what is heard, ms: what they hold ahead is little more. */
const STOOD_MS = 30;

/** That the caller heard no gap in his first stream; measured again where all ends stood still meanwhile. */
export function expectUntorn({ streams }: CallReport, loop: Loop, skip: Skip): void {
  const gaps = streams[0]?.playback.gapList;
  loop.excuses(skip, gaps?.length !== 0, STOOD_MS);
  expect(gaps).toEqual([]);
}
