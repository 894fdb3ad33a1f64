import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// The guard sets X-User-Email from a claim; a token without that claim sets nothing, and the client's own header gets
// through in its place. Caddy CVE-2026-30851. So a managed name is dropped from every request, on every route, before
// anything is known of its token.

const CLAIMED = ['X-User-Id', 'x-user-email', 'X-USER-EMAIL', 'X-User-Email', 'X-Legacy-Key', 'X-Request-Id'] as const;

test('an identity comes from the token or not at all', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    upstream: { headers: { set: { 'X-Legacy-Key': '{claims.key}' } } },
    routes: [
      { id: 'open', match: { path: '/open' }, auth: 'public' },
      { id: 'plain', match: { path: '/plain' } },
      {
        id: 'all',
        match: { path: '/**' },
        headers: { set: { 'X-User-Id': '{claims.sub}', 'X-User-Email': '{claims.email}' } },
      },
    ],
  });
  const claimed = CLAIMED.map((name) => [name, 'root'] as const);
  for (const target of ['/orders', '/plain', '/open']) {
    t.is(
      (await gateway.ask(requestBytes({ target, headers: [...claimed, gateway.bearer(), ...claimed] }))).status,
      200,
    );
    const request = upstream.requests.at(-1);
    t.notRegex(request?.head ?? 'root', /root/, target);
    t.deepEqual(request?.values('x-user-id'), target === '/orders' ? ['user-1'] : [], target);
    t.deepEqual(request?.values('x-user-email'), [], target);
  }

  const known = gateway.bearer({ email: 'user@example.com' });
  await gateway.ask(requestBytes({ target: '/orders', headers: [known, ...claimed] }));
  t.deepEqual(upstream.requests.at(-1)?.values('x-user-email'), ['user@example.com']);
});
