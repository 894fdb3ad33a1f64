import test from 'ava';
import fc from 'fast-check';
import type { PathPattern } from '../../src/config/pattern.ts';
import { RouteTable } from '../../src/route/table.ts';
import { anyRequest, anyRoutes, type TestRoute, testRoute } from './support.ts';

function find(routes: readonly string[], request: string, reverse = false): string {
  const [, method = 'GET', host = '', path = ''] = /^(?:([A-Z]+) )?([^/]*)(\/.*)$/.exec(request) ?? [];
  const all = routes.map(testRoute);
  const match = new RouteTable(reverse ? all.reverse() : all).match(host, path, method);
  if (match.kind === 'route') return match.route.id;
  return match.kind === 'none' ? 'none' : `405 ${[...match.allow].sort().join(',')}`;
}

interface Case {
  readonly title: string;
  readonly routes: readonly string[];
  readonly requests: Readonly<Record<string, string>>;
}

const CASES: readonly Case[] = [
  {
    title: 'a fixed path is exactly that',
    routes: ['/orders'],
    requests: {
      '/orders': '/orders',
      '/orders/': 'none',
      '/ordersX': 'none',
      '/order': 'none',
      '/Orders': 'none',
      '/': 'none',
    },
  },
  {
    title: 'a trailing slash belongs to the path',
    routes: ['/orders/'],
    requests: { '/orders/': '/orders/', '/orders': 'none', '/orders/1': 'none' },
  },
  {
    title: 'a named segment takes one segment that is not empty',
    routes: ['/orders/{id}'],
    requests: {
      '/orders/1': '/orders/{id}',
      '/orders/a.b': '/orders/{id}',
      '/orders/': 'none',
      '/orders': 'none',
      '/orders/1/2': 'none',
      '/orders/1/': 'none',
    },
  },
  {
    title: '** takes the prefix on whole segments, itself with and without a slash too',
    routes: ['/orders/**'],
    requests: {
      '/orders': '/orders/**',
      '/orders/': '/orders/**',
      '/orders/1': '/orders/**',
      '/orders/1/2/': '/orders/**',
      '/ordersX': 'none',
      '/': 'none',
    },
  },
  {
    title: '/** takes everything',
    routes: ['/**'],
    requests: { '/': '/**', '/a': '/**', '/a/b/': '/**' },
  },
  {
    title: '/ is the root alone',
    routes: ['/'],
    requests: { '/': '/', '/a': 'none' },
  },
  {
    title: 'fixed goes before named before **, segment by segment',
    routes: ['/orders/{id}', '/orders/new', '/orders/**', '/**', '/{any}/new', '/{any}/{other}'],
    requests: {
      '/orders/new': '/orders/new',
      '/orders/1': '/orders/{id}',
      '/orders/1/2': '/orders/**',
      '/orders': '/orders/**',
      '/things/new': '/{any}/new',
      '/things/1': '/{any}/{other}',
      '/things': '/**',
    },
  },
  {
    title: 'the first segment that differs decides',
    routes: ['/{a}/b/c', '/a/{b}/{c}'],
    requests: { '/a/b/c': '/a/{b}/{c}', '/x/b/c': '/{a}/b/c' },
  },
  {
    title: 'a way that leads nowhere is gone back',
    routes: ['/a/b/c', '/a/{x}/d', '/{y}/b/e', '/**'],
    requests: { '/a/b/c': '/a/b/c', '/a/b/d': '/a/{x}/d', '/a/b/e': '/{y}/b/e', '/a/b/f': '/**' },
  },
  {
    title: 'a path that ends goes before one that goes on',
    routes: ['/orders', '/orders/', '/orders/**'],
    requests: { '/orders': '/orders', '/orders/': '/orders/', '/orders/1': '/orders/**' },
  },
  {
    title: 'a route with methods goes before one without',
    routes: ['GET,HEAD /orders', '/orders'],
    requests: { '/orders': 'GET,HEAD /orders', 'HEAD /orders': 'GET,HEAD /orders', 'POST /orders': '/orders' },
  },
  {
    title: 'a more specific path without the method loses to one that has it',
    routes: ['POST /orders/new', 'GET /orders/{id}', '/orders/**'],
    requests: {
      '/orders/new': 'GET /orders/{id}',
      'POST /orders/new': 'POST /orders/new',
      'PUT /orders/new': '/orders/**',
    },
  },
  {
    title: 'where no route has the method, all methods of the path are told',
    routes: ['GET,HEAD /orders/{id}', 'DELETE /orders/1', 'PATCH /orders/**', 'PUT /other', 'POST b.com/orders/1'],
    requests: {
      'POST /orders/1': '405 DELETE,GET,HEAD,PATCH',
      'POST /orders/2': '405 GET,HEAD,PATCH',
      'GET /orders': '405 PATCH',
      'GET b.com/orders/1': 'GET,HEAD /orders/{id}',
      'OPTIONS b.com/orders/1': '405 DELETE,GET,HEAD,PATCH,POST',
      'GET /nothing': 'none',
    },
  },
  {
    title: 'HEAD is not GET, and methods have their case',
    routes: ['GET /orders'],
    requests: {
      'HEAD /orders': '405 GET',
      'OPTIONS /orders': '405 GET',
      'GETX /orders': '405 GET',
      'GET /orders': 'GET /orders',
    },
  },
  {
    title: 'an exact host goes before a wildcard before none, whatever the paths',
    routes: ['api.example.com/**', '*.example.com/orders', '/orders/new', '*.example.com/**'],
    requests: {
      'api.example.com/orders': 'api.example.com/**',
      'www.example.com/orders': '*.example.com/orders',
      'www.example.com/orders/new': '*.example.com/**',
      'other.org/orders/new': '/orders/new',
      'other.org/orders': 'none',
    },
  },
  {
    title: 'a host that has no route for the path leaves it to the next',
    routes: ['api.example.com/a', '*.example.com/b', '/c'],
    requests: { 'api.example.com/b': '*.example.com/b', 'api.example.com/c': '/c', 'api.example.com/d': 'none' },
  },
  {
    title: 'a wildcard takes every name below, at any depth, but not the name itself',
    routes: ['*.example.com/**'],
    requests: {
      'a.example.com/': '*.example.com/**',
      'a.b.example.com/': '*.example.com/**',
      'example.com/': 'none',
      '.example.com/': 'none',
      'badexample.com/': 'none',
      'a.example.com.evil.org/': 'none',
    },
  },
  {
    title: 'the longer wildcard wins',
    routes: ['*.example.com/**', '*.eu.example.com/**'],
    requests: { 'a.eu.example.com/': '*.eu.example.com/**', 'eu.example.com/': '*.example.com/**' },
  },
  {
    title: 'a fixed segment is compared as it stands in the canonical path',
    routes: ['/a%20b/{id}', '/a;b'],
    requests: { '/a%20b/1': '/a%20b/{id}', '/a b/1': 'none', '/a;b': '/a;b', '/a': 'none' },
  },
  {
    title: 'names of Object.prototype are no routes',
    routes: ['/a'],
    requests: { '/constructor': 'none', '/__proto__': 'none', 'constructor/a': '/a' },
  },
];

for (const { title, routes, requests } of CASES) {
  test(title, (t) => {
    for (const [request, expected] of Object.entries(requests)) {
      t.is(find(routes, request), expected, request);
      t.is(find(routes, request, true), expected, `${request}, with the routes the other way round`);
    }
  });
}

test('named segments are told as they stand in the canonical path', (t) => {
  const table = new RouteTable([testRoute('/orders/{id}/{constructor}/x'), testRoute('/{a}/**')]);
  const params = (path: string) => {
    const match = table.match('', path, 'GET');
    return match.kind === 'route' ? { ...match.params } : match.kind;
  };
  t.deepEqual(params('/orders/a%2Fb%20/p/x'), { id: 'a%2Fb%20', constructor: 'p' });
  t.deepEqual(params('/things/1/2'), { a: 'things' });
  t.deepEqual(params('/'), 'none');
});

test('a path as deep as a request can have costs what the routes are deep', (t) => {
  const table = new RouteTable([testRoute('/**'), testRoute('/a/{b}/**')]);
  t.like(table.match('', '/a'.repeat(8000), 'GET'), { kind: 'route', route: { id: '/a/{b}/**' } });
});

/** Decides what matches and what wins by the rules as written, one route at a time. */
function naiveMatch(routes: readonly TestRoute[], host: string, path: string, method: string): string {
  const fitting = routes.filter((candidate) => hostFits(candidate.host, host) && pathFits(candidate.path, path));
  if (fitting.length === 0) return 'none';
  const taking = fitting.filter(({ methods }) => methods === undefined || methods.includes(method));
  if (taking.length === 0) return `405 ${[...new Set(fitting.flatMap(({ methods }) => methods ?? []))].sort()}`;
  return [...taking].sort(bySpecificity)[0]?.id ?? '';
}

function hostFits(pattern: string | undefined, host: string): boolean {
  if (pattern === undefined) return true;
  return pattern.startsWith('*.')
    ? host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
    : pattern === host;
}

function pathFits({ segments }: PathPattern, path: string): boolean {
  const parts = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'rest') return true;
    const part = parts[index];
    if (part === undefined || (segment.kind === 'fixed' ? part !== segment.text : part === '')) return false;
  }
  return parts.length === segments.length;
}

function bySpecificity(one: TestRoute, other: TestRoute): number {
  const hostRank = ({ host }: TestRoute) => (host === undefined ? 0 : host.startsWith('*.') ? host.length : 1000);
  if (hostRank(one) !== hostRank(other)) return hostRank(other) - hostRank(one);
  const rank = { fixed: 3, named: 2, rest: 0 };
  for (let index = 0; ; index += 1) {
    const [a, b] = [one.path.segments[index], other.path.segments[index]];
    if (a === undefined && b === undefined) break;
    // A pattern that ends here goes before one whose ** takes nothing more.
    const difference = (b === undefined ? 1 : rank[b.kind]) - (a === undefined ? 1 : rank[a.kind]);
    if (difference !== 0) return difference;
  }
  return (other.methods === undefined ? 0 : 1) - (one.methods === undefined ? 0 : 1);
}

test('the table finds what a reading of every route finds', (t) => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(anyRoutes, anyRequest, (routes, { host, path, method }) => {
      const match = new RouteTable(routes).match(host, path, method);
      seen.set(match.kind, (seen.get(match.kind) ?? 0) + 1);
      const found =
        match.kind === 'route' ? match.route.id : match.kind === 'none' ? 'none' : `405 ${[...match.allow].sort()}`;
      const expected = naiveMatch(routes, host, path, method);
      if (found !== expected) throw new Error(`${found} instead of ${expected}`);
    }),
    { numRuns: 10_000 },
  );
  for (const kind of ['route', 'none', 'other-methods'])
    t.true((seen.get(kind) ?? 0) > 300, `${kind}: ${seen.get(kind)}`);
});
