/** What one client connection has of one upstream. */
export interface Holding {
  readonly upstream: object;
  /** Requests on its connections. */
  underWay: number;
  /** Requests in its queue. */
  waiting: number;
}

/** What one client connection has of all upstreams. It is made with the connection; requests are counted in it. */
export class Holdings {
  #all: Holding[] = [];

  of(upstream: object): Holding {
    // Nearly every client has to do with one.
    for (const holding of this.#all) if (holding.upstream === upstream) return holding;
    const holding: Holding = { upstream, underWay: 0, waiting: 0 };
    // A connection may outlive many upstreams, and must not keep them.
    this.#all = this.#all.filter(({ underWay, waiting }) => underWay + waiting > 0);
    this.#all.push(holding);
    return holding;
  }
}

/** What one client connection may have of so many while others wait: a quarter, and at least one. */
export function shareOf(total: number): number {
  return Math.max(1, Math.floor(total / 4));
}

/**
 * Whether a client connection that holds so many of `total` may have one more while so many are free. Beyond its share it
 * gets what would lie idle. But what it has taken can't be taken back when others come, so it never gets the last one, and
 * nobody gets more than four times what is left after that: whoever comes next finds something.
 */
export function mayHaveMore(held: number, total: number, free: number): boolean {
  if (held === 0) return true;
  return held < 4 * free && (free > 1 || held < shareOf(total));
}
