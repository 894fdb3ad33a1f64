import test from 'ava';
import { mayHaveMore, shareOf } from '../../src/forward/share.ts';

/** What clients get that come one after the other, each for as much as it is given. */
function taken(total: number, clients: number): number[] {
  let free = total;
  return Array.from({ length: clients }, () => {
    let held = 0;
    while (free > 0 && mayHaveMore(held, total, free)) {
      held += 1;
      free -= 1;
    }
    return held;
  });
}

test('the first client gets most, never all, and those after it find something', (t) => {
  t.deepEqual(taken(1, 2), [1, 0]);
  t.deepEqual(taken(2, 2), [1, 1]);
  t.deepEqual(taken(4, 2), [3, 1]);
  t.deepEqual(taken(8, 2), [7, 1]);
  t.deepEqual(taken(128, 4), [103, 20, 4, 1]);
  for (let total = 2; total < 300; total += 1) {
    const [first = 0, second = 0] = taken(total, 2);
    t.true(first < total && second > 0, String(total));
  }
});

test('a share is a quarter, and at least one', (t) => {
  t.deepEqual([1, 2, 3, 4, 7, 8, 128].map(shareOf), [1, 1, 1, 1, 1, 2, 32]);
});
