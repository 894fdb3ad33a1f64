import { createServer } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { FakeClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/files.ts';
import { type GatewayDescription, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { accessClaims, makeKey, serveJwks, signToken, type TestKey } from '../support/keys.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { until } from '../support/until.ts';

interface CacheCounts {
  readonly hit: number;
  readonly miss: number;
}

async function cacheCounts({ adminUrl }: TestGateway): Promise<CacheCounts> {
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  const count = (result: string) =>
    Number(new RegExp(`^bearergate_token_cache_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(page)?.[1]);
  return { hit: count('hit'), miss: count('miss') };
}

async function readyz(gateway: TestGateway): Promise<Record<string, unknown>> {
  const answer = await fetch(`${gateway.adminUrl}/readyz`);
  return { status: answer.status, ...((await answer.json()) as Record<string, unknown>) };
}

/** A gateway that has proved one token, and what it costs to show it that token again after a change. */
async function afterProof(t: ExecutionContext, first: Partial<GatewayDescription> = {}) {
  const { gateway, upstream } = await startBehind(t, first);
  const headers = [gateway.bearer()];
  const show = async () => (await gateway.ask(requestBytes({ headers }))).status;
  t.is(await show(), 200);
  const fetched = gateway.keyServer.requests.jwks;
  const change = async (next: Partial<GatewayDescription>) => {
    const before = await cacheCounts(gateway);
    t.true(await gateway.reload({ upstreams: { legacy: upstream.url }, ...first, ...next }));
    const status = await show();
    const { hit, miss } = await cacheCounts(gateway);
    return {
      status,
      hits: hit - before.hit,
      misses: miss - before.miss,
      fetches: gateway.keyServer.requests.jwks - fetched,
    };
  };
  return { gateway, change };
}

const ROUTE = { id: 'all', match: { path: '/**' } };
const OTHER = { issuer: 'https://other.example.com', audience: 'x', keys: { inline: [makeKey('ES256').jwk] } };

for (const [what, next] of [
  ['nothing', {}],
  ['a route', { routes: [{ ...ROUTE, responseHeaders: { set: { 'X-New': '1' } } }] }],
  ['another issuer', { issuers: { other: OTHER }, defaults: { auth: { issuers: ['main', 'other'] } } }],
  ['errors and the log', { errors: { format: 'text' }, log: { level: 'warn' } }],
] as const) {
  test(`a remembered token survives a change of ${what}`, async (t) => {
    const { change } = await afterProof(t);
    t.deepEqual(await change(next), { status: 200, hits: 1, misses: 0, fetches: 0 });
  });
}

for (const [what, next] of [
  ['what is asked of its tokens', { issuer: { clockTolerance: '5s' } }],
  ['its algorithms', { issuer: { algorithms: ['ES256'] } }],
] as const) {
  test(`a token is proved anew when its issuer changes in ${what}, with the keys that are there`, async (t) => {
    const { change } = await afterProof(t);
    t.deepEqual(await change(next), { status: 200, hits: 0, misses: 1, fetches: 0 });
  });
}

test('keys are taken over when only the time for fetching them changes, and fetched again at their age', async (t) => {
  const clock = new FakeClock();
  const { gateway, upstream } = await startBehind(t, { options: { clock } });
  const iat = clock.now() / 1000;
  const headers = [gateway.bearer({ iat, exp: iat + 3600 })];
  const show = async () => (await gateway.ask(requestBytes({ headers }))).status;
  t.is(await show(), 200);
  t.is(gateway.keyServer.requests.jwks, 1);
  clock.advance(60_000);
  const keys = { url: gateway.keyServer.jwksUri, refresh: '100s', cooldown: '1s', maxStale: '2h', timeout: '1s' };
  t.true(await gateway.reload({ upstreams: { legacy: upstream.url }, issuer: { keys } }));
  t.is(gateway.keyServer.requests.jwks, 1);
  t.is(await show(), 200);
  t.like(await readyz(gateway), { status: 200, issuers: { main: { usable: true, ageSeconds: 60 } } });
  clock.advance(41_000);
  await until(() => gateway.keyServer.requests.jwks === 2, 'fetched at the new age, counted from the last fetch');
  clock.advance(19_000);
  t.is(gateway.keyServer.requests.jwks, 2, 'what fetched them before has ended');
});

test('the keys of a changed issuer are there before the first request meets it', async (t) => {
  const { gateway, change } = await afterProof(t);
  const key = makeKey('ES256');
  const server = await serveJwks([key], { issuer: gateway.keyServer.issuer });
  t.teardown(server.close);
  await server.behave('hang');
  const changing = change({ issuer: { keys: { url: server.jwksUri } } });
  await until(() => server.requests.jwks === 1, 'the new keys are asked for');
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200, 'the one before goes on');
  await server.behave('serve');
  t.is((await changing).status, 401, 'the old key is none of its keys');
  t.true(gateway.lines.every(({ status }) => status !== 503));
});

test('an issuer that is down keeps no change from being made, and readiness says which it is', async (t) => {
  const clock = new FakeClock();
  const { gateway, upstream } = await startBehind(t, { options: { clock } });
  const server = await serveJwks([makeKey('ES256')]);
  t.teardown(server.close);
  await server.behave('hang');
  const late = { issuer: server.issuer, audience: 'x', keys: { url: server.jwksUri, timeout: '1m' } };
  let taken: boolean | undefined;
  const changing = gateway
    .reload({ upstreams: { legacy: upstream.url }, issuers: { late }, routes: [{ ...ROUTE, id: 'new' }] })
    .then((result) => {
      taken = result;
    });
  await until(() => server.requests.jwks === 1, 'its keys are asked for');
  clock.advance(4_999);
  t.is((await readyz(gateway)).status, 200);
  t.is(taken, undefined);
  clock.advance(1);
  await changing;
  t.true(taken);
  t.like(await readyz(gateway), { status: 503, issuers: { main: { usable: true }, late: { usable: false } } });
  t.like(await gateway.waitForLine(({ issuers }) => issuers !== undefined), { level: 'warn', issuers: ['late'] });
  await server.behave('serve');
  await until(async () => (await readyz(gateway)).status === 200, 'it is back');
});

test('changes are taken in the order in which they come, and none after the end', async (t) => {
  const clock = new FakeClock();
  const { gateway, upstream } = await startBehind(t, { options: { clock } });
  const server = await serveJwks([makeKey('ES256')]);
  t.teardown(server.close);
  await server.behave('hang');
  const late = { issuer: server.issuer, audience: 'x', keys: { url: server.jwksUri, timeout: '1m' } };
  const to = (id: string, more: object = {}) =>
    gateway.reload({ upstreams: { legacy: upstream.url }, routes: [{ ...ROUTE, id }], ...more });
  const first = to('first', { issuers: { late } });
  const second = to('second');
  await until(() => server.requests.jwks === 1, 'the first waits for keys');
  clock.advance(5_000);
  t.deepEqual(await Promise.all([first, second]), [true, true]);
  const changes = gateway.lines.filter(({ msg }) => msg === 'configuration reloaded').map((line) => line.changes);
  t.true(JSON.stringify(changes[0]).includes('route first added'));
  t.true(JSON.stringify(changes[1]).includes('route second added'));
  const third = to('third', { issuers: { late } });
  await until(() => server.requests.jwks === 2, 'the third waits for keys');
  const fourth = to('fourth');
  await gateway.server.close();
  t.deepEqual(await Promise.all([third, fourth]), [false, false]);
  t.deepEqual(clock.waiting, [], 'nothing is left that would fetch keys');
});

test('keys from a file are read again, and a key that is gone takes its tokens with it', async (t) => {
  const [first, second] = [makeKey('ES256'), makeKey('ES256')];
  const folder = await temporaryFolder({ 'keys.json': JSON.stringify({ keys: [first.jwk] }) });
  t.teardown(folder.remove);
  const issuer = { issuer: 'https://file.example.com', keys: { file: folder.file('keys.json') } };
  const { gateway, upstream } = await startBehind(t, { issuer });
  const show = async (key: TestKey) => {
    const token = signToken(key, accessClaims({ iss: issuer.issuer }));
    return (await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }))).status;
  };
  t.is(await show(first), 200);
  await folder.write('keys.json', JSON.stringify({ keys: [second.jwk] }));
  t.true(await gateway.reload({ upstreams: { legacy: upstream.url }, issuer }));
  // A token with the new key would have the file read by itself: the old key alone shows that the change did.
  await until(async () => (await show(first)) === 401, 'the old key is gone');
  t.is(await show(second), 200);
});

test('an issuer in place of another, both found by discovery, has none of its keys', async (t) => {
  const [of1, of2] = [makeKey('ES256', 'k'), makeKey('ES256', 'k')];
  const [one, two] = [await serveJwks([of1]), await serveJwks([of2])];
  t.teardown(async () => {
    await one.close();
    await two.close();
  });
  const behind = (issuer: string) => ({ issuer: { issuer, keys: { discovery: true } } });
  const { gateway, upstream } = await startBehind(t, behind(one.issuer));
  const show = async (key: TestKey, iss: string) => {
    const headers = [['Authorization', `Bearer ${signToken(key, accessClaims({ iss }))}`] as const];
    return (await gateway.ask(requestBytes({ headers }))).status;
  };
  t.is(await show(of1, one.issuer), 200);
  t.true(await gateway.reload({ upstreams: { legacy: upstream.url }, ...behind(two.issuer) }));
  t.is(await show(of1, two.issuer), 401, 'a key of the one before');
  t.is(await show(of1, one.issuer), 401, 'and its issuer');
  t.is(await show(of2, two.issuer), 200);
});

test('a change of the configuration does not end the cooldown for unknown keys', async (t) => {
  const clock = new FakeClock();
  const { gateway, upstream } = await startBehind(t, { options: { clock } });
  const unknown = async () => {
    const token = signToken(makeKey('ES256'), accessClaims({ iss: gateway.keyServer.issuer }, clock.now()));
    return (await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }))).status;
  };
  const { requests, jwksUri } = gateway.keyServer;
  t.is(await unknown(), 401);
  t.is(requests.jwks, 2, 'asked for');
  for (const refresh of ['11m', '12m', '13m']) {
    const keys = { url: jwksUri, refresh };
    t.true(await gateway.reload({ upstreams: { legacy: upstream.url }, issuer: { keys } }));
    t.is(await unknown(), 401);
    t.is(requests.jwks, 2, 'and not again so soon');
  }
  clock.advance(31_000);
  t.is(await unknown(), 401);
  t.is(requests.jwks, 3);
});

test('with other settings of the token cache it begins empty, and its counts go on', async (t) => {
  const { gateway, change } = await afterProof(t);
  t.like(await change({ tokenCache: { maxEntries: 5 } }), { status: 200, hits: 0, misses: 1 });
  t.deepEqual(await cacheCounts(gateway), { hit: 0, miss: 2 });
  t.like(await change({ tokenCache: { maxEntries: 5 } }), { status: 200, hits: 1, misses: 0 });
});

test('an opaque token is asked about anew when its issuer changes, and a question under way is answered', async (t) => {
  let release = () => {};
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    asked += 1;
    const answer = () => response.end(JSON.stringify({ active: true, aud: 'orders-api' }));
    if (asked === 2) release = answer;
    else answer();
  });
  const { url } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  const introspection = { url, clientId: 'gw', clientSecret: 'secret' };
  const opaque = { issuer: 'https://opaque.example.com', audience: 'orders-api', introspection };
  const description = (over: object = {}) => ({
    issuers: { opaque: { ...opaque, ...over } },
    routes: [{ ...ROUTE, auth: { issuers: ['opaque'] } }],
  });
  const { gateway, upstream } = await startBehind(t, description());
  const show = async (token: string) =>
    (await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }))).status;
  const reload = (over: object = {}) => gateway.reload({ upstreams: { legacy: upstream.url }, ...description(over) });
  t.is(await show('opaque-token'), 200);
  await reload();
  t.is(await show('opaque-token'), 200);
  t.is(asked, 1);
  const slow = show('another-token');
  await until(() => asked === 2, 'the second question');
  await reload({ clockTolerance: '1s' });
  t.is(await show('opaque-token'), 200);
  t.is(asked, 3);
  release();
  t.is(await slow, 200);
});
