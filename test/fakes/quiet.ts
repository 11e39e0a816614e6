import type { Clock } from '../../src/call/clock.ts';
import type { CallerEvent } from '../../src/call/events.ts';
import type { LegContext } from '../../src/call/leg.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { FakeSink, fakeLog } from './legs.ts';

/** How long it is loud, quiet, loud and so on from the first sound to the last, ms; of a tone the zeros are none. */
export function spans(samples: ArrayLike<number>, perMs: number): number[] {
  const lengths: number[] = [];
  let isLoud = false;
  for (let at = 0; at + perMs <= samples.length; at += perMs) {
    const loud = Array.from({ length: perMs }, (_, i) => samples[at + i]!).some((sample) => Math.abs(sample) > 200);
    if (!loud && lengths.length === 0) continue;
    if (loud === isLoud) lengths[lengths.length - 1]!++;
    else lengths.push(1);
    isLoud = loud;
  }
  return isLoud ? lengths : lengths.slice(0, -1);
}

/** Samples that are loud and quiet for so long in turn, ms. */
export function inTurn(perMs: number, ...lengths: number[]): Int16Array {
  return Int16Array.from(
    lengths.flatMap((ms, i) => Array.from({ length: ms * perMs }, () => (i % 2 === 0 ? 5_000 : 0))),
  );
}

/** A call that has the leg, and hears nothing of it. */
export function legContext<E = CallerEvent>(clock: Clock, rate: number): LegContext<E> {
  return {
    callId: 'c',
    peer: new FakeSink(rate),
    emit: () => {},
    count: () => {},
    log: fakeLog(),
    clock,
    ticker: new Ticker(clock),
    signal: new AbortController().signal,
  };
}
