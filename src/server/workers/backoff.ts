/** In ms: the first wait, the longest, and how long a worker has to last so that the next wait is the first again. */
const WAITS = { first: 1_000, longest: 30_000, healthy: 60_000 };

/** How long to wait before one that has ended is started again: longer each time, unless it has lasted for a while. */
export class Backoff {
  #failures = 0;

  /** `lastedFor` and the answer in ms. */
  waitAfter(lastedFor: number): number {
    if (lastedFor >= WAITS.healthy) this.#failures = 0;
    const wait = Math.min(WAITS.first * 2 ** this.#failures, WAITS.longest);
    this.#failures += 1;
    return wait;
  }
}
