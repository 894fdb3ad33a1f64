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
    test(`${name} is silent on a route that acknowledges it`, (t) =>
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
