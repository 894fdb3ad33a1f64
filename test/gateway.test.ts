import test from 'ava';
import { startCommand } from './support/command.ts';
import { temporaryFolder } from './support/files.ts';
import { startJsonServer } from './support/json-server.ts';
import { startOidcProvider } from './support/oidc.ts';

// The whole path on components that nobody here wrote: the command as a process of its own, oidc-provider as the
// issuer, json-server as the legacy API.

const config = (issuer: string, upstream: string) => `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
drain: { delay: 0s }
issuers:
  main:
    issuer: ${issuer}
    audience: [urn:orders-api, urn:short-lived]
    clockTolerance: 0s
upstreams:
  legacy: { url: "${upstream}" }
defaults:
  auth: { issuers: [main] }
routes:
  - id: orders
    match: { path: "/orders/**", methods: [GET] }
    auth:
      scopes: [orders:read]
      claims: { tenant: acme, realm_access.roles: { contains: admin } }
    upstream: legacy
    headers:
      set: { X-User-Id: "{claims.sub}", X-Tenant: "{claims.tenant}", X-Roles: "{claims.realm_access.roles}", X-Email: "{claims.email}" }
  - id: write
    match: { path: /orders, methods: [POST] }
    auth: { scopes: { any: [orders:write, orders:admin] } }
    upstream: legacy
    token: forward
  - id: users
    match: { path: "/people/{id}" }
    auth: { claims: { tenant: globex } }
    upstream: legacy
    rewrite: { stripPrefix: /people, addPrefix: /users }
`;

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly fix: string;
  readonly status: number;
}

test('a token of a real provider opens what it is for, and nothing else, through a rotation of its keys', async (t) => {
  const provider = await startOidcProvider();
  const api = await startJsonServer();
  const folder = await temporaryFolder({ 'gateway.yaml': config(provider.issuer, api.url) });
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    await Promise.all([provider.close(), api.close(), folder.remove()]);
  });
  const call = (path: string, token?: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    return fetch(`${gateway.url}${path}`, { ...init, headers });
  };
  const refused = async (answer: Response, status: number, code: string): Promise<Problem> => {
    const problem = (await answer.json()) as Problem;
    t.is(problem.code, code);
    t.is(answer.status, status);
    t.is(problem.status, status);
    t.is(answer.headers.get('content-type'), 'application/problem+json');
    return problem;
  };

  await t.notThrowsAsync(gateway.waitForLine(({ msg }) => msg === 'listening'));

  // 200, with the claims as headers, and the token kept from the upstream
  const token = await provider.token({ scope: 'orders:read' });
  const served = await call('/orders', token, { headers: { 'x-user-id': 'root', 'x-email': 'root@example.com' } });
  t.is(served.status, 200);
  t.is(((await served.json()) as unknown[]).length, 3);
  const seen = api.seen.at(-1)?.headers ?? {};
  t.is(seen['x-user-id'], 'service');
  t.is(seen['x-tenant'], 'acme');
  t.is(seen['x-roles'], 'user,admin');
  t.is(seen['x-email'], undefined, 'a claim that is absent sends no header, nor lets the client send one');
  t.is(seen.authorization, undefined);
  t.is(provider.requests.jwks, 1);

  // 401 without a token: a bare challenge
  const nothing = await call('/orders');
  t.is(nothing.headers.get('www-authenticate'), 'Bearer realm="127.0.0.1"');
  await refused(nothing, 401, 'token.missing');

  // 401 for a token that has really expired
  const short = await provider.token({ resource: 'urn:short-lived', scope: 'orders:read' });
  t.is((await call('/orders', short)).status, 200);
  const { exp } = JSON.parse(Buffer.from(short.split('.')[1] as string, 'base64url').toString());
  while (Date.now() < exp * 1000) await new Promise((resolve) => setTimeout(resolve, exp * 1000 - Date.now()));
  const expired = await call('/orders', short);
  t.regex(
    expired.headers.get('www-authenticate') ?? '',
    /^Bearer error="invalid_token", error_description="It expired /,
  );
  const problem = await refused(expired, 401, 'token.expired');
  t.true(problem.fix.includes(provider.issuer));

  // 401 for the audience of another API
  const other = await provider.token({ resource: 'urn:other-api', scope: 'orders:read' });
  const elsewhere = await refused(await call('/orders', other), 401, 'token.audience');
  t.true(elsewhere.detail.includes('urn:orders-api'), elsewhere.detail);

  // 403 for a missing scope, and for a claim rule
  const before = api.seen.length;
  const lacking = await call('/orders', token, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  });
  t.regex(
    lacking.headers.get('www-authenticate') ?? '',
    /error="insufficient_scope".*scope="orders:write orders:admin"/,
  );
  await refused(lacking, 403, 'authorise.scope');
  const rule = await refused(await call('/people/1', token), 403, 'authorise.claim');
  t.false(rule.detail.includes('globex'), 'what a rule would take is not told');
  t.is(api.seen.length, before, 'nothing that was refused reached the upstream');

  // a route that passes the token on
  const writer = await provider.token({ scope: 'orders:read orders:write' });
  const written = await call('/orders', writer, {
    method: 'POST',
    body: JSON.stringify({ item: 'tea', quantity: 2, tenant: 'acme' }),
    headers: { 'content-type': 'application/json' },
  });
  t.is(written.status, 201);
  t.is(api.seen.at(-1)?.headers.authorization, `Bearer ${writer}`);

  // the provider changes its keys: a token of the new one is good at once, one of the old one is not any more
  provider.rotateKeys();
  const renewed = await provider.token({ scope: 'orders:read' });
  t.is((await call('/orders', renewed)).status, 200);
  t.is(provider.requests.jwks, 2);
  await refused(await call('/orders', token), 401, 'token.key-unknown');

  // one line for every request, with nothing secret in it
  const { code, stdout } = await gateway.stop();
  t.is(code, 0);
  const lines = gateway.lines();
  t.is(lines.filter(({ msg }) => msg === 'served' || msg === 'refused').length, 10);
  for (const sent of [token, short, other, writer, renewed])
    t.false(stdout.includes(sent.slice(0, 40)), 'a token is never logged');
});
