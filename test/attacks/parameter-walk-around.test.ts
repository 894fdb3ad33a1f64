import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A servlet container reads /admin;x/users as /admin/users, and many servers read %2F as a slash. A catch-all route that
// lets such paths pass, because some service behind it needs them, is then a way around the stricter route next to it.
// Spring Security CVE-2021-22112's class, Tomcat's /..;/, Envoy's path_with_escaped_slashes_action.

const ALLOW = ['semicolon', 'encodedSlash'];
const ROUTES = [
  { id: 'admin', match: { path: '/admin/**' }, auth: { issuers: ['main'], scopes: ['admin'] } },
  { id: 'all', match: { path: '/**', allow: ALLOW } },
];

const AROUND = [
  '/admin;x/users',
  '/admin;/users',
  '/admin;x=1;y=2/users',
  '/admin;a%3Bb/users',
  '/admin%2Fusers',
  '/admin%3Bx/users',
  '/%2Fadmin/users',
  '/admin%2fusers',
  '/admin%2Fusers;x',
  '/admin;x%2Fusers',
  '/admin;x%2Fy/users',
  '/%61dmin;x/users',
  '/admin;x',
];

const PASSING = ['/files;v=1/a', '/files%2Fa', '/files/a;v=1', '/files/a%2Fb;v=1', '/administration;x/a'];

test('a path that may be read as one of a stricter route is refused where such paths are allowed', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const ask = (target: string, claims = {}) => gateway.ask(requestBytes({ target, headers: [gateway.bearer(claims)] }));
  t.is(codeOf(await ask('/admin/users')), 'authorise.scope');
  for (const target of AROUND) {
    const response = await ask(target);
    t.is(response.status, 400, target);
    t.is(codeOf(response), 'route.target', target);
  }
  t.is(upstream.requests.length, 0);

  for (const target of PASSING) t.is((await ask(target)).status, 200, target);
  t.is((await ask('/admin/users', { scope: 'admin' })).status, 200);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    [...PASSING, '/admin/users'],
  );
});

// Spring and others decode before they cut the parameters off: `..%3B` is `..;` is `..`.
test('a dot segment with an encoded semicolon is refused on any route', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      ...ROUTES,
      { id: 'plain', match: { path: '/plain/**' } },
      { id: 'open', match: { path: '/open/**' }, auth: 'public' },
    ],
  });
  for (const prefix of ['/files', '/plain', '/open', '/admin', '']) {
    for (const dots of ['..%3B', '..%3b', '.%3B', '%2e%2E%3B', '..%3Bx=1', '..%3B%3B']) {
      const target = `${prefix}/${dots}/admin/users`;
      const response = await gateway.ask(requestBytes({ target, headers: [gateway.bearer({ scope: 'admin' })] }));
      t.is(response.status, 400, target);
      t.is(codeOf(response), 'route.target', target);
    }
  }
  t.is(upstream.requests.length, 0);
  t.is((await gateway.ask(requestBytes({ target: '/open/a%3Bb' }))).status, 200);
  t.is(upstream.requests[0]?.target, '/open/a%3Bb');
});
