import type { Clock } from '../call/clock.ts';
import { BridgeError } from '../errors.ts';
import type { Readiness } from '../health/health-route.ts';
import type { Machine, MachineHealth } from '../health/machine.ts';
import type { MetricJson, ToPrimary, ToWorker } from './messages.ts';

type Exposition = { readonly contentType: string; readonly text: string };

export interface MachineOfPrimaryOptions {
  readonly id: string | undefined;
  readonly clock: Pick<Clock, 'after'>;
  readonly say: (message: ToPrimary) => void;
}

/** The primary asks every worker, and waits for each this long and less, ms. */
const WITHIN_MS = 4_000;

/** The machine as a worker sees it: what the primary tells of all, and what this process tells of itself. */
export class MachineOfPrimary implements Machine {
  readonly #o: MachineOfPrimaryOptions;
  readonly #asks = new Map<number, (all: Exposition | undefined) => void>();
  #asked = 0;
  #health: MachineHealth | undefined;
  #readiness: () => Readiness = () => 'ok';
  #metrics: () => Promise<readonly MetricJson[]> = async () => [];

  constructor(options: MachineOfPrimaryOptions) {
    this.#o = options;
  }

  get id(): string | undefined {
    return this.#o.id;
  }

  get health(): MachineHealth | undefined {
    return this.#health;
  }

  /** Of this process. */
  get readiness(): Readiness {
    return this.#readiness();
  }

  watch(readiness: () => Readiness): void {
    this.#readiness = readiness;
  }

  /** Where this process's own are read. */
  metricsOf(metrics: () => Promise<readonly MetricJson[]>): void {
    this.#metrics = metrics;
  }

  exposition(): Promise<Exposition> {
    return new Promise((resolve, reject) => {
      const id = ++this.#asked;
      const answer = (all: Exposition | undefined) => {
        late.cancel();
        this.#asks.delete(id);
        if (all !== undefined) resolve(all);
        else
          reject(
            new BridgeError('INTERNAL', 'the process that listens did not tell the metrics of all in time', {
              status: 503,
            }),
          );
      };
      const late = this.#o.clock.after(WITHIN_MS, () => answer(undefined));
      this.#asks.set(id, answer);
      this.#o.say({ type: 'exposition?', id });
    });
  }

  told(message: ToWorker): void {
    if (message.type === 'machine') this.#health = message.health;
    else if (message.type === 'exposition')
      this.#asks.get(message.id)?.({ contentType: message.contentType, text: message.text });
    else if (message.type === 'metrics?') {
      const { id } = message;
      void this.#metrics().then((metrics) => this.#o.say({ type: 'metrics', id, metrics }));
    }
  }
}
