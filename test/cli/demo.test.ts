import { readdirSync, readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import * as jose from 'jose';
import { parse } from 'yaml';
import { startDemoIssuer } from '../../src/cli/demo/issuer.ts';
import { startLegacyApi } from '../../src/cli/demo/legacy-api.ts';
import { gatewaySchema } from '../../src/config/schema.ts';
import { connectRaw } from '../support/raw-client.ts';

async function issuerFor(t: ExecutionContext, now?: () => number) {
  const issuer = await startDemoIssuer({ port: 0, audience: 'orders-api', ...(now && { now }) });
  t.teardown(issuer.close);
  return issuer;
}

async function legacyApiFor(t: ExecutionContext) {
  const api = await startLegacyApi({ port: 0 });
  t.teardown(api.close);
  return api;
}

interface TokenAnswer {
  access_token: string;
  token_type: string;
  expires_in: number;
  scope: string;
  error?: string;
  error_description?: string;
}

async function ask(url: string, form: string | Record<string, string>, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/auth/token`, { method: 'POST', body: new URLSearchParams(form), headers });
  return { response, answer: (await response.json()) as TokenAnswer };
}

test('the issuer gives an RFC 9068 access token that verifies against the keys of its discovery', async (t) => {
  const { url, issuer, port } = await issuerFor(t);
  t.is(issuer, `http://localhost:${port}`);
  const { response, answer } = await ask(url, 'username=demo&password=demo');
  t.is(response.status, 200);
  t.is(response.headers.get('cache-control'), 'no-store');
  t.like(answer, { token_type: 'Bearer', expires_in: 3600, scope: 'orders:read orders:write' });

  const metadata = (await (await fetch(`${url}/.well-known/openid-configuration`)).json()) as Record<string, string>;
  t.is(metadata.issuer, issuer);
  t.is(metadata.token_endpoint, `${issuer}/auth/token`);
  const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri as string));
  const { payload, protectedHeader } = await jose.jwtVerify(answer.access_token, keys, {
    issuer,
    audience: 'orders-api',
    typ: 'at+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
  });
  t.like(payload, { sub: 'demo', client_id: 'demo-app', scope: 'orders:read orders:write', tenant: 'acme' });
  t.truthy(protectedHeader.kid);
});

test('the issuer shows the same metadata at the address of RFC 8414', async (t) => {
  const { url } = await issuerFor(t);
  const [oidc, oauth] = await Promise.all(
    ['openid-configuration', 'oauth-authorization-server'].map(async (name) =>
      (await fetch(`${url}/.well-known/${name}`)).json(),
    ),
  );
  t.deepEqual(oidc, oauth);
});

test('the published key has no private member', async (t) => {
  const { url } = await issuerFor(t);
  const { keys } = (await (await fetch(`${url}/jwks`)).json()) as jose.JSONWebKeySet;
  t.deepEqual(Object.keys(keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  t.is(keys[0]?.kid, await jose.calculateJwkThumbprint(keys[0] as jose.JWK));
});

test('expires_in, scope and audience shape the token', async (t) => {
  const { url } = await issuerFor(t, () => 1_800_000_000_999);
  const form = {
    username: 'demo',
    password: 'demo',
    expires_in: '1',
    scope: 'orders:read',
    audience: 'https://else.example',
  };
  const { answer } = await ask(url, form);
  t.like(answer, { expires_in: 1, scope: 'orders:read' });
  t.like(jose.decodeJwt(answer.access_token), {
    iat: 1_800_000_000,
    exp: 1_800_000_001,
    aud: 'https://else.example',
    scope: 'orders:read',
  });
});

test('a second user has fewer scopes and another tenant', async (t) => {
  const { url } = await issuerFor(t);
  const { answer } = await ask(url, 'grant_type=password&username=reader&password=reader');
  t.like(jose.decodeJwt(answer.access_token), { sub: 'reader', scope: 'orders:read', tenant: 'globex' });
});

test('a client gets a token by Basic or in the form', async (t) => {
  const { url } = await issuerFor(t);
  const basic = { authorization: `Basic ${Buffer.from('service:service').toString('base64')}` };
  const answers = await Promise.all([
    ask(url, 'grant_type=client_credentials', basic),
    ask(url, 'grant_type=client_credentials&client_id=service&client_secret=service'),
  ]);
  for (const { answer } of answers) {
    t.like(jose.decodeJwt(answer.access_token), { sub: 'service', client_id: 'service' });
  }
});

const REFUSED: readonly [title: string, form: string, error: string, status?: number][] = [
  ['a wrong password', 'username=demo&password=wrong', 'invalid_grant'],
  ['an unknown user', 'username=nobody&password=demo', 'invalid_grant'],
  ['a user named like a member of objects', 'username=__proto__&password=demo', 'invalid_grant'],
  ['no password', 'username=demo', 'invalid_request'],
  ['a password without a value', 'username=demo&password=', 'invalid_request'],
  ['an empty form', '', 'invalid_request'],
  ['a parameter twice', 'username=demo&username=reader&password=demo', 'invalid_request'],
  ['a scope beyond those allowed', 'username=reader&password=reader&scope=orders:write', 'invalid_scope'],
  ['a scope of spaces', 'username=demo&password=demo&scope=%20', 'invalid_scope'],
  ['a lifetime of 0', 'username=demo&password=demo&expires_in=0', 'invalid_request'],
  ['a negative lifetime', 'username=demo&password=demo&expires_in=-1', 'invalid_request'],
  ['a lifetime that is no number', 'username=demo&password=demo&expires_in=soon', 'invalid_request'],
  ['a fraction of a second', 'username=demo&password=demo&expires_in=1.5', 'invalid_request'],
  ['a lifetime of years', 'username=demo&password=demo&expires_in=999999999', 'invalid_request'],
  ['an audience with a line break', 'username=demo&password=demo&audience=a%0d%0ab', 'invalid_request'],
  ['another grant', 'grant_type=authorization_code&code=x', 'unsupported_grant_type'],
  ['an unknown client', 'grant_type=client_credentials&client_id=x&client_secret=y', 'invalid_client', 401],
  ['a client without a name', 'grant_type=client_credentials', 'invalid_client', 401],
  ['bytes that are no form', '\u0000\ufffd%zz%', 'invalid_request'],
];

for (const [title, form, error, status = 400] of REFUSED) {
  test(`the issuer refuses ${title} with ${error}`, async (t) => {
    const { url } = await issuerFor(t);
    const response = await fetch(`${url}/auth/token`, {
      method: 'POST',
      body: form,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    t.is(response.status, status);
    t.is(response.headers.get('cache-control'), 'no-store');
    t.is(response.headers.has('www-authenticate'), status === 401);
    const answer = (await response.json()) as TokenAnswer;
    t.is(answer.error, error);
    // RFC 6749 §5.2 leaves these characters alone.
    t.regex(answer.error_description ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });
}

test('the issuer takes a form and no JSON, and says so', async (t) => {
  const { url } = await issuerFor(t);
  const { response, answer } = await ask(url, {}, { 'content-type': 'application/json' });
  t.is(response.status, 400);
  t.regex(answer.error_description ?? '', /x-www-form-urlencoded/);
});

test('a body beyond 16 KiB is refused, and a client that goes away in its body harms nobody', async (t) => {
  const { url, port } = await issuerFor(t);
  const { response, answer } = await ask(url, { username: 'x'.repeat(1024 * 1024) });
  t.is(response.status, 413);
  t.is(answer.error, 'invalid_request');

  const leaving = await connectRaw(port);
  leaving.write('POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nuser');
  leaving.destroy('reset');
  t.is((await ask(url, 'username=demo&password=demo')).response.status, 200);
});

test('other paths and methods get 404 and 405 as JSON', async (t) => {
  const { url } = await issuerFor(t);
  const lost = await fetch(`${url}/elsewhere?x=1`);
  t.is(lost.status, 404);
  t.deepEqual(await lost.json(), { error: 'not_found', path: '/elsewhere' });
  const get = await fetch(`${url}/auth/token`);
  t.is(get.status, 405);
  t.is(get.headers.get('allow'), 'POST');
  const head = await fetch(`${url}/jwks`, { method: 'HEAD' });
  t.is(head.status, 200);
});

test('a port that is taken is an error of the start', async (t) => {
  const { port } = await issuerFor(t);
  await t.throwsAsync(startLegacyApi({ port }), { code: 'EADDRINUSE' });
});

test('the legacy API answers data and which identity it was told', async (t) => {
  const { url } = await legacyApiFor(t);
  const headers = { 'X-User-Id': 'demo', 'X-Tenant': 'acme', 'X-Request-Id': 'r-1', Authorization: 'Bearer x' };
  const told = (await (await fetch(`${url}/api/data`, { headers })).json()) as { data: unknown[]; seen: object };
  t.true(told.data.length > 0);
  t.deepEqual(told.seen, { userId: 'demo', tenant: 'acme', requestId: 'r-1', authorization: true });
  const untold = (await (await fetch(`${url}/api/data`)).json()) as { seen: object };
  t.deepEqual(untold.seen, { userId: null, tenant: null, requestId: null, authorization: false });
});

test('the legacy API lists orders, and adds one that it is sent', async (t) => {
  const { url } = await legacyApiFor(t);
  const added = await fetch(`${url}/api/orders`, {
    method: 'POST',
    headers: { 'X-User-Id': 'demo' },
    body: '{"item":"mouse","quantity":3,"id":7}',
  });
  t.is(added.status, 201);
  const order = { id: 3, item: 'mouse', quantity: 3, createdBy: 'demo' };
  t.deepEqual(await added.json(), order);
  const { orders } = (await (await fetch(`${url}/api/orders`)).json()) as { orders: unknown[] };
  t.deepEqual(orders.at(-1), order);
});

test('the legacy API keeps the newest hundred orders', async (t) => {
  const { url } = await legacyApiFor(t);
  for (let i = 0; i < 105; i++) await fetch(`${url}/api/orders`, { method: 'POST', body: `{"item":"mouse ${i}"}` });
  const { orders } = (await (await fetch(`${url}/api/orders`)).json()) as { orders: { id: number; item: string }[] };
  t.is(orders.length, 100);
  t.like(orders.at(-1), { id: 107, item: 'mouse 104' });
});

for (const body of ['', '{', 'null', '[]', '"x"', '{"item":""}', '{"item":"x","quantity":0}', '{"item":5}']) {
  test(`the legacy API refuses an order such as ${JSON.stringify(body)}`, async (t) => {
    const { url } = await legacyApiFor(t);
    const response = await fetch(`${url}/api/orders`, { method: 'POST', body });
    t.is(response.status, 400);
    t.like(await response.json(), { error: 'bad_order' });
  });
}

test('the legacy API refuses a body beyond 16 KiB, other methods and other paths', async (t) => {
  const { url } = await legacyApiFor(t);
  const item = 'x'.repeat(17 * 1024);
  const statuses = await Promise.all([
    fetch(`${url}/api/orders`, { method: 'POST', body: JSON.stringify({ item }) }),
    fetch(`${url}/api/orders`, { method: 'DELETE' }),
    fetch(`${url}/api`),
    fetch(`${url}/health`),
  ]);
  t.deepEqual(
    statuses.map(({ status }) => status),
    [413, 405, 404, 200],
  );
  t.is(statuses[1]?.headers.get('allow'), 'GET, HEAD, POST');
});

const CONFIGS = [
  'config/gateway.yaml',
  ...['legacy-api.yaml', 'keycloak.yaml'].map((name) => `config/examples/${name}`),
];

/** Defaults of `${NAME:-default}`, as if nothing were set. */
function withDefaults(text: string): string {
  return text.replace(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');
}

for (const file of CONFIGS) {
  test(`${file} is a configuration, and its references lead somewhere`, (t) => {
    const config = gatewaySchema.parse(parse(withDefaults(readFileSync(file, 'utf8'))));
    for (const { id, upstream, auth = config.defaults.auth } of config.routes) {
      t.true(Object.hasOwn(config.upstreams, upstream), id);
      t.truthy(auth, id);
      for (const issuer of (auth === 'public' ? [] : auth?.issuers) ?? []) {
        t.true(Object.hasOwn(config.issuers, issuer), id);
      }
    }
  });
}

test('each example begins with three lines of explanation', (t) => {
  for (const name of readdirSync('config/examples')) {
    const lines = readFileSync(`config/examples/${name}`, 'utf8').split('\n').slice(0, 3);
    for (const line of lines) t.regex(line, /^# \S+ /, name);
  }
});
