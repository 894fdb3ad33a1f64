import test from 'ava';
import { type JsonSchema, jsonSchema } from '../../src/config/json-schema.ts';
import { problemsOf } from './support.ts';

// Every field of the schema is given values that could never match or work, in a configuration that is otherwise right:
// `check` has to complain of each at its place. `*` in a field's name stands for an item or an entry.

const BASE = {
  publicUrl: 'https://api.example.com',
  issuers: {
    main: { issuer: 'https://login.example.com', audience: 'orders' },
    opaque: {
      issuer: 'https://opaque.example.com',
      audience: 'orders',
      introspection: { url: 'https://opaque.example.com/introspect', clientId: 'gateway', clientSecret: `\${SECRET}` },
    },
  },
  upstreams: { api: { url: 'http://api.internal' }, other: { urls: ['http://one.internal', 'http://two.internal'] } },
  routes: [
    { id: 'first', match: { path: '/first' }, auth: { issuers: ['main'] }, upstream: 'api' },
    { id: 'second', match: { path: '/second' }, auth: { issuers: ['opaque'] }, upstream: 'other' },
  ],
};

const DURATIONS = ['5', '5 s', '-5s', '1.5s', '5S', 'soon', '60d', 5];
const POSITIVE = [...DURATIONS, '0s', '0ms'];
const SIZES = ['5', '5MB', '5 MiB', '-5MiB', '5mib', '9999999999999GiB', 5];
const URLS = [
  '',
  'login.example.com',
  'ftp://login.example.com',
  'http:login.example.com',
  'https://login.example.com/ jwks',
  'https://login.example.com/jwks#keys',
  'https://login.example.com:0/jwks',
  'https://*.example.com/jwks',
  'https://login..example.com/jwks',
  'https:\\\\login.example.com',
  ' https://login.example.com/jwks',
];
const HOSTS = ['', '0.0.0.0:8080', 'http://0.0.0.0', '[::]', '*', 'two words', '300.300.300.300:1', 'a..b'];
const METHODS = ['GETT', 'get', 'Get', 'GET ', 'GET,POST', '*', 'ALL', 'TRACE', 'CONNECT', '', 'FOO'];
/** What clients have no say in whatever a route says, and what the gateway reads by its own rules. */
const KEPT_NAMES: readonly unknown[] = [
  '',
  'X Y',
  'X-Ä',
  'Host',
  'Connection',
  'Keep-Alive',
  'Transfer-Encoding',
  'Content-Length',
  'Upgrade',
  'HTTP2-Settings',
  'Proxy-Authorization',
  'Authorization',
  'Cookie',
  'X-Request-Id',
  'X-Forwarded-For',
  'x_forwarded~proto',
  'Forwarded',
  'X-HTTP-Method-Override',
  'Via',
  'traceparent',
];
const HEADER_NAMES = ['', 'X User', 'X-User:', 'X-Üser', 'Host', 'connection', 'Content-Length', 'X-Forwarded-For'];
const TEMPLATES = [
  '{claims.sub',
  '{claims.sub} {',
  'claims.sub}',
  '{{claims.sub}}',
  '{claim.sub}',
  '{claims.}',
  '{claims.a..b}',
  '{claims.sub }',
  '{params.nothing}',
  '{request.path}',
  '{}',
  'línea',
  'a\nb',
];
const PATHS = [
  '',
  'first',
  '/first?x=1',
  '/first#x',
  '//first',
  '/a//b',
  '/a/../b',
  '/./a',
  '/*',
  '/a/**/b',
  '/a**',
  '/{id',
  '/id}',
  '/{a}{b}',
  '/{id}/{id}',
  '/{i-d}',
  '/%66irst',
  '/%2e%2e',
  '/%5C',
  '/%00',
  '/%7F',
  '/%c3%a9',
  '/%C3',
  '/%ZZ',
  '/%252F',
  '/ü',
  '/a b',
  '/..;x',
  '/a;x',
  '/a%3Bx',
  '/a%2Fb',
  'https://api.example.com/first',
];
const NAMES = ['', 'two words', '-x', 'a/b', 'x'.repeat(64)];
const TRIMMED = ['', ' orders', 'orders\n', '\torders'];
const CLAIM_PATHS = ['', ' tenant', 'tenant.', '.tenant', 'realm..roles', 'roles[0]'];
const SCALARS = [null, 2 ** 60, [], {}, { is: 'acme' }];
const SCOPES = ['', 'orders:read orders:write', '"orders"', 'órders', 'a\\b'];

/** What makes no sense for a field, by its name. A string that ends in `!` is a field's key rather than its value. */
const NONSENSE: Readonly<Record<string, readonly unknown[]>> = {
  publicUrl: [...URLS, 'https://api.example.com/?x', 'https://user:pw@api.example.com', 'http://api.example.com'],
  'listen.host': HOSTS,
  'listen.port': [-1, 65536, 1.5, '8080'],
  'listen.trustedProxies.*': [
    '',
    'proxy.internal',
    '10.0.0.0/33',
    '10.0.0',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '::/129',
    '*',
    '0.0.0.0/0',
  ],
  'listen.limits.headers': [...SIZES, '0B', '512B'],
  'listen.limits.token': [...SIZES, '0B', '63B'],
  'listen.limits.headersTimeout': [...POSITIVE, '10m'],
  'listen.limits.requestTimeout': [...POSITIVE, '1s'],
  'listen.limits.keepAlive': POSITIVE,
  'listen.limits.stalled': POSITIVE,
  'listen.limits.maxConnections': [0, -1, 1.5],
  'listen.tls.cert': [''],
  'listen.tls.key': [''],
  'listen.tls.clientCa': [''],
  'listen.tls.minVersion': ['TLSv1.1', '1.2'],
  'admin.host': [...HOSTS, '0.0.0.0'],
  'admin.hosts.*': ['', 'admin.example.com:9090', 'http://admin.example.com', '*', 'two words', 'a..b'],
  'admin.port': [-1, 65536, 8080],
  'drain.delay': DURATIONS,
  'drain.timeout': DURATIONS,
  'log.level': ['verbose', ''],
  'log.access': ['yes', 1],
  workers: [0, -1, 257, 1.5, 'all'],
  'include.*': ['', 'nowhere.yaml', 'nowhere/*.yaml', 'gateway.yaml', 'routes/**/*.yaml'],
  'include.*.optional': ['', 'gateway.yaml', 'routes/**'],
  'acknowledge.*': ['', 'admin-expose', 'token-in-query'],
  'issuers.*!': NAMES,
  'issuers.*.issuer': [
    ...TRIMMED,
    'login',
    'https://login.example.com?x=1',
    'https://login.example.com#x',
    'http://login.example.com',
  ],
  'issuers.*.audience': [...TRIMMED, []],
  'issuers.*.audience.*': TRIMMED,
  'issuers.*.keys.discovery': [false, 'yes'],
  'issuers.*.keys.url': [...URLS, 'http://login.example.com/jwks', 'https://user:pw@login.example.com/jwks'],
  'issuers.*.keys.file': ['', './nowhere.json'],
  'issuers.*.keys.inline': [[], {}],
  'issuers.*.keys.inline.*': [{}, { kty: 'oct', k: 'AAAA' }, 'key'],
  'issuers.*.keys.secret': ['', 'short'],
  'issuers.*.keys.allowHttp': ['yes'],
  'issuers.*.keys.refresh': POSITIVE,
  'issuers.*.keys.cooldown': POSITIVE,
  'issuers.*.keys.maxStale': POSITIVE,
  'issuers.*.keys.timeout': POSITIVE,
  'issuers.*.keys.snapshot': [''],
  'issuers.*.introspection.url': [...URLS, 'http://opaque.example.com/introspect'],
  'issuers.*.introspection.clientId': [''],
  'issuers.*.introspection.clientSecret': ['', 'in-clear'],
  'issuers.*.introspection.auth': ['digest'],
  'issuers.*.introspection.allowHttp': ['no'],
  'issuers.*.introspection.cacheFor': DURATIONS,
  'issuers.*.introspection.timeout': POSITIVE,
  'issuers.*.algorithms': [[], 'RS256'],
  'issuers.*.algorithms.*': ['none', 'rs256', 'HS256', 'RSA'],
  'issuers.*.tokenType': ['id'],
  'issuers.*.clockTolerance': [...DURATIONS, '1h'],
  'issuers.*.maxTokenAge': POSITIVE,
  'issuers.*.requiredClaims.*': TRIMMED,
  'tokenCache.maxEntries': [0, 1e9],
  'tokenCache.maxAge': POSITIVE,
  'tokenCache.rejectedFor': DURATIONS,
  'upstreams.*!': NAMES,
  'upstreams.*.url': [...URLS, 'http://api.internal/path', 'http://api.internal?x=1', 'http://user:pw@api.internal'],
  'upstreams.*.origins.*': [...URLS, 'http://api.internal/path'],
  'upstreams.*.urls': [[]],
  'upstreams.*.urls.*': [...URLS, 'http://two.internal'],
  'upstreams.*.balance': ['random'],
  'upstreams.*.timeouts.connect': POSITIVE,
  'upstreams.*.timeouts.response': POSITIVE,
  'upstreams.*.timeouts.idle': POSITIVE,
  'upstreams.*.connections': [0, -1, 1.5],
  'upstreams.*.connectionMaxAge': POSITIVE,
  'upstreams.*.queue': [-1, 1.5],
  'upstreams.*.host': ['', 'Keep', 'UPSTREAM', 'http://api', 'two words', 'api:0', 'api:99999', 'a..b', '*.internal'],
  'upstreams.*.headers.set.*!': HEADER_NAMES,
  'upstreams.*.headers.set.*': TEMPLATES.filter((text) => !text.includes('params')),
  'upstreams.*.tls.ca': [''],
  'upstreams.*.tls.cert': [''],
  'upstreams.*.tls.key': [''],
  'upstreams.*.tls.serverName': ['', '10.0.0.1', 'api.internal:443', 'two words', '*.internal'],
  'upstreams.*.health.path': ['', 'health', '/a b', '/health#x', 'http://api.internal/health'],
  'upstreams.*.health.interval': POSITIVE,
  'errors.format': ['html'],
  'errors.detail': ['full'],
  'defaults.auth.issuers': [[]],
  'defaults.auth.issuers.*': ['', 'mian'],
  'defaults.auth.scopes': [[], { any: [] }, { all: ['a'] }, 'orders:read'],
  'defaults.auth.scopes.*': SCOPES,
  'defaults.auth.scopes.any.*': SCOPES,
  'defaults.auth.claims.*!': CLAIM_PATHS,
  'defaults.auth.claims.*': SCALARS,
  'defaults.auth.claims.*.contains': SCALARS,
  'defaults.auth.claims.*.in': [[], 'acme'],
  'defaults.auth.claims.*.in.*': SCALARS,
  'defaults.auth.claims.*.exists': ['yes'],
  'defaults.auth.tokenFrom': [[]],
  'defaults.auth.tokenFrom.*': ['Authorization', 'cookie', {}, { cookie: 'a', header: 'b' }],
  'defaults.auth.tokenFrom.*.cookie': ['', 'two words', 'a=b', 'a;b', 'süß'],
  'defaults.auth.tokenFrom.*.header': [...HEADER_NAMES, 'Authorization', 'Cookie'],
  'defaults.auth.tokenFrom.*.query': ['', '?token', 'a=b', 'a&b', 'two words', 'access%5Ftoken', 'tökén', 'a#b'],
  'defaults.auth.tokenFrom.*.websocketProtocol': ['', 'two words', 'a,b'],
  'routes.*.id': [...NAMES, 'none', 'second'],
  'routes.*.match.host': [
    '',
    'api.example.com:443',
    'https://api.example.com',
    'api.example.com/',
    'api.example.com.',
    '*',
    'a.*.com',
    '*api.example.com',
    'api_..com',
    '[::g]',
    '[0:0::1]',
    '[::1',
    'two words',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(130)}com`,
  ],
  'routes.*.match.path': PATHS,
  'routes.*.match.methods': [[], 'GET', ['GET', 'GET']],
  'routes.*.match.methods.*': METHODS,
  'routes.*.match.allow.*': ['slash', ''],
  'routes.*.auth': ['Public', 'none', []],
  'routes.*.upstream': ['', 'apo', 'http://api.internal'],
  'routes.*.rewrite.stripPrefix': ['first', '/second', '/first/', '/{id}', '/**', '/first?x', '//'],
  'routes.*.rewrite.addPrefix': ['v1', '/v1/', '/{id}', '/**', '/v1?x', '//', '/%00'],
  'routes.*.headers.set.*!': HEADER_NAMES,
  'routes.*.headers.set.*': TEMPLATES,
  'routes.*.headers.remove.*': HEADER_NAMES,
  'routes.*.headers.keep.*': KEPT_NAMES,
  'routes.*.responseHeaders.set.*!': HEADER_NAMES,
  'routes.*.responseHeaders.set.*': TEMPLATES,
  'routes.*.responseHeaders.remove.*': HEADER_NAMES,
  'routes.*.token': ['keep'],
  'routes.*.websocket': ['yes'],
  'routes.*.streams.endWithToken': ['no'],
  'routes.*.streams.grace': DURATIONS,
  'routes.*.maxBody': SIZES,
  'routes.*.retries': [-1, 4, 1.5],
  'routes.*.timeouts.response': POSITIVE,
  'routes.*.cors.origins': [[]],
  'routes.*.cors.origins.*': [
    '',
    'app.example.com',
    'https://app.example.com/',
    'https://APP.example.com',
    'https://app.example.com:443',
    'https://*.example.com',
    'wss://app.example.com',
    'null',
    '**',
  ],
  'routes.*.cors.methods': [[]],
  'routes.*.cors.methods.*': METHODS,
  'routes.*.cors.headers.*': ['', 'two words', 'x:y'],
  'routes.*.cors.credentials': ['yes'],
  'routes.*.cors.maxAge': DURATIONS,
  'routes.*.acknowledge.*': ['', 'token-forward', 'admin-exposed'],
};

/** What else a field needs beside it to be read at all. */
const BESIDE: readonly (readonly [field: RegExp, at: string, value: unknown])[] = [
  [/^listen\.tls/, 'listen.tls', { cert: './cert.pem', key: './key.pem' }],
  [/^issuers\.\*\.introspection/, 'issuers.main', BASE.issuers.opaque],
  [/^upstreams\.\*\.urls/, 'upstreams.api', { urls: ['http://one.internal', 'http://two.internal'] }],
  [/^upstreams\.\*\.tls/, 'upstreams.api', { url: 'https://api.internal' }],
  [/^upstreams\.\*\.health/, 'upstreams.api.health', { path: '/health' }],
  [/^routes\.\*\.cors/, 'routes.0.cors', { origins: ['https://app.example.com'] }],
  [/^issuers\.\*\.keys\.secret/, 'issuers.main.algorithms', ['HS256']],
];

/** Names of entries, and indices of items, that `*` stands for. */
const FIRST: Readonly<Record<string, string>> = { issuers: 'main', upstreams: 'api', set: 'X-Value', claims: 'tenant' };

function stepsOf(field: string): string[] {
  const steps = field.replace(/!$/, '').split('.');
  return steps.map((step, index) => (step === '*' ? (FIRST[steps[index - 1] ?? ''] ?? '0') : step));
}

function put(root: unknown, steps: readonly string[], value: unknown): void {
  const [step = '', ...rest] = steps;
  const parent = root as Record<string, unknown>;
  if (rest.length === 0) parent[step] = value;
  else {
    if (typeof parent[step] !== 'object') parent[step] = /^\d+$/.test(rest[0] ?? '') ? [] : {};
    put(parent[step], rest, value);
  }
}

function documentWith(field: string, ...values: readonly unknown[]): string {
  const document = structuredClone(BASE) as unknown;
  for (const [fields, at, beside] of BESIDE) {
    if (fields.test(field)) put(document, at.split('.'), structuredClone(beside));
  }
  const steps = stepsOf(field);
  for (const value of values) {
    if (field.endsWith('!')) put(document, [...steps.slice(0, -1), String(value)], SOME_ENTRY[steps.at(-2) ?? '']);
    else put(document, steps, value);
  }
  return JSON.stringify(document);
}

/** An entry that is right, under a name that is not. */
const SOME_ENTRY: Readonly<Record<string, unknown>> = {
  issuers: BASE.issuers.main,
  upstreams: BASE.upstreams.api,
  set: 'text',
  claims: 'acme',
};

const saidOf = (...from: Parameters<typeof documentWith>) =>
  problemsOf(documentWith(...from), { SECRET: 's3cret' }).map(({ message }) => message);

test('the configuration that nonsense is put into has nothing to complain of', (t) => {
  t.deepEqual(saidOf('routes'), []);
});

for (const [field, values] of Object.entries(NONSENSE)) {
  test(`nonsense is told of: ${field}`, (t) => {
    const anyway = saidOf(field);
    for (const value of values) {
      const more = saidOf(field, value).filter((message) => !anyway.includes(message));
      t.true(more.length > 0, `${JSON.stringify(value)} passes`);
    }
  });
}

test('every field of the schema has its nonsense', (t) => {
  // What a JWK holds is not described here.
  const isTried = (field: string) =>
    field.startsWith('issuers.*.keys.inline.*.*') ||
    Object.hasOwn(NONSENSE, field) ||
    Object.hasOwn(NONSENSE, field.replace('routes.*.auth.', 'defaults.auth.'));
  t.deepEqual(
    leaves(jsonSchema() as JsonSchema, '').filter((field) => !isTried(field)),
    [],
  );
});

/** Names of the fields that have no fields below. */
function leaves(schema: JsonSchema, name: string): string[] {
  const below = (step: string) => (name === '' ? step : `${name}.${step}`);
  const members = [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, member]) => leaves(member, below(key))),
    ...(typeof schema.additionalProperties === 'object'
      ? [...leaves(schema.additionalProperties, below('*')), ...(schema.propertyNames ? [below('*!')] : [])]
      : []),
    ...(schema.items ? leaves(schema.items, below('*')) : []),
    ...(schema.anyOf ?? []).flatMap((branch) => leaves(branch, name)),
  ];
  return [...new Set(members.length > 0 ? members : name === '' ? [] : [name])];
}
