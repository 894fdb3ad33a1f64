import test from 'ava';
import { HeaderRules } from '../../src/forward/headers.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { rawResponse } from '../support/upstream.ts';
import { type FactsOptions, factsOf, pairs, routeOf } from './facts.ts';

interface Situation extends FactsOptions {
  readonly rewrite?: object;
  readonly upstream?: object;
  readonly fields?: readonly WireHeader[];
  readonly sentTo?: string;
}

/** What the client sees of a header; the upstream is http://legacy.internal:3000, the client asked api.example.com:8080. */
function seen(situation: Situation, name: string, value: string): string | undefined {
  const { rewrite, upstream, fields = [], sentTo = '/v1/orders/1', ...options } = situation;
  const { stripPrefix = '' } = (rewrite ?? {}) as { stripPrefix?: string };
  const route = routeOf({ match: { path: `${stripPrefix}/**` }, ...(rewrite && { rewrite }) }, upstream);
  const raw = [name, value].map((text) => Buffer.from(text, 'latin1'));
  const headers = new HeaderRules(route).forClient(raw, factsOf(route, fields, options), sentTo);
  return pairs(headers ?? []).find(([other]) => other === name)?.[1];
}

const PREFIX: Situation = { rewrite: { stripPrefix: '/orders', addPrefix: '/v1/orders' } };
const STRIP: Situation = { rewrite: { stripPrefix: '/orders' }, sentTo: '/' };
const ADD: Situation = { rewrite: { addPrefix: '/v1' }, sentTo: '/v1/orders' };
const HOST: Situation = { upstream: { host: 'upstream' } };
const NAMED: Situation = { upstream: { host: 'Orders.Test:80' } };
const SEVERAL: Situation = {
  ...PREFIX,
  upstream: { url: undefined, urls: ['http://a.internal:3000', 'https://b.internal'] },
};
const TLS: Situation = { ...HOST, encrypted: true };
const BEHIND_PROXY: Situation = {
  ...HOST,
  trusted: true,
  fields: [
    ['X-Forwarded-Proto', 'https, http'],
    ['X-Forwarded-Host', 'shop.example'],
  ],
};
const STRANGER: Situation = { ...BEHIND_PROXY, trusted: false };

const LOCATIONS: readonly (readonly [situation: Situation, value: string, seen: string])[] = [
  // Paths, mapped back on whole segments.
  [PREFIX, '/v1/orders/5', '/orders/5'],
  [PREFIX, '/v1/orders', '/orders'],
  [PREFIX, '/v1/orders/', '/orders/'],
  [PREFIX, '/v1/orders?page=2#top', '/orders?page=2#top'],
  [PREFIX, '/v1/ordersX', '/v1/ordersX'],
  [PREFIX, '/login', '/login'],
  [PREFIX, '/', '/'],
  [STRIP, '/5', '/orders/5'],
  [STRIP, '/', '/orders/'],
  [ADD, '/v1', '/'],
  [ADD, '/v1/orders/5', '/orders/5'],
  [ADD, '/other', '/other'],
  [PREFIX, '/v1/orders/a%2Fb%20c', '/orders/a%2Fb%20c'],
  // Relative ones, as the upstream means them.
  [PREFIX, '2', '/orders/2'],
  [PREFIX, '?page=2', '/orders/1?page=2'],
  [PREFIX, '../orders/7', '/orders/7'],
  [PREFIX, '../../login', '../../login'],
  [STRIP, 'list', '/orders/list'],
  [PREFIX, '#top', '#top'],
  [PREFIX, '', ''],
  // The upstream's own origin becomes the client's.
  [PREFIX, 'http://legacy.internal:3000/v1/orders/5?a=b', 'http://api.example.com:8080/orders/5?a=b'],
  [PREFIX, 'HTTP://LEGACY.internal:3000/v1/orders', 'http://api.example.com:8080/orders'],
  [PREFIX, 'http://legacy.internal:3000/login', 'http://api.example.com:8080/login'],
  [PREFIX, 'https://legacy.internal:3000/v1/orders', 'http://api.example.com:8080/orders'],
  [HOST, 'http://legacy.internal:3000/a?b#c', 'http://api.example.com:8080/a?b#c'],
  [HOST, 'http://legacy.internal:3000', 'http://api.example.com:8080/'],
  [TLS, 'http://legacy.internal:3000/a', 'https://api.example.com:8080/a'],
  [NAMED, 'http://orders.test/a', 'http://api.example.com:8080/a'],
  [NAMED, 'http://legacy.internal:3000/a', 'http://api.example.com:8080/a'],
  [SEVERAL, 'http://a.internal:3000/v1/orders/5', 'http://api.example.com:8080/orders/5'],
  [SEVERAL, 'https://b.internal/v1/orders/5', 'http://api.example.com:8080/orders/5'],
  [BEHIND_PROXY, 'http://legacy.internal:3000/a', 'https://shop.example/a'],
  [STRANGER, 'http://legacy.internal:3000/a', 'http://api.example.com:8080/a'],
  [
    { ...BEHIND_PROXY, fields: [['X-Forwarded-Host', 'a/b']] },
    'http://legacy.internal:3000/',
    'http://api.example.com:8080/',
  ],
  // The client's own name, where the upstream knows it.
  [PREFIX, 'http://api.example.com:8080/v1/orders/5', 'http://api.example.com:8080/orders/5'],
  [{ ...PREFIX, encrypted: true }, 'http://api.example.com:8080/v1/orders/5', 'https://api.example.com:8080/orders/5'],
  [PREFIX, 'https://api.example.com:8080/v1/orders/5', 'https://api.example.com:8080/orders/5'],
  [PREFIX, 'http://api.example.com:8080/login', 'http://api.example.com:8080/login'],
  // Everybody else's stays.
  [PREFIX, 'https://login.example.com/v1/orders', 'https://login.example.com/v1/orders'],
  [PREFIX, 'http://legacy.internal/v1/orders', 'http://legacy.internal/v1/orders'],
  [PREFIX, 'http://legacy.internal:3000@evil.example/v1/orders', 'http://legacy.internal:3000@evil.example/v1/orders'],
  [PREFIX, 'http://user@legacy.internal:3000/v1/orders', 'http://user@legacy.internal:3000/v1/orders'],
  [PREFIX, 'mailto:a@legacy.internal:3000', 'mailto:a@legacy.internal:3000'],
  [PREFIX, 'http://[broken/', 'http://[broken/'],
  // Without a scheme, and what browsers take for that.
  [PREFIX, '//legacy.internal:3000/v1/orders/5', 'http://api.example.com:8080/orders/5'],
  [PREFIX, '//evil.example/v1/orders/5', '//evil.example/v1/orders/5'],
  [PREFIX, '/\\evil.example/v1/orders', '/\\evil.example/v1/orders'],
  // A prefix that is taken off must not leave another host behind.
  [ADD, '/v1//evil.example', '/v1//evil.example'],
  [ADD, '/v1/\\evil.example', '/v1/\\evil.example'],
  [ADD, '/v1/.//evil.example', '/v1/.//evil.example'],
  // Browsers read UTF-8.
  [PREFIX, Buffer.from('/v1/orders/é').toString('latin1'), '/orders/%C3%A9'],
  [PREFIX, '/v1/orders/\xff', '/v1/orders/\xff'],
];

for (const name of ['Location', 'Content-Location']) {
  test(`${name} comes back in the client's terms, and only what names the upstream`, (t) => {
    for (const [situation, value, expected] of LOCATIONS) {
      t.is(seen(situation, name, value), expected, JSON.stringify([situation, value]));
    }
  });
}

test('what is left of a Location never leads to a host that the upstream did not name', (t) => {
  const base = 'http://api.example.com:8080/v1/orders/1';
  for (const [situation, value, expected] of LOCATIONS) {
    if (!URL.canParse(value, base)) continue;
    const meant = new URL(value, base).host;
    const host = new URL(expected, base).host;
    t.true([meant, 'api.example.com:8080', 'shop.example'].includes(host), JSON.stringify([situation, value]));
  }
});

test('Refresh, by which old pages redirect, is treated likewise', (t) => {
  t.is(seen(PREFIX, 'Refresh', '5; url=/v1/orders/5'), '5; url=/orders/5');
  t.is(
    seen(PREFIX, 'Refresh', '0;URL="http://legacy.internal:3000/v1/orders"'),
    '0;URL="http://api.example.com:8080/orders"',
  );
  t.is(seen(PREFIX, 'Refresh', '5'), '5');
  t.is(seen(PREFIX, 'Refresh', '5; url=https://evil.example/v1/orders'), '5; url=https://evil.example/v1/orders');
});

const COOKIES: readonly (readonly [situation: Situation, value: string, seen: string])[] = [
  [PREFIX, 'a=1; Path=/v1/orders; HttpOnly', 'a=1; Path=/orders; HttpOnly'],
  [PREFIX, 'a=1;path=/v1/orders/;Secure', 'a=1; path=/orders/;Secure'],
  [PREFIX, 'a=1; Path=/v1/orders/5', 'a=1; Path=/orders/5'],
  [PREFIX, 'a=1; Path=/v1/ordersX', 'a=1; Path=/v1/ordersX'],
  [PREFIX, 'a=1; Path=/v1', 'a=1; Path=/orders'],
  [PREFIX, 'a=1; Path=/', 'a=1; Path=/'],
  [PREFIX, 'a=1; Path=/v2', 'a=1; Path=/v2'],
  [PREFIX, 'a=1; Path=', 'a=1; Path='],
  [STRIP, 'a=1; Path=/', 'a=1; Path=/orders'],
  [STRIP, 'a=1; Path=/x', 'a=1; Path=/orders/x'],
  [STRIP, '__Host-a=1; Secure; Path=/', '__Host-a=1; Secure; Path=/'],
  [ADD, 'a=1; Path=/v1', 'a=1; Path=/'],
  [HOST, 'a=1; Domain=legacy.internal; Path=/a', 'a=1; Path=/a'],
  [HOST, 'a=1; domain=.LEGACY.internal', 'a=1'],
  [HOST, 'a=1; Domain=internal', 'a=1; Domain=internal'],
  [HOST, 'a=1; Domain=example.com', 'a=1; Domain=example.com'],
  [NAMED, 'a=1; Domain=orders.test', 'a=1'],
  // What looks like an attribute in the value is none.
  [PREFIX, 'Path=/v1/orders; Path=/v1/orders', 'Path=/v1/orders; Path=/orders'],
  [PREFIX, 'a="x=1,2"; Expires=Thu, 01 Jan 2026 00:00:00 GMT', 'a="x=1,2"; Expires=Thu, 01 Jan 2026 00:00:00 GMT'],
];

test('Path and Domain of cookies come back in the client’s terms, and the rest stays byte for byte', (t) => {
  for (const [situation, value, expected] of COOKIES) {
    t.is(seen(situation, 'Set-Cookie', value), expected, JSON.stringify([situation, value]));
  }
});

test('where neither prefix nor Host is changed, nothing is', (t) => {
  const same: Situation = { rewrite: { stripPrefix: '/v1', addPrefix: '/v1' } };
  for (const situation of [{}, same]) {
    for (const value of ['/v1/orders', 'http://legacy.internal:3000/v1/orders'])
      t.is(seen(situation, 'Location', value), value);
    t.is(seen(situation, 'Set-Cookie', 'a=1; Domain=legacy.internal; Path=/'), 'a=1; Domain=legacy.internal; Path=/');
  }
});

test('a legacy API behind a prefix and a name of its own is used without knowing either', async (t) => {
  const { gateway } = await startBehind(
    t,
    {
      upstream: { host: 'legacy.test' },
      routes: [{ id: 'r', match: { path: '/orders/**' }, rewrite: { stripPrefix: '/orders', addPrefix: '/v1' } }],
    },
    ({ values, target }) => {
      const [host] = values('host');
      return rawResponse(302, '', [
        ['Location', `http://${host}${target}/next`],
        ['Set-Cookie', `a=1; Path=/v1; Domain=${host}`],
        ['Set-Cookie', 'b=2; Path=/v1/x'],
      ]);
    },
  );
  const response = await gateway.ask(requestBytes({ target: '/orders/1', headers: [gateway.bearer()] }));
  t.is(response.header('location'), 'http://api.example.com/orders/1/next');
  t.deepEqual(
    response.headers.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value),
    ['a=1; Path=/orders', 'b=2; Path=/orders/x'],
  );
});
