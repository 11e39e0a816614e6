import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { LoopDelay } from './loop-delay.ts';
import { MemoryWatch } from './memory.ts';

/** What admission watches of the machine: whether its time and its memory last. The operator is told when either does not, and when it does again. */
export class Machine {
  readonly loop: LoopDelay;
  readonly #memory: MemoryWatch;
  readonly #log: Log;

  constructor(clock: Clock, log: Log) {
    this.#log = log;
    this.#memory = new MemoryWatch(clock);
    this.loop = new LoopDelay(clock, (late, ms) => {
      const delayMs = Math.round(ms);
      if (late) log.warn({ delayMs }, 'the event loop is late: audio lives on what lies at the carrier');
      else log.info({ delayMs }, 'the event loop keeps its time again');
    });
  }

  /** How full the memory is, percent. */
  readonly memoryPercent = (): number => this.#memory.usedPercent;

  /** Told by admission, which decides what is too full. */
  readonly memoryFull = (full: boolean, percent: number): void => {
    const fields = { percent: Math.round(percent) };
    if (full) this.#log.warn(fields, 'the memory is nearly full: no new calls until there is room');
    else this.#log.info(fields, 'there is memory again; new calls are taken');
  };

  close(): void {
    this.loop.close();
    this.#memory.close();
  }
}
