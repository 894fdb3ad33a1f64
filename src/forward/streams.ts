import type { Permit } from '../authorise/permit.ts';
import type { Clock } from '../clock.ts';

/** What outlives its request: WebSockets and event streams. How many are open, and when they end with their token. */
export class OpenStreams {
  readonly #clock: Clock;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** Counts one that begins. `expire` is called when its token has ended, if it has one and its route says so. */
  open(permit: Permit, expire: () => void): OpenStream {
    this.#count += 1;
    const { endWithToken, grace } = permit.route.streams;
    const end =
      permit.token && endWithToken ? permit.token.issuer.endOf(permit.token) + grace : Number.POSITIVE_INFINITY;
    return new OpenStream(end, this.#clock, expire, () => {
      this.#count -= 1;
    });
  }
}

/**
 * The longest wait in one piece. A timer counts time that passes, `exp` is a moment: a wall clock that was set, and a
 * machine that slept, are noticed within this. It also keeps clear of 2^31 ms, beyond which a timer goes off at once.
 */
const LONGEST_WAIT = 60_000;

/** One of them. */
export class OpenStream {
  readonly #end: number;
  readonly #clock: Clock;
  readonly #expire: () => void;
  readonly #closed: () => void;
  #stop: (() => void) | undefined;
  #open = true;

  constructor(end: number, clock: Clock, expire: () => void, closed: () => void) {
    this.#end = end;
    this.#clock = clock;
    this.#expire = expire;
    this.#closed = closed;
    if (end !== Number.POSITIVE_INFINITY) this.#wait();
  }

  /** To be called when it is over, for whatever reason; more than once does no harm. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stop?.();
    this.#closed();
  }

  #wait(): void {
    const left = this.#end - this.#clock.now();
    this.#stop = this.#clock.after(Math.max(0, Math.min(left, LONGEST_WAIT)), () => {
      if (this.#clock.now() >= this.#end) this.#expire();
      else this.#wait();
    });
  }
}
