import test from 'ava';
import { renderProblems } from '../../src/config/render.ts';
import { edited } from './mistakes.ts';
import { load, problemsOf } from './support.ts';

interface Unwise {
  readonly name: string;
  readonly edit: readonly string[];
  readonly at: readonly [line: number, column: number];
  /** The edit that says it is meant, where a route can. */
  readonly meant?: readonly string[];
}

const PUBLIC = ['<     match: { path: /health }', '>     match: { path: "/orders/{id}/status" }'];

const UNWISE: readonly Unwise[] = [
  {
    name: 'useless-key',
    edit: [
      '<     issuer: https://login.example.com',
      '>     issuer: https://login.example.com',
      '>     keys: { inline: [{ kty: oct, k: c2VjcmV0 }] }',
    ],
    at: [7, 21],
  },
  {
    name: 'public-under-guarded',
    edit: PUBLIC,
    at: [30, 11],
    meant: ['<     auth: public', '>     auth: public', '>     acknowledge: [public-under-guarded]'],
  },
  {
    name: 'token-forwarded',
    edit: ['<     upstream: orders', '>     upstream: orders', '>     token: forward'],
    at: [25, 12],
    meant: ['<     rewrite: { stripPrefix: /orders }', '>     acknowledge: [token-forwarded]'],
  },
  {
    name: 'token-in-query',
    edit: ['<       scopes: [orders:read]', '>       tokenFrom: [authorization, { query: access_token }]'],
    at: [22, 34],
    meant: ['<     rewrite: { stripPrefix: /orders }', '>     acknowledge: [token-in-query]'],
  },
  {
    name: 'websocket-by-cookie',
    edit: [
      '<       scopes: [orders:read]',
      '<       claims: { tenant: acme }',
      '>       tokenFrom: [{ cookie: session }]',
      '>     websocket: true',
    ],
    at: [23, 16],
    meant: ['<     rewrite: { stripPrefix: /orders }', '>     acknowledge: [websocket-by-cookie]'],
  },
  {
    name: 'websocket-by-cookie',
    edit: [
      '<       scopes: [orders:read]',
      '<       claims: { tenant: acme }',
      '>       tokenFrom: [{ cookie: session }]',
      '>     cors: { origins: ["*"] }',
      '>     websocket: true',
    ],
    at: [24, 16],
  },
  {
    name: 'header-kept',
    edit: ['<       set: { X-User: "{claims.sub}" }', '>       keep: [True-Client-IP]'],
    at: [27, 14],
    meant: ['<     rewrite: { stripPrefix: /orders }', '>     acknowledge: [header-kept]'],
  },
  {
    name: 'useless-keep',
    edit: ['<       set: { X-User: "{claims.sub}" }', '>       keep: [X-Own]'],
    at: [27, 14],
    meant: ['<     rewrite: { stripPrefix: /orders }', '>     acknowledge: [useless-keep]'],
  },
  {
    name: 'secret-in-clear',
    edit: ['<       set: { X-User: "{claims.sub}" }', '>       set: { Authorization: Basic hunter2 }'],
    at: [27, 29],
    meant: ['<     rewrite: { stripPrefix: /orders }', '>     acknowledge: [secret-in-clear]'],
  },
  {
    name: 'secret-in-clear',
    edit: [
      '<     url: http://orders.internal:3000',
      '>     url: http://orders.internal:3000',
      '>     headers: { set: { X-Api-Key: hunter2 } }',
    ],
    at: [12, 34],
  },
  {
    name: 'unused-upstream',
    edit: ['<   orders:', '>   older: { url: "http://older.internal" }', '>   orders:'],
    at: [10, 3],
  },
  {
    name: 'unused-issuer',
    edit: ['<   main:', '>   older: { issuer: "https://older.example.com", audience: x }', '>   main:'],
    at: [5, 3],
  },
  {
    name: 'methods-left-public',
    edit: ['<     match: { path: /health }', '>     match: { path: "/**" }'],
    at: [20, 16],
    meant: ['<     rewrite: { stripPrefix: /orders }', '>     acknowledge: [methods-left-public]'],
  },
  {
    name: 'unreachable',
    edit: ['<     match: { path: /health }', '>     match: { path: "/a/b;c/{d}" }'],
    at: [29, 20],
    meant: ['<     auth: public', '>     auth: public', '>     acknowledge: [unreachable]'],
  },
  {
    name: 'look-alike-scope',
    edit: ['<     auth: public', '>     auth: { scopes: { any: [order:read, other] } }'],
    at: [30, 29],
    meant: [
      '<     match: { path: /health }',
      '>     acknowledge: [look-alike-scope]',
      '>     match: { path: /health }',
    ],
  },
  {
    name: 'admin-exposed',
    edit: ['<   port: 8080', '>   port: 8080', '> admin: { host: "::" }'],
    at: [4, 16],
    meant: ['< publicUrl: https://api.example.com', '> acknowledge: [admin-exposed]'],
  },
  {
    name: 'insecure-public-url',
    edit: ['< publicUrl: https://api.example.com', '> publicUrl: http://api.example.com'],
    at: [1, 12],
    meant: ['<   port: 8080', '>   port: 8080', '> acknowledge: [insecure-public-url]'],
  },
  {
    name: 'long-clock-tolerance',
    edit: ['<     audience: orders-api', '>     audience: orders-api', '>     clockTolerance: 301s'],
    at: [8, 21],
    meant: ['< publicUrl: https://api.example.com', '> acknowledge: [long-clock-tolerance]'],
  },
  {
    name: 'unusable-keys-file',
    edit: ['<     audience: orders-api', '>     audience: orders-api', '>     keys: { file: keys/none.json }'],
    at: [8, 19],
    meant: ['< publicUrl: https://api.example.com', '> acknowledge: [unusable-keys-file]'],
  },
  {
    name: 'secret-in-clear',
    edit: [
      '<     algorithms: [RS256, ES256]',
      '>     algorithms: [HS256]',
      '>     keys: { secret: 0123456789-0123456789-0123456789 }',
    ],
    at: [9, 21],
    meant: ['< publicUrl: https://api.example.com', '> acknowledge: [secret-in-clear]'],
  },
  { name: 'trusts-everybody', edit: ['<   port: 8080', '>   trustedProxies: [10.0.0.0/8, 0.0.0.0/0]'], at: [3, 32] },
];

for (const { name, edit, at, meant } of UNWISE) {
  test(`${name} is a warning in line ${at[0]}, and no reason not to start`, (t) => {
    const loaded = load(edited(edit));
    t.true(loaded.ok);
    t.deepEqual(
      loaded.ok && loaded.warnings.map((warning) => [warning.name, warning.severity, warning.line, warning.column]),
      [[name, 'warning', ...at]],
    );
  });
  if (meant) {
    test(`${name} is silent where it is acknowledged (line ${at[0]})`, (t) =>
      t.deepEqual(problemsOf(edited([...edit, ...meant])), []));
  }
}

test('a credential in clear is not shown', (t) => {
  const yaml = edited(['<       set: { X-User: "{claims.sub}" }', '>       set: { Authorization: Basic hunter2 }']);
  const text = renderProblems(problemsOf(yaml), { color: false });
  t.true(text.includes('set: { Authorization: …'));
  t.false(text.includes('hunter2'));
});

test('a credential that comes from elsewhere is as it should be', (t) => {
  const yaml = edited([
    '<       set: { X-User: "{claims.sub}" }',
    `>       set: { Authorization: "Basic \${KEY}", X-Token-Owner: "{claims.sub}" }`,
  ]);
  t.deepEqual(problemsOf(yaml, { KEY: 'hunter2' }), []);
});

test('everything lies under a guard over all paths, so that is no reason to warn', (t) => {
  const yaml = edited([
    '<       path: /orders/{id}/**',
    '>       path: /**',
    '<     rewrite: { stripPrefix: /orders }',
  ]);
  t.deepEqual(problemsOf(yaml), []);
});

test('a public route of other methods or of another host lies under no guard', (t) => {
  for (const match of ['methods: [POST]', 'host: other.example.com']) {
    const guarded = ['<       path: /orders/{id}/**', '>       path: /orders/{id}/**', '>       host: api.example.com'];
    const yaml = edited([...guarded, '<     match: { path: /health }', `>     match: { path: /orders/x/y, ${match} }`]);
    t.deepEqual(problemsOf(yaml), []);
  }
});

test('beside an error, what nothing uses is not told: it may be the error that keeps it from use', (t) => {
  const yaml = edited([
    '<     upstream: orders',
    '>     upstream: ordres',
    '<     upstream: orders',
    '>     upstream: ordres',
  ]);
  t.deepEqual(
    problemsOf(yaml).map(({ name }) => name),
    ['unknown-upstream', 'unknown-upstream'],
  );
});

const KEYS_FILE = ['<     audience: orders-api', '>     audience: orders-api', '>     keys: { file: jwks.json }'];

for (const [text, flaw] of [
  ['{', '`jwks.json` is no JSON'],
  ['{}', '`jwks.json` has no usable keys: the document is no JWK Set: it has no list named keys'],
] as const) {
  test(`a file of keys that holds ${text} is told of`, (t) => {
    const [problem, ...others] = problemsOf(edited(KEYS_FILE), {}, { '/etc/bearergate/jwks.json': text });
    t.is(problem?.message, flaw);
    t.is(others.length, 0);
  });
}

const METHODS: readonly (readonly [title: string, routes: readonly string[]])[] = [
  ['a guard over all methods lies between', ['/orders/** guarded', 'GET /orders/{id} guarded', '/** public']],
  ['another guard takes the rest', ['GET,HEAD /a guarded', 'POST,PUT,PATCH,DELETE /a guarded', '/a public']],
  ['only a preflight is public', ['GET /a guarded', 'OPTIONS /** public']],
  ['the public route has the same methods', ['GET /a/b guarded', 'GET /a/** public']],
  ['the public route is for another path', ['GET /a/b guarded', '/b/** public']],
];

const routesOf = (routes: readonly string[]) =>
  routes.flatMap((text, index) => {
    const [, methods, path, auth] = /^(?:([A-Z,]+) )?(\S+) (\w+)$/.exec(text) ?? [];
    const rest = `${methods ? `, methods: [${methods}]` : ''} }, upstream: orders`;
    return `>   - { id: r${index}, match: { path: "${path}"${rest}, auth: ${auth === 'public' ? 'public' : '{}'} }`;
  });

for (const [title, routes] of METHODS) {
  test(`no method is left public where ${title}`, (t) => {
    const names = problemsOf(edited(['< routes:', '> routes:', ...routesOf(routes)])).map(({ name }) => name);
    t.false(names.includes('methods-left-public'), names.join());
  });
}

for (const routes of [
  ['GET /a guarded', '/a public'],
  ['GET /a/{b} guarded', 'POST /a/{b}/** public'],
  ['GET /a/{b} guarded', '/{c}/x public', '/{c}/{d} public'],
]) {
  test(`methods are left public by ${routes.join(', ')}`, (t) => {
    const names = problemsOf(edited(['< routes:', '> routes:', ...routesOf(routes)])).map(({ name }) => name);
    t.true(names.includes('methods-left-public'), names.join());
  });
}

for (const scopes of ['orders:v1, orders:v2', 'read:a, read:b', 'orders:read, orders:list', 'car:read, cat:read']) {
  test(`${scopes} do not look alike`, (t) => {
    const yaml = edited(['<       scopes: [orders:read]', `>       scopes: [${scopes}]`]);
    t.deepEqual(problemsOf(yaml), []);
  });
}
