import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// IIS rewriting, and Symfony after it, serve the path in X-Original-URL or X-Rewrite-URL instead of the one in the
// request line (CVE-2018-14773): `GET /public` with `X-Original-URL: /admin` is /admin behind a guard that saw /public.
// X-Host and its like do it with the site. A trusted proxy that does not know such a header passes a client's on.

const HEADERS: readonly WireHeader[] = [
  ['X-Original-URL', '/admin'],
  ['x-original-url', '/admin'],
  ['X-Rewrite-URL', '/admin'],
  ['X-Original-URI', '/admin'],
  ['X-Original-Method', 'DELETE'],
  ['X-Original-Host', 'admin.example.com'],
  ['X-Host', 'admin.example.com'],
  ['X-HTTP-Host-Override', 'admin.example.com'],
  ['X-Forwarded-Host-Override', 'admin.example.com'],
  ['X-Forwarded-Server', 'admin.example.com'],
  ['X-Forwarded-Uri', '/admin'],
  ['X-Forwarded-Method', 'DELETE'],
  ['X-Sendfile-Type', 'admin'],
];
const ROUTES = [
  { id: 'public', match: { path: '/public' }, auth: 'public' },
  { id: 'admin', match: { path: '/admin' } },
];

for (const trustedProxies of [[], ['127.0.0.0/8']]) {
  const who = trustedProxies.length > 0 ? 'a trusted proxy' : 'a stranger';
  test(`a path or host in a header does not arrive from ${who}, and decides nothing`, async (t) => {
    const { gateway, upstream } = await startBehind(t, { routes: ROUTES, listen: { trustedProxies } });
    for (const header of HEADERS) {
      t.is((await gateway.ask(requestBytes({ target: '/public', headers: [header] }))).status, 200);
      t.notRegex(upstream.requests.at(-1)?.head ?? 'admin', /admin|DELETE/, header[0]);
      t.is((await gateway.ask(requestBytes({ target: '/admin', headers: [[header[0], '/public']] }))).status, 401);
    }
    t.is(upstream.requests.length, HEADERS.length);
    for (const name of ['X_Original_URL', 'X.Rewrite.URL', 'x_host', 'X~Rewrite!URL', 'X-HTTP_Host-Override']) {
      t.is(
        codeOf(await gateway.ask(requestBytes({ target: '/public', headers: [[name, '/admin']] }))),
        'request.invalid',
      );
    }
    const plain = requestBytes({ target: '/public', headers: [['X-Original', '/admin']] });
    t.is((await gateway.ask(plain)).status, 200);
    t.deepEqual(upstream.requests.at(-1)?.values('x-original'), ['/admin']);
  });
}

test('they arrive where the route keeps them, and decide nothing there either', async (t) => {
  const routes = [{ ...ROUTES[0], headers: { keep: ['X-Original-URL'] } }, ROUTES[1]];
  const { gateway, upstream } = await startBehind(t, { routes });
  t.is((await gateway.ask(requestBytes({ target: '/public', headers: [['X-Original-URL', '/seen']] }))).status, 200);
  t.deepEqual(upstream.requests[0]?.values('x-original-url'), ['/seen']);
  t.is((await gateway.ask(requestBytes({ target: '/admin', headers: [['X-Original-URL', '/public']] }))).status, 401);
});
