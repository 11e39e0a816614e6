import type { Clock } from './clock.ts';

/** Legs promise to close within 5 s; beyond this the call is told to be stuck. */
const WATCH_MS = 6_000;

/** Closes one after the other, waiting for each however long it takes; `stuck` is told once when that is longer than anybody promised. */
export async function closeInOrder(
  closings: ReadonlyArray<() => Promise<void> | undefined>,
  clock: Clock,
  stuck: () => void,
): Promise<void> {
  const watch = clock.after(WATCH_MS, stuck);
  for (const close of closings) await close();
  watch.cancel();
}
