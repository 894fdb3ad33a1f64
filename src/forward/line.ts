/** Something that can wait in a line. The line keeps its own marks here: nothing is allocated for waiting. */
export interface Waiting {
  behind?: Waiting | undefined;
  ahead?: Waiting | undefined;
}

/** First come, first served; who gives up leaves from wherever it stands. Every step takes the same time. */
export class WaitingLine<T extends Waiting> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): T | undefined {
    return this.#first;
  }

  join(one: T): void {
    one.ahead = this.#last;
    if (this.#last) this.#last.behind = one;
    else this.#first = one;
    this.#last = one;
    this.#length += 1;
  }

  /** Answers whether it has waited. */
  leave(one: T): boolean {
    if (one.ahead === undefined && this.#first !== one) return false;
    const { ahead, behind } = one as { ahead?: T | undefined; behind?: T | undefined };
    if (ahead) ahead.behind = behind;
    else this.#first = behind;
    if (behind) behind.ahead = ahead;
    else this.#last = ahead;
    one.ahead = undefined;
    one.behind = undefined;
    this.#length -= 1;
    return true;
  }

  /** The first one for which this holds. */
  firstThat(holds: (one: T) => boolean): T | undefined {
    let one = this.#first;
    while (one !== undefined && !holds(one)) one = (one as { behind?: T | undefined }).behind;
    return one;
  }
}
