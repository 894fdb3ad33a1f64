// Of prom-client only what counts and prints: its entry file also reads a client for push gateways, default metrics and
// OpenTelemetry, with zlib and more of node behind them, which cost 3 MiB of memory.
export type { Aggregator, Histogram, MetricObjectWithValues, MetricValueWithName } from 'prom-client';
export { default as AggregatorRegistry } from 'prom-client/lib/cluster.js';
export { default as Counter } from 'prom-client/lib/counter.js';
export { default as Gauge } from 'prom-client/lib/gauge.js';
export { default as Registry } from 'prom-client/lib/registry.js';
