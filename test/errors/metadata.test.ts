import test from 'ava';
import { loadGood } from '../config/support.ts';
import { parseChallenge } from '../support/challenge.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import { rawResponse } from '../support/upstream.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

test('a challenge leads to the metadata of the resource that was called, its scopes and no others', async (t) => {
  const scoped = (id: string, path: string, scope: string, more: object = {}) => ({
    id,
    match: { path, ...more },
    auth: { issuers: ['main'], scopes: [scope] },
  });
  const { gateway } = await startBehind(t, {
    publicUrl: 'https://api.example.com',
    routes: [
      scoped('all', '/**', 'all'),
      scoped('orders', '/orders/{id}/**', 'orders:read', { methods: ['GET'] }),
      scoped('orders-write', '/orders/{id}/**', 'orders:write', { methods: ['POST'] }),
      scoped('orders-admin', '/orders/admin', 'orders:admin'),
      scoped('stock', '/stock/**', 'stock:read'),
    ],
  });
  for (const [target, resource, scopes] of [
    ['/orders/5/items?x=1', '/orders', ['orders:read', 'orders:write', 'orders:admin']],
    ['/orders/admin', '/orders/admin', ['orders:admin']],
    ['/stock', '/stock', ['stock:read']],
    ['/elsewhere', '', ['all', 'orders:read', 'orders:write', 'orders:admin', 'stock:read']],
  ] as const) {
    for (const headers of [[], [['Authorization', 'Bearer x.y.z']]] as const) {
      const refused = await gateway.ask(requestBytes({ target, headers: [...headers] }));
      const { parameters } = parseChallenge(refused.header('www-authenticate') ?? '');
      t.is(parameters.resource_metadata, `https://api.example.com${WELL_KNOWN}${resource}`);
      t.is(parameters.realm, undefined);
    }
    const { body } = await gateway.ask(requestBytes({ target: `${WELL_KNOWN}${resource}` }));
    t.like(JSON.parse(body), { resource: `https://api.example.com${resource}`, scopes_supported: scopes });
    t.true(`https://api.example.com${target}`.startsWith(JSON.parse(body).resource));
  }
});

test("without publicUrl an upstream's own metadata is reached, by the rules of its route", async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {
      routes: [
        { id: 'all', match: { path: '/**' } },
        { id: 'metadata', match: { path: `${WELL_KNOWN}/**` }, auth: 'public' },
      ],
    },
    () => rawResponse(200, '{"resource":"https://mcp.example.com"}'),
  );
  for (const target of [WELL_KNOWN, `${WELL_KNOWN}/mcp`]) {
    t.is((await gateway.ask(requestBytes({ target }))).body, '{"resource":"https://mcp.example.com"}');
    t.is((await gateway.ask(requestBytes({ target, method: 'OPTIONS' }))).status, 200);
  }
  t.is(upstream.requests.length, 4);
  t.is((await gateway.ask(requestBytes({ target: `${WELL_KNOWN}s` }))).status, 401, 'guarded like any path');
  t.is((await gateway.ask(requestBytes({ target: '/.well-known/bearergate/errors' }))).status, 200);
});

test('without publicUrl a route may have the path of the metadata', (t) => {
  const { routes } = loadGood(`
issuers: { main: { issuer: https://login.example.com, audience: orders-api } }
upstreams: { api: { url: http://api } }
routes:
  - { id: metadata, match: { path: ${WELL_KNOWN} }, auth: public, upstream: api }
`).config;
  t.is(routes.length, 1);
});
