import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Watches this process, in which the daemon, the model and the callers of a test all run: what the machine had no time for is lost at every end. */
export function watchLoop(): { stoodMs(): number; close(): Promise<void> } {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  return {
    /** How long it stood still at the most so far, ms. */
    stoodMs: () => Math.round(delays.max / 1e6),
    close: async () => {
      delays.disable();
    },
  };
}
