/** So many at once, and so many a second after that: what somebody may do who means no harm. */
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

  /** Takes one, at a time in ms that does not go back; answers whether there was one left. */
  take(now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
