/** Time, passed in so that tests need not wait for it. */
export interface Clock {
  /** Milliseconds since 1970, by the wall clock: what `exp` is measured against. */
  now(): number;
  /** Runs `task` once, `ms` from now, and answers how to call it off. A waiting task doesn't keep the process alive. */
  after(ms: number, task: () => void): () => void;
}

/** The longest wait of a Node timer: a longer one fires after 1 ms, which turns "once a month" into "all the time". */
export const LONGEST_TIMER = 2 ** 31 - 1;

type Timers = (ms: number, task: () => void) => () => void;

/** A clock on these timers. It waits as long as it is told to: what is too long for one timer is waited for in pieces. */
export function createClock(now: () => number, start: Timers): Clock {
  return {
    now,
    after(ms, task) {
      let callOff = (): void => {};
      const wait = (left: number): void => {
        const piece = Math.min(left, LONGEST_TIMER);
        callOff = start(piece, left > piece ? () => wait(left - piece) : task);
      };
      wait(ms);
      return () => callOff();
    },
  };
}

export const systemClock: Clock = createClock(Date.now, (ms, task) => {
  const timer = setTimeout(task, ms).unref();
  return () => clearTimeout(timer);
});
