import test from 'ava';
import { createClock, LONGEST_TIMER, systemClock } from '../src/clock.ts';
import { until } from './support/until.ts';

/** Timers that are set off by hand, as node's would be. */
function timers() {
  const set: { readonly ms: number; readonly task: () => void; off: boolean }[] = [];
  const start = (ms: number, task: () => void) => {
    const timer = { ms, task, off: false };
    set.push(timer);
    return () => {
      timer.off = true;
    };
  };
  return { set, clock: createClock(() => 0, start) };
}

const DAY = 86_400_000;
const WAITS: readonly (readonly [ms: number, pieces: readonly number[]])[] = [
  [0, [0]],
  [1000, [1000]],
  [LONGEST_TIMER, [LONGEST_TIMER]],
  [LONGEST_TIMER + 1, [LONGEST_TIMER, 1]],
  [1.5 * 24 * DAY, [LONGEST_TIMER, 1.5 * 24 * DAY - LONGEST_TIMER]],
  [3 * LONGEST_TIMER, [LONGEST_TIMER, LONGEST_TIMER, LONGEST_TIMER]],
];

for (const [ms, pieces] of WAITS) {
  test(`${ms} ms are waited for in pieces that a timer of node can keep, and then the task runs once`, (t) => {
    const { set, clock } = timers();
    let ran = 0;
    clock.after(ms, () => {
      ran += 1;
    });
    for (const index of pieces.keys()) {
      t.is(ran, 0);
      set[index]?.task();
    }
    t.is(ran, 1);
    t.deepEqual(
      set.map((timer) => timer.ms),
      pieces,
    );
  });

  test(`a wait of ${ms} ms can be called off in each of its pieces`, (t) => {
    for (const called of pieces.keys()) {
      const { set, clock } = timers();
      const callOff = clock.after(ms, () => t.fail());
      for (let index = 0; index < called; index += 1) set[index]?.task();
      callOff();
      t.deepEqual(
        set.map(({ off }) => off),
        pieces.slice(0, called + 1).map((_, index) => index === called),
      );
    }
  });
}

test('what is longer than a timer of node can wait does not run at once', async (t) => {
  const ran: string[] = [];
  const callOff = [2 ** 31, 1.5 * 24 * DAY, 1e15, Number.POSITIVE_INFINITY].map((ms) =>
    systemClock.after(ms, () => ran.push(String(ms))),
  );
  // A control: a timer that is too long would have run before one that is set after it.
  let short = 0;
  for (let round = 1; round <= 10; round += 1) {
    systemClock.after(2, () => {
      short += 1;
    });
    await until(() => short === round, 'a short wait ends');
  }
  t.deepEqual(ran, []);
  for (const one of callOff) one();
});
