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
  // What old applications send is not: the bytes as they are, so that the upstream's address does not show.
  [PREFIX, '/v1/orders/\xff', '/orders/%FF'],
  [HOST, 'http://legacy.internal:3000/caf\xe9?q=\xfc', 'http://api.example.com:8080/caf%E9?q=%FC'],
  [HOST, 'http://other.internal:3000/caf\xe9', 'http://other.internal:3000/caf\xe9'],
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

/** Neither prefix nor Host is changed; the upstream listens on the same machine. */
const KEPT: Situation = { upstream: { url: 'http://127.0.0.1:3000' }, sentTo: '/a/b' };
const KEPT_TLS: Situation = { ...KEPT, encrypted: true };
const IPV6: Situation = { ...KEPT, upstream: { url: 'http://[::1]' } };
const REMOTE: Situation = { sentTo: '/a/b' };
const NAMED_ON_PORT: Situation = { ...KEPT, upstream: { url: 'http://127.0.0.1:3000', host: 'shop.test' } };
const ORIGINS: Situation = {
  ...REMOTE,
  upstream: { origins: ['http://localhost:3000', 'https://old.example.com', 'http://[2001:db8::1]:81'] },
};
const RENAMED: Situation = { ...KEPT, trusted: true, fields: [['X-Forwarded-Host', 'shop.example']] };

const CLIENT = 'http://api.example.com:8080';

const OWN_LOCATIONS: readonly (readonly [situation: Situation, value: string, seen: string])[] = [
  // Its address, however it is spelt.
  [REMOTE, 'http://legacy.internal:3000/login?a=b#c', `${CLIENT}/login?a=b#c`],
  [REMOTE, 'HTTP://Legacy.INTERNAL.:03000/login', `${CLIENT}/login`],
  [REMOTE, 'https://legacy.internal:3000/login', `${CLIENT}/login`],
  [REMOTE, '//legacy.internal:3000/login', `${CLIENT}/login`],
  [REMOTE, '\\\\legacy.internal:3000\\login', `${CLIENT}/login`],
  [REMOTE, 'http:\\\\legacy.internal:3000/login', `${CLIENT}/login`],
  [REMOTE, '/\t/legacy.internal:3000/login', `${CLIENT}/login`],
  // The names of one machine for one another, where the upstream is on it.
  [KEPT, 'http://127.0.0.1:3000/login', `${CLIENT}/login`],
  [KEPT, 'http://localhost:3000/login', `${CLIENT}/login`],
  [KEPT, 'http://LOCALHOST.:3000', `${CLIENT}/`],
  [KEPT, 'http://[::1]:3000/login', `${CLIENT}/login`],
  [KEPT, 'http://[0:0:0:0:0:0:0:1]:3000/login', `${CLIENT}/login`],
  [KEPT, 'http://127.1:3000/login', `${CLIENT}/login`],
  [IPV6, 'http://localhost/login', `${CLIENT}/login`],
  [IPV6, 'http://localhost:80/login', `${CLIENT}/login`],
  [KEPT, 'http://localhost/login', 'http://localhost/login'],
  [KEPT, 'http://localhost:3001/login', 'http://localhost:3001/login'],
  [REMOTE, 'http://localhost:3000/login', 'http://localhost:3000/login'],
  // The Host that it was sent, with its own port too.
  [KEPT, `${CLIENT}/login`, `${CLIENT}/login`],
  [KEPT_TLS, `${CLIENT}/login`, 'https://api.example.com:8080/login'],
  [KEPT, 'https://api.example.com:8080/login', 'https://api.example.com:8080/login'],
  [KEPT, 'http://api.example.com:3000/login', `${CLIENT}/login`],
  [KEPT, 'https://api.example.com:3000/login', 'https://api.example.com:3000/login'],
  [KEPT, 'http://api.example.com/login', 'http://api.example.com/login'],
  [NAMED_ON_PORT, 'http://shop.test/login', `${CLIENT}/login`],
  [NAMED_ON_PORT, 'https://shop.test/login', `${CLIENT}/login`],
  [NAMED_ON_PORT, 'http://shop.test:3000/login', `${CLIENT}/login`],
  [NAMED_ON_PORT, 'http://shop.test:3001/login', 'http://shop.test:3001/login'],
  [RENAMED, `${CLIENT}/login`, 'http://shop.example/login'],
  [RENAMED, 'http://shop.example/login', 'http://shop.example/login'],
  // What `origins` names, in that scheme.
  [ORIGINS, 'http://localhost:3000/login', `${CLIENT}/login`],
  [ORIGINS, 'https://localhost:3000/login', 'https://localhost:3000/login'],
  [ORIGINS, 'http://127.0.0.1:3000/login', 'http://127.0.0.1:3000/login'],
  [ORIGINS, 'https://old.example.com:443/login', `${CLIENT}/login`],
  [ORIGINS, 'http://old.example.com/login', 'http://old.example.com/login'],
  [ORIGINS, 'http://[2001:DB8:0::1]:81/login', `${CLIENT}/login`],
  // Relative references name no host, and stay byte for byte.
  [KEPT, '/login', '/login'],
  [KEPT, '/a/./b', '/a/./b'],
  [KEPT, 'login', 'login'],
  [KEPT, '?page=2', '?page=2'],
  [KEPT, '', ''],
  // Everybody else's stays.
  [KEPT, 'http://localhost:3000@evil.example/', 'http://localhost:3000@evil.example/'],
  [KEPT, 'http://user:pass@localhost:3000/', 'http://user:pass@localhost:3000/'],
  [KEPT, 'http://localhost:3000.evil.example/', 'http://localhost:3000.evil.example/'],
  [KEPT, 'http://localhost.evil.example:3000/', 'http://localhost.evil.example:3000/'],
  [KEPT, 'http://evil.example:3000/', 'http://evil.example:3000/'],
  [KEPT, 'http://evil.example/http://localhost:3000/', 'http://evil.example/http://localhost:3000/'],
  [KEPT, '//evil.example/login', '//evil.example/login'],
  [KEPT, '/\\evil.example', '/\\evil.example'],
  [KEPT, '/\t/evil.example', '/\t/evil.example'],
  [KEPT, 'ftp://localhost:3000/', 'ftp://localhost:3000/'],
  [KEPT, 'javascript://localhost:3000/%0aalert(1)', 'javascript://localhost:3000/%0aalert(1)'],
  [PREFIX, '/\t/evil.example/v1/orders', '/\t/evil.example/v1/orders'],
  [PREFIX, '\t/v1/orders', '/orders'],
  [{ ...PREFIX, upstream: KEPT.upstream ?? {} }, 'http://localhost:3000/v1/orders/5', `${CLIENT}/orders/5`],
];

for (const name of ['Location', 'Content-Location']) {
  test(`${name} names no address of the upstream's, whatever the route changes, and nobody else's is touched`, (t) => {
    for (const [situation, value, expected] of OWN_LOCATIONS)
      t.is(seen(situation, name, value), expected, JSON.stringify([situation, value]));
  });
}

test('the first of several targets and the last are the upstream alike', (t) => {
  const upstream = { url: undefined, urls: ['http://a.internal:3000', 'https://[::1]'], origins: [] };
  for (const own of ['http://a.internal:3000/x', 'https://localhost/x', '//[::1]:443/x'])
    t.is(seen({ upstream }, 'Location', own), `${CLIENT}/x`, own);
});

const OWN_REFRESHES: readonly (readonly [value: string, seen: string])[] = [
  ['0;http://localhost:3000/a', `0;${CLIENT}/a`],
  ['0 http://localhost:3000/a', `0 ${CLIENT}/a`],
  ['  1.5 , \tURL \t= \t http://localhost:3000/a  ', `  1.5 , \tURL \t= \t ${CLIENT}/a  `],
  [`0; url='http://localhost:3000/a' x`, `0; url='${CLIENT}/a' x`],
  ['0; url="http://localhost:3000/a', `0; url="${CLIENT}/a`],
  ['0; urlhttp://localhost:3000/a', '0; urlhttp://localhost:3000/a'],
  ['0; url=url=http://localhost:3000/a', '0; url=url=http://localhost:3000/a'],
  ['; url=http://localhost:3000/a', '; url=http://localhost:3000/a'],
  ['x; url=http://localhost:3000/a', 'x; url=http://localhost:3000/a'],
  ['0http://localhost:3000/a', '0http://localhost:3000/a'],
  ['0;', '0;'],
  ['', ''],
];

test('Refresh is read as browsers read it', (t) => {
  for (const [value, expected] of OWN_REFRESHES) t.is(seen(KEPT, 'Refresh', value), expected, value);
});

const OWN_COOKIES: readonly (readonly [situation: Situation, value: string, seen: string])[] = [
  [REMOTE, 'a=1; Domain=legacy.internal; Path=/a', 'a=1; Path=/a'],
  [REMOTE, 'a=1; Domain = .Legacy.Internal. ; Path=/', 'a=1; Path=/'],
  [REMOTE, 'a=1; Domain=legacy.internal:3000', 'a=1'],
  [KEPT, 'a=1; Domain=localhost', 'a=1'],
  [KEPT, 'a=1; Domain=[::1]; Secure', 'a=1; Secure'],
  [KEPT, 'a=1; Domain=127.0.0.1', 'a=1'],
  [ORIGINS, 'a=1; Domain=old.example.com', 'a=1'],
  [NAMED_ON_PORT, 'a=1; Domain=shop.test', 'a=1'],
  // By its own name the client's browser takes it, and by one above it.
  [KEPT, 'a=1; Domain=api.example.com', 'a=1; Domain=api.example.com'],
  [KEPT, 'a=1; Domain=.example.com', 'a=1; Domain=.example.com'],
  [RENAMED, 'a=1; Domain=api.example.com', 'a=1'],
  [RENAMED, 'a=1; Domain=shop.example', 'a=1; Domain=shop.example'],
  [REMOTE, 'a=1; Domain=localhost', 'a=1; Domain=localhost'],
  [REMOTE, 'a=1; Domain=internal', 'a=1; Domain=internal'],
  [REMOTE, 'a=1; Domain=evil.legacy.internal', 'a=1; Domain=evil.legacy.internal'],
  [REMOTE, 'a=1; Domain=; Domain', 'a=1; Domain=; Domain'],
  [REMOTE, 'Domain=legacy.internal', 'Domain=legacy.internal'],
  [REMOTE, 'a=1; Path=/a', 'a=1; Path=/a'],
];

test('no cookie keeps the name of its upstream, and each other Domain stays', (t) => {
  for (const [situation, value, expected] of OWN_COOKIES)
    t.is(seen(situation, 'Set-Cookie', value), expected, JSON.stringify([situation, value]));
});

test('where prefix and Host stay, what names nobody stays byte for byte', (t) => {
  const same: Situation = { rewrite: { stripPrefix: '/v1', addPrefix: '/v1' } };
  for (const situation of [{}, same]) {
    t.is(seen(situation, 'Location', '/v1/orders'), '/v1/orders');
    t.is(seen(situation, 'Set-Cookie', 'a=1;Path=/v1 ; x'), 'a=1;Path=/v1 ; x');
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
