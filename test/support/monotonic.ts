/**
 * Takes time as lru-cache knows it into the hands of a test file: `performance.now`, which it measures by, and
 * `setTimeout`, by which it forgets its last reading. Answers how to let time pass, in milliseconds. For files that need
 * no timers of their own; each test file is a process.
 */
export function takeMonotonicTime(): (ms: number) => void {
  let now = 1_000;
  let waiting: { readonly due: number; readonly task: () => void }[] = [];
  performance.now = () => now;
  globalThis.setTimeout = ((task: () => void, ms = 0) => {
    waiting.push({ due: now + ms, task });
    return { unref() {} };
  }) as unknown as typeof setTimeout;
  return (ms) => {
    now += ms;
    const due = waiting.filter((timer) => timer.due <= now);
    waiting = waiting.filter((timer) => timer.due > now);
    for (const { task } of due) task();
  };
}
