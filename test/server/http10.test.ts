import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

const ROUTES = [
  { id: 'hosted', match: { host: 'api.example.com', path: '/hosted/**' }, auth: 'public' },
  { id: 'wild', match: { host: '*.example.com', path: '/wild/**' }, auth: 'public' },
  { id: 'open', match: { path: '/open/**' }, auth: 'public' },
  { id: 'both', match: { path: '/both' }, auth: 'public', headers: { set: { 'X-Host': '{request.host}' } } },
  { id: 'all', match: { path: '/all' } },
];
const OLD = { version: 'HTTP/1.0', host: undefined } as const;

test('HTTP/1.0 without Host is served by routes that want no host, and by no others', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const ask = (target: string) => gateway.ask(requestBytes({ ...OLD, target, headers: [gateway.bearer()] }));
  for (const target of ['/open/1', '/both', '/all']) t.is((await ask(target)).status, 200, target);
  for (const target of ['/hosted/1', '/wild/1']) {
    const refused = await ask(target);
    t.deepEqual([refused.status, codeOf(refused)], [404, 'route.not-found'], target);
  }
  for (const request of upstream.requests) {
    t.deepEqual(request.values('host'), [new URL(upstream.url).host], 'its own name');
    t.deepEqual(request.values('x-forwarded-host'), []);
    t.deepEqual(request.values('x-forwarded-proto'), ['http']);
    t.deepEqual(request.values('x-host'), []);
  }
});

test('its refusals name a realm and its connection can be kept', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  const refused = await gateway.ask(requestBytes({ ...OLD, target: '/all' }));
  t.is(refused.status, 401);
  t.regex(refused.header('www-authenticate') ?? '', /^Bearer realm="[^"]+"$/);
  const kept = requestBytes({ ...OLD, target: '/open/1', headers: [['Connection', 'keep-alive']] });
  t.is((await gateway.send(kept + kept, { until: 2 })).responses.length, 2);
});

test('HTTP/1.1 without Host, and HTTP/1.0 with a Host that is empty, wrong or there twice, are refused', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const target = '/open/1';
  for (const bytes of [
    requestBytes({ target, host: undefined }),
    requestBytes({ target, version: 'HTTP/1.0', host: '' }),
    requestBytes({ target, version: 'HTTP/1.0', host: 'a/b' }),
    requestBytes({ target, version: 'HTTP/1.0', headers: [['Host', 'b']] }),
  ]) {
    const refused = await gateway.ask(bytes);
    t.deepEqual([refused.status, codeOf(refused)], [400, 'request.invalid'], bytes);
  }
  t.is(upstream.connections.length, 0);
});

test('an absolute target names the host for HTTP/1.0', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  t.is((await gateway.ask(requestBytes({ ...OLD, target: 'http://api.example.com/hosted/1' }))).status, 200);
  t.deepEqual(upstream.requests[0]?.values('host'), ['api.example.com']);
});
