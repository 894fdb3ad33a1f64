/** A request that waits for a verification. Once its client has gone it is closed, and its result is not used. */
export interface Client {
  readonly closed: boolean;
}

/** For callers that wait for the answer whatever happens. */
export const STAYS: Client = { closed: false };

/**
 * How many requests may wait for one thing at once. An attacker who invents tokens decides how many there are, each holds
 * its head and its token, and what it waits for may hang: without a bound, two connections fill the memory in seconds. A
 * request whose client has gone counts until the wait ends, since its memory is held until then.
 */
export class WaitLimit {
  readonly #most: number;
  #waiting = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Takes `count` places and returns true, or takes none and returns false if that many are not free. */
  enter(count: number): boolean {
    if (this.#waiting + count > this.#most) return false;
    this.#waiting += count;
    return true;
  }

  leave(count: number): void {
    this.#waiting -= count;
  }
}

/** Requests that may wait for one thing: 1024 heads of 16 KiB are 16 MiB. */
export const MAX_WAITING = 1024;

/** The requests that wait for one verification: all those that brought the same token meanwhile. */
export class Waiters {
  readonly #clients: Client[];
  #limit: WaitLimit | undefined;

  constructor(first: Client) {
    this.#clients = [first];
  }

  /** Adds a request; returns false if no more may wait for the same thing. */
  join(client: Client): boolean {
    if (this.#limit?.enter(1) === false) return false;
    this.#clients.push(client);
    return true;
  }

  /** Makes all of them wait for something else; returns false if that many may not, and then they wait for nothing. */
  moveTo(limit: WaitLimit): boolean {
    if (limit === this.#limit) return true;
    this.leave();
    if (!limit.enter(this.#clients.length)) return false;
    this.#limit = limit;
    return true;
  }

  /** The wait is over. */
  leave(): void {
    this.#limit?.leave(this.#clients.length);
    this.#limit = undefined;
  }

  /** Whether every client has gone, so that the work can be spared. */
  get areGone(): boolean {
    return this.#clients.every(({ closed }) => closed);
  }
}

/** Bounds how many operations run at once; the others wait in the order in which they came. */
export class Semaphore {
  readonly #most: number;
  #underWay = 0;
  readonly #next: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Undefined if the caller may begin at once; otherwise it may begin when the promise resolves. Afterwards it must `release`. */
  acquire(): Promise<void> | undefined {
    if (this.#underWay >= this.#most) return new Promise((resolve) => this.#next.push(resolve));
    this.#underWay += 1;
    return undefined;
  }

  /** Passes the place directly to the caller that has waited longest, so that a newcomer cannot take it. */
  release(): void {
    const next = this.#next.shift();
    if (next) next();
    else this.#underWay -= 1;
  }
}
