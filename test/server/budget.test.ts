import test from 'ava';
import { Budget } from '../../src/server/budget.ts';

test('a budget lets so many through at once, and so many a second after that', (t) => {
  const budget = new Budget(3, 2);
  const take = (now: number) => budget.take(now);
  t.deepEqual([1000, 1000, 1000, 1000].map(take), [true, true, true, false]);
  t.deepEqual([1400, 1500, 1500].map(take), [false, true, false]);
  t.deepEqual([60_000, 60_000, 60_000, 60_000].map(take), [true, true, true, false]);
});

test('what is earned is given back, but no budget grows beyond the most at once', (t) => {
  const budget = new Budget(3, 0);
  const take = () => budget.take(0);
  t.deepEqual([take(), take(), take(), take()], [true, true, true, false]);
  budget.earn(0.5);
  t.false(take());
  budget.earn(0.5);
  t.deepEqual([take(), take()], [true, false]);
  budget.earn(1000);
  t.deepEqual([take(), take(), take(), take()], [true, true, true, false]);
});
