import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import type { AuthenticatedRequest, TokenOptions } from '../../src/library/api.ts';
import { requireToken } from '../../src/library/middleware.ts';
import { startIssuer } from '../../src/library/testing.ts';

/** What a framework's example answers to a request. */
type Send = (path: string, headers?: Record<string, string>, method?: string) => Promise<Response>;

async function issuerFor(t: ExecutionContext) {
  const issuer = await startIssuer();
  t.teardown(() => issuer.close());
  return issuer;
}

async function listen(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const over =
  (url: string): Send =>
  (path, headers = {}, method = 'GET') =>
    fetch(url + path, { headers, method });

const FRAMEWORKS: Readonly<Record<string, (t: ExecutionContext, options: TokenOptions) => Promise<Send>>> = {
  async Express(t, options) {
    const guard = requireToken(options);
    t.teardown(() => guard.close());
    const app = express();
    app.use(guard);
    app.get('/who', (request, response) => {
      response.json((request as unknown as AuthenticatedRequest).auth);
    });
    return over(await listen(t, app));
  },

  async Fastify(t, options) {
    const hook = requireToken.fastify(options);
    t.teardown(() => hook.close());
    const app = fastify();
    app.addHook('onRequest', hook);
    app.get('/who', async (request) => (request as unknown as AuthenticatedRequest).auth);
    t.teardown(() => app.close());
    return over(await app.listen({ host: '127.0.0.1', port: 0 }));
  },

  async Hono(t, options) {
    const app = new Hono<{ Bindings: { auth: unknown } }>();
    app.get('/who', (context) => context.json(context.env.auth as object));
    const guarded = requireToken.fetch(options, (request, auth) => app.fetch(request, { auth }));
    t.teardown(() => guarded.close());
    return (path, headers = {}, method = 'GET') =>
      guarded(new Request(`http://app.example${path}`, { headers, method }));
  },
};

for (const [framework, example] of Object.entries(FRAMEWORKS)) {
  test(`${framework}: a good token comes through with what it says, and a bad one gets the gateway's refusal`, async (t) => {
    const issuer = await issuerFor(t);
    const options = { issuer: issuer.url, audience: 'orders', scopes: ['read'], claims: { tenant: 'acme' } };
    const send = await example(t, options);
    const good = { aud: 'orders', scope: 'read write', tenant: 'acme', sub: 'alice' };
    const bearer = async (claims: object) => ({
      authorization: `Bearer ${await issuer.token({ ...good, ...claims })}`,
    });

    const allowed = await send('/who', await bearer({}));
    t.is(allowed.status, 200);
    const auth = (await allowed.json()) as { claims: { sub: string }; issuer: string; scopes: string[] };
    t.like(auth, { issuer: issuer.url, scopes: ['read', 'write'] });
    t.is(auth.claims.sub, 'alice');

    const past = Math.floor(Date.now() / 1000) - 3600;
    const refusals: [string, Record<string, string>, number, string][] = [
      ['no token', {}, 401, 'token.missing'],
      ['an expired one', await bearer({ exp: past }), 401, 'token.expired'],
      ['another audience', await bearer({ aud: 'else' }), 401, 'token.audience'],
      ['a scope too few', await bearer({ scope: 'write' }), 403, 'authorise.scope'],
      ['another tenant', await bearer({ tenant: 'globex' }), 403, 'authorise.claim'],
      ['a token bound to a key', await bearer({ cnf: { jkt: 'x' } }), 401, 'token.type'],
      [
        'two tokens in one field',
        { authorization: `Bearer ${await issuer.token(good)}, Bearer x` },
        400,
        'token.request',
      ],
    ];
    for (const [what, headers, status, code] of refusals) {
      const refused = await send('/who', headers);
      t.is(refused.status, status, what);
      t.is(refused.headers.get('content-type'), 'application/problem+json', what);
      t.is(refused.headers.get('cache-control'), 'no-store', what);
      t.regex(refused.headers.get('www-authenticate') ?? '', /^Bearer/, what);
      const problem = (await refused.json()) as { code: string; fix: string; type: string };
      t.is(problem.code, code, what);
      t.truthy(problem.fix, what);
      t.is((await send(problem.type, { accept: 'application/json' })).status, 200, 'the page of the code is there');
    }
  });

  test(`${framework}: no path and no method is a way around`, async (t) => {
    const issuer = await issuerFor(t);
    const send = await example(t, { issuer: issuer.url, audience: 'orders' });
    for (const path of [
      '/who',
      '//who',
      '/./who',
      '/who?x=/.well-known/',
      '/%2e%2e/who',
      '/.well-known/bearergate/../../who',
    ])
      t.true([401, 404].includes((await send(path)).status), path);
    for (const method of ['HEAD', 'OPTIONS', 'POST', 'DELETE'])
      t.is((await send('/who', {}, method)).status, 401, method);
  });

  test(`${framework}: options that cannot be used are told at once, each with its problem`, async (t) => {
    const wrong = { issuer: 'login.example.com', audience: 'orders' } as TokenOptions;
    const error = await t.throwsAsync(async () => example(t, wrong));
    t.is(error?.name, 'ConfigError');
    t.regex(error?.message ?? '', /issuer/);
    t.true((error as unknown as { problems: unknown[] }).problems.length > 0);
  });
}

test('a second Authorization field is refused, whichever of them node would keep', async (t) => {
  const issuer = await issuerFor(t);
  const guard = requireToken({ issuer: issuer.url, audience: 'orders' });
  t.teardown(() => guard.close());
  const url = await listen(t, (request, response) => guard(request, response, () => response.end('in')));
  const token = await issuer.token({ aud: 'orders' });
  const answer = async (fields: string) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await once(socket, 'close');
    return text;
  };
  const field = `Authorization: Bearer ${token}\r\n`;
  t.regex(await answer(field), /^HTTP\/1\.1 200 /);
  t.regex(await answer(field + field), /^HTTP\/1\.1 400 [\s\S]*token\.ambiguous/);
});

test('an issuer that cannot be reached is told, and means 503 and never 401', async (t) => {
  const issuer = await startIssuer();
  const token = await issuer.token({ aud: 'orders' });
  await issuer.close();
  const failures: unknown[] = [];
  const guard = requireToken({ issuer: issuer.url, audience: 'orders', onKeysFailed: (error) => failures.push(error) });
  t.teardown(() => guard.close());
  const url = await listen(t, (request, response) => guard(request, response, () => response.end('in')));
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  t.is(response.status, 503);
  t.is(((await response.json()) as { code: string }).code, 'verify.keys-unavailable');
  t.truthy(response.headers.get('retry-after'));
  t.true(failures.length > 0);
});

test('a dollar and a brace in an option are text', async (t) => {
  const issuer = await issuerFor(t);
  const audience = '$' + '{HOME}';
  const guard = requireToken({ issuer: issuer.url, audience });
  t.teardown(() => guard.close());
  const url = await listen(t, (request, response) => guard(request, response, () => response.end('in')));
  const send = async (aud: string) =>
    (await fetch(url, { headers: { authorization: `Bearer ${await issuer.token({ aud })}` } })).status;
  t.is(await send(audience), 200);
  t.is(await send(process.env.HOME ?? 'home'), 401);
});

// Attack: none is needed. A check that the program believes it has asked for, and that is silently absent, lets every token in.
for (const [mistake, options, says] of [
  ['an option that does not exist', { scope: ['orders:read'] }, /unknown option `scope` \(did you mean `scopes`\?\)/],
  ['a claim rule that is undefined', { claims: { tenant: undefined } }, /`tenant` is undefined/],
  ['a value within a rule that is undefined', { claims: { plan: { in: [undefined] } } }, /`0` is undefined/],
  ['a claim rule that is a function', { claims: { tenant: () => true } }, /`tenant` is a function/],
  ['a number that JSON does not have', { claims: { level: Number.NaN } }, /`level` is NaN/],
  ['a number that JSON refuses', { claims: { level: 1n } }, /`level` is 1/],
  ['scopes that are null', { scopes: null }, /scopes/],
  ['scopes that are an empty text', { scopes: '' }, /scopes/],
  ['claims that are null', { claims: null }, /map/],
] as const) {
  test(`requireToken refuses ${mistake}, instead of checking less`, async (t) => {
    const issuer = await issuerFor(t);
    const good = { issuer: issuer.url, audience: 'orders' };
    const wrong = { ...good, ...options } as unknown as TokenOptions;
    for (const make of [
      requireToken,
      requireToken.fastify,
      (one: TokenOptions) => requireToken.fetch(one, () => new Response()),
    ]) {
      const error = t.throws(() => make(wrong));
      t.is(error?.name, 'ConfigError');
      t.regex(error?.message ?? '', says);
      await make(good).close(); // what is right is taken
    }
  });
}

test('requireToken without options, or without a handler, says what it needs', (t) => {
  for (const nothing of [undefined, null, 'https://login.example.com'])
    t.throws(() => requireToken(nothing as unknown as TokenOptions), { message: /issuer, audience/ });
  const fetchOnly = requireToken.fetch as (options: TokenOptions) => unknown;
  t.throws(() => fetchOnly({ issuer: 'https://login.example.com', audience: 'a' }), { message: /needs a handler/ });
});

test('an option that is there and undefined is one that is absent', async (t) => {
  const issuer = await issuerFor(t);
  const options = { issuer: issuer.url, audience: 'orders', scopes: undefined, claims: undefined, keys: undefined };
  await t.notThrowsAsync(async () => requireToken(options as unknown as TokenOptions).close());
});

test.serial('a throw of what comes behind the middleware does not run it a second time', async (t) => {
  const issuer = await issuerFor(t);
  const guard = requireToken({ issuer: issuer.url, audience: 'orders' });
  t.teardown(() => guard.close());
  const request = {
    rawHeaders: ['Host', 'a', 'Authorization', `Bearer ${await issuer.token({ aud: 'orders' })}`],
    headers: { host: 'a' },
    socket: {},
  } as unknown as Parameters<typeof guard>[0];
  const thrown = new Error('of the application');
  let calls = 0;
  // The test runner ends a process with an unhandled rejection: for this one it must not hear of it.
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  t.teardown(() => {
    for (const listener of others) process.on('unhandledRejection', listener);
  });
  const caught = new Promise((resolve) => process.once('unhandledRejection', resolve));
  guard(request, {} as Parameters<typeof guard>[1], () => {
    calls++;
    throw thrown;
  });
  t.is(await caught, thrown, 'it is reported as any other throw in a callback');
  t.is(calls, 1);
});
