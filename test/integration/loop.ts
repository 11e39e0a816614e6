import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Skip } from './measured-again.ts';

export interface Loop {
  /** Says by `skip` that what went wrong is no measure, where this process stood still for longer than so many ms. */
  excuses(skip: Skip, isWrong: boolean, overMs: number): void;
  close(): Promise<void>;
}

/** Watches this process, in which the daemon, the model and the callers of a test all run: what the machine had no time for is lost at every end. */
export function watchLoop(): Loop {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  return {
    excuses(skip, isWrong, overMs) {
      const stoodMs = Math.round(delays.max / 1e6);
      skip(isWrong && stoodMs > overMs, `this process stood still for ${stoodMs} ms`);
    },
    close: async () => {
      delays.disable();
    },
  };
}
