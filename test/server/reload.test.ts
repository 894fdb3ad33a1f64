import test, { type ExecutionContext } from 'ava';
import type { Loaded } from '../../src/config/load.ts';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import {
  type RecordingUpstream,
  rawResponse,
  startRecordingUpstream,
  type UpstreamAnswer,
} from '../support/upstream.ts';
import { openWebSocket, startEcho } from '../support/websocket.ts';

async function upstreamFor(t: ExecutionContext, answer?: UpstreamAnswer): Promise<RecordingUpstream> {
  const upstream = await startRecordingUpstream(answer);
  t.teardown(upstream.close);
  return upstream;
}

async function metric(gateway: TestGateway, name: string): Promise<number> {
  const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const line = page.split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

async function readyz(gateway: TestGateway): Promise<Record<string, unknown>> {
  const answer = await fetch(`${gateway.adminUrl}/readyz`);
  return { status: answer.status, ...((await answer.json()) as Record<string, unknown>) };
}

const PUBLIC = { id: 'open', match: { path: '/open/**' }, auth: 'public' };

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

test('routes, answers and rules are the new ones from the next request on, and the log says in words what changed', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: { scopes: ['orders:read'] } }],
  });
  const ask = () => gateway.ask(requestBytes({ headers: [gateway.bearer({ scope: 'orders:read' })] }));
  t.is((await ask()).status, 200);
  const taken = await gateway.reload({
    upstreams: { legacy: upstream.url },
    publicUrl: 'https://api.example.com',
    routes: [{ id: 'all', match: { path: '/**' }, auth: { scopes: ['orders:read', 'orders:list'] } }, PUBLIC],
  });
  t.true(taken);
  const refused = await ask();
  t.is(codeOf(refused), 'authorise.scope');
  t.regex(refused.body, /"type":"https:\/\/api\.example\.com\//);
  t.is((await gateway.ask(requestBytes({ target: '/open/1' }))).status, 200);
  const line = await gateway.waitForLine(({ msg }) => msg === 'configuration reloaded');
  t.deepEqual(line.changes, [
    'publicUrl none → https://api.example.com',
    'route all: scopes orders:read → orders:read, orders:list',
    'route open added: any method /open/** → legacy, public',
  ]);
  t.is(await metric(gateway, 'bearergate_config_reloads_total{result="success"}'), 1);
  t.is(await metric(gateway, 'bearergate_config_reloads_total{result="failure"}'), 0);
});

test('a bad configuration is refused whole; readiness shows it as information, until a good one comes', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const legacy = { legacy: upstream.url };
  const loadedAt = await metric(gateway, 'bearergate_config_loaded_timestamp_seconds');
  t.false(await gateway.reload({ upstreams: legacy, routes: [PUBLIC, { ...PUBLIC, id: 'twin' }], nonsense: 1 }));
  t.is((await gateway.ask(requestBytes({ target: '/open/1' }))).status, 401, 'nothing of it is in force');
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
  const line = await gateway.waitForLine(({ level }) => level === 'error');
  t.is(line.msg, 'configuration refused; the one before goes on');
  const problems = line.problems as string[];
  t.is(problems.length, 2);
  for (const problem of problems) t.regex(problem, /^\/etc\/bearergate\/gateway\.yaml:1:\d+: error: /);
  const state = await readyz(gateway);
  t.like(state, { status: 200, ready: true, refusedConfiguration: { problem: problems[0] } });
  t.is(await metric(gateway, 'bearergate_config_reloads_total{result="failure"}'), 1);
  t.is(await metric(gateway, 'bearergate_config_loaded_timestamp_seconds'), loadedAt);
  t.true(await gateway.reload({ upstreams: legacy }));
  t.false('refusedConfiguration' in (await readyz(gateway)));
  t.true((await metric(gateway, 'bearergate_config_loaded_timestamp_seconds')) > loadedAt);
});

test('what sockets and the parser are bound to stays as it is, and the log names it each time', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const bound = {
    upstreams: { legacy: upstream.url },
    listen: { port: 1, host: '127.0.0.2', limits: { headers: '4KiB' } },
    admin: { port: 2, host: '127.0.0.3' },
  };
  const told = () => gateway.lines.filter(({ msg }) => /next restart/.test(String(msg)));
  t.true(await gateway.reload(bound));
  t.true(await gateway.reload({ ...bound, routes: [PUBLIC] }));
  t.is(told().length, 2);
  for (const { changes } of told()) {
    t.deepEqual(changes, [
      'listen.host 127.0.0.1 → 127.0.0.2',
      'listen.port 0 → 1',
      'listen.limits.headers 16KiB → 4KiB',
      'admin.host 127.0.0.1 → 127.0.0.3',
      'admin.port 0 → 2',
    ]);
  }
  const headers = [['X-Long', 'x'.repeat(8000)]] as const;
  t.is((await gateway.ask(requestBytes({ target: '/open/1', headers }))).status, 200);
  const [first, second] = gateway.lines.filter(({ msg }) => String(msg).startsWith('configuration reloaded'));
  t.deepEqual(first?.changes, [], 'what is not in force is not told as if it were');
  t.deepEqual(second?.changes, ['route all removed', 'route open added: any method /open/** → legacy, public']);
  t.true(await gateway.reload({ upstreams: { legacy: upstream.url } }));
  t.is(told().length, 2, 'nothing waits for a restart any more');
});

test('the log, trusted proxies, limits and the time to drain change while it runs', async (t) => {
  const { gateway, upstream } = await startBehind(t, { drain: { delay: '10m' } });
  const send = async () => {
    await gateway.ask(requestBytes({ headers: [gateway.bearer(), ['X-Forwarded-For', '192.0.2.1']] }));
    return upstream.requests.at(-1)?.values('x-forwarded-for');
  };
  const served = () => gateway.lines.filter(({ msg }) => msg === 'served').length;
  t.deepEqual(await send(), ['127.0.0.1']);
  await gateway.waitForLine(({ msg }) => msg === 'served');
  const next = {
    upstreams: { legacy: upstream.url },
    log: { access: false },
    listen: { trustedProxies: ['127.0.0.1'], limits: { headersTimeout: '1s' } },
    drain: { delay: '0s' },
  };
  await gateway.reload(next);
  t.deepEqual(await send(), ['192.0.2.1, 127.0.0.1']);
  const slow = await connectRaw(gateway.port);
  slow.write('GET / HTTP/1.1\r\n');
  t.is((await slow.read()).responses[0]?.status, 408);
  await gateway.reload({ ...next, listen: { limits: { maxConnections: 1 } } });
  // The connections of before may not all be gone yet; from then on this one is there, and no place for another.
  let held = await connectRaw(gateway.port);
  await until(async () => {
    held.write(requestBytes());
    if ((await held.read()).responses[0]?.status === 401) return true;
    held.destroy();
    held = await connectRaw(gateway.port);
    return false;
  }, 'a place becomes free');
  t.is((await gateway.ask(requestBytes())).status, 503);
  held.destroy();
  t.is(served(), 1);
  await gateway.server.drain('SIGTERM');
  t.is(gateway.lines.at(-1)?.msg, 'stopped');
});

test('a request under way finishes under the configuration that it met, and its connection closes when it is over', async (t) => {
  const { opened, open } = gate();
  const next = await upstreamFor(t);
  const { gateway, upstream } = await startBehind(
    t,
    { routes: [{ id: 'all', match: { path: '/**' }, responseHeaders: { set: { 'X-Config': 'old' } } }] },
    async () => {
      await opened;
      return rawResponse(200, 'old');
    },
  );
  const slow = await connectRaw(gateway.port);
  slow.write(requestBytes({ headers: [gateway.bearer()] }));
  await upstream.waitForRequests(1);
  await gateway.reload({
    upstreams: { next: next.url },
    routes: [{ id: 'all', match: { path: '/**' }, responseHeaders: { set: { 'X-Config': 'new' } } }],
  });
  const fresh = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  t.is(fresh.header('x-config'), 'new');
  t.is(next.requests.length, 1);
  t.true(upstream.connections[0]?.open);
  open();
  const [answer] = (await slow.read()).responses;
  t.is(answer?.header('x-config'), 'old');
  t.is(answer?.body, 'old');
  await upstream.waitUntil(() => upstream.connections.every((one) => !one.open), 'the old pool is closed');
});

test('a request that waits for keys is decided and served by what it met, although none of that is left', async (t) => {
  const next = await upstreamFor(t);
  const { gateway, upstream } = await startBehind(t);
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
  await gateway.keyServer.behave('hang', 'jwks');
  const bearer = ['Authorization', `Bearer ${gateway.token({}, { kid: 'unknown' })}`] as const;
  const waiting = gateway.ask(requestBytes({ target: '/waits', headers: [bearer] }));
  await until(() => gateway.keyServer.requests.jwks === 2, 'the keys are asked for');
  await gateway.reload({
    upstreams: { next: next.url },
    routes: [{ ...PUBLIC, match: { path: '/**' } }],
    issuer: { keys: { inline: [gateway.key.jwk] } },
  });
  t.is((await gateway.ask(requestBytes({ target: '/new' }))).status, 200);
  t.true(upstream.connections[0]?.open, 'somebody may still need it');
  gateway.keyServer.publish([{ ...gateway.key.jwk, kid: 'unknown' }]);
  await gateway.keyServer.behave('serve');
  t.is((await waiting).status, 200);
  t.deepEqual(upstream.requests.map(({ target }) => target).toSorted(), ['/', '/waits']);
  t.deepEqual(
    next.requests.map(({ target }) => target),
    ['/new'],
  );
  await upstream.waitUntil(() => upstream.connections.every((one) => !one.open), 'the old pool is closed');
});

test('a refusal too is in the form that the request met', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  await gateway.keyServer.behave('hang', 'jwks');
  const bearer = ['Authorization', `Bearer ${gateway.token({}, { kid: 'unknown' })}`] as const;
  const waiting = gateway.ask(requestBytes({ headers: [bearer] }));
  await until(() => gateway.keyServer.requests.jwks === 2, 'the keys are asked for');
  await gateway.reload({ upstreams: { legacy: upstream.url }, errors: { format: 'text' } });
  t.regex((await gateway.ask(requestBytes())).header('content-type') ?? '', /^text\/plain/);
  await gateway.keyServer.behave('serve');
  const refused = await waiting;
  t.is(refused.header('content-type'), 'application/problem+json');
  t.is(codeOf(refused), 'token.key-unknown');
});

test('an upstream that has not changed keeps its connections; one that has, or is gone, loses them', async (t) => {
  const gone = await upstreamFor(t);
  const { gateway, upstream } = await startBehind(t, {
    upstreams: { gone: { url: gone.url } },
    routes: [PUBLIC, { id: 'gone', match: { path: '/gone' }, auth: 'public', upstream: 'gone' }],
  });
  const ask = (target: string) => gateway.ask(requestBytes({ target }));
  await ask('/open/1');
  await ask('/gone');
  t.is(gone.connections.length, 1);
  await gateway.reload({ upstreams: { legacy: upstream.url }, routes: [PUBLIC] });
  await gone.waitUntil(() => gone.connections[0]?.open === false, 'that of the one that is gone');
  t.is((await ask('/open/2')).status, 200);
  t.is(upstream.connections.length, 1, 'the same connection');
  await gateway.reload({ upstreams: { legacy: { url: upstream.url, queue: 1 } }, routes: [PUBLIC] });
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'that of the one that has changed');
  t.is((await ask('/open/3')).status, 200);
  t.is(upstream.connections.length, 2);
});

const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

test('an event stream goes on under the configuration that it met, and a shutdown waits for it', async (t) => {
  const { gateway, upstream } = await startBehind(t, {}, () => `${EVENTS}3\r\none\r\n`);
  const stream = await connectRaw(gateway.port);
  stream.write(requestBytes({ headers: [gateway.bearer()] }));
  await upstream.waitForRequests(1);
  const next = await upstreamFor(t);
  await gateway.reload({ upstreams: { next: next.url }, routes: [PUBLIC] });
  t.is(await metric(gateway, 'bearergate_open_streams'), 1);
  let stopped = false;
  const draining = gateway.server.drain('SIGTERM').then(() => {
    stopped = true;
  });
  await gateway.waitForLine(({ msg }) => String(msg).startsWith('no new requests'));
  upstream.connections[0]?.socket.write('3\r\ntwo\r\n');
  await until(async () => (await stream.read({ until: 'timeout', timeoutMs: 5 })).raw.includes('two'), 'two');
  t.false(stopped);
  upstream.connections[0]?.socket.write('0\r\n\r\n');
  const [answer] = (await stream.read()).responses;
  t.true(answer?.complete);
  stream.end();
  await draining;
  t.like(gateway.lines.at(-1), { msg: 'stopped', cut: 0 });
});

test('a WebSocket goes on although its route and its upstream are gone, and ends with its token', async (t) => {
  const clock = new FakeClock();
  const echo = await startEcho();
  t.teardown(echo.close);
  const { gateway, upstream } = await startBehind(t, {
    options: { clock },
    issuer: { clockTolerance: '0s' },
    upstreams: { echo: { url: echo.url } },
    routes: [{ id: 'chat', match: { path: '/chat' }, upstream: 'echo', websocket: true }],
  });
  const iat = clock.now() / 1000;
  const headers = { authorization: `Bearer ${gateway.token({ iat, exp: iat + 60 })}` };
  const { socket, next, closed } = await openWebSocket(`${gateway.url}/chat`, [], { headers });
  t.true(
    await gateway.reload({ upstreams: { legacy: upstream.url }, routes: [PUBLIC], issuer: { audience: 'other' } }),
  );
  socket.send('still there');
  t.is(String((await next()).data), 'still there');
  t.is(await metric(gateway, 'bearergate_open_streams'), 1);
  clock.advance(60_000);
  t.is((await closed).code, 1008);
});

test('a defect on the way is a refusal: what is in force goes on', async (t) => {
  const { gateway } = await startBehind(t);
  const broken = { ok: true, config: {}, warnings: [], files: [], folders: [] } as unknown as Loaded;
  t.false(await gateway.server.reload(broken));
  await gateway.waitForLine(({ msg }) => msg === 'a defect of the gateway');
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
  const state = await readyz(gateway);
  t.is(state.status, 200);
  t.truthy(state.refusedConfiguration);
  t.is(await metric(gateway, 'bearergate_config_reloads_total{result="failure"}'), 1);
});
