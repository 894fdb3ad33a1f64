import test from 'ava';
import fc from 'fast-check';
import type { Config, RouteSettings } from '../../src/config/config.ts';
import { covers, type PathPattern, readPattern } from '../../src/config/pattern.ts';
import { differenceOf, type RequestChange } from '../../src/route/difference.ts';
import type { Version } from '../../src/route/guard-change.ts';
import { probesOf, widest } from '../../src/route/probes.ts';
import { takesHost } from '../../src/route/ranking.ts';
import { RouteTable } from '../../src/route/table.ts';
import { configFrom } from '../support/config.ts';
import { cpuTime } from '../support/cpu.ts';
import { anyRequest, anyRoutes, testRoute } from './support.ts';

const UNSECRET = { has: () => true, referenceAt: () => undefined };
const ISSUERS = {
  main: { issuer: 'https://login.example.com', audience: 'orders' },
  other: { issuer: 'https://other.example.com', audience: 'orders' },
};

interface Changed {
  readonly issuer?: object;
  readonly more?: object;
}

/** Routes by id; what is not said is a token of main for /<id>. */
function version(routes: Readonly<Record<string, object>>, { issuer, more }: Changed = {}): Version {
  const entries = Object.entries(routes).map(([id, route]) => ({
    id,
    match: { path: `/${id}` },
    auth: { issuers: ['main'] },
    ...route,
  }));
  const config = configFrom({
    routes: entries,
    upstreams: { api: 'http://api.internal', b: 'http://b.internal' },
    issuers: { ...ISSUERS, main: { ...ISSUERS.main, ...issuer } },
    ...more,
  });
  return { config: { ...config, written: UNSECRET } };
}

const auth = (guard: object) => ({ auth: { issuers: ['main'], ...guard } });

const EFFECTS: readonly (readonly [what: string, before: object, after: object, effects: readonly string[]])[] = [
  ['becomes public', {}, { auth: 'public' }, ['opened auth']],
  ['is no longer public', { auth: 'public' }, {}, ['tightened auth']],
  ['another issuer', {}, auth({ issuers: ['main', 'other'] }), ['opened issuers']],
  ['one issuer less', auth({ issuers: ['main', 'other'] }), {}, ['tightened issuers']],
  ['another issuer in its place', {}, auth({ issuers: ['other'] }), ['replaced issuers']],
  ['no scope any more', auth({ scopes: ['a'] }), {}, ['opened scopes']],
  ['a scope', {}, auth({ scopes: ['a'] }), ['tightened scopes']],
  ['a scope less', auth({ scopes: ['a', 'b'] }), auth({ scopes: ['b'] }), ['opened scopes']],
  ['the same scopes in another order', auth({ scopes: ['a', 'b'] }), auth({ scopes: ['b', 'a'] }), []],
  ['another scope', auth({ scopes: ['a'] }), auth({ scopes: ['b'] }), ['replaced scopes']],
  ['any of the scopes', auth({ scopes: ['a', 'b'] }), auth({ scopes: { any: ['a', 'b'] } }), ['opened scopes']],
  ['all of the scopes', auth({ scopes: { any: ['a', 'b'] } }), auth({ scopes: ['a', 'b'] }), ['tightened scopes']],
  ['any of one is all of it', auth({ scopes: { any: ['a'] } }), auth({ scopes: ['a'] }), []],
  ['any of more', auth({ scopes: { any: ['a'] } }), auth({ scopes: { any: ['a', 'b'] } }), ['opened scopes']],
  ['any of others', auth({ scopes: { any: ['a'] } }), auth({ scopes: { any: ['b'] } }), ['replaced scopes']],
  ['a claim rule less', auth({ claims: { a: 1 } }), {}, ['opened claim a']],
  ['a claim rule', {}, auth({ claims: { a: 1 } }), ['tightened claim a']],
  ['another value', auth({ claims: { a: 1 } }), auth({ claims: { a: 2 } }), ['replaced claim a']],
  ['one of several', auth({ claims: { a: 1 } }), auth({ claims: { a: { in: [1, 2] } } }), ['opened claim a']],
  ['any value', auth({ claims: { a: { in: [1] } } }), auth({ claims: { a: { exists: true } } }), ['opened claim a']],
  ['none', auth({ claims: { a: 1 } }), auth({ claims: { a: { exists: false } } }), ['replaced claim a']],
  ['a role', auth({ claims: { a: { contains: 'x' } } }), auth({ claims: { a: { exists: true } } }), ['opened claim a']],
  ['a cookie too', {}, auth({ tokenFrom: ['authorization', { cookie: 'c' }] }), ['opened tokenFrom']],
  ['a larger body', { maxBody: '1KiB' }, { maxBody: '2KiB' }, ['opened maxBody']],
  ['a body of any size', { maxBody: '1KiB' }, {}, ['opened maxBody']],
  ['a smaller body', {}, { maxBody: '1KiB' }, ['tightened maxBody']],
  ['semicolons', {}, { match: { path: '/r', allow: ['semicolon'] } }, ['opened match.allow']],
  ['a header that is let through', {}, { headers: { keep: ['Remote-User'] } }, ['opened headers.keep']],
  ['a header no longer let through', { headers: { keep: ['Remote-User'] } }, {}, ['tightened headers.keep']],
  ['a header that passes again', { headers: { remove: ['x-debug'] } }, {}, ['opened headers.remove']],
  [
    'pages of any origin',
    { cors: { origins: ['https://a.example.com'] } },
    { cors: { origins: ['*'] } },
    ['opened cors.origins'],
  ],
  ['no pages any more', { cors: { origins: ['*'] } }, {}, ['tightened cors.origins']],
  ['streams without an end', {}, { streams: { endWithToken: false } }, ['opened streams end']],
  ['streams that end sooner', { streams: { grace: '5s' } }, {}, ['tightened streams end']],
  ['web sockets', {}, { websocket: true }, ['changed websocket']],
  ['another upstream', {}, { upstream: 'b' }, ['changed goes to']],
  ['the token goes on', {}, { token: 'forward' }, ['changed token']],
  [
    'two things at once',
    auth({ scopes: ['a'] }),
    auth({ issuers: ['main', 'other'], scopes: ['a', 'b'] }),
    ['opened issuers', 'tightened scopes'],
  ],
];

for (const [title, before, after, effects] of EFFECTS) {
  test(`a route's change is named for what it does: ${title}`, (t) => {
    const { changed, requests, opens } = differenceOf(version({ r: before }), version({ r: after }));
    const told = changed.flatMap(({ changes }) => changes.map(({ effect, what }) => `${effect} ${what}`));
    t.deepEqual(told, [...effects]);
    t.is(
      opens,
      effects.some((effect) => /^(?:opened|replaced)/.test(effect)),
    );
    t.is(requests.length, effects.length > 0 ? 1 : 0);
  });
}

const WHOLE: readonly (readonly [what: string, before: Changed, after: Changed, effects: readonly string[]])[] = [
  ['a proxy more', {}, { more: { listen: { trustedProxies: ['10.0.0.0/8'] } } }, ['opened listen.trustedProxies']],
  ['another identifier', {}, { issuer: { issuer: 'https://x.example.com' } }, ['replaced issuer main: issuer']],
  ['an audience more', {}, { issuer: { audience: ['orders', 'b'] } }, ['opened issuer main: audience']],
  ['a required claim less', { issuer: { requiredClaims: ['sub', 'b'] } }, {}, ['opened issuer main: requiredClaims']],
  [
    'a required claim more',
    {},
    { issuer: { requiredClaims: ['sub', 'b'] } },
    ['tightened issuer main: requiredClaims'],
  ],
  ['more tolerance', {}, { issuer: { clockTolerance: '60s' } }, ['opened issuer main: clockTolerance']],
  ['no largest age', { issuer: { maxTokenAge: '1h' } }, {}, ['opened issuer main: maxTokenAge']],
  ['any type', {}, { issuer: { tokenType: 'any' } }, ['opened issuer main: tokenType']],
  ['an algorithm less', {}, { issuer: { algorithms: ['RS256'] } }, ['tightened issuer main: algorithms']],
  ['other keys', {}, { issuer: { keys: { url: 'https://k.example.com' } } }, ['replaced issuer main: keys']],
  ['http', {}, { issuer: { keys: { allowHttp: true } } }, ['opened issuer main: keys.allowHttp']],
  [
    'introspection',
    {},
    { issuer: { introspection: { url: 'https://i.example.com', clientId: 'a', clientSecret: 'b' } } },
    ['opened issuer main: requiredClaims', 'replaced issuer main: verified by'],
  ],
];

for (const [title, before, after, effects] of WHOLE) {
  test(`what changes for every route is told once: ${title}`, (t) => {
    const { whole, opens } = differenceOf(version({ r: {} }, before), version({ r: {} }, after));
    t.deepEqual(
      whole.map(({ effect, what }) => `${effect} ${what}`),
      [...effects],
    );
    t.is(
      opens,
      effects.some((effect) => /^(?:opened|replaced)/.test(effect)),
    );
  });
}

test("a header that nothing sets any more is the clients' to send", (t) => {
  const set = { headers: { set: { 'X-User': '{claims.sub}' } } };
  const { whole } = differenceOf(version({ a: set, b: set }), version({ a: {}, b: {} }));
  t.deepEqual(
    whole.map(({ effect, what }) => `${effect} ${what}`),
    ['opened header X-User'],
  );
  t.deepEqual(differenceOf(version({ a: set, b: set }), version({ a: {}, b: set })).whole, []);
});

const told = ({ effect, methods, host, paths, before, after }: RequestChange) =>
  `${effect} ${methods?.join() ?? 'any'} ${host ?? ''}${paths.join(' ')}: ${before?.route.id} > ${after?.route.id}`;

test('a new public route that is more specific opens what a guarded one took', (t) => {
  const all = { match: { path: '/orders/**' } };
  const after = version({ all, status: { match: { path: '/orders/{id}/status', methods: ['GET'] }, auth: 'public' } });
  const { added, requests, opens } = differenceOf(version({ all }), after);
  t.deepEqual(
    added.map(({ route }) => route.id),
    ['status'],
  );
  t.deepEqual(requests.map(told), ['opened GET,HEAD /orders/{id}/status: all > status']);
  t.true(opens);
});

test('a guarded route that goes away opens what a public one behind it takes', (t) => {
  const open = { match: { path: '/**' }, auth: 'public' };
  const { requests } = differenceOf(version({ open, admin: { match: { path: '/admin/**' } } }), version({ open }));
  t.deepEqual(requests.map(told), ['opened any /admin/**: admin > open']);
});

test('a route that changes its name alone changes nothing', (t) => {
  const { added, removed, requests, opens } = differenceOf(
    version({ a: {} }),
    version({ b: { match: { path: '/a' } } }),
  );
  t.deepEqual([added.length, removed.length, requests.length, opens], [1, 1, 0, false]);
});

test('a new route with a check, where everything was refused, opens nothing', (t) => {
  const { requests, opens } = differenceOf(version({ a: {} }), version({ a: {}, b: {} }));
  t.deepEqual(requests.map(told), ['added any /b: undefined > b']);
  t.false(opens);
  t.true(differenceOf(version({ a: {} }), version({ a: {}, b: { auth: 'public' } })).opens);
});

test('a method that is no longer guarded falls to the public route for all', (t) => {
  const open = { match: { path: '/**' }, auth: 'public' };
  const guard = (methods: string[]) => ({ match: { path: '/a', methods } });
  const { requests } = differenceOf(version({ open, a: guard(['GET', 'POST']) }), version({ open, a: guard(['GET']) }));
  t.deepEqual(requests.map(told), ['opened POST /a: a > open']);
});

test('the overlap of two patterns is probed, with its fixed segments', (t) => {
  const probes = probesOf([testRoute('/a/{x}'), testRoute('/{y}/b'), testRoute('*.a.com/{z}/**')]);
  const paths = new Set(probes.map(({ path }) => path));
  for (const path of ['/a/b', '/a/probe', '/probe/b', '/probe', '/probe/']) t.true(paths.has(path), path);
  t.deepEqual([...new Set(probes.map(({ host }) => host))], ['probe.invalid', 'probe.a.com']);
});

test('a pattern that another one covers need not be told', (t) => {
  const patterns = ['/a/**', '/a/{x}', '/b/{x}', '/b/{y}', '/a'].map((text) => readPattern(text) as PathPattern);
  t.deepEqual(
    widest(patterns).map(({ source }) => source),
    ['/a/**', '/b/{x}'],
  );
});

const GUARDS: readonly RouteSettings['guard'][] = [
  'public',
  { issuers: [], scopes: undefined, tokenFrom: [], claims: [] },
  { issuers: [], scopes: { kind: 'all', scopes: ['a'] }, tokenFrom: [], claims: [] },
];

/** Routes that differ in their guards alone. */
const anyVersion = fc
  .tuple(anyRoutes, fc.array(fc.nat(GUARDS.length - 1), { minLength: 12, maxLength: 12 }))
  .map(([routes, guards]) => {
    const upstream = { name: 'api', urls: ['http://api.internal'] };
    const settings = routes.map((route, index) => {
      const none = {
        allow: [],
        upstream,
        rewrite: {},
        headers: { set: [], remove: [], keep: [] },
        token: 'strip',
        streams: {},
      };
      return { ...route, ...none, guard: GUARDS[guards[index] ?? 0] };
    });
    const config = {
      routes: settings,
      issuers: [],
      upstreams: [],
      listen: { trustedProxies: [] },
    } as unknown as Config;
    return { config: { ...config, written: UNSECRET } } as Version;
  });

test('every request that is decided differently is told, with the routes that decide it', (t) => {
  let differing = 0;
  fc.assert(
    fc.property(anyVersion, anyVersion, anyRequest, (before, after, { host, path, method }) => {
      const decided = ({ config: { routes } }: Version) => {
        const match = new RouteTable(routes).match(host, path, method);
        return match.kind === 'route' && !path.includes('%2F') ? match.route : undefined;
      };
      const [old, now] = [decided(before), decided(after)];
      if (old?.guard === now?.guard) return true;
      differing += 1;
      const asked = readPattern(path) as PathPattern;
      return differenceOf(before, after).requests.some(
        (change) =>
          change.before?.route.id === old?.id &&
          change.after?.route.id === now?.id &&
          takesHost({ host: change.host, path: asked, methods: undefined }, host) &&
          change.paths.some((source) => covers(readPattern(source) as PathPattern, asked)) &&
          (change.methods?.includes(method) ?? !change.exceptMethods.includes(method)),
      );
    }),
    { numRuns: 4000 },
  );
  t.true(differing > 200, String(differing));
});

test('a change between hundreds of routes is told within seconds', (t) => {
  const many = (guard: object) =>
    Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [
        `r${index}`,
        { match: { path: `/api/v${index % 4}/{id}/part${index}/**`, methods: ['GET', 'POST'] }, ...guard },
      ]),
    );
  const spent = cpuTime(() => {
    const { requests } = differenceOf(version(many({})), version(many(auth({ scopes: ['a'] }))));
    t.is(requests.length, 400);
  });
  t.true(spent < 20_000, `${spent} ms`);
});
