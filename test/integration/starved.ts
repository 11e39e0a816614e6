import { systemClock } from '../../src/call/clock.ts';
import { TICK_MS, Ticker } from '../../src/call/ticker.ts';
import { OwnPace } from '../../src/callers/test/pace.ts';

/** Whether this process was given the processor while something was measured in it: where it was not, neither a miss nor a hit says anything about the program. */
export interface Starvation {
  /** Of the ticks so far those, 0 to 1, that were late only because the machine was busy with others. */
  share(): number;
  close(): Promise<void>;
}

export function watchStarvation(): Starvation {
  const pace = new OwnPace();
  const began = systemClock.now();
  let ticks = 0;
  const unsubscribe = new Ticker(systemClock).subscribe((now) => {
    pace.tick(now);
    for (; began + (ticks + 1) * TICK_MS <= now; ticks++)
      pace.frame(systemClock.now(), began + (ticks + 1) * TICK_MS, 0);
  });
  return {
    share() {
      const { frames, starved } = pace.report();
      return frames === 0 ? 0 : starved / frames;
    },
    close: async () => unsubscribe(),
  };
}
