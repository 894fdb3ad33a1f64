import test from 'ava';
import { attainable, changesBetween, needingRestart } from '../../src/config/changes.ts';
import type { Config, ListenTls } from '../../src/config/config.ts';
import { loadGood } from './support.ts';

const ISSUER = { issuer: 'https://login.example.com', audience: 'orders-api' };
const LEGACY = { url: 'http://127.0.0.1:3000' };
const ORDERS = { id: 'orders', match: { path: '/orders/**', methods: ['GET'] }, upstream: 'legacy' };

const BASE = {
  issuers: { main: ISSUER } as Record<string, object>,
  upstreams: { legacy: LEGACY } as Record<string, object>,
  defaults: { auth: { issuers: ['main'], scopes: ['orders:read'] } } as object,
  routes: [ORDERS] as object[],
};

type Document = Partial<typeof BASE> & Record<string, unknown>;

const VARIABLES = { PLAIN: 'https://hidden.example.com', SECRET: 'hunter2-hunter2', OTHER: 'swordfish' };

function configOf(over: Document, variables: Record<string, string> = VARIABLES): Config {
  return loadGood(JSON.stringify({ ...BASE, ...over }), variables).config;
}

const withRoute = (over: object): Document => ({ routes: [{ ...ORDERS, ...over }] });
const withAuth = (auth: object | string): Document => withRoute({ auth });
const withMatch = (over: object): Document => withRoute({ match: { ...ORDERS.match, ...over } });
const withIssuer = (over: object): Document => ({ issuers: { main: { ...ISSUER, ...over } } });
const withKeys = (keys: object): Document => withIssuer({ keys });
const withUpstream = (over: object): Document => ({ upstreams: { legacy: { ...LEGACY, ...over } } });
const header = (value: string): Document => withUpstream({ headers: { set: { Authorization: value } } });

/** What was, what is, and every sentence about it. */
const CASES: readonly (readonly [name: string, before: Document, after: Document, told: readonly string[]])[] = [
  ['nothing', {}, {}, []],
  [
    'the order of routes, which decides nothing',
    { routes: [ORDERS, { ...ORDERS, id: 'b', match: { path: '/b' } }] },
    { routes: [{ ...ORDERS, id: 'b', match: { path: '/b' } }, ORDERS] },
    [],
  ],
  [
    'scopes of a route',
    {},
    withAuth({ scopes: ['orders:read', 'orders:list'] }),
    ['route orders: scopes orders:read → orders:read, orders:list'],
  ],
  [
    'any of some scopes',
    {},
    withAuth({ scopes: { any: ['a', 'b'] } }),
    ['route orders: scopes orders:read → any of a, b'],
  ],
  [
    'scopes of all routes that say nothing of their own',
    {},
    { defaults: { auth: { issuers: ['main'] } } },
    ['route orders: scopes orders:read → none'],
  ],
  [
    'a route that becomes public',
    {},
    withAuth('public'),
    [
      'route orders: auth a token is needed → public',
      'route orders: issuers main → none',
      'route orders: scopes orders:read → none',
      'route orders: tokenFrom authorization → none',
    ],
  ],
  [
    'a claim rule that changes, one that comes and one that goes',
    withAuth({ claims: { tenant: 'acme', plan: { in: ['pro', 'team'] } } }),
    withAuth({ claims: { tenant: 'globex', 'realm_access.roles': { contains: 'admin' } } }),
    [
      'route orders: claims.tenant acme → globex',
      'route orders: claims.plan in pro, team → none',
      'route orders: claims.realm_access.roles none → contains admin',
    ],
  ],
  [
    'where the token is',
    {},
    withAuth({ tokenFrom: [{ cookie: 'session' }] }),
    ['route orders: tokenFrom authorization → cookie session'],
  ],
  ['a path', {}, withMatch({ path: '/orders/{id}' }), ['route orders: path /orders/** → /orders/{id}']],
  ['a host', {}, withMatch({ host: 'api.example.com' }), ['route orders: host any → api.example.com']],
  ['every method', {}, withMatch({ methods: undefined }), ['route orders: methods GET, HEAD → any']],
  ['what is allowed in paths', {}, withMatch({ allow: ['semicolon'] }), ['route orders: allow none → semicolon']],
  [
    'what is done with a request',
    {},
    withRoute({ rewrite: { stripPrefix: '/orders' }, token: 'forward', maxBody: '10MiB', retries: 0 }),
    [
      'route orders: rewrite.stripPrefix none → /orders',
      'route orders: token strip → forward',
      'route orders: maxBody none → 10MiB',
      'route orders: retries 1 → 0',
    ],
  ],
  [
    "a route's own timeout",
    {},
    withRoute({ timeouts: { response: '90s' } }),
    ["route orders: timeouts.response the upstream's → 90s"],
  ],
  [
    'headers, never by their values',
    withRoute({ headers: { set: { 'X-A': 'one', 'X-B': 'two' } } }),
    withRoute({ headers: { set: { 'X-A': 'three', 'X-C': 'four' }, remove: ['X-Debug'] } }),
    [
      'route orders: headers.set.X-A changed',
      'route orders: headers.set.X-B removed',
      'route orders: headers.remove none → x-debug',
      'route orders: headers.set.X-C added',
    ],
  ],
  [
    'a route that is added',
    {},
    { routes: [ORDERS, { ...ORDERS, id: 'health', match: { path: '/health' }, auth: 'public' }] },
    ['route health added: any method /health → legacy, public'],
  ],
  [
    'a route that is renamed',
    {},
    withRoute({ id: 'orders-read', match: { ...ORDERS.match, host: 'api.example.com', methods: ['GET', 'HEAD'] } }),
    [
      'route orders removed',
      'route orders-read added: GET, HEAD api.example.com/orders/** → legacy, issuers main, scopes orders:read',
    ],
  ],
  ['an audience', {}, withIssuer({ audience: ['a', 'b'] }), ['issuer main: audience orders-api → a, b']],
  [
    'times of an issuer',
    {},
    withIssuer({ clockTolerance: '0s', maxTokenAge: '90m', keys: { refresh: '90s' } }),
    [
      'issuer main: clockTolerance 30s → 0s',
      'issuer main: maxTokenAge none → 90m',
      'issuer main: keys.refresh 10m → 90s',
    ],
  ],
  [
    'where keys come from, without what may be a key to them',
    {},
    withKeys({ url: 'https://login.example.com/jwks?key=hunter2' }),
    ['issuer main: keys discovery → https://login.example.com/jwks'],
  ],
  [
    'keys from a file',
    {},
    withKeys({ file: 'jwks.json' }),
    ['issuer main: keys discovery → /etc/bearergate/jwks.json'],
  ],
  [
    'a client secret, and what is asked',
    withIssuer({ introspection: { url: 'https://a.example.com/i', clientId: 'gw', clientSecret: `\${SECRET}` } }),
    withIssuer({ introspection: { url: 'https://b.example.com/i', clientId: 'gw', clientSecret: `\${OTHER}` } }),
    [
      'issuer main: introspection.url https://a.example.com/i → https://b.example.com/i',
      'issuer main: introspection.clientSecret changed',
    ],
  ],
  [
    'an upstream',
    {},
    withUpstream({ url: 'http://127.0.0.1:4000' }),
    ['upstream legacy: url http://127.0.0.1:3000 → http://127.0.0.1:4000'],
  ],
  [
    'numbers and times of an upstream',
    {},
    withUpstream({
      connections: 4,
      queue: 0,
      timeouts: { connect: '250ms' },
      host: 'upstream',
      origins: ['http://localhost:3000'],
    }),
    [
      'upstream legacy: timeouts.connect 2s → 250ms',
      'upstream legacy: connections 128 → 4',
      'upstream legacy: queue 1024 → 0',
      'upstream legacy: host keep → upstream',
      'upstream legacy: origins none → http://localhost:3000',
    ],
  ],
  [
    'a credential of an upstream',
    header(`Basic \${SECRET}`),
    header(`Basic \${OTHER}`),
    ['upstream legacy: headers.set.Authorization changed'],
  ],
  [
    'targets, how they are chosen and whether they are looked after',
    {},
    {
      upstreams: {
        legacy: { urls: ['http://a', 'http://b'], balance: 'round-robin', health: { path: '/health', interval: '5s' } },
      },
    },
    [
      'upstream legacy: url http://127.0.0.1:3000 → http://a, http://b',
      'upstream legacy: balance least-busy → round-robin',
      'upstream legacy: health none → /health every 5s',
    ],
  ],
  [
    'which pages may call',
    withRoute({ cors: { origins: ['https://app.example.com'] } }),
    withRoute({ cors: { origins: ['*'], maxAge: '1h' } }),
    ['route orders: cors.origins https://app.example.com → *', 'route orders: cors.maxAge 10m → 1h'],
  ],
  [
    'the gateway itself',
    {},
    {
      publicUrl: 'https://api.example.com',
      listen: { port: 8081, trustedProxies: ['10.0.0.0/8'], limits: { headers: '32KiB', keepAlive: '5s' } },
      drain: { delay: '0s' },
      log: { level: 'debug' },
      errors: { format: 'oauth' },
      tokenCache: { maxEntries: 10 },
    },
    [
      'publicUrl none → https://api.example.com',
      'listen.port 8080 → 8081',
      'listen.trustedProxies none → 10.0.0.0/8',
      'listen.limits.headers 16KiB → 32KiB',
      'listen.limits.keepAlive 75s → 5s',
      'drain.delay 5s → 0s',
      'log.level info → debug',
      'tokenCache.maxEntries 100000 → 10',
      'errors.format problem → oauth',
    ],
  ],
];

for (const [name, before, after, told] of CASES) {
  test(`it is told in words: ${name}`, (t) => {
    t.deepEqual(changesBetween(configOf(before), configOf(after)), told);
  });
}

const HIDDEN: readonly (readonly [string, Document, readonly string[]])[] = [
  ['an issuer', withIssuer({ issuer: `\${PLAIN}` }), ['issuer main: issuer changed']],
  ['an audience, one of several', withIssuer({ audience: ['a', `\${SECRET}`] }), ['issuer main: audience changed']],
  ['an upstream', withUpstream({ url: `\${PLAIN}` }), ['upstream legacy: url changed']],
  [
    'one of several targets',
    { upstreams: { legacy: { urls: ['http://a', `\${PLAIN}`] } } },
    ['upstream legacy: url changed'],
  ],
  ['a claim rule', withAuth({ claims: { tenant: `\${SECRET}` } }), ['route orders: claims.tenant added']],
  [
    'a default',
    { defaults: { auth: { issuers: ['main'], scopes: [`\${SECRET}`] } } },
    ['route orders: scopes changed'],
  ],
  [
    'a key that is shared',
    withIssuer({ algorithms: ['HS256'], keys: { secret: `\${SECRET}\${SECRET}\${SECRET}` } }),
    ['issuer main: keys.secret added', 'issuer main: algorithms '],
  ],
  ['a path', withMatch({ path: `/\${OTHER}` }), ['route orders: path changed']],
  [
    'a route that is added',
    { routes: [ORDERS, { ...ORDERS, id: 'b', match: { path: `/\${OTHER}` } }] },
    ['route b added: any method (hidden) → legacy, issuers main, scopes orders:read'],
  ],
  [
    'an upstream that is added',
    { upstreams: { legacy: LEGACY, b: { url: `\${PLAIN}` } } },
    ['upstream b added: (hidden)'],
  ],
];

for (const [name, after, told] of HIDDEN) {
  test(`what came from elsewhere is never shown, on neither side: ${name}`, (t) => {
    const there = changesBetween(configOf({}), configOf(after));
    t.is(there.length, told.length, there.join('\n'));
    for (const [index, sentence] of there.entries()) t.true(sentence.startsWith(String(told[index])), sentence);
    const back = changesBetween(configOf(after), configOf({}));
    for (const value of Object.values(VARIABLES)) t.false([...there, ...back].join('\n').includes(value));
  });
}

test('a secret is found at its place although the routes have moved', (t) => {
  const secret = { ...ORDERS, auth: { claims: { tenant: `\${SECRET}` } } };
  const open = { ...ORDERS, id: 'b', match: { path: '/b' }, auth: { claims: { tenant: 'acme' } } };
  const before = configOf({ routes: [secret, open] });
  const after = configOf(
    { routes: [{ ...open, auth: { claims: { tenant: 'globex' } } }, secret] },
    { ...VARIABLES, SECRET: 'another' },
  );
  t.deepEqual(changesBetween(before, after), [
    'route orders: claims.tenant changed',
    'route b: claims.tenant acme → globex',
  ]);
});

test('no setting changes unseen, not even one that nobody has put into words', (t) => {
  const config = configOf({});
  const [route] = config.routes;
  const [issuer] = config.issuers;
  const [upstream] = config.upstreams;
  const unknown: [Partial<Config>, string][] = [
    [{ novelty: 1 } as object, 'novelty added'],
    [{ listen: { ...config.listen, novelty: 1 } as Config['listen'] }, 'listen.novelty added'],
    [{ routes: [{ ...route, novelty: 1 } as never] }, 'route orders: novelty added'],
    [{ issuers: [{ ...issuer, novelty: 1 } as never] }, 'issuer main: novelty added'],
    [{ upstreams: [{ ...upstream, novelty: 1 } as never] }, 'upstream legacy: novelty added'],
  ];
  for (const [over, sentence] of unknown) t.deepEqual(changesBetween(config, { ...config, ...over }), [sentence]);
});

test('controls do not reach a terminal, and no sentence is endless', (t) => {
  const told = changesBetween(
    configOf({}),
    configOf(withAuth({ claims: { tenant: '\u001b[2J', sub: 'x'.repeat(5000) } })),
  );
  t.is(told[0], 'route orders: claims.tenant none → \ufffd[2J');
  t.true(String(told[1]).length < 400);
});

test('what can be had without a restart has every change but those that need one', (t) => {
  const running = configOf({});
  const bound = {
    listen: {
      host: '127.0.0.1',
      port: 1,
      limits: { headers: '4KiB', keepAlive: '1s' },
      trustedProxies: ['10.0.0.0/8'],
    },
    admin: { host: '127.0.0.2', port: 2 },
  };
  const wanted = configOf({ ...bound, publicUrl: 'https://api.example.com' });
  const had = attainable(running, wanted);
  t.deepEqual(needingRestart(running, had), []);
  t.is(needingRestart(running, wanted).length, 5);
  const all = changesBetween(running, wanted);
  t.deepEqual(
    [...changesBetween(running, had), ...needingRestart(running, wanted)].toSorted(),
    all.toSorted(),
    'each change is in one of the two lists',
  );
});

test('certificates are renewed at once; whether clients show one, and whether it is HTTPS at all, is not', (t) => {
  const { listen, ...rest } = configOf({});
  const serving = (tls: Config['listen']['tls']): Config => ({ ...rest, listen: { ...listen, tls } });
  const [old, renewed] = ['old', 'new'].map((text) => ({
    cert: text,
    key: text,
    clientCa: undefined,
    minVersion: 'TLSv1.2' as const,
  })) as [ListenTls, ListenTls];
  const had = (before: ListenTls | undefined, after: ListenTls | undefined) =>
    attainable(serving(before), serving(after)).listen.tls;
  t.is(had(undefined, renewed), undefined);
  t.is(had(old, undefined), old);
  t.deepEqual(had(old, renewed), renewed);
  t.deepEqual(had(old, { ...renewed, clientCa: 'theirs' }), renewed);
  t.deepEqual(had({ ...old, clientCa: 'a' }, { ...renewed, clientCa: 'b' }), { ...renewed, clientCa: 'b' });
  t.deepEqual(had({ ...old, clientCa: 'a' }, renewed), { ...renewed, clientCa: 'a' });
});

test('what needs a restart is told against what runs, not against what stood in the file in between', (t) => {
  const running = configOf({});
  const moved = configOf({
    listen: { port: 8081, limits: { headers: '32KiB', keepAlive: '5s' } },
    admin: { port: 9091 },
    log: { level: 'debug' },
  });
  t.deepEqual(needingRestart(running, moved), [
    'listen.port 8080 → 8081',
    'listen.limits.headers 16KiB → 32KiB',
    'admin.port 9090 → 9091',
  ]);
  t.deepEqual(needingRestart(running, configOf({ log: { level: 'debug' } })), []);
});
