import test from 'ava';
import fc from 'fast-check';
import { type PathPattern, readPattern } from '../../src/config/pattern.ts';
import { bySpecificity, inMatchOrder, standingOf, takesHost, takesPath } from '../../src/route/ranking.ts';
import { type Matchable, RouteTable } from '../../src/route/table.ts';
import { anyRequest, anyRoutes } from './support.ts';

interface Named extends Matchable {
  readonly id: string;
}

function route(id: string, path: string, host?: string, methods?: readonly string[]): Named {
  const pattern = readPattern(path);
  if (typeof pattern === 'string') throw new Error(pattern);
  return { id, path: pattern as PathPattern, host, methods };
}

const HOSTS = [undefined, 'a.example.com', '*.example.com', '*.b.example.com', 'example.com'];
const PATHS = ['/**', '/', '/a', '/a/', '/a/b', '/a/{x}', '/{x}', '/{x}/b', '/a/**', '/{x}/**', '/a/b/**', '/{x}/{y}'];
const METHODS = [undefined, ['GET'], ['POST', 'PUT']];

const anyRoute = fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom(...HOSTS), fc.constantFrom(...METHODS));

test('the order in which routes are told is the order in which the table prefers them', (t) => {
  fc.assert(
    fc.property(
      fc.array(anyRoute, { minLength: 1, maxLength: 8 }),
      fc.constantFrom('a.example.com', 'x.b.example.com', 'example.com', 'elsewhere.org'),
      fc.constantFrom('/', '/a', '/a/', '/a/b', '/a/c', '/c', '/c/b', '/a/b/c'),
      fc.constantFrom('GET', 'POST', 'DELETE'),
      (drafts, host, path, method) => {
        const routes = drafts.map(([pattern, name, methods], index) => route(String(index), pattern, name, methods));
        const match = new RouteTable(routes).match(host, path, method);
        const able = routes.filter(
          (one) => takesHost(one, host) && takesPath(one, path) && (one.methods?.includes(method) ?? true),
        );
        const best = [...able].sort(bySpecificity)[0];
        if (match.kind !== 'route') return best === undefined;
        return best !== undefined && bySpecificity(best, match.route) === 0;
      },
    ),
    { numRuns: 3000 },
  );
  t.pass();
});

const WINNER = route('winner', '/orders/{id}', 'api.example.com', ['GET']);
const ASKED = { host: 'api.example.com', path: '/orders/1', method: 'GET' };

for (const [loser, expected] of [
  [WINNER, { kind: 'wins' }],
  [
    route('any-host', '/orders/{id}', undefined, ['GET']),
    { kind: 'less-specific', why: 'api.example.com is more exact than any host' },
  ],
  [
    route('wild', '/orders/1', '*.example.com'),
    { kind: 'less-specific', why: 'api.example.com is more exact than *.example.com' },
  ],
  [route('rest', '/orders/**', 'api.example.com'), { kind: 'less-specific', why: '/{id} is more exact than /**' }],
  [route('all', '/**', 'api.example.com'), { kind: 'less-specific', why: '/orders is more exact than /**' }],
  [route('no-methods', '/orders/{x}', 'api.example.com'), { kind: 'less-specific', why: 'it names its methods' }],
  [route('write', '/orders/{id}', 'api.example.com', ['PUT']), { kind: 'other-method', methods: ['PUT'] }],
  [route('elsewhere', '/orders/{id}', 'b.example.com'), { kind: 'other-host' }],
  [route('other', '/orders', 'api.example.com'), { kind: 'other-path' }],
  [route('longer', '/orders/{id}/lines', 'api.example.com'), { kind: 'other-path' }],
] as const) {
  test(`why ${loser.id} does or does not take the request is said`, (t) => {
    t.deepEqual(standingOf(loser, WINNER, ASKED), expected);
  });
}

test('routes are told host by host, and on a host by path, as the table prefers them', (t) => {
  const ordered = [
    route('exact', '/a', 'api.example.com'),
    route('longer', '/a', '*.eu.example.com'),
    route('wildcard', '/a', '*.example.com'),
    route('root', '/'),
    route('new', '/a/new'),
    route('deep', '/a/{x}/c'),
    route('one', '/a/{x}'),
    route('end', '/a', undefined, ['GET']),
    route('any-method', '/a'),
    route('below', '/a/**'),
    route('named-fixed', '/{x}/b'),
    route('rest', '/**'),
  ];
  t.deepEqual(inMatchOrder(ordered.toReversed()), ordered);
});

test('the first of several that take a request is the one that the table answers', (t) => {
  let met = 0;
  fc.assert(
    fc.property(anyRoutes, anyRequest, (routes, { host, path, method }) => {
      const able = inMatchOrder(routes).filter(
        (one) => takesHost(one, host) && takesPath(one, path) && (one.methods?.includes(method) ?? true),
      );
      const match = new RouteTable(routes).match(host, path, method);
      met += able.length > 1 ? 1 : 0;
      return able[0] === (match.kind === 'route' ? match.route : undefined);
    }),
    { numRuns: 3000 },
  );
  t.true(met > 50, String(met));
});
