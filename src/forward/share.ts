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

/**
 * Whether a client connection that holds so many of `total` may have one more while so many are free. A quarter is its
 * share, and at least one. Beyond its share it gets what would lie idle, but always leaves half free: a place that a client
 * has taken can't be taken back from it when others come, and the next two have to find their shares.
 */
export function mayHaveMore(held: number, total: number, free: number): boolean {
  return held < Math.max(1, Math.floor(total / 4)) || free > total / 2;
}
