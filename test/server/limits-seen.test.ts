import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const page = async ({ adminUrl }: TestGateway) => (await fetch(`${adminUrl}/metrics`)).text();
const readyz = async ({ adminUrl }: TestGateway) =>
  (await (await fetch(`${adminUrl}/readyz`)).json()) as Record<string, unknown>;

async function numberOf(gateway: TestGateway, series: string): Promise<number> {
  const line = (await page(gateway)).split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

function open(t: ExecutionContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {}); // a refused one may be reset
  t.teardown(() => socket.destroy());
  return socket;
}

test('connections are counted, and that there are as many as may be is logged, counted and in /readyz', async (t) => {
  const { gateway } = await startBehind(t, { listen: { limits: { maxConnections: 3 } } });
  t.is(await numberOf(gateway, 'bearergate_connections_open'), 0);
  t.is(await numberOf(gateway, 'bearergate_connections_limit'), 3);
  const kept = [1, 2, 3].map(() => open(t, gateway.port));
  await until(async () => (await numberOf(gateway, 'bearergate_connections_open')) === 3, 'three are open', 20_000);
  t.is(await numberOf(gateway, 'bearergate_connections_refused_total'), 0);
  t.false('limitsReached' in (await readyz(gateway)));
  for (let more = 0; more < 5; more += 1) open(t, gateway.port);
  await until(
    async () => (await numberOf(gateway, 'bearergate_connections_refused_total')) === 5,
    'five are refused',
    20_000,
  );
  t.true((await numberOf(gateway, 'bearergate_connections_open')) >= 3);
  t.like(await gateway.waitForLine(({ limit }) => limit !== undefined), {
    level: 'warn',
    limit: 'listen.limits.maxConnections',
    times: 1,
  });
  t.is(gateway.lines.filter(({ limit }) => limit !== undefined).length, 1, 'not one line for each');
  t.like(await readyz(gateway), { ready: true, limitsReached: ['listen.limits.maxConnections'] });
  for (const socket of kept) socket.destroy();
  await until(async () => (await numberOf(gateway, 'bearergate_connections_open')) === 0, 'none is open', 20_000);
});

test('the limit is that of the configuration in force', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const upstreams = { legacy: { url: upstream.url } };
  t.true(await gateway.reload({ upstreams, listen: { limits: { maxConnections: 77 } } }));
  t.is(await numberOf(gateway, 'bearergate_connections_limit'), 77);
});

test('a full upstream is seen while it is full: who waits, and who is refused', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    { upstream: { connections: 1, queue: 1 }, routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] },
    () => undefined as never,
  );
  const queued = () => numberOf(gateway, 'bearergate_upstream_queue_length{upstream="legacy"}');
  t.is(await queued(), 0);
  const first = gateway.send(requestBytes(), { timeoutMs: 30_000 });
  await upstream.waitForRequests(1);
  const second = gateway.send(requestBytes(), { timeoutMs: 30_000 });
  await until(async () => (await queued()) === 1, 'one waits', 20_000);
  t.is((await gateway.ask(requestBytes())).status, 503);
  t.is((await gateway.ask(requestBytes())).status, 503);
  const line = await gateway.waitForLine(({ limit }) => limit !== undefined);
  t.like(line, { level: 'warn', limit: 'upstreams.legacy.queue', times: 1 });
  t.deepEqual((await readyz(gateway)).limitsReached, ['upstreams.legacy.queue']);
  await gateway.server.close();
  await Promise.all([first, second]);
});

test('an endpoint that cannot be reached is ejected on the page too', async (t) => {
  const { gateway } = await startBehind(t, {
    upstreams: { two: { urls: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] } },
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', upstream: 'two' }],
  });
  const endpoints = (state: string) =>
    numberOf(gateway, `bearergate_upstream_endpoints{upstream="two",state="${state}"}`);
  t.deepEqual([await endpoints('healthy'), await endpoints('ejected')], [2, 0]);
  t.is((await gateway.ask(requestBytes())).status, 502);
  t.deepEqual([await endpoints('healthy'), await endpoints('ejected')], [0, 2]);
});
