import test from 'ava';
import { coversHost } from '../../src/config/match.ts';
import { configFrom } from '../support/config.ts';
import { edited } from './mistakes.ts';
import { problemsOf } from './support.ts';

/** `GET,POST api.example.com/orders`, as routes of a configuration; answers the methods that each then takes. */
function methodsOf(...texts: readonly string[]): (string | undefined)[] {
  const routes = texts.map((text, index) => {
    const [, methods, host, path] = /^(?:(\S+) )?([^/]*)(\/.*)$/.exec(text) ?? [];
    const match = { ...(host && { host }), path, ...(methods && { methods: methods.split(',') }) };
    return { id: `r${index}`, match, auth: 'public' };
  });
  return configFrom({ routes, upstreams: { api: 'http://api.internal' } }).routes.map(({ methods }) => methods?.join());
}

const HEADS: readonly (readonly [
  title: string,
  routes: readonly string[],
  methods: readonly (string | undefined)[],
])[] = [
  ['a route that takes GET takes HEAD', ['GET /a'], ['GET,HEAD']],
  ['other methods bring no HEAD', ['POST,OPTIONS /a'], ['POST,OPTIONS']],
  ['HEAD is named once', ['HEAD,GET /a'], ['HEAD,GET']],
  ['a route that names no method has them all', ['/a'], [undefined]],
  ['a sibling that names HEAD has it', ['GET /a/{id}', 'HEAD,POST /a/{key}'], ['GET', 'HEAD,POST']],
  ['a route of another path is no sibling', ['GET /a/{id}', 'HEAD /a/**'], ['GET,HEAD', 'HEAD']],
  ['a route of another host is no sibling', ['GET a.example.com/a', 'HEAD b.example.com/a'], ['GET,HEAD', 'HEAD']],
  ['a route for every host is no sibling of one for a host', ['GET a.example.com/a', 'HEAD /a'], ['GET,HEAD', 'HEAD']],
];

for (const [title, routes, methods] of HEADS) {
  test(title, (t) => t.deepEqual(methodsOf(...routes), methods));
}

test('a host covers itself and what is below a wildcard', (t) => {
  t.true(coversHost(undefined, undefined));
  t.true(coversHost(undefined, 'api.example.com'));
  t.true(coversHost('*.example.com', 'api.example.com'));
  t.true(coversHost('*.example.com', '*.b.example.com'));
  t.false(coversHost('*.example.com', 'example.com'));
  t.false(coversHost('*.example.com', undefined));
  t.false(coversHost('api.example.com', '*.example.com'));
});

const UNDER_GUARDED: readonly (readonly [guarded: string, open: string, told: boolean])[] = [
  ['', '', true],
  ['', 'api.example.com', true],
  ['*.example.com', 'api.example.com', true],
  ['api.example.com', '', false],
  ['api.example.com', 'other.example.com', false],
];

for (const [guarded, open, told] of UNDER_GUARDED) {
  test(`a public route for ${open || 'any host'} below one for ${guarded || 'any host'} is ${told ? '' : 'not '}told of`, (t) => {
    const host = (name: string) => (name ? `, host: "${name}"` : '');
    const yaml = edited([
      '<     match:',
      `>     match: { path: "/orders/{id}/**"${host(guarded)} }`,
      '<       path: /orders/{id}/**',
      '<       methods: [GET, HEAD]',
      '<     match: { path: /health }',
      `>     match: { path: /orders/x/y${host(open)} }`,
    ]);
    t.deepEqual(
      problemsOf(yaml).map(({ name }) => name),
      told ? ['public-under-guarded'] : [],
    );
  });
}
