import type { Clock } from '../../src/clock.ts';

interface Waiting {
  readonly due: number;
  readonly task: () => void;
}

/** A clock that goes when it is told to. Its timers follow the time that passes, its `now` can also be set wrong. */
export class FakeClock implements Clock {
  #wall: number;
  #passed = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(start = Date.UTC(2026, 10, 22, 10)) {
    this.#wall = start;
  }

  /** Bound to this clock: it is passed on alone. */
  readonly now = (): number => this.#wall;

  after(ms: number, task: () => void): () => void {
    const entry = { due: this.#passed + ms, task };
    this.#waiting.add(entry);
    return () => this.#waiting.delete(entry);
  }

  /** Lets time pass; tasks that come due run in their order, each at its own time. */
  advance(ms: number): void {
    const end = this.#passed + ms;
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#waiting.delete(next);
      this.#pass(next.due - this.#passed);
      next.task();
    }
    this.#pass(end - this.#passed);
  }

  /** Sets the wall clock forward or back without time passing: an operator, NTP, a machine that slept. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Milliseconds until each waiting task is due. */
  get waiting(): readonly number[] {
    return [...this.#waiting].map(({ due }) => due - this.#passed);
  }

  #pass(ms: number): void {
    this.#passed += ms;
    this.#wall += ms;
  }

  #nextDue(end: number): Waiting | undefined {
    return [...this.#waiting].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
  }
}
