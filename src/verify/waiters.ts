/** A request that waits for a verification. It is closed once its client has gone, and nobody hears the answer then. */
export interface Client {
  readonly closed: boolean;
}

/** For callers that wait for the answer whatever happens. */
export const STAYS: Client = { closed: false };

/**
 * How many requests may wait for one thing at once. Whoever invents tokens decides how many there are, each holds its
 * head and its token, and what it waits for may hang: without a bound two connections fill the memory in seconds. A
 * request whose client has gone counts until the wait ends, since so long its memory is held too.
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

  /** Takes so many places; answers whether they were free, and takes none otherwise. */
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

  /** Adds a request; answers false where no more may wait for what these wait for. */
  join(client: Client): boolean {
    if (this.#limit?.enter(1) === false) return false;
    this.#clients.push(client);
    return true;
  }

  /** They wait for something else from now on; answers false where so many may not, and they wait for nothing then. */
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

/** Lets so many at once do something; the others wait, in the order in which they came. */
export class Turns {
  readonly #most: number;
  #underWay = 0;
  readonly #next: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** At once where it is nobody's turn; otherwise wait for the promise. Whoever has had a turn ends it. */
  begin(): Promise<void> | undefined {
    if (this.#underWay >= this.#most) return new Promise((resolve) => this.#next.push(resolve));
    this.#underWay += 1;
    return undefined;
  }

  /** A turn goes straight to the one that has waited longest, so that no newcomer takes it between. */
  end(): void {
    const next = this.#next.shift();
    if (next) next();
    else this.#underWay -= 1;
  }
}
