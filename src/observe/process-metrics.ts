import { cpuUsage, memoryUsage } from 'node:process';
import { Counter, Gauge, type Registry } from './prom-client.ts';

/** What the process uses, under the names that dashboards for Node.js know; read at each scrape. */
export function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  const startedAt = performance.timeOrigin / 1000;
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time that the process has used, user and system.',
    registers,
    collect() {
      const { user, system } = cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory that the process uses.',
    registers,
    collect() {
      this.set(memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process, in seconds since 1970.',
    registers,
    aggregator: 'min',
    collect() {
      this.set(startedAt);
    },
  });
}
