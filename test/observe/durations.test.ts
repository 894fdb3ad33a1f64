import test from 'ava';
import { Histogram, Registry } from 'prom-client';
import { Durations } from '../../src/observe/durations.ts';

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const MILLISECONDS = [0, 0.5, 1, 1.5, 2.5, 3, 10, 99.9, 100, 100.1, 5000, 30_000, 30_001, 1e6];

test('durations make the page that a histogram of prom-client makes', async (t) => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const durations = new Durations('a_seconds', 'A "help".', 'route', ours);
  const histogram = new Histogram({
    ...{ name: 'a_seconds', help: 'A "help".', labelNames: ['route'], buckets: BUCKETS },
    registers: [theirs],
  });
  t.is(await ours.metrics(), await theirs.metrics());
  for (const [index, ms] of MILLISECONDS.entries()) {
    const route = index % 3 === 0 ? 'one' : 'other"\\';
    durations.observe(route, ms);
    histogram.observe({ route }, ms / 1000);
  }
  t.is(await ours.metrics(), await theirs.metrics());
});
