import { createServer } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { FakeClock } from './support/clock.ts';
import { codeOf, requestBytes, startBehind } from './support/gateway.ts';
import { closeNow, listenOnLoopback } from './support/listen.ts';
import { type OidcProvider, startOidcProvider } from './support/oidc.ts';

// Opaque tokens from one end to the other: oidc-provider issues them and answers about them, a gateway asks.

const OPAQUE = 'urn:opaque-api';
const JWT = 'urn:orders-api';

interface Wanted {
  readonly auth?: 'basic' | 'post';
  readonly clientSecret?: string;
  readonly url?: string;
  readonly timeout?: string;
  readonly cacheFor?: string;
  readonly audience?: string;
}

/** A provider, and a gateway whose routes take opaque tokens, JWTs, or both of it. */
async function world(t: ExecutionContext, wanted: Wanted = {}, clock?: FakeClock) {
  const provider = await startOidcProvider();
  t.teardown(() => provider.close());
  const { url, clientId, clientSecret } = provider.introspection;
  const { auth = 'basic', timeout = '10s', cacheFor = '60s' } = wanted;
  const issuers = {
    opaque: {
      issuer: provider.issuer,
      audience: wanted.audience ?? OPAQUE,
      introspection: {
        ...{ url: wanted.url ?? url, clientId, auth, timeout, cacheFor },
        clientSecret: `\${GATEWAY_SECRET}`,
      },
    },
    strict: {
      issuer: provider.issuer,
      audience: 'urn:other-api',
      introspection: { url, clientId, clientSecret: `\${GATEWAY_SECRET}` },
    },
    signed: { issuer: provider.issuer, audience: JWT },
  };
  const route = (id: string, auth: object) => ({ id, match: { path: `/${id}/**` }, auth });
  const { gateway, upstream } = await startBehind(t, {
    log: { level: 'info' },
    issuers,
    variables: { GATEWAY_SECRET: wanted.clientSecret ?? clientSecret },
    routes: [
      route('opaque', { issuers: ['opaque'] }),
      route('strict', { issuers: ['strict'] }),
      route('read', { issuers: ['opaque'], scopes: ['orders:read'] }),
      route('write', { issuers: ['opaque'], scopes: ['orders:write'] }),
      route('both', { issuers: ['signed', 'opaque'] }),
      route('signed', { issuers: ['signed'] }),
      route('main', { issuers: ['main', 'opaque'] }),
    ].map((entry) => ({
      ...entry,
      headers: { set: { 'X-Client': '{claims.client_id}', 'X-Tenant': '{claims.tenant}' } },
    })),
    ...(clock ? { options: { clock } } : {}),
  });
  const ask = (path: string, token: string) =>
    gateway.ask(requestBytes({ target: `/${path}/1`, headers: [['Authorization', `Bearer ${token}`]] }), {
      timeoutMs: 20_000,
    });
  const opaque = (scope?: string) => provider.token({ resource: OPAQUE, ...(scope === undefined ? {} : { scope }) });
  /** Whatever anybody but the client and the issuer gets to see. */
  const seen = () => JSON.stringify([gateway.lines, upstream.requests.map(({ head }) => head)]);
  return { provider, gateway, upstream, ask, opaque, seen, secret: clientSecret };
}

for (const auth of ['basic', 'post'] as const) {
  // oidc-provider takes a client by the one method it is registered with; `post` is told to a relay that translates.
  test.serial(`an opaque token of a real provider opens what it is for: asked once, by ${auth}`, async (t) => {
    const relay = auth === 'post' ? await startRelay(t) : undefined;
    const { provider, ask, opaque, upstream, seen, secret } = await world(t, {
      auth,
      ...(relay ? { url: relay.url } : {}),
    });
    relay?.to(provider);
    const token = await opaque('orders:read');
    t.false(token.includes('.'), 'it is opaque indeed');
    const served = await Promise.all(Array.from({ length: 100 }, () => ask('opaque', token)));
    t.deepEqual([...new Set(served.map(({ status }) => status))], [200]);
    t.is(provider.requests.introspection, 1);
    t.deepEqual(upstream.requests[0]?.values('x-client'), ['service']);
    t.is((await ask('read', token)).status, 200);
    const refused = await ask('write', token);
    t.is(refused.status, 403);
    t.is(codeOf(refused), 'authorise.scope');
    t.regex(refused.header('www-authenticate') ?? '', /error="insufficient_scope".*scope="orders:write"/);
    t.true(provider.requests.introspection <= 3, 'at most once a route');
    for (const told of [token, secret]) t.false(seen().includes(told));
  });
}

/** A relay that takes a client from the form and puts it into the header, towards a provider that knows no other way. */
async function startRelay(t: ExecutionContext) {
  let target = '';
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    const [id, secret] = ['client_id', 'client_secret'].map((name) => {
      const value = form.get(name) ?? '';
      form.delete(name);
      return encodeURIComponent(value);
    });
    t.is(request.headers.authorization, undefined);
    const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
    const answer = await fetch(target, { method: 'POST', headers: { authorization }, body: form });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  const { url } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  return {
    url: `${url}/introspect`,
    to: (provider: OidcProvider) => {
      target = provider.introspection.url;
    },
  };
}

test.serial('a token that nobody issued is inactive, and not asked about again at once', async (t) => {
  const { provider, ask, seen } = await world(t);
  for (let count = 0; count < 3; count += 1) {
    const refused = await ask('opaque', 'never-issued-by-anybody');
    t.is(refused.status, 401);
    t.is(codeOf(refused), 'token.inactive');
    t.regex(refused.header('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/);
    t.false(refused.body.includes('never-issued'));
  }
  t.is(provider.requests.introspection, 1);
  t.false(seen().includes('never-issued'));
});

test.serial('a token for another audience is refused, and by that route alone', async (t) => {
  const { ask, opaque } = await world(t);
  const token = await opaque();
  for (let round = 0; round < 2; round += 1) {
    const refused = await ask('strict', token);
    t.is(refused.status, 401);
    t.is(codeOf(refused), 'token.audience');
    t.is((await ask('opaque', token)).status, 200);
  }
});

test.serial(
  'a wrong client secret is 503 for the client and 401 in the log, and nobody sees token or secret',
  async (t) => {
    const { ask, opaque, gateway, seen } = await world(t, { clientSecret: 'S3CRET-of-yesterday' });
    const token = await opaque();
    const refused = await ask('opaque', token);
    t.is(refused.status, 503);
    t.is(codeOf(refused), 'verify.introspection-unavailable');
    t.is(refused.header('retry-after'), '5');
    t.is(refused.header('www-authenticate'), undefined);
    // Ports and request ids may have these digits too.
    const { instance, ...body } = JSON.parse(refused.body) as Record<string, unknown>;
    const words = JSON.stringify(body).replaceAll(/:\d+/g, '');
    t.notRegex(words, /401|ntrospection answered/, 'whose fault it is, is no business of the client');
    const line = await gateway.waitForLine(({ code }) => code === 'verify.introspection-unavailable');
    t.like(line, { level: 'warn', status: 503, route: 'opaque' });
    t.regex(String(line.cause), /\/token\/introspection answered 401$/);
    for (const told of [token, 'S3CRET-of-yesterday', Buffer.from('gateway:S3CRET-of-yesterday').toString('base64')])
      t.false(seen().includes(told) || JSON.stringify([refused.head, refused.body]).includes(told));
  },
);

test.serial(
  'a provider that goes away is 503, except for what is remembered, and is asked again when it is back',
  async (t) => {
    const clock = new FakeClock(Date.now());
    const { provider, ask, opaque } = await world(t, { cacheFor: '30s' }, clock);
    const [known, fresh] = [await opaque(), await opaque()];
    t.is((await ask('opaque', known)).status, 200);
    await provider.close();
    t.is((await ask('opaque', known)).status, 200);
    const refused = await ask('opaque', fresh);
    t.is(codeOf(refused), 'verify.introspection-unavailable');
    clock.jump(30_000);
    t.is(codeOf(await ask('opaque', known)), 'verify.introspection-unavailable');
  },
);

test.serial('what the provider said is not used beyond `cacheFor` or behind the time it was said', async (t) => {
  const clock = new FakeClock(Date.now());
  const { provider, ask, opaque } = await world(t, { cacheFor: '30s' }, clock);
  const token = await opaque();
  const asked: number[] = [];
  for (const jump of [0, 29_999, 1, -1, 0]) {
    clock.jump(jump);
    t.is((await ask('opaque', token)).status, 200);
    asked.push(provider.requests.introspection);
  }
  t.deepEqual(asked, [1, 1, 2, 3, 3]);
});

test.serial('a route that takes both kinds has each checked in its own way', async (t) => {
  const { provider, ask, opaque } = await world(t);
  const jwt = await provider.token({ resource: JWT });
  t.is((await ask('both', jwt)).status, 200);
  t.is(provider.requests.introspection, 0);
  t.is(provider.requests.jwks, 1);
  const token = await opaque();
  t.is((await ask('both', token)).status, 200);
  t.is(provider.requests.introspection, 1);
  const onSigned = await ask('signed', token);
  t.is(codeOf(onSigned), 'token.malformed');
  for (const broken of [jwt.slice(0, -1), `${jwt}.x`, jwt.slice(0, jwt.lastIndexOf('.')), 'eyJx.eyJ.x'])
    t.is(codeOf(await ask('both', broken)), 'token.malformed');
  t.is(provider.requests.introspection, 1);
  t.is(provider.requests.jwks, 1);
});

test.serial('a JWT of another issuer of the route is never shown to the provider', async (t) => {
  const { provider, ask, gateway } = await world(t);
  t.is((await ask('main', gateway.token())).status, 200);
  t.is(codeOf(await ask('main', gateway.token({ aud: 'x' }))), 'token.audience');
  t.is(codeOf(await ask('main', gateway.token({ iss: 'https://x.example.com' }))), 'token.issuer');
  t.is(codeOf(await ask('opaque', gateway.token())), 'token.issuer');
  t.is(provider.requests.introspection, 0);
});

test.serial('no token is ever in an address that the provider is asked at', async (t) => {
  const urls: string[] = [];
  const server = createServer((request, response) => {
    urls.push(String(request.url));
    response.end(JSON.stringify({ active: true, aud: OPAQUE }));
  });
  const { url } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  const { ask, opaque } = await world(t, { url: `${url}/introspect?realm=a` });
  t.is((await ask('opaque', await opaque())).status, 200);
  t.deepEqual(urls, ['/introspect?realm=a']);
});

for (const [how, timeout, act] of [
  ['hangs', '1s', () => {}],
  [
    'sends 64 MiB',
    '5m',
    (response: import('node:http').ServerResponse) =>
      void response.end(`{"active":true,"aud":"${OPAQUE}","x":"${'x'.repeat(64 * 1024 * 1024)}"}`),
  ],
  [
    'redirects to one that says yes',
    '5m',
    (response: import('node:http').ServerResponse) => void response.writeHead(302, { location: '/yes' }).end(),
  ],
  [
    'sends a page',
    '5m',
    (response: import('node:http').ServerResponse) => void response.end('<!doctype html><p>Back soon.'),
  ],
] as const) {
  test.serial(`an endpoint that ${how} makes requests 503 within the time it has`, async (t) => {
    const server = createServer((request, response) => {
      request.resume();
      if (request.url === '/yes') response.end(JSON.stringify({ active: true, aud: OPAQUE }));
      else act(response);
    });
    const { url } = await listenOnLoopback(server);
    t.teardown(() => closeNow(server));
    const { ask, opaque, seen } = await world(t, { url: `${url}/introspect`, timeout });
    const token = await opaque();
    // Where it is not the time that ends the question, the client would have given up long before.
    const refused = await ask('opaque', token);
    t.is(refused.status, 503);
    t.is(codeOf(refused), 'verify.introspection-unavailable');
    t.is(refused.header('retry-after'), '5');
    t.false(seen().includes(token));
  });
}
