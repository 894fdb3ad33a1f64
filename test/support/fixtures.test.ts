import { createPublicKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import * as jose from 'jose';
import { startJsonServer } from './json-server.ts';
import {
  accessClaims,
  compactToken,
  type KeyAlgorithm,
  type KeyServerBehaviour,
  makeKey,
  serveJwks,
  signToken,
} from './keys.ts';
import { startOidcProvider } from './oidc.ts';
import { connectRaw, sendRaw } from './raw-client.ts';
import { rawResponse, startRecordingUpstream } from './upstream.ts';

for (const algorithm of ['RS256', 'ES256', 'PS256', 'EdDSA'] as const satisfies readonly KeyAlgorithm[]) {
  test(`oidc-provider gives ${algorithm} tokens that verify against its discovered keys`, async (t) => {
    const provider = await startOidcProvider({ algorithm });
    t.teardown(provider.close);
    const metadata = (await (await fetch(`${provider.issuer}/.well-known/openid-configuration`)).json()) as {
      issuer: string;
      jwks_uri: string;
    };
    t.is(metadata.issuer, provider.issuer);
    t.is(metadata.jwks_uri, provider.jwksUri);
    const { payload } = await jose.jwtVerify(
      await provider.token(),
      jose.createRemoteJWKSet(new URL(metadata.jwks_uri)),
      { issuer: provider.issuer, audience: 'urn:orders-api', typ: 'at+jwt', algorithms: [algorithm] },
    );
    t.like(payload, {
      sub: 'service',
      client_id: 'service',
      scope: 'orders:read orders:write',
      tenant: 'acme',
      realm_access: { roles: ['user', 'admin'] },
    });
    t.deepEqual(provider.requests, { jwks: 1, discovery: 1, introspection: 0 });
  });

  test(`a token signed here with ${algorithm} verifies with jose`, async (t) => {
    const key = makeKey(algorithm);
    const token = signToken(key, accessClaims({ iss: 'https://issuer.example' }));
    const { protectedHeader } = await jose.jwtVerify(token, key.publicKey, { audience: 'orders-api', typ: 'at+jwt' });
    t.is(protectedHeader.kid, key.kid);
    t.true(createPublicKey({ key: key.jwk, format: 'jwk' }).equals(key.publicKey));
  });
}

test('oidc-provider takes scope, resource and client, and lifetimes can be changed', async (t) => {
  const provider = await startOidcProvider({ claims: { tenant: 'globex' } });
  t.teardown(provider.close);
  const read = async (wanted: Parameters<typeof provider.token>[0]) => jose.decodeJwt(await provider.token(wanted));
  t.like(await read({ scope: 'orders:read', resource: 'urn:other-api', clientId: 'other-service' }), {
    scope: 'orders:read',
    aud: 'urn:other-api',
    sub: 'other-service',
    tenant: 'globex',
  });
  const short = await read({ resource: 'urn:short-lived' });
  t.is((short.exp ?? 0) - (short.iat ?? 0), 1);
  provider.setTtl('urn:orders-api', 7);
  const changed = await read({});
  t.is((changed.exp ?? 0) - (changed.iat ?? 0), 7);
  await t.throwsAsync(provider.token({ resource: 'urn:nobody' }), { message: /invalid_target/ });
});

test('after a rotation a new key alone is published and signs', async (t) => {
  const provider = await startOidcProvider();
  t.teardown(provider.close);
  const before = await provider.token();
  const kid = provider.rotateKeys();
  const after = await provider.token();
  t.not(jose.decodeProtectedHeader(before).kid, kid);
  t.is(jose.decodeProtectedHeader(after).kid, kid);
  const { keys } = (await (await fetch(provider.jwksUri)).json()) as jose.JSONWebKeySet;
  t.deepEqual(
    keys.map((key) => key.kid),
    [kid],
  );
});

test('oidc-provider answers about opaque tokens, over a rotation too', async (t) => {
  const provider = await startOidcProvider();
  t.teardown(provider.close);
  const token = await provider.token({ resource: 'urn:opaque-api' });
  t.false(token.includes('.'));
  provider.rotateKeys();
  const { url, clientId, clientSecret } = provider.introspection;
  const introspect = async (about: string) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ token: about }),
    });
    return response.json();
  };
  t.like(await introspect(token), { active: true, aud: 'urn:opaque-api', client_id: 'service', tenant: 'acme' });
  t.deepEqual(await introspect(`${token}x`), { active: false });
  t.is(provider.requests.introspection, 2);
});

test('json-server answers its orders and records what it saw', async (t) => {
  const api = await startJsonServer();
  t.teardown(api.close);
  const orders = await (await fetch(`${api.url}/orders?tenant=acme`, { headers: { 'X-User-Id': 'u1' } })).json();
  t.is((orders as unknown[]).length, 2);
  const added = await fetch(`${api.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"item":"mouse"}',
  });
  t.is(added.status, 201);
  t.like(await (await fetch(`${api.url}/orders/4`)).json(), { item: 'mouse' });
  t.deepEqual(
    api.seen.map(({ method, url }) => `${method} ${url}`),
    ['GET /orders?tenant=acme', 'POST /orders', 'GET /orders/4'],
  );
  t.is(api.seen[0]?.headers['x-user-id'], 'u1');
});

test('one json-server does not see what another was told', async (t) => {
  const [one, other] = [await startJsonServer(), await startJsonServer()];
  t.teardown(one.close);
  t.teardown(other.close);
  await fetch(`${one.url}/orders/1`, { method: 'DELETE' });
  t.is((await fetch(`${other.url}/orders/1`)).status, 200);
});

test('the recording upstream keeps every byte, and parses what the framing says', async (t) => {
  const upstream = await startRecordingUpstream();
  t.teardown(upstream.close);
  const bytes =
    'POST /a?b HTTP/1.1\r\nhOst: x\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 3\r\n\r\nabc' +
    'DELETE /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;ext\r\nfoo\r\n2\r\n\xe9!\r\n0\r\nX-T: v\r\n\r\n' +
    'HEAD /d HTTP/1.1\r\nHost: x\r\n\r\n';
  const connection = await connectRaw(upstream.port);
  for (const byte of bytes) connection.write(byte);
  const requests = await upstream.waitForRequests(3);
  t.is(upstream.connections.length, 1);
  t.is(upstream.connections[0]?.received().toString('latin1'), bytes);
  t.deepEqual(
    requests.map(({ method, target, body }) => [method, target, body.toString('latin1')]),
    [
      ['POST', '/a?b', 'abc'],
      ['DELETE', '/c', 'foo\xe9!'],
      ['HEAD', '/d', ''],
    ],
  );
  t.deepEqual(requests[0]?.headers, [
    ['hOst', 'x'],
    ['X-A', '1'],
    ['x-a', '2'],
    ['Content-Length', '3'],
  ]);
  t.deepEqual(requests[0]?.values('x-a'), ['1', '2']);
  t.deepEqual(requests[1]?.trailers, [['X-T', 'v']]);
  connection.destroy('reset');
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the connection is closed');
  t.true(upstream.connections[0]?.reset);
});

test('the recording upstream answers with the bytes it is given, before the body if it is told to', async (t) => {
  const upstream = await startRecordingUpstream(async ({ target }) => rawResponse(200, target, [['X-B', 'y']]), {
    answerOn: 'head',
  });
  t.teardown(upstream.close);
  const connection = await connectRaw(upstream.port);
  connection.write('POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n');
  const { responses } = await connection.read();
  t.like(responses[0], { status: 200, body: '/early', complete: true });
  t.is(responses[0]?.header('x-b'), 'y');
  t.false(upstream.requests[0]?.complete);
  await t.throwsAsync(upstream.waitForRequests(1, 20), { message: /1 complete request/ });
  connection.write('12345');
  t.is((await upstream.waitForRequests(1))[0]?.body.toString(), '12345');
  connection.destroy();
});

test('after a 101 the recording upstream leaves the bytes to its handler', async (t) => {
  const upstream = await startRecordingUpstream((_request, socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    return 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n';
  });
  t.teardown(upstream.close);
  const connection = await connectRaw(upstream.port);
  connection.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\n\r\n');
  t.is((await connection.read()).responses[0]?.status, 101);
  connection.write('GET /smuggled HTTP/1.1\r\n\r\n');
  await upstream.waitUntil(() => upstream.connections[0]?.received().includes('smuggled') === true, 'the bytes');
  connection.end();
  const { responses } = await connection.read({ until: 'close' });
  t.is(responses[0]?.body, 'GET /smuggled HTTP/1.1\r\n\r\n');
  t.is(upstream.requests.length, 1);
  connection.destroy();
});

const ANSWERS = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'until the close': 'HTTP/1.1 200 OK\r\n\r\nok',
  'after a 100': 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
};

for (const [title, answer] of Object.entries(ANSWERS)) {
  test(`the raw client reads an answer: ${title}`, async (t) => {
    const upstream = await startRecordingUpstream((_request, socket) => void socket.end(answer, 'latin1'));
    t.teardown(upstream.close);
    const { raw, responses, ended } = await sendRaw(upstream.port, 'GET / HTTP/1.1\r\n\r\n', { until: 'close' });
    t.is(raw, answer);
    t.is(ended, 'close');
    t.like(responses.at(-1), { status: 200, body: 'ok', complete: true });
  });
}

test('the raw client tells a cut answer, a reset and silence apart', async (t) => {
  const upstream = await startRecordingUpstream(({ target }, socket) => {
    if (target === '/cut') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok');
    if (target === '/reset') socket.resetAndDestroy();
    return undefined;
  });
  t.teardown(upstream.close);
  const get = (path: string, timeoutMs = 5000) => sendRaw(upstream.port, `GET ${path} HTTP/1.1\r\n\r\n`, { timeoutMs });
  const cut = await get('/cut');
  t.is(cut.ended, 'close');
  t.like(cut.responses[0], { body: 'ok', complete: false });
  t.like(await get('/reset'), { ended: 'reset', raw: '' });
  await t.throwsAsync(get('/silence', 50), { message: /waited 50 ms for 1; came: ""/ });
});

test('the raw client counts pipelined answers, and an answer to HEAD has no body', async (t) => {
  const upstream = await startRecordingUpstream();
  t.teardown(upstream.close);
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  t.is((await sendRaw(upstream.port, request.repeat(3), { until: 3 })).responses.length, 3);
  const { responses } = await sendRaw(upstream.port, request.replace('GET', 'HEAD'));
  t.like(responses[0], { status: 200, body: '', complete: true });
});

test('a header can lie about its token', (t) => {
  const key = makeKey('ES256');
  const claims = accessClaims({ iss: 'x', sub: undefined });
  const token = signToken(key, claims, { alg: 'none', kid: undefined });
  t.deepEqual(jose.decodeProtectedHeader(token), { alg: 'none', typ: 'at+jwt' });
  t.false('sub' in jose.decodeJwt(token));
  t.is(
    compactToken('{}', Buffer.from([0xff]), () => Buffer.alloc(0)),
    'e30._w.',
  );
});

test('a key server publishes for an issuer, at either address, and counts', async (t) => {
  const keys = [makeKey('ES256'), makeKey('EdDSA')];
  for (const [discovery, path] of [
    ['oidc', '/.well-known/openid-configuration'],
    ['rfc8414', '/.well-known/oauth-authorization-server'],
  ] as const) {
    const server = await serveJwks(keys, { discovery });
    t.teardown(server.close);
    t.like(await (await fetch(server.url + path)).json(), { issuer: server.issuer, jwks_uri: server.jwksUri });
    t.deepEqual(await (await fetch(server.jwksUri)).json(), { keys: keys.map(({ jwk }) => jwk) });
    t.deepEqual(server.requests, { discovery: 1, jwks: 1 });
    server.publish([{ kty: 'oct', k: 'AA' }]);
    t.deepEqual(await (await fetch(server.jwksUri)).json(), { keys: [{ kty: 'oct', k: 'AA' }] });
  }
  const other = await serveJwks(keys, { issuer: 'https://other.example', discovery: 'none' });
  t.teardown(other.close);
  t.is(other.issuer, 'https://other.example');
  t.is((await fetch(`${other.url}/.well-known/openid-configuration`)).status, 404);
});

const SEEN: Record<Exclude<KeyServerBehaviour, 'hang'>, string> = {
  serve: '200 keys',
  refuse: 'ECONNREFUSED',
  reset: 'broken',
  error: '500 json',
  html: '200 no json',
  'bad-json': '200 no json',
  huge: '200 long',
  redirect: '302 no json',
  empty: '200 empty',
};

function kindOf(text: string): string {
  if (text.length > 1_000_000) return 'long';
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown[] };
    return keys === undefined ? 'json' : keys.length > 0 ? 'keys' : 'empty';
  } catch {
    return 'no json';
  }
}

test('a key server fails as it is told, and comes back on the same port', async (t) => {
  const server = await serveJwks([makeKey('ES256')]);
  t.teardown(server.close);
  const look = async () => {
    try {
      const response = await fetch(server.jwksUri, { redirect: 'manual' });
      return `${response.status} ${kindOf(await response.text())}`;
    } catch (error) {
      return ((error as Error).cause as { code?: string })?.code === 'ECONNREFUSED' ? 'ECONNREFUSED' : 'broken';
    }
  };
  for (const [behaviour, seen] of Object.entries(SEEN)) {
    await server.behave(behaviour as KeyServerBehaviour);
    t.is(await look(), seen, behaviour);
  }
  await server.behave('redirect', 'jwks');
  t.is((await fetch(server.jwksUri)).status, 200);
  await server.behave('serve');
  t.is(await look(), '200 keys');
});

test('requests that hang are answered when the key server changes its mind', async (t) => {
  const server = await serveJwks([makeKey('ES256')]);
  t.teardown(server.close);
  await server.behave('hang', 'jwks');
  const pending = Promise.all([fetch(server.jwksUri), fetch(server.jwksUri)]);
  while (server.requests.jwks < 2) await sleep(5);
  t.is(await Promise.race([pending, sleep(30, 'nothing')]), 'nothing');
  await server.behave('serve');
  t.deepEqual(
    (await pending).map(({ status }) => status),
    [200, 200],
  );
});
