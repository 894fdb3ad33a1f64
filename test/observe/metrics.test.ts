import test from 'ava';
import type { Assembly } from '../../src/assembly.ts';
import { ENDPOINTS } from '../../src/observe/capacity.ts';
import type { MetricFigures } from '../../src/observe/figures.ts';
import { pageOf } from '../../src/observe/figures.ts';
import { type MetricSources, Metrics } from '../../src/observe/metrics.ts';

/** What a process with these routes, upstreams and issuers has. */
function worldOf(names: readonly string[]): Assembly {
  return {
    config: {
      routes: names.map((id) => ({ id })),
      upstreams: names.map((name) => ({ name })),
      issuers: names.map((name) => ({ name })),
    },
    cache: { counts: { hit: 0, miss: 0, joined: 0, refusedHit: 0 }, size: 0 },
    keyRings: new Map(),
  } as unknown as Assembly;
}

function start(names: readonly string[], sources: Partial<MetricSources> = {}) {
  const state = { world: worldOf(names) };
  const metrics = new Metrics({
    world: () => state.world,
    now: () => 1_000_000,
    streams: { count: 0 },
    log: { dropped: 0, droppedEvents: 0 },
    connections: () => undefined,
    upstreams: () => [],
    workers: () => undefined,
    ...sources,
  });
  /** A request on a route, to the upstream of its name. */
  const serve = (name: string, code?: string) =>
    metrics.requestEnded(
      {
        ...{ route: { settings: { id: name } }, head: { method: 'GET' }, upstreamMs: 1 },
        ...{ permit: { route: { upstream: { name } } }, fault: code && { code } },
      } as never,
      { status: 200, durationMs: 1, aborted: false },
    );
  return { metrics, state, serve, page: async (others?: MetricFigures[][]) => (await metrics.page(others))[1] };
}

const linesWith = (page: string, text: string) => page.split('\n').filter((line) => line.includes(text));

test('what is gone from the configuration is gone from the page, and nothing else is', async (t) => {
  const { metrics, state, serve, page } = start(['kept', 'gone']);
  t.teardown(() => metrics.close());
  for (const name of ['kept', 'gone', 'gone', 'none']) serve(name, 'token.missing');
  for (const issuer of ['kept', 'gone']) metrics.keysRefreshed(issuer, 'success');
  t.true(linesWith(await page(), '"gone"').length > 30, 'control');
  state.world = worldOf(['kept']);
  const after = await page();
  t.deepEqual(linesWith(after, '"gone"'), []);
  for (const line of [
    'bearergate_requests_total{route="kept",method="GET",status="200"} 1',
    'bearergate_requests_total{route="none",method="GET",status="200"} 1',
    'bearergate_request_duration_seconds_count{route="kept"} 1',
    'bearergate_upstream_duration_seconds_count{upstream="kept"} 1',
    'bearergate_keys_refresh_total{issuer="kept",result="success"} 1',
  ])
    t.true(after.split('\n').includes(line), line);
});

test('a request that ends on a route that is gone does not bring it back; one that is there again begins anew', async (t) => {
  const { metrics, state, serve, page } = start(['kept', 'gone']);
  t.teardown(() => metrics.close());
  serve('gone');
  state.world = worldOf(['kept']);
  await page();
  serve('gone');
  t.deepEqual(linesWith(await page(), '"gone"'), []);
  state.world = worldOf(['kept', 'gone']);
  serve('gone');
  t.deepEqual(linesWith(await page(), 'bearergate_requests_total{'), [
    'bearergate_requests_total{route="gone",method="GET",status="200"} 1',
  ]);
});

test('a worker that has not heard of a change yet, or is stuck, brings back nothing that is gone', async (t) => {
  const head = start(['kept', 'gone']);
  const worker = start(['kept', 'gone']);
  t.teardown(() => [head, worker].map(({ metrics }) => metrics.close()));
  for (const name of ['kept', 'gone']) worker.serve(name);
  const others = [await worker.metrics.figures(), await worker.metrics.figures()];
  t.true(linesWith(await head.page(others), '"gone"').length > 10, 'control');
  head.state.world = worldOf(['kept']);
  const page = await head.page(others);
  t.deepEqual(linesWith(page, '"gone"'), []);
  t.true(page.includes('bearergate_requests_total{route="kept",method="GET",status="200"} 2\n'));
});

test('several gateways in one process count for themselves, and closing one leaves the others be', async (t) => {
  const [one, other] = [start(['a']), start(['a'])];
  one.serve('a');
  one.serve('a');
  other.serve('a');
  one.metrics.close();
  other.serve('a');
  other.serve('a');
  for (const [{ page }, count] of [
    [one, 2],
    [other, 3],
  ] as const)
    t.true((await page()).includes(`bearergate_requests_total{route="a",method="GET",status="200"} ${count}\n`));
  other.metrics.close();
});

test('whether the last reload was taken is said from the start, and holds until the next one', async (t) => {
  const { metrics, page } = start([]);
  t.teardown(() => metrics.close());
  const value = async () => /^bearergate_config_last_reload_successful (.*)$/m.exec(await page())?.[1];
  t.is(await value(), '1');
  metrics.reloaded('failure');
  t.is(await value(), '0');
  metrics.reloaded('failure');
  t.is(await value(), '0');
  metrics.reloaded('success');
  t.is(await value(), '1');
});

test('what several processes have is put together so that each number means what it says', async (t) => {
  const endpoints = (...healthy: boolean[]) => healthy.map((one) => ({ healthy: one }));
  const head = start(['a', 'b'], { workers: () => ({ serving: 2, wanted: 3 }) });
  const worker = (open: number, ...healthy: boolean[]) =>
    start(['a', 'b'], {
      connections: () => ({ open, limit: 10, refused: open * 2 }),
      upstreams: () => [
        { name: 'a', queued: open, endpoints: endpoints(...healthy) },
        { name: 'b', queued: 0, endpoints: endpoints(true) },
      ],
    });
  const workers = [worker(3, true, true, false), worker(4, true, true, true)];
  t.teardown(() => [head, ...workers].map(({ metrics }) => metrics.close()));
  workers[1]?.metrics.reloaded('failure');
  const page = await head.page(await Promise.all(workers.map(({ metrics }) => metrics.figures())));
  for (const line of [
    'bearergate_connections_open 7',
    'bearergate_connections_limit 20',
    'bearergate_connections_refused_total 14',
    'bearergate_upstream_queue_length{upstream="a"} 7',
    'bearergate_upstream_endpoints{upstream="a",state="healthy"} 2',
    'bearergate_upstream_endpoints{upstream="a",state="ejected"} 1',
    'bearergate_upstream_endpoints{upstream="b",state="healthy"} 1',
    'bearergate_upstream_endpoints{upstream="b",state="ejected"} 0',
    'bearergate_workers{state="serving"} 2',
    'bearergate_workers{state="down"} 1',
    'bearergate_config_last_reload_successful 0',
  ])
    t.true(page.split('\n').includes(line), `${line}\n${page}`);
  t.regex(page, new RegExp(`^bearergate_build_info\\{version="\\d[^"]*",node="${process.version}"\\} 1$`, 'm'));
});

test('endpoints are those of the worker that sees most of them ejected, each upstream for itself', async (t) => {
  const figures = (ejected: Record<string, number>) =>
    [
      {
        ...{ name: ENDPOINTS, help: 'x', type: 'gauge', aggregator: 'sum' },
        values: Object.entries(ejected).flatMap(([upstream, value]) => [
          { labels: { upstream, state: 'healthy' }, value: 3 - value },
          { labels: { upstream, state: 'ejected' }, value },
        ]),
      },
    ] as unknown as MetricFigures[];
  const [, page] = await pageOf([figures({ a: 0, b: 2 }), figures({ a: 1, b: 1 }), figures({ a: 1, c: 0 }), []]);
  t.deepEqual(linesWith(page, '{').sort(), [
    `${ENDPOINTS}{upstream="a",state="ejected"} 1`,
    `${ENDPOINTS}{upstream="a",state="healthy"} 2`,
    `${ENDPOINTS}{upstream="b",state="ejected"} 2`,
    `${ENDPOINTS}{upstream="b",state="healthy"} 1`,
    `${ENDPOINTS}{upstream="c",state="ejected"} 0`,
    `${ENDPOINTS}{upstream="c",state="healthy"} 3`,
  ]);
});
