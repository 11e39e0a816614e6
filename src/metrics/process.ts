import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | undefined;

/** CPU, memory, handles, garbage collection and the rest that is the process's own: collected once, however many apps share the process. */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
