import type { Histogram, MetricObjectWithValues, MetricValueWithName, Registry } from './prom-client.ts';
import type { IsKnown } from './tally.ts';

/** In seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

interface Counts {
  /** How many lie within each bound and above the one before; the last is for what lies above all. */
  readonly within: number[];
  sum: number;
}

/**
 * A histogram of durations by one label or none, kept as plain numbers and converted to Prometheus' form at each scrape:
 * prom-client's own hashes its labels for each value, which takes longer than counting.
 */
export class Durations<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly labelNames: readonly string[];
  readonly #label: Label | undefined;
  readonly #isKnown: IsKnown;
  readonly #counts = new Map<string, Counts>();

  constructor(name: string, help: string, label: Label | undefined, registry: Registry, isKnown: IsKnown = () => true) {
    this.name = name;
    this.help = help;
    this.#label = label;
    this.labelNames = label === undefined ? [] : [label];
    this.#isKnown = isKnown;
    // All that a registry asks of a metric is its name and `get`; its type would have everything a Histogram can do.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** `label` is the value of the label; anything where there is none. */
  observe(label: string, ms: number): void {
    let counts = this.#counts.get(label);
    if (counts === undefined) {
      counts = { within: Array<number>(BOUNDS.length + 1).fill(0), sum: 0 };
      this.#counts.set(label, counts);
    }
    const seconds = ms / 1000;
    let at = 0;
    while (at < BOUNDS.length && seconds > (BOUNDS[at] as number)) at += 1;
    counts.within[at] = (counts.within[at] as number) + 1;
    counts.sum += seconds;
  }

  async get(): Promise<Omit<MetricObjectWithValues<MetricValueWithName<Label | 'le'>>, 'collect'>> {
    const { name, help, aggregator } = this;
    const values = [...this.#counts].flatMap(([value, counts]) => {
      const labels: Record<string, string> = this.#label === undefined ? {} : { [this.#label]: value };
      if (this.#isKnown(labels)) return this.#values(labels, counts);
      this.#counts.delete(value);
      return [];
    });
    return { name, help, type: this.type as never, aggregator, values };
  }

  /** Prometheus counts cumulatively: each bound holds all that lies below it too. */
  #values(labels: object, { within, sum }: Counts): MetricValueWithName<Label | 'le'>[] {
    let count = 0;
    const buckets = within.map((more, at) => {
      count += more;
      const le = BOUNDS[at] ?? '+Inf';
      return { labels: { le, ...labels }, value: count, metricName: `${this.name}_bucket` };
    });
    const total = (suffix: string, value: number) => ({ labels, value, metricName: `${this.name}_${suffix}` });
    return [...buckets, total('sum', sum), total('count', count)] as MetricValueWithName<Label | 'le'>[];
  }
}
