import test from 'ava';
import { codeOf, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// A page of any site can have a visitor's browser send a form, a `fetch` without CORS or a WebSocket to the API, and the
// browser adds the visitor's cookies: a token in a cookie then works for the page (CSRF; for WebSockets CVE-2024-26135,
// CVE-2018-14732 and many more). SameSite keeps only some of them away: not pages of a sibling host, nor browsers that
// were told otherwise. A browser names the page's origin in Origin.

const ROUTES = [
  {
    id: 'all',
    match: { path: '/**' },
    auth: { tokenFrom: ['authorization', { cookie: 'session' }] },
    websocket: true,
    cors: { origins: ['https://app.example.com'] },
  },
  {
    id: 'any',
    match: { path: '/any' },
    auth: { tokenFrom: [{ cookie: 'session' }] },
    cors: { origins: ['*'] },
  },
];
const FOREIGN: readonly (readonly [title: string, headers: readonly WireHeader[]])[] = [
  ['a page of another site', [['Origin', 'https://evil.example']]],
  ['a page of a sibling host', [['Origin', 'http://other.example.com']]],
  ['a page of a host whose name begins alike', [['Origin', 'http://api.example.com.evil.example']]],
  ['a page of another port', [['Origin', 'http://api.example.com:8081']]],
  ['a page of another scheme', [['Origin', 'https://api.example.com']]],
  ['a sandboxed frame', [['Origin', 'null']]],
  ['an empty Origin', [['Origin', '']]],
  ['any', [['Origin', '*']]],
  [
    'two Origins',
    [
      ['Origin', 'http://api.example.com'],
      ['Origin', 'https://evil.example'],
    ],
  ],
  ['two Origins in one', [['Origin', 'http://api.example.com, https://evil.example']]],
  ['two Origins, as old standards had it', [['Origin', 'http://api.example.com https://evil.example']]],
  ['no Origin, from another site', [['Sec-Fetch-Site', 'cross-site']]],
  ['no Origin, from a sibling host', [['Sec-Fetch-Site', 'same-site']]],
];
const OWN: readonly (readonly [title: string, headers: readonly WireHeader[]])[] = [
  ['a page of the API itself', [['Origin', 'http://api.example.com']]],
  ['a page that cors names', [['Origin', 'https://app.example.com']]],
  ['no browser', []],
  ['an old browser', [['Sec-Fetch-Site', 'same-origin']]],
];

const cookie = (gateway: TestGateway): WireHeader => ['Cookie', `theme=dark; session=${gateway.token()}`];

test('a page of another origin does nothing with the token in a cookie', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
    for (const [title, headers] of FOREIGN) {
      for (const target of ['/', '/any']) {
        const response = await gateway.ask(requestBytes({ method, target, headers: [cookie(gateway), ...headers] }));
        t.is(response.status, 403, `${method} ${title}`);
        t.is(codeOf(response), 'route.origin', title);
        t.is(response.header('www-authenticate'), undefined);
        t.notRegex(response.body, /evil/);
      }
    }
  }
  t.is(upstream.connections.length, 0);

  for (const [title, headers] of OWN) {
    const response = await gateway.ask(requestBytes({ method: 'POST', headers: [cookie(gateway), ...headers] }));
    t.is(response.status, 200, title);
  }
});

test('it opens no WebSocket with it', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES }, () => switching());
  const open = async (headers: readonly WireHeader[]) => {
    return gateway.ask(requestBytes({ headers: [...handshakeHeaders(), cookie(gateway), ...headers] }));
  };
  for (const [title, headers] of FOREIGN) {
    const response = await open(headers);
    t.is(response.status, 403, title);
    t.is(codeOf(response), 'route.origin', title);
  }
  t.is(upstream.connections.length, 0);
  for (const [title, headers] of OWN) t.is((await open(headers)).status, 101, title);
});

test('a header that asks for another method makes a request of that method of it', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  const ask = (...headers: WireHeader[]) =>
    gateway.ask(requestBytes({ headers: [cookie(gateway), ['Origin', 'https://evil.example'], ...headers] }));
  for (const name of ['X-HTTP-Method-Override', 'X_Method~Override', 'x-http-method']) {
    for (const method of ['DELETE', 'delete', ' POST', 'GET, DELETE', ''])
      t.is((await ask([name, method])).status, 403, `${name}: ${method}`);
    t.is((await ask([name, 'HEAD'])).status, 200, name);
  }
});

test('what changes nothing, and a token that no browser adds, need no origin', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  const foreign: WireHeader = ['Origin', 'https://evil.example'];
  for (const method of ['GET', 'HEAD', 'OPTIONS'])
    t.is((await gateway.ask(requestBytes({ method, headers: [cookie(gateway), foreign] }))).status, 200, method);
  const own = requestBytes({ method: 'POST', headers: [gateway.bearer(), ['Cookie', 'theme=dark'], foreign] });
  t.is((await gateway.ask(own)).status, 200);
});

test('the refusal says nothing of the token, which nobody has looked at', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  for (const session of ['not-a-token', gateway.token({ exp: 1 }), gateway.token({ iss: 'https://other.example' })]) {
    const headers: WireHeader[] = [
      ['Cookie', `session=${session}`],
      ['Origin', 'https://evil.example'],
    ];
    t.is(codeOf(await gateway.ask(requestBytes({ method: 'POST', headers }))), 'route.origin');
  }
  const two: WireHeader[] = [cookie(gateway), gateway.bearer(), ['Origin', 'https://evil.example']];
  t.is(codeOf(await gateway.ask(requestBytes({ method: 'POST', headers: two }))), 'token.ambiguous');
});

const BEHIND: readonly (readonly [title: string, config: object, headers: readonly WireHeader[], origin: string])[] = [
  ['publicUrl', { publicUrl: 'https://shop.example.com/api' }, [], 'https://shop.example.com'],
  ['X-Forwarded-Proto', {}, [['X-Forwarded-Proto', 'https']], 'https://api.example.com'],
  [
    'X-Forwarded-Host',
    {},
    [
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', 'shop.example.com:8443'],
    ],
    'https://shop.example.com:8443',
  ],
  [
    'X-Forwarded-Port',
    {},
    [
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Port', '8443'],
    ],
    'https://api.example.com:8443',
  ],
  ['Forwarded', {}, [['Forwarded', 'for=192.0.2.1;proto=https;host="shop.example.com"']], 'https://shop.example.com'],
];

for (const [title, config, headers, origin] of BEHIND) {
  test(`the gateway knows its own pages behind a proxy by ${title}`, async (t) => {
    const ask = (gateway: TestGateway, from: string) =>
      gateway.ask(requestBytes({ method: 'POST', headers: [cookie(gateway), ...headers, ['Origin', from]] }));
    const trusting = await startBehind(t, { routes: ROUTES, ...config, listen: { trustedProxies: ['127.0.0.0/8'] } });
    t.is((await ask(trusting.gateway, origin)).status, 200);
    t.is((await ask(trusting.gateway, 'https://evil.example')).status, 403);
    if (headers.length === 0) return;
    const strict = await startBehind(t, { routes: ROUTES, ...config });
    t.is((await ask(strict.gateway, origin)).status, 403, 'a stranger is not believed');
  });
}
