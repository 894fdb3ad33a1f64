import { AggregatorRegistry, type Registry } from './prom-client.ts';

/** What one process has counted under one name. */
export type MetricFigures = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

/** One metric with each name: sums, but where a metric says that the first or the largest counts. */
export async function together(all: readonly (readonly MetricFigures[])[]): Promise<MetricFigures[]> {
  return registryOf(all).getMetricsAsJSON();
}

/** The page of several processes in Prometheus' text form, and its content type. */
export async function pageOf(
  all: readonly (readonly MetricFigures[])[],
): Promise<readonly [contentType: string, body: string]> {
  const registry = registryOf(all);
  return [registry.contentType, await registry.metrics()];
}

/** What goes on counting after its process has ended; how many there are of something ends with it. */
export function isCounted({ type }: MetricFigures): boolean {
  return String(type) === 'counter' || String(type) === 'histogram';
}

function registryOf(all: readonly (readonly MetricFigures[])[]): Registry {
  return AggregatorRegistry.aggregate(all as object[]);
}
