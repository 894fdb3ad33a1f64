/** Time, passed in so that tests need not wait for it. */
export interface Clock {
  /** Milliseconds since 1970, by the wall clock: what `exp` is measured against. */
  now(): number;
  /** Runs `task` once, `ms` from now, and answers how to call it off. A waiting task doesn't keep the process alive. */
  after(ms: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(ms, task) {
    const timer = setTimeout(task, ms).unref();
    return () => clearTimeout(timer);
  },
};
