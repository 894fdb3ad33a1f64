import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { EventLoopLag } from '../../src/observe/event-loop.ts';
import { Registry } from '../../src/observe/prom-client.ts';
import { until } from '../support/until.ts';

async function read(registry: Registry, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await registry.metrics())?.[1]);
}

const SUM = 'bearergate_eventloop_lag_seconds_sum';
const MAX = 'nodejs_eventloop_lag_max_seconds';

test('a scrape takes nothing from another one', async (t) => {
  const registry = new Registry();
  const lag = new EventLoopLag(registry);
  t.teardown(() => lag.close());
  await sleep(60);
  const end = performance.now() + 300;
  while (performance.now() < end); // the loop does not turn
  await until(async () => (await read(registry, SUM)) > 0.2, 'that it was late is seen');
  const first = await registry.metrics();
  const second = await registry.metrics();
  for (const name of [MAX, 'nodejs_eventloop_lag_p99_seconds']) {
    const valueIn = (page: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
    t.true(valueIn(first) > 0.2, name);
    t.true(valueIn(second) >= valueIn(first), name);
  }
  t.regex(first, /^bearergate_eventloop_lag_seconds_bucket\{le="0\.1"\} \d+$/m);
  t.regex(first, /^bearergate_eventloop_lag_seconds_count [1-9]\d*$/m);
});

test('once it is closed nothing is looked at any more', async (t) => {
  const registry = new Registry();
  const lag = new EventLoopLag(registry);
  lag.close();
  await sleep(200);
  t.is(
    await registry
      .getSingleMetric(MAX)
      ?.get()
      .then(({ values }) => values[0]?.value),
    0,
  );
  t.false((await registry.metrics()).includes('lag_seconds_count'));
});
