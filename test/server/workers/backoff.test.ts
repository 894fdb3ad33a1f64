import test from 'ava';
import { Backoff } from '../../../src/server/workers/backoff.ts';

test('one that ends again and again is started later each time, and at once again when it has lasted', (t) => {
  const backoff = new Backoff();
  t.deepEqual(
    Array.from({ length: 7 }, () => backoff.waitAfter(100)),
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000],
  );
  t.is(backoff.waitAfter(60_000), 1_000);
  t.is(backoff.waitAfter(59_999), 2_000);
});
