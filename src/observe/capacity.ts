import { Counter, Gauge, type Registry } from './prom-client.ts';

/** Connections of clients. */
export interface ConnectionFigures {
  readonly open: number;
  /** The maximum. */
  readonly limit: number;
  /** Refused since the start because the limit was reached. */
  readonly refused: number;
}

/** One upstream at one moment. */
export interface UpstreamFigures {
  readonly name: string;
  /** Requests that wait for a connection. */
  readonly queued: number;
  readonly endpoints: readonly { readonly healthy: boolean }[];
}

/** How much of each limited resource this process uses. */
export interface Capacity {
  /** Undefined in a process whose requests workers carry. */
  connections(): ConnectionFigures | undefined;
  /** None in such a process. */
  upstreams(): readonly UpstreamFigures[];
  /** How many processes carry requests, of how many; undefined in a worker, which does not know. */
  workers(): { readonly serving: number; readonly wanted: number } | undefined;
}

/** The name is needed where the figures of several processes meet: see figures.ts. */
export const ENDPOINTS = 'bearergate_upstream_endpoints';

/** Adds metrics of limited resources: they show how near each limit is, and whether it was reached. */
export function addCapacityMetrics(registry: Registry, capacity: Capacity): void {
  const registers = [registry];
  new Gauge({
    name: 'bearergate_connections_open',
    help: 'Open client connections.',
    registers,
    collect() {
      this.set(capacity.connections()?.open ?? 0);
    },
  });
  new Gauge({
    name: 'bearergate_connections_limit',
    help: 'Limit of open client connections: listen.limits.maxConnections, for each worker.',
    registers,
    collect() {
      this.set(capacity.connections()?.limit ?? 0);
    },
  });
  new Counter({
    name: 'bearergate_connections_refused_total',
    help: 'Client connections refused because the limit was reached.',
    registers,
    collect() {
      this.reset();
      this.inc(capacity.connections()?.refused ?? 0);
    },
  });
  new Gauge({
    name: ENDPOINTS,
    help: 'Endpoints of an upstream by state; with workers, as seen by the worker that has ejected most of them.',
    labelNames: ['upstream', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { name: upstream, endpoints } of capacity.upstreams()) {
        const healthy = endpoints.filter((endpoint) => endpoint.healthy).length;
        this.set({ upstream, state: 'healthy' }, healthy);
        this.set({ upstream, state: 'ejected' }, endpoints.length - healthy);
      }
    },
  });
  new Gauge({
    name: 'bearergate_upstream_queue_length',
    help: 'Requests that wait for a connection to an upstream.',
    labelNames: ['upstream'],
    registers,
    collect() {
      this.reset();
      for (const { name: upstream, queued } of capacity.upstreams()) this.set({ upstream }, queued);
    },
  });
  new Gauge({
    name: 'bearergate_workers',
    help: 'Worker processes by state: serving, or down (ended, or about to start).',
    labelNames: ['state'],
    registers,
    aggregator: 'first',
    collect() {
      this.reset();
      const workers = capacity.workers();
      if (workers === undefined) return;
      this.set({ state: 'serving' }, workers.serving);
      this.set({ state: 'down' }, workers.wanted - workers.serving);
    },
  });
}
