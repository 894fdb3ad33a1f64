import { version as nodeVersion } from 'node:process';
import type { Assembly } from '../assembly.ts';
import type { Config } from '../config/config.ts';
import type { Journey } from '../journey.ts';
import { version } from '../package.ts';
import { addCapacityMetrics, type Capacity } from './capacity.ts';
import { Durations } from './durations.ts';
import { EventLoopLag } from './event-loop.ts';
import { knownOnly, type MetricFigures, pageOf } from './figures.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { type Aggregator, Counter, Gauge, Registry } from './prom-client.ts';
import type { Ending } from './request-line.ts';
import { type IsKnown, Tally } from './tally.ts';

/** Methods by their name; whatever else a client invents is one label. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const NO_ROUTE = 'none';

/** A metric, as its registry knows it. */
export interface MetricDescription {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** How the values of several processes are combined. */
  readonly aggregator: 'sum' | 'first' | 'min' | 'max';
  readonly labelNames: readonly string[];
}

/** Sources of the values that are not counted here. */
export interface MetricSources extends Capacity {
  /** The configuration at work. */
  world(): Assembly;
  now(): number;
  readonly streams: { readonly count: number };
  readonly log: { readonly dropped: number; readonly droppedEvents: number };
}

/** The numbers an operator watches. Every label is bounded: routes, codes and known methods, never a path. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricSources;
  readonly #lag: EventLoopLag;
  /** Whether a route, an upstream or an issuer is there. A request may end on one that is not there any more. */
  readonly #isKnown: IsKnown = (labels) => this.#knownLabels()(labels);
  #known: { readonly config: Config; readonly isKnown: IsKnown } | undefined;
  readonly #requests = new Tally();
  readonly #refusals = new Tally();
  readonly #refreshes = new Tally();
  readonly #durations = new Durations(
    'bearergate_request_duration_seconds',
    'Time from the head of a request to the end of its answer.',
    'route',
    this.#registry,
    this.#isKnown,
  );
  readonly #upstreamDurations = new Durations(
    'bearergate_upstream_duration_seconds',
    'Time from forwarding a request to the headers of the answer, or to the failure.',
    'upstream',
    this.#registry,
    this.#isKnown,
  );

  readonly #reloads = new Counter({
    name: 'bearergate_config_reloads_total',
    help: 'Reloads of the configuration, by result.',
    labelNames: ['result'],
    registers: [this.#registry],
    aggregator: 'first',
  });
  readonly #loadedAt = new Gauge({
    name: 'bearergate_config_loaded_timestamp_seconds',
    help: 'When the configuration in force was loaded.',
    registers: [this.#registry],
    aggregator: 'first',
  });
  readonly #reloadSuccessful = new Gauge({
    name: 'bearergate_config_last_reload_successful',
    help: '1 if the last reload was accepted, 0 while the configuration in the files is refused.',
    registers: [this.#registry],
    aggregator: 'min',
  });
  /** How much has been counted: what it was when a report was made says whether another one is due. */
  countedUntil = 0;

  constructor(sources: MetricSources) {
    const { streams, log } = sources;
    this.#sources = sources;
    const registers = [this.#registry];
    this.#count(
      'bearergate_requests_total',
      'Requests, counted when they end.',
      ['route', 'method', 'status'],
      this.#requests,
    );
    this.#count('bearergate_refusals_total', 'Refused requests, by code.', ['route', 'code'], this.#refusals);
    // Workers get what the process at the head has fetched, and it is one fetch.
    this.#count(
      'bearergate_keys_refresh_total',
      'Fetches of key sets.',
      ['issuer', 'result'],
      this.#refreshes,
      'first',
    );
    new Counter({
      name: 'bearergate_token_cache_total',
      help: 'Look-ups in the token cache, by result.',
      labelNames: ['result'],
      registers,
      collect() {
        const { hit, miss, joined, refusedHit } = sources.world().cache.counts;
        this.reset();
        this.inc({ result: 'hit' }, hit);
        this.inc({ result: 'miss' }, miss);
        this.inc({ result: 'joined' }, joined);
        this.inc({ result: 'refused_hit' }, refusedHit);
      },
    });
    new Gauge({
      name: 'bearergate_token_cache_entries',
      help: 'Verified tokens in the cache.',
      registers,
      collect() {
        this.set(sources.world().cache.size);
      },
    });
    new Gauge({
      name: 'bearergate_keys_age_seconds',
      help: 'Age of the keys of an issuer.',
      labelNames: ['issuer'],
      registers,
      aggregator: 'max',
      collect() {
        this.reset();
        for (const [issuer, keys] of sources.world().keyRings) {
          const { age } = keys.status(sources.now());
          if (age !== undefined) this.set({ issuer }, age / 1000);
        }
      },
    });
    new Gauge({
      name: 'bearergate_open_streams',
      help: 'Open WebSockets and event streams.',
      registers,
      collect() {
        this.set(streams.count);
      },
    });
    new Counter({
      name: 'bearergate_log_lines_dropped_total',
      help: 'Log lines lost because stdout was not drained.',
      registers,
      collect() {
        this.reset();
        this.inc(log.dropped);
      },
    });
    new Counter({
      name: 'bearergate_log_events_dropped_total',
      help: 'Lost log lines about the gateway itself, not about requests or connections.',
      registers,
      collect() {
        this.reset();
        this.inc(log.droppedEvents);
      },
    });
    addCapacityMetrics(this.#registry, sources);
    new Gauge({
      name: 'bearergate_build_info',
      help: '1, with the versions of the gateway and of Node.js as labels.',
      labelNames: ['version', 'node'],
      registers,
      aggregator: 'first',
    }).set({ version: version(), node: nodeVersion }, 1);
    addProcessMetrics(this.#registry);
    this.#lag = new EventLoopLag(this.#registry);
    this.#loadedAt.set(sources.now() / 1000);
    this.#reloadSuccessful.set(1);
    // Present from the start: an alert on a series that does not exist yet would miss its first increase.
    for (const result of ['success', 'failure']) this.#reloads.inc({ result }, 0);
  }

  /** A configuration was taken in place of the one before, or was refused. */
  reloaded(result: 'success' | 'failure'): void {
    this.countedUntil += 1;
    this.#reloads.inc({ result });
    this.#reloadSuccessful.set(result === 'success' ? 1 : 0);
    if (result === 'success') this.#loadedAt.set(this.#sources.now() / 1000);
  }

  requestEnded(journey: Journey, { status, durationMs }: Ending): void {
    this.countedUntil += 1;
    const route = journey.route?.settings.id ?? NO_ROUTE;
    const method = METHODS.has(journey.head?.method ?? '') ? (journey.head?.method as string) : 'other';
    const answer = status === undefined ? 'none' : String(status);
    this.#requests.add(`${route} ${method} ${answer}`, () => ({ route, method, status: answer }));
    const code = journey.fault?.code;
    if (code !== undefined) this.#refusals.add(`${route} ${code}`, () => ({ route, code }));
    // How long a WebSocket stays open does not show how fast the gateway is.
    if (status !== 101) this.#durations.observe(route, durationMs);
    const { permit, upstreamMs } = journey;
    if (permit !== undefined && upstreamMs !== undefined) {
      this.#upstreamDurations.observe(permit.route.upstream.name, upstreamMs);
    }
  }

  keysRefreshed(issuer: string, result: 'success' | 'failure'): void {
    this.countedUntil += 1;
    this.#refreshes.add(`${issuer} ${result}`, () => ({ issuer, result }));
  }

  /** The page in Prometheus' text form, and its content type; with what other processes have counted. */
  async page(
    others: readonly (readonly MetricFigures[])[] = [],
  ): Promise<readonly [contentType: string, body: string]> {
    if (others.length > 0) return pageOf([await this.figures(), ...others.map(this.knownOnly)]);
    return [this.#registry.contentType, await this.#registry.metrics()];
  }

  /** All metrics, for another process. */
  figures(): Promise<MetricFigures[]> {
    return this.#registry.getMetricsAsJSON();
  }

  /** Every metric that there is, for the reference. */
  describe(): readonly MetricDescription[] {
    return this.#registry.getMetricsAsArray().map((metric) => {
      const { name, help, type, aggregator, labelNames = [] } = metric as unknown as MetricDescription;
      return { name, help, type, aggregator, labelNames: [...labelNames] };
    });
  }

  /** What is left of the figures of other processes. */
  readonly knownOnly = (figures: readonly MetricFigures[]): MetricFigures[] => knownOnly(figures, this.#isKnown);

  /** Ends what is measured all the time; what was counted can still be read. */
  close(): void {
    this.#lag.close();
  }

  #knownLabels(): IsKnown {
    const { config } = this.#sources.world();
    if (this.#known?.config !== config) this.#known = { config, isKnown: knownLabelsOf(config) };
    return this.#known.isKnown;
  }

  #count(name: string, help: string, labelNames: string[], tally: Tally, aggregator: Aggregator = 'sum'): void {
    const counter: Counter<string> = new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      aggregator,
      collect: (): void => tally.writeTo(counter, this.#isKnown),
    });
  }
}

function knownLabelsOf({ routes, upstreams, issuers }: Config): IsKnown {
  const known = {
    route: new Set([NO_ROUTE, ...routes.map(({ id }) => id)]),
    upstream: new Set(upstreams.map(({ name }) => name)),
    issuer: new Set(issuers.map(({ name }) => name)),
  };
  return (labels) =>
    Object.entries(known).every(([label, names]) => labels[label] === undefined || names.has(String(labels[label])));
}
