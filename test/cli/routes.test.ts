import test, { type ExecutionContext } from 'ava';
import { run } from '../support/cli.ts';
import { temporaryFolder } from '../support/files.ts';

const CONFIG = `
listen: { port: 0 }
issuers:
  main: { issuer: "https://login.example.com", audience: orders }
  other: { issuer: "https://other.example.com", audience: orders }
upstreams:
  orders: { url: "http://orders.internal:3000" }
  hidden: { url: "\${HIDDEN}" }
defaults:
  auth: { issuers: [main], claims: { tenant: "\${TENANT}" } }
routes:
  - id: everything
    match: { path: /** }
    auth: public
    upstream: orders
  - id: orders
    match: { host: api.example.com, path: "/orders/{id}/**", methods: [GET, HEAD], allow: [semicolon] }
    auth:
      issuers: [main, other]
      scopes: { any: [orders:read, orders:all] }
      claims: { plan: { in: [pro, team] }, roles: { contains: admin }, sub: { exists: true }, level: 3 }
      tokenFrom: [authorization, { cookie: session }]
    upstream: orders
    rewrite: { stripPrefix: /orders, addPrefix: /v1 }
    maxBody: 1KiB
    acknowledge: [methods-left-public]
  - id: secret
    match: { host: "\${HOST}", path: /secret }
    upstream: hidden
    rewrite: { addPrefix: /below }
    token: forward
`;
const VARIABLES = { HIDDEN: 'http://hunter2.internal', TENANT: 'hunter2', HOST: 'hunter2.example.com' };

async function routes(t: ExecutionContext, argv: readonly string[], config = CONFIG) {
  const folder = await temporaryFolder({ 'gateway.yaml': config });
  t.teardown(folder.remove);
  const ran = await run(['routes', '--config', folder.file('gateway.yaml'), ...argv], VARIABLES);
  t.notRegex(ran.stdout, /hunter2/);
  return { ...ran, stdout: ran.stdout.replaceAll(`${folder.path}/`, '') };
}

test('routes are told in match order: who may enter, where it goes, what is warned of', async (t) => {
  const { code, stdout } = await routes(t, []);
  t.is(code, 0);
  const [head = '', first = '', second = '', warning = '', third = '', ...rest] = stdout.split('\n');
  const cells = (line: string) => line.split(/ {2,}/);
  t.deepEqual(cells(head), ['route', 'takes', 'who may enter', 'goes to']);
  t.deepEqual(cells(first), [
    'orders',
    'GET, HEAD api.example.com/orders/{id}/**',
    'tokens of main or other with any of orders:read, orders:all, plan: in pro, team, roles: contains admin, sub: exists true, level: 3 from authorization or cookie session',
    'orders (http://orders.internal:3000), /orders becomes /v1',
  ]);
  t.deepEqual(cells(second), [
    'secret',
    `\${HOST}/secret`,
    `tokens of main with tenant: \${TENANT}`,
    `hidden (\${HIDDEN}), below /below`,
  ]);
  t.regex(warning, /^ {2}warning: the upstream gets the client's token.* \(gateway\.yaml:\d+:\d+\)$/);
  t.deepEqual(cells(third), ['everything', '/**', 'anybody (public)', 'orders (http://orders.internal:3000)']);
  t.deepEqual(rest, ['']);
});

test('the same in JSON, with defaults put in', async (t) => {
  const { code, stdout } = await routes(t, ['--format', 'json']);
  t.is(code, 0);
  const [first, second, third] = JSON.parse(stdout).routes;
  t.deepEqual(first, {
    id: 'orders',
    match: { host: 'api.example.com', path: '/orders/{id}/**', methods: ['GET', 'HEAD'], allow: ['semicolon'] },
    auth: {
      issuers: ['main', 'other'],
      scopes: { any: ['orders:read', 'orders:all'] },
      claims: { plan: { in: ['pro', 'team'] }, roles: { contains: 'admin' }, sub: { exists: true }, level: 3 },
      tokenFrom: ['authorization', { cookie: 'session' }],
    },
    upstream: { name: 'orders', urls: ['http://orders.internal:3000'] },
    rewrite: { stripPrefix: '/orders', addPrefix: '/v1' },
    token: 'strip',
    maxBody: 1024,
    warnings: [],
  });
  t.deepEqual(second.auth, { issuers: ['main'], claims: { tenant: `\${TENANT}` }, tokenFrom: ['authorization'] });
  t.deepEqual(
    second.warnings.map(({ name }: { name: string }) => name),
    ['token-forwarded'],
  );
  t.is(third.auth, 'public');
});

test('a match tells who wins, why the others that came near lost, and how many did not', async (t) => {
  const { code, stdout } = await routes(t, ['--match', 'GET', 'https://api.example.com/orders/1/lines?x=1']);
  t.is(code, 0);
  t.deepEqual(
    stdout.split('\n').map((line) => line.split(/ {2,}/)),
    [
      [
        'wins',
        'orders',
        'GET, HEAD api.example.com/orders/{id}/**',
        'the most specific of those that take this request',
      ],
      ['loses', 'everything', '/**', 'api.example.com is more exact than any host'],
      ['1 other route with paths that do not match'],
      [''],
    ],
  );
});

test('a match does not show a host that came from elsewhere', async (t) => {
  const { code, stdout } = await routes(t, ['--match', 'GET', 'https://api.example.com/secret']);
  t.is(code, 0);
  t.true(stdout.includes('it is for another host'));
});

const ONE = CONFIG.replace('path: /**', 'path: /other, methods: [GET]');

for (const [title, argv, first] of [
  ['no path matches', ['GET', '/nothing'], 'none: route.not-found'],
  ['no route has the method', ['POST', '/other'], 'none: route.method. POST is not among the methods of this address.'],
  ['the target is refused', ['GET', '/a/../b'], 'none: route.target. The path has a dot segment (. or ..).'],
  ['a route does not take such a path', ['GET', '/other;x'], 'none: route.target. The path has a semicolon.'],
  [
    'the gateway itself answers',
    ['GET', '/.well-known/bearergate/errors'],
    'none: route.not-found. The gateway itself answers this path, and no route can.',
  ],
  ['the method is refused everywhere', ['TRACE', '/other'], 'none: route.method. TRACE is refused on every path.'],
] as const) {
  test(`where ${title}, a match is none, and exits 2`, async (t) => {
    const { code, stdout } = await routes(t, ['--match', ...argv], ONE);
    t.is(code, 2);
    t.is(stdout.split('\n', 1)[0], first);
    t.notRegex(stdout, /^wins/m);
    const json = await routes(t, ['--format', 'json', '--match', ...argv], ONE);
    t.is(json.code, 2);
    t.is(JSON.parse(json.stdout).route, null);
    t.is(JSON.parse(json.stdout).code, /^none: ([a-z.-]+?)(?:\. |$)/.exec(first)?.[1]);
  });
}

test('a match in JSON has every route, in match order', async (t) => {
  const { stdout } = await routes(t, ['--format', 'json', '--match', 'GET', 'http://api.example.com/orders/7']);
  const { route, candidates } = JSON.parse(stdout);
  t.is(route, 'orders');
  t.deepEqual(
    candidates.map(({ route: id, verdict }: { route: string; verdict: string }) => [id, verdict]),
    [
      ['orders', 'wins'],
      ['secret', 'other-host'],
      ['everything', 'less-specific'],
    ],
  );
});

test('a configuration with errors has no routes to tell: exit 1, the problems on stderr', async (t) => {
  const { code, stdout, stderr } = await routes(t, [], CONFIG.replace('upstream: hidden', 'upstream: hiden'));
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /error: there is no upstream `hiden`/);
});
