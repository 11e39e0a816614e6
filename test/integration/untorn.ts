import { expect } from 'vitest';
import type { CallReport } from '../../src/simulator/phone/index.ts';
import type { watchLoop } from './loop.ts';
import type { Skip } from './measured-again.ts';

/** What a stall of this process, in which the phone, the daemon and the model are, may tear of what is heard, ms: what they hold ahead is little more. */
const STOOD_MS = 30;

/** That the caller heard no gap in his first stream; measured again where all ends stood still meanwhile. */
export function expectUntorn({ streams }: CallReport, loop: ReturnType<typeof watchLoop>, skip: Skip): void {
  const gaps = streams[0]?.playback.gapList;
  skip(gaps?.length !== 0 && loop.stoodMs() > STOOD_MS, `all ends of the call stood still for ${loop.stoodMs()} ms`);
  expect(gaps).toEqual([]);
}
