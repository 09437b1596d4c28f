import { Registry, collectDefaultMetrics } from 'prom-client';

/** The process's metrics; each area registers its own, named `tollgate_…`, in seconds, without ids. */
export type Metrics = Registry;

/** An empty collection with the runtime's own figures (memory, event loop, garbage collection). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
