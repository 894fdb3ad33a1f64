import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A guard matches `/public/../admin` by its prefix and lets it in; the server behind resolves the dots and serves
// /admin. Encoded dots and a `..;` that a servlet container cuts at the semicolon do the same. Envoy CVE-2019-9901,
// Oathkeeper CVE-2026-33494, Traefik CVE-2026-48020, Keycloak CVE-2026-3872. We refuse them instead of resolving them:
// whoever resolves has to resolve as the upstream does.

const ATTACKS = [
  '/public/../admin',
  '/public/./../admin',
  '/public/..',
  '/public/.',
  '/public/%2e%2e/admin',
  '/public/%2E%2e/admin',
  '/public/.%2E/admin',
  '/public/..;/admin',
  '/public/..;a=b/admin',
  '/public/%2e%2e;/admin',
  '/public/..\\admin',
  '/public\\..\\admin',
  '/public//../admin',
  '//admin',
  '/public/%c0%ae%c0%ae/admin',
  '/public/..%00/admin',
  '/..',
  '/../admin',
  'http://api.example.com/public/../admin',
];

test('dot segments lead nowhere, in whatever spelling', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'public', match: { path: '/public/**' }, auth: 'public' },
      { id: 'admin', match: { path: '/admin/**' } },
    ],
  });
  for (const target of ATTACKS) {
    const response = await gateway.ask(requestBytes({ target }));
    t.is(response.status, 400, target);
    t.is(codeOf(response), 'route.target', target);
  }
  t.is(upstream.connections.length, 0);

  for (const target of ['/public/a..b', '/public/...', '/public/.hidden']) {
    t.is((await gateway.ask(requestBytes({ target }))).status, 200, target);
    t.is(upstream.requests.at(-1)?.target, target);
  }
  t.is((await gateway.ask(requestBytes({ target: '/admin/..a' }))).status, 401);
});
