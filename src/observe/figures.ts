import { ENDPOINTS } from './capacity.ts';
import { AggregatorRegistry, type MetricValueWithName, type Registry } from './prom-client.ts';
import type { IsKnown } from './tally.ts';

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

/** What is left of figures where routes, upstreams and issuers are gone from the configuration. */
export function knownOnly(figures: readonly MetricFigures[], isKnown: IsKnown): MetricFigures[] {
  return figures.map((metric) => ({ ...metric, values: metric.values.filter(({ labels }) => isKnown(plain(labels))) }));
}

function registryOf(all: readonly (readonly MetricFigures[])[]): Registry {
  return AggregatorRegistry.aggregate(withWorstEndpoints(all) as object[]);
}

type Value = MetricValueWithName<string>;

/** Workers have the same endpoints, and each its own view of them: that of the one counts which has most ejected. */
function withWorstEndpoints(all: readonly (readonly MetricFigures[])[]): MetricFigures[][] {
  const worst = new Map<unknown, { ejected: number; values: Value[] }>();
  for (const figures of all) {
    for (const [upstream, values] of endpointsOf(figures)) {
      const ejected = values.find(({ labels }) => plain(labels).state === 'ejected')?.value ?? 0;
      if (ejected >= (worst.get(upstream)?.ejected ?? 0)) worst.set(upstream, { ejected, values });
    }
  }
  const chosen = new Set([...worst.values()].flatMap(({ values }) => values));
  return all.map((figures) =>
    figures.map((metric) =>
      metric.name === ENDPOINTS
        ? { ...metric, values: metric.values.filter((value) => chosen.has(value as Value)) }
        : metric,
    ),
  );
}

function endpointsOf(figures: readonly MetricFigures[]): Map<unknown, Value[]> {
  const byUpstream = new Map<unknown, Value[]>();
  const metric = figures.find(({ name }) => name === ENDPOINTS);
  for (const value of (metric?.values ?? []) as Value[]) {
    const { upstream } = plain(value.labels);
    byUpstream.set(upstream, [...(byUpstream.get(upstream) ?? []), value]);
  }
  return byUpstream;
}

function plain(labels: object): Record<string, string | number> {
  return labels as Record<string, string | number>;
}
