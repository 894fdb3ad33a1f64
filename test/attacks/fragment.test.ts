import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// No client sends a fragment. A server that gets one cuts it off or keeps it: `/admin#/public` is /admin to the one and
// ends like /public to the other. oauth2-proxy CVE-2026-41059, Traefik CVE-2023-47106.

test('a target with a fragment is refused, in the path and in the query', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
  });
  for (const target of ['/admin#/public', '/public?x#/admin', '/#', '#', 'http://api.example.com/a#b', '/a?b=c#']) {
    const response = await gateway.ask(requestBytes({ target }));
    t.is(response.status, 400, target);
    t.true(['route.target', 'request.invalid'].includes(codeOf(response)), target);
  }
  t.is(upstream.connections.length, 0);

  t.is((await gateway.ask(requestBytes({ target: '/a%23b?c=%23' }))).status, 200);
  t.is(upstream.requests[0]?.target, '/a%23b?c=%23');
});
