import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// To url.parse, to WHATWG URLs and to Windows a backslash is a slash: `/public\..\admin` is one segment to a guard and
// /admin behind it. Caddy CVE-2026-52844, http-proxy's urlJoin.

test('a backslash is refused in a path, plain and encoded', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**', allow: ['semicolon', 'encodedSlash'] }, auth: 'public' }],
  });
  for (const target of [
    '/public\\..\\admin',
    '/\\admin',
    '\\admin',
    '/a%5cb',
    '/a%5C..%5Cb',
    '/public/..%5cadmin',
    '/a%255cb',
  ]) {
    const response = await gateway.ask(requestBytes({ target }));
    t.is(response.status, 400, target);
    t.true(['route.target', 'request.invalid'].includes(codeOf(response)), target);
  }
  t.is(upstream.connections.length, 0);

  t.is((await gateway.ask(requestBytes({ target: '/a?path=C:\\x' }))).status, 200);
  t.is(upstream.requests[0]?.target, '/a?path=C:\\x');
});
