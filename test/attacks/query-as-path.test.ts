import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A rule that is matched against the whole target finds its open prefix in the query of a guarded path: oauth2-proxy
// CVE-2025-54576 (skip_auth_routes), skipper CVE-2022-34296. Here the path alone decides, and the query goes on as it came.

test('what stands in the query opens nothing', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'public', match: { path: '/public/**' }, auth: 'public' },
      { id: 'admin', match: { path: '/admin/**' } },
    ],
  });
  for (const target of [
    '/admin?x=/public/',
    '/admin?/public/a',
    '/admin/?/../public/',
    '/admin/a?x=%2Fpublic%2F',
    '/admin??/public',
  ]) {
    t.is((await gateway.ask(requestBytes({ target }))).status, 401, target);
  }
  for (const target of ['/admin%3F/public/', '/public%3f/../admin']) {
    t.true([400, 404].includes((await gateway.ask(requestBytes({ target }))).status), target);
  }
  t.is(codeOf(await gateway.ask(requestBytes({ target: '?x=/public/' }))), 'request.invalid');
  t.is(upstream.connections.length, 0);

  for (const target of ['/public/a?x=/admin&y=/../z', '/public?//', '/public/a?']) {
    t.is((await gateway.ask(requestBytes({ target }))).status, 200);
    t.is(upstream.requests.at(-1)?.target, target);
  }
});
