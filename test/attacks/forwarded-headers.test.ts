import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// An upstream that allows by address reads X-Forwarded-For, one that builds links X-Forwarded-Host. Passed on from
// anybody they are an address and a host of the client's choice; read by the guard itself (X-Forwarded-Uri), even a path.
// oauth2-proxy CVE-2026-40575, Traefik CVE-2026-35051, Oathkeeper CVE-2026-33495, heimdall CVE-2026-57210.

const CLAIMED: readonly WireHeader[] = [
  ['X-Forwarded-For', '10.0.0.1'],
  ['x-forwarded-for', '127.0.0.1'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Uri', '/open'],
  ['X-Forwarded-Method', 'GET'],
  ['X-Forwarded-Prefix', '/x'],
  ['Forwarded', 'for=10.0.0.1;host=evil.example'],
  ['X-Real-IP', '10.0.0.1'],
  ['X-Request-Id', 'chosen'],
];

const routes = [
  { id: 'open', match: { path: '/open' }, auth: 'public' },
  { id: 'all', match: { path: '/**' } },
];

test('who is not a trusted proxy has no say in where a request comes from and goes to', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes, listen: { trustedProxies: ['10.0.0.0/8', '::1/128'] } });
  t.is((await gateway.ask(requestBytes({ target: '/admin', headers: CLAIMED }))).status, 401);
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ target: '/open', headers: CLAIMED }))).status, 200);
  const [request] = upstream.requests;
  t.notRegex(request?.head ?? 'evil', /evil|10\.0\.0\.1|chosen|uri|prefix|forwarded-method|real-ip|^forwarded:/im);
  t.deepEqual(request?.values('x-forwarded-for'), ['127.0.0.1']);
  t.deepEqual(request?.values('x-forwarded-host'), ['api.example.com']);
  t.deepEqual(request?.values('x-forwarded-proto'), ['http']);
});

test('a trusted proxy is believed, and still has no say in the path', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes, listen: { trustedProxies: ['127.0.0.0/8'] } });
  t.is((await gateway.ask(requestBytes({ target: '/admin', headers: CLAIMED }))).status, 401);
  t.is((await gateway.ask(requestBytes({ target: '/open', headers: CLAIMED }))).status, 200);
  const [request] = upstream.requests;
  t.deepEqual(request?.values('x-forwarded-for'), ['10.0.0.1, 127.0.0.1, 127.0.0.1']);
  t.deepEqual(request?.values('x-forwarded-host'), ['evil.example']);
  t.deepEqual(request?.values('x-request-id'), ['chosen']);
});
