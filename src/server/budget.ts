/** A number at once, so many a second after that, and what a client earns: what an honest client may do. */
export class Budget {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  #at = 0;

  constructor(most: number, perSecond: number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#left = most;
  }

  /** Gives some back for work that makes spending harmless, never beyond the most at once. */
  earn(count: number): void {
    this.#left = Math.min(this.#most, this.#left + count);
  }

  /** Takes one, at a time in ms that does not go back; answers whether there was one left. */
  take(now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
