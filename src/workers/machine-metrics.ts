import { AggregatorRegistry, Registry } from 'prom-client';
import type { MetricJson } from './messages.ts';

/**
 * One exposition for all workers. What each counts is added; of what it measures each metric says how it is joined. A worker that has ended leaves what it
 * counted behind: a sum that went back would be read as a restart, and all that the others have counted as new.
 */
export class MachineMetrics {
  /** What workers that are gone had counted. */
  #gone: readonly MetricJson[] = [];
  /** The primary's own. */
  readonly registry = new Registry();

  /** A worker is gone; `last` is what was seen of it last. */
  left(last: readonly MetricJson[]): void {
    const counted = last.filter(({ type }) => type === 'counter' || type === 'histogram' || type === 'summary');
    this.#gone = asJson(joined([this.#gone, counted]));
  }

  /** `workers`: of those that live. */
  async exposition(workers: ReadonlyArray<readonly MetricJson[]>) {
    const all = joined([...workers, this.#gone]);
    // Whether new calls may come is said of all together by the primary.
    for (const name of this.registry.getMetricsAsArray().map((own) => own.name)) all.removeSingleMetric(name);
    const text = `${await all.metrics()}${await this.registry.metrics()}`;
    return { contentType: this.registry.contentType, text };
  }
}

const joined = (all: ReadonlyArray<readonly MetricJson[]>): Registry =>
  // What the types leave out is how a metric looks in JSON.
  AggregatorRegistry.aggregate(all.map((one) => [...one]) as unknown as object[]);

/** The joined metrics are plain values already: `get` of each gives them at once. */
function asJson(registry: Registry): MetricJson[] {
  return registry.getMetricsAsArray().map((one) => {
    return (one as unknown as { get(): MetricJson }).get();
  });
}
