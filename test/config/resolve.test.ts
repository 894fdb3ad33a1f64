import test from 'ava';
import { ASYMMETRIC_ALGORITHMS } from '../../src/verify/algorithms.ts';
import type { IssuerSettings, KeySource } from '../../src/verify/settings.ts';
import { edited } from './mistakes.ts';
import { loadGood } from './support.ts';

const MINIMAL = `
issuers: { main: { issuer: https://login.example.com, audience: api } }
upstreams: { api: { url: "HTTP://API.internal:80/" } }
routes:
  - { id: all, match: { path: "/**" }, auth: { issuers: [main] }, upstream: api }
`;

test('a configuration that says nothing gets the defaults', (t) => {
  const { config } = loadGood(MINIMAL);
  t.like(config, {
    listen: { host: '0.0.0.0', port: 8080, trustedProxies: [] },
    admin: { host: '127.0.0.1', port: 9090 },
    drain: { delay: 5000, timeout: 30_000 },
    errors: { publicUrl: undefined, format: 'problem', detail: 'client' },
    tokenCache: { maxEntries: 100_000, maxAge: 300_000, rejectedFor: 10_000 },
  });
  t.deepEqual(config.listen.limits, {
    headers: 16 * 1024,
    token: 8 * 1024,
    headersTimeout: 10_000,
    requestTimeout: 300_000,
    keepAlive: 75_000,
    stalled: 30_000,
    maxConnections: 10_000,
  });
});

test('an issuer that says nothing is discovered and takes every asymmetric algorithm', (t) => {
  t.deepEqual(loadGood(MINIMAL).config.issuers, [
    {
      name: 'main',
      issuer: 'https://login.example.com',
      audience: ['api'],
      keys: {
        source: { kind: 'discovery' },
        allowHttp: false,
        refresh: 600_000,
        cooldown: 30_000,
        maxStale: 86_400_000,
        timeout: 5000,
        snapshot: undefined,
      },
      algorithms: [...ASYMMETRIC_ALGORITHMS],
      tokenType: 'access',
      clockTolerance: 30_000,
      maxTokenAge: undefined,
      requiredClaims: ['sub'],
    },
  ]);
});

test('a route that says nothing looks at Authorization and strips the token', (t) => {
  const { routes, issuers, upstreams } = loadGood(MINIMAL).config;
  t.deepEqual(routes, [
    {
      id: 'all',
      host: undefined,
      path: { source: '/**', segments: [{ kind: 'rest' }] },
      methods: undefined,
      allow: [],
      guard: { issuers: [...issuers], scopes: undefined, tokenFrom: [{ kind: 'authorization' }], claims: [] },
      upstream: {
        name: 'api',
        urls: ['http://api.internal'],
        balance: 'least-busy',
        timeouts: { connect: 2000, response: 30_000, idle: 300_000 },
        connections: 128,
        queue: 1024,
        connectionMaxAge: 300_000,
        tls: { ca: undefined, cert: undefined, key: undefined, serverName: undefined },
        health: undefined,
        host: 'keep',
        origins: [],
        headers: [],
      },
      rewrite: { stripPrefix: '', addPrefix: '' },
      headers: { set: [], remove: [], keep: [] },
      responseHeaders: { set: [], remove: [] },
      token: 'strip',
      websocket: false,
      streams: { endWithToken: true, grace: 0 },
      maxBody: undefined,
      retries: 1,
      responseTimeout: 30_000,
      cors: undefined,
    },
  ]);
  t.is(routes[0]?.upstream, upstreams[0]);
});

const KEYS: readonly [title: string, keys: string, source: object][] = [
  ['an address', '{ url: "https://keys.example.com/jwks" }', { kind: 'url', url: 'https://keys.example.com/jwks' }],
  [
    'a file beside the configuration',
    '{ file: ./keys/jwks.json }',
    { kind: 'file', path: '/etc/bearergate/keys/jwks.json' },
  ],
  ['a file elsewhere', '{ file: /run/jwks.json }', { kind: 'file', path: '/run/jwks.json' }],
  [
    'keys in place',
    '{ inline: [{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }] }',
    { kind: 'inline', keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }] },
  ],
  ['discovery that is said', '{ discovery: true }', { kind: 'discovery' }],
];

for (const [title, keys, source] of KEYS) {
  test(`keys may come from ${title}`, (t) => {
    const yaml = edited(['<     audience: orders-api', '>     audience: [a, b]', `>     keys: ${keys}`]);
    const [issuer] = loadGood(yaml).config.issuers;
    t.deepEqual((issuer as IssuerSettings).keys.source, source as KeySource);
    t.deepEqual(issuer?.audience, ['a', 'b']);
  });
}

test('an issuer that is no address is fine where its keys do not come from it', (t) => {
  const yaml = edited([
    '<     issuer: https://login.example.com',
    '>     issuer: legacy-login',
    '>     keys: { file: jwks.json }',
  ]);
  t.is(loadGood(yaml).config.issuers[0]?.issuer, 'legacy-login');
});

test('plain http is fine on this machine, and elsewhere where it is said', (t) => {
  const issuer = (address: string) => ['<     issuer: https://login.example.com', `>     issuer: ${address}`];
  t.true(loadGood(edited(issuer('http://localhost:8081'))).ok);
  t.true(loadGood(edited([...issuer('http://login.internal'), '>     keys: { allowHttp: true }'])).ok);
});

test('the auth of a route goes over the defaults field by field', (t) => {
  const yaml = edited([
    '<     issuers: [main]',
    '>     issuers: [main, main]',
    '>     scopes: { any: [all] }',
    '>     tokenFrom: [{ cookie: token }, { header: X-Token }]',
    '<       claims: { tenant: acme }',
    '>       claims: { plan: { in: [pro, 7] }, "realm_access.roles": { contains: admin }, sub: { exists: true } }',
  ]);
  const [first] = loadGood(yaml).config.routes;
  t.like(first?.guard, {
    scopes: { kind: 'all', scopes: ['orders:read'] },
    tokenFrom: [
      { kind: 'cookie', name: 'token' },
      { kind: 'header', name: 'x-token' },
    ],
    claims: [
      ['plan', { kind: 'in', values: ['pro', 7] }],
      ['realm_access.roles', { kind: 'contains', value: 'admin' }],
      ['sub', { kind: 'exists', exists: true }],
    ],
  });
  t.is(first?.guard !== 'public' && first?.guard.issuers.length, 1);
});

test('headers keep the spelling they are set with, and are removed by lower-case names', (t) => {
  const yaml = edited(
    [
      '>     responseHeaders: { remove: [Server, X-Powered-By] }',
      '<     rewrite: { stripPrefix: /orders }',
    ].toReversed(),
  );
  const [first] = loadGood(yaml).config.routes;
  t.is(first?.headers.set[0]?.[0], 'X-User');
  t.deepEqual(first?.responseHeaders.remove, ['server', 'x-powered-by']);
});

test("a route's time for an answer goes over its upstream's", (t) => {
  const yaml = edited([
    '<     timeouts: { response: 30s }',
    '>     timeouts: { response: 7s }',
    '<     auth: public',
    '>     auth: public',
    '>     timeouts: { response: 2m }',
  ]);
  t.deepEqual(
    loadGood(yaml).config.routes.map((route) => route.responseTimeout),
    [7000, 120_000],
  );
});
