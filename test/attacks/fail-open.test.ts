import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { KeyServerBehaviour } from '../support/keys.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';

// When what a decision needs is away, some guards let everybody in, and some take an empty answer for permission: Caddy
// CVE-2026-27586, Traefik CVE-2026-54762, authentik CVE-2026-25748, Contour CVE-2026-50149. No keys: nobody gets in, and
// the answer is a 503, since the token may be good.

for (const behaviour of [
  'refuse',
  'reset',
  'error',
  'html',
  'bad-json',
  'huge',
  'redirect',
  'empty',
] as const satisfies KeyServerBehaviour[]) {
  test(`a provider that does ‘${behaviour}’ lets nobody in, and takes no other issuer with it`, async (t) => {
    const key = makeKey('ES256');
    const keyServer = await serveJwks([key]);
    t.teardown(() => keyServer.close());
    await keyServer.behave(behaviour);
    const { gateway, upstream } = await startBehind(t, {
      log: { level: 'info' },
      issuers: { away: { issuer: keyServer.issuer, audience: 'orders-api', keys: { url: keyServer.jwksUri } } },
      routes: [
        { id: 'away', match: { path: '/away' }, auth: { issuers: ['away'] } },
        { id: 'all', match: { path: '/**' } },
      ],
    });
    const token = signToken(key, accessClaims({ iss: keyServer.issuer }));
    const forged = signToken(makeKey('ES256', key.kid), accessClaims({ iss: keyServer.issuer }));
    const ask = (headers: [string, string][]) => gateway.ask(requestBytes({ target: '/away', headers }));
    for (const bearer of [token, forged]) {
      const response = await ask([['Authorization', `Bearer ${bearer}`]]);
      t.is(response.status, 503);
      t.is(codeOf(response), 'verify.keys-unavailable');
      t.truthy(response.header('retry-after'));
    }
    t.is((await ask([])).status, 401);
    t.is((await ask([['Authorization', 'Bearer x']])).status, 401);
    t.is((await ask([['Cookie', '\xff=;;==']])).status, 401);
    t.is((await fetch(`${gateway.adminUrl}/readyz`)).status, 503);
    t.is(upstream.connections.length, 0);

    // Its neighbours are not touched by it.
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
  });
}
