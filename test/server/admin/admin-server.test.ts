import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { requestBytes, startBehind } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

test('/livez says that the process lives, whatever the issuer does', async (t) => {
  const { gateway } = await startBehind(t);
  await gateway.keyServer.behave('refuse');
  const answer = await fetch(`${gateway.adminUrl}/livez`);
  t.is(answer.status, 200);
  t.deepEqual(await json(answer), { live: true });
});

test('/readyz is well once the keys of every issuer are there', async (t) => {
  const { gateway } = await startBehind(t);
  const answer = await fetch(`${gateway.adminUrl}/readyz`);
  t.is(answer.status, 200);
  const { issuers, ...rest } = (await json(answer)) as { readonly issuers: { readonly main: { ageSeconds: number } } };
  t.deepEqual(rest, { ready: true, draining: false } as object);
  const { ageSeconds, ...main } = issuers.main;
  t.deepEqual(main, { usable: true } as object);
  t.true(Number.isInteger(ageSeconds) && ageSeconds >= 0 && ageSeconds < 60, String(ageSeconds));
});

test('/readyz names the issuer that stands against it, and why', async (t) => {
  const { gateway } = await startBehind(t, { issuers: { gone: { issuer: 'http://127.0.0.1:1', audience: 'api' } } });
  const answer = await fetch(`${gateway.adminUrl}/readyz`);
  t.is(answer.status, 503);
  const { ready, issuers } = (await json(answer)) as {
    ready: boolean;
    issuers: Record<string, Record<string, unknown>>;
  };
  t.false(ready);
  t.true(issuers.main?.usable);
  t.false(issuers.gone?.usable);
  t.regex(String(issuers.gone?.error), /127\.0\.0\.1:1\/\.well-known\/openid-configuration could not be fetched/);
});

test('/metrics counts requests, refusals, the cache and the keys, by bounded labels', async (t) => {
  const { gateway } = await startBehind(t);
  for (const headers of [[gateway.bearer()], [], [gateway.bearer()]]) await gateway.ask(requestBytes({ headers }));
  const hot = gateway.bearer();
  for (let times = 0; times < 3; times += 1) await gateway.ask(requestBytes({ headers: [hot] }));
  await gateway.ask(
    requestBytes({ method: 'PROPFIND', target: '/.well-known/bearergate/errors/no-such', headers: [] }),
  );
  await gateway.ask(requestBytes({ target: '//x' }));
  await gateway.waitForLine(({ code }) => code === 'route.target');
  const answer = await fetch(`${gateway.adminUrl}/metrics`);
  t.regex(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const page = await answer.text();
  for (const line of [
    'bearergate_requests_total{route="all",method="GET",status="200"} 5',
    'bearergate_requests_total{route="all",method="GET",status="401"} 1',
    'bearergate_requests_total{route="none",method="other",status="404"} 1',
    'bearergate_requests_total{route="none",method="GET",status="400"} 1',
    'bearergate_refusals_total{route="all",code="token.missing"} 1',
    'bearergate_refusals_total{route="none",code="route.target"} 1',
    'bearergate_token_cache_total{result="hit"} 2',
    'bearergate_token_cache_total{result="miss"} 3',
    'bearergate_token_cache_entries 3',
    'bearergate_keys_refresh_total{issuer="main",result="success"} 1',
    'bearergate_request_duration_seconds_count{route="all"} 6',
    'bearergate_upstream_duration_seconds_count{upstream="legacy"} 5',
  ]) {
    t.true(page.split('\n').includes(line), `${line}\n---\n${page}`);
  }
  t.regex(page, /^bearergate_keys_age_seconds\{issuer="main"\} \d/m);
  t.regex(page, /^bearergate_config_loaded_timestamp_seconds \d{10}/m);
});

test('/routes is the route table in match order, as the command shows it, and no secret in it', async (t) => {
  const { gateway } = await startBehind(t, {
    routes: [
      { id: 'all', match: { path: '/**' }, auth: 'public' },
      {
        id: 'orders',
        match: { path: '/orders/{id}', methods: ['GET'] },
        auth: { claims: { tenant: `$\{TENANT}` } },
        token: 'forward',
      },
    ],
    variables: { TENANT: 'hunter2' },
  });
  const answer = await fetch(`${gateway.adminUrl}/routes`);
  t.is(answer.status, 200);
  const page = await answer.text();
  t.notRegex(page, /hunter2/);
  const { routes } = JSON.parse(page) as { routes: readonly Record<string, unknown>[] };
  t.deepEqual(
    routes.map(({ id }) => id),
    ['orders', 'all'],
  );
  t.like(routes[0], { match: { path: '/orders/{id}', methods: ['GET'] }, auth: { claims: { tenant: `$\{TENANT}` } } });
  t.true(Array.isArray(routes[0]?.warnings) && routes[0].warnings.length > 0);
  t.is((await fetch(`${gateway.adminUrl}/routes`, { method: 'POST' })).status, 405);
});

test('the admin port has these pages and no others, and reads nothing but GET and HEAD', async (t) => {
  const { gateway } = await startBehind(t);
  t.is((await fetch(`${gateway.adminUrl}/`)).status, 404);
  t.is((await fetch(`${gateway.adminUrl}/constructor`)).status, 404);
  t.is((await fetch(`${gateway.adminUrl}/livez`, { method: 'POST' })).status, 405);
  t.is((await fetch(`${gateway.adminUrl}/readyz`, { method: 'HEAD' })).status, 200);
  t.is((await gateway.ask(requestBytes({ target: '/metrics' }))).status, 401, 'the public port knows none of them');
});

test('/metrics tells what the process uses and how late its event loop is', async (t) => {
  const { gateway } = await startBehind(t);
  const read = async (name: string) => {
    const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
  };
  const within = (value: number, least: number, most: number) => t.true(value >= least && value <= most, String(value));
  within(await read('process_start_time_seconds'), Date.now() / 1000 - 600, Date.now() / 1000);
  within(await read('process_resident_memory_bytes'), 20e6, 4e9);
  const before = await read('process_cpu_seconds_total');
  // It is looked at by the clock, from a moment after each page on.
  await until(async () => {
    await sleep(120);
    const end = performance.now() + 300;
    while (performance.now() < end); // the loop does not turn, and CPU is used
    await sleep(60);
    return (await read('nodejs_eventloop_lag_max_seconds')) > 0.2;
  }, 'that the event loop was late is seen');
  t.true((await read('process_cpu_seconds_total')) > before);
});
