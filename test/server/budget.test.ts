import test from 'ava';
import { Budget } from '../../src/server/budget.ts';

test('a budget lets so many through at once, and so many a second after that', (t) => {
  const budget = new Budget(3, 2);
  const take = (now: number) => budget.take(now);
  t.deepEqual([1000, 1000, 1000, 1000].map(take), [true, true, true, false]);
  t.deepEqual([1400, 1500, 1500].map(take), [false, true, false]);
  t.deepEqual([60_000, 60_000, 60_000, 60_000].map(take), [true, true, true, false]);
});
