import type { Counter } from './prom-client.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether the route, upstream and issuer in a set of labels are in the configuration in force. */
export type IsKnown = (labels: Readonly<Record<string, string | number>>) => boolean;

/** Counts by labels, kept as plain numbers and converted to Prometheus' form at each scrape. */
export class Tally {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  add(key: string, labels: () => Labels): void {
    const known = this.#counts.get(key);
    if (known) known.count += 1;
    else this.#counts.set(key, { labels: labels(), count: 1 });
  }

  /** Forgets what is not known any more, and writes the rest. */
  writeTo(counter: Counter<string>, isKnown: IsKnown): void {
    counter.reset();
    for (const [key, { labels, count }] of this.#counts) {
      if (isKnown(labels)) counter.inc(labels, count);
      else this.#counts.delete(key);
    }
  }
}
