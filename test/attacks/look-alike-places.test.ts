import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// The gateway takes the token from the parameter `access_token`, the service behind it is PHP and reads `access.token` as
// the same one, or ASP.NET and reads `Access_Token`: with both in a request, the gateway checks one token and the service
// goes by the other. Cookies likewise: blanks around a name, capitals, a second cookie behind a comma. PHP CVE-2020-7070 and
// CVE-2022-31629 are of this kind.

const TOKEN_FROM = ['authorization', { query: 'access_token' }, { cookie: 'session' }];
const ROUTES = [
  { id: 'strip', match: { path: '/strip' }, auth: { tokenFrom: TOKEN_FROM } },
  { id: 'forward', match: { path: '/forward' }, auth: { tokenFrom: TOKEN_FROM }, token: 'forward' },
];
const QUERIES = [
  'access.token=',
  'access_token[]=',
  'access_token%5B0%5D=',
  'Access_Token=',
  '+access_token=',
  '%20access%5ftoken=',
  'access token='.replace(' ', '%20'),
  'access+token=',
  'access_token%00=',
  'a=1;access_token=',
  '%u0061ccess_token=',
  'access%u005ftoken=',
  '%EF%BD%81ccess_token=',
  'acces%C5%BF_token=',
  'access%255ftoken=',
];
const COOKIES = [
  'session =',
  'session\t=',
  'session\u00a0=',
  'Session=',
  'SESSION=',
  'session[]=',
  'a=1, session=',
  'a=1 session=',
  '=session=',
  '%73ession=',
  '+session=',
  'session+=',
  '%u0073ession=',
  '%C5%BFession=',
];

test('a token under a name that only the upstream reads is refused, beside a good one and alone', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const evil = gateway.token({ sub: 'root' });
  const good = gateway.token();
  for (const path of ['/strip', '/forward']) {
    for (const query of QUERIES) {
      const targets: readonly (readonly [target: string, headers: readonly WireHeader[]])[] = [
        [`${path}?${query}${evil}`, [['Authorization', `Bearer ${good}`]]],
        [`${path}?access_token=${good}&${query}${evil}`, []],
        [`${path}?${query}${evil}&access_token=${good}`, []],
        [`${path}?${query}${evil}`, []],
      ];
      for (const [target, headers] of targets) {
        const response = await gateway.ask(requestBytes({ target, headers }));
        t.is(response.status, 400, target);
        t.is(codeOf(response), 'token.ambiguous', target);
        t.false(response.body.includes(evil));
      }
    }
    for (const cookie of COOKIES) {
      for (const headers of [
        [
          ['Authorization', `Bearer ${good}`],
          ['Cookie', cookie + evil],
        ],
        [['Cookie', `session=${good}; ${cookie}${evil}`]],
        [
          ['Cookie', `session=${good}`],
          ['Cookie', cookie + evil],
        ],
        [['Cookie', cookie + evil]],
      ] as const) {
        const response = await gateway.ask(requestBytes({ target: path, headers }));
        t.is(response.status, 400, `${path} ${JSON.stringify(headers)}`);
        t.is(codeOf(response), 'token.ambiguous', cookie);
      }
    }
  }
  t.is(upstream.connections.length, 0);

  // What no server reads as the token goes on, and the token only where that is asked for.
  const rest = 'token=1&a[access_token]=2&access_token_type=3';
  const headers: WireHeader[] = [['Cookie', 'theme=dark; my-session=1; sessions=2']];
  for (const [path, query] of [
    ['/strip', rest],
    ['/forward', `access_token=${good}&${rest}`],
  ] as const) {
    t.is((await gateway.ask(requestBytes({ target: `${path}?access_token=${good}&${rest}`, headers }))).status, 200);
    t.is(upstream.requests.at(-1)?.target, `${path}?${query}`);
    t.deepEqual(upstream.requests.at(-1)?.values('cookie'), ['theme=dark; my-session=1; sessions=2']);
  }
});

test('a cookie in quotes is what stands in them', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const quoted = `session="${gateway.token()}"`;
  const ask = (target: string) => gateway.ask(requestBytes({ target, headers: [['Cookie', `a="1"; ${quoted}`]] }));
  t.is((await ask('/strip')).status, 200);
  t.deepEqual(upstream.requests.at(-1)?.values('cookie'), ['a="1"']);
  t.is((await ask('/forward')).status, 200);
  t.deepEqual(upstream.requests.at(-1)?.values('cookie'), [`a="1"; ${quoted}`]);
});

test('nor does a marker of another case bring a second token to a WebSocket', async (t) => {
  const routes = [
    { id: 'ws', match: { path: '/**' }, websocket: true, auth: { tokenFrom: [{ websocketProtocol: 'bearer' }] } },
  ];
  const { gateway, upstream } = await startBehind(t, { routes }, () => switching());
  const open = (protocols: string) =>
    gateway.ask(requestBytes({ headers: [...handshakeHeaders(), ['Sec-WebSocket-Protocol', protocols]] }));
  for (const marker of ['Bearer', 'BEARER'])
    t.is(
      codeOf(await open(`bearer, ${gateway.token()}, ${marker}, ${gateway.token({ sub: 'root' })}`)),
      'token.ambiguous',
    );
  t.is(upstream.connections.length, 0);
  t.is((await open(`bearer, ${gateway.token()}, chat`)).status, 101);
});
