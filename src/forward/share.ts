/** How much of one upstream a client connection uses. */
export interface Holding {
  readonly upstream: object;
  /** Requests on its connections. */
  underWay: number;
  /** Requests in its queue. */
  waiting: number;
}

/** How much of each upstream a client connection uses. It lives as long as the connection. */
export class Holdings {
  #all: Holding[] = [];

  of(upstream: object): Holding {
    // Nearly every client uses one upstream.
    for (const holding of this.#all) if (holding.upstream === upstream) return holding;
    const holding: Holding = { upstream, underWay: 0, waiting: 0 };
    // A connection may outlive many upstreams, and must not keep them.
    this.#all = this.#all.filter(({ underWay, waiting }) => underWay + waiting > 0);
    this.#all.push(holding);
    return holding;
  }
}

/** The share of `total` that one client connection may have while others wait: a quarter, and at least one. */
export function shareOf(total: number): number {
  return Math.max(1, Math.floor(total / 4));
}

/**
 * Whether a client connection that holds `held` of `total` may have one more while `free` are free. Beyond its share it gets
 * what would be idle. But that cannot be taken back when others arrive, so it never gets the last one, nor more than four
 * times what remains: the next client always finds something free.
 */
export function mayHaveMore(held: number, total: number, free: number): boolean {
  if (held === 0) return true;
  return held < 4 * free && (free > 1 || held < shareOf(total));
}
