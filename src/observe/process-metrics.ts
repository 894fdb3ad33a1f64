import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cpuUsage, memoryUsage } from 'node:process';
import { Counter, Gauge, type Registry } from './prom-client.ts';

/** How often the event loop is looked at, in ms. */
const RESOLUTION = 50;

/**
 * What the process uses, and how long its event loop keeps others waiting, under the names that dashboards for Node.js know.
 * It costs one timer; everything else is read when somebody asks (docs/decisions/observing.md).
 */
export function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  const startedAt = performance.timeOrigin / 1000;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time that the process has used.',
    registers,
    collect() {
      const { user, system } = cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory that the process occupies.',
    registers,
    collect() {
      this.set(memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process began, in seconds since 1970.',
    registers,
    aggregator: 'min',
    collect() {
      this.set(startedAt);
    },
  });
  const longest = new Gauge({
    name: 'nodejs_eventloop_lag_max_seconds',
    help: 'By how much the latest turn of the event loop was late since the page was asked for before.',
    registers: [],
    aggregator: 'max',
  });
  new Gauge({
    name: 'nodejs_eventloop_lag_p99_seconds',
    help: 'By how much 99 of 100 turns of the event loop were late at most since the page was asked for before.',
    registers,
    aggregator: 'max',
    collect() {
      this.set(lateness(delay.percentile(99)));
      longest.set(lateness(delay.max));
      delay.reset();
    },
  });
  // Behind the one that fills it: the page is made in this order.
  registry.registerMetric(longest);
}

/** The histogram has the nanoseconds between two ticks, which are never nearer to each other than they should be. */
function lateness(between: number): number {
  return Math.max(0, between / 1e9 - RESOLUTION / 1000);
}
