import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A rule on a claim is only as good as its comparison: by suffix, `a@evil.com@corp.com` is of corp.com (oauth2-proxy
// CVE-2026-40574); by text, the list ["admin"] is "admin"; by truth, "false" is true. Ours compares whole JSON values of
// one type, and looks at a claim that is the token's own: `__proto__` and `constructor` lead nowhere.

const AUTH = {
  claims: { tenant: 'corp.com', roles: { contains: 'admin' }, plan: { in: ['pro', 'team'] }, 'a.verified': true },
};
const RIGHT = { tenant: 'corp.com', roles: ['user', 'admin'], plan: 'pro', a: { verified: true } };
const WRONG: readonly Record<string, unknown>[] = [
  ...[
    'a@evil.com@corp.com',
    'evil.com,corp.com',
    'CORP.COM',
    'corp.com ',
    'corp.com\0',
    ['corp.com'],
    { 'corp.com': 1 },
    null,
  ].map((tenant) => ({ tenant })),
  ...['superadmin', 'user,admin', 'user admin', ['Admin'], ['admin '], [['admin']], { admin: true }, [true]].map(
    (roles) => ({ roles }),
  ),
  ...['PRO', 'pro,team', ['pro'], '', 0, null].map((plan) => ({ plan })),
  ...['true', 1, 'false', [true], null].map((verified) => ({ a: { verified } })),
  { a: undefined, 'a.verified ': true },
  { a: [{ verified: true }] },
  { a: JSON.parse('{"__proto__":{"verified":true}}') },
];

test('a claim rule takes the value it names, whole and of its type, and nothing alike', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: [{ id: 'all', match: { path: '/**' }, auth: AUTH }] });
  const ask = (claims: Record<string, unknown>) =>
    gateway.ask(requestBytes({ headers: [gateway.bearer({ ...RIGHT, ...claims })] }));
  for (const claims of WRONG) {
    const response = await ask(claims);
    t.is(response.status, 403, JSON.stringify(claims));
    t.is(codeOf(response), 'authorise.claim');
  }
  t.is(upstream.connections.length, 0);
  t.is((await ask({})).status, 200);
  t.is((await ask({ roles: 'admin', plan: 'team' })).status, 200);
});

test('a scope is one word of the list, and no part of one', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: { scopes: ['orders:read'] } }],
  });
  const ask = async (claims: Record<string, unknown>) =>
    (await gateway.ask(requestBytes({ headers: [gateway.bearer(claims)] }))).status;
  for (const scope of [
    'orders',
    'orders:read:all',
    'xorders:read',
    'orders:read,x',
    'ORDERS:READ',
    'orders:read\tx',
    '',
    'orders: read',
  ]) {
    t.is(await ask({ scope }), 403, scope);
    t.is(await ask({ scp: [scope] }), 403, scope);
  }
  t.is(upstream.connections.length, 0);
  for (const claims of [{ scope: 'a orders:read' }, { scp: 'orders:read' }, { scp: ['orders:read'] }])
    t.is(await ask(claims), 200);
});
