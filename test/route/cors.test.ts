import test from 'ava';
import { askBrowser, browserTest } from '../support/browser.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { rawResponse } from '../support/upstream.ts';

const APP = 'https://app.example.com';
const CORS = { origins: [APP, 'http://localhost:3000'], headers: ['authorization', 'x-trace'], maxAge: '5m' };

const ROUTES = [
  { id: 'orders', match: { path: '/orders/**', methods: ['GET', 'DELETE'] }, cors: CORS },
  { id: 'orders-write', match: { path: '/orders/**', methods: ['POST'] } },
  { id: 'own-options', match: { path: '/own', methods: ['OPTIONS'] }, auth: 'public' },
  { id: 'cookies', match: { path: '/cookies' }, cors: { origins: [APP], credentials: true } },
  { id: 'open', match: { path: '/open' }, auth: 'public', cors: { origins: ['*'] } },
];

const preflight = (target: string, origin: string, method: string, ...more: WireHeader[]) =>
  requestBytes({
    method: 'OPTIONS',
    target,
    headers: [['Origin', origin], ['Access-Control-Request-Method', method], ...more],
  });

test('a preflight is answered without a token, by the route of the call that it asks about', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const answer = await gateway.ask(
    preflight('/orders/1', APP, 'DELETE', ['Access-Control-Request-Headers', 'authorization']),
  );
  t.is(answer.status, 204);
  t.is(answer.header('access-control-allow-origin'), APP);
  t.is(answer.header('access-control-allow-methods'), 'GET, DELETE, HEAD');
  t.is(answer.header('access-control-allow-headers'), 'authorization, x-trace');
  t.is(answer.header('access-control-max-age'), '300');
  t.is(answer.header('access-control-allow-credentials'), undefined);
  t.regex(answer.header('vary') ?? '', /Origin/);
  t.truthy(answer.header('x-request-id'));
  t.is(upstream.requests.length, 0);
  t.is((await gateway.waitForLine(({ status }) => status === 204)).route, 'orders');
});

test('a page that may not call gets an answer that allows nothing', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  for (const origin of ['https://evil.example.com', `${APP}.evil.com`, 'https://APP.example.com', 'null', `${APP}/`]) {
    const answer = await gateway.ask(preflight('/orders/1', origin, 'GET'));
    t.is(answer.status, 204, origin);
    t.deepEqual(
      answer.headers.filter(([name]) => /^access-control/i.test(name)),
      [],
      origin,
    );
    t.regex(answer.header('vary') ?? '', /Origin/, origin);
  }
});

test('what is no preflight of a route with cors goes its usual way', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  t.is(codeOf(await gateway.ask(preflight('/orders/1', APP, 'POST'))), 'route.method');
  t.is(codeOf(await gateway.ask(preflight('/nothing', APP, 'GET'))), 'route.not-found');
  t.is(
    codeOf(await gateway.ask(requestBytes({ method: 'OPTIONS', target: '/orders/1', headers: [['Origin', APP]] }))),
    'route.method',
  );
  const twice = preflight('/orders/1', APP, 'GET', ['Origin', 'https://evil.example.com']);
  t.is(codeOf(await gateway.ask(twice)), 'route.method');
  t.is(upstream.requests.length, 0);
  t.is((await gateway.ask(preflight('/own', APP, 'GET'))).status, 200);
  t.is(upstream.requests.length, 1);
});

test('an answer and a refusal can be read by the page, and say so in one voice', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES }, () =>
    rawResponse(200, 'ok', [
      ['Access-Control-Allow-Origin', '*'],
      ['Access-Control-Allow-Credentials', 'true'],
      ['Access-Control-Expose-Headers', 'X-Total'],
      ['Vary', 'Accept'],
    ]),
  );
  const origin: WireHeader = ['Origin', APP];
  const served = await gateway.ask(requestBytes({ target: '/orders/1', headers: [origin, gateway.bearer()] }));
  const values = (name: string) =>
    served.headers.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
  t.is(served.status, 200);
  t.deepEqual(values('access-control-allow-origin'), [APP]);
  t.deepEqual(values('access-control-allow-credentials'), []);
  t.is(values('access-control-expose-headers').length, 2);
  t.deepEqual(values('vary'), ['Accept', 'Origin']);

  const refused = await gateway.ask(requestBytes({ target: '/orders/1', headers: [origin] }));
  t.is(codeOf(refused), 'token.missing');
  t.is(refused.header('access-control-allow-origin'), APP);
  t.regex(refused.header('access-control-expose-headers') ?? '', /WWW-Authenticate/);

  const stranger = await gateway.ask(
    requestBytes({ target: '/orders/1', headers: [['Origin', 'https://evil.example.com'], gateway.bearer()] }),
  );
  t.is(stranger.header('access-control-allow-origin'), undefined);
  t.is((await gateway.ask(requestBytes({ target: '/orders/1' }))).header('access-control-allow-origin'), undefined);
});

test('cookies come along where that is said, and any origin where nobody is asked', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  const cookies = await gateway.ask(preflight('/cookies', APP, 'PUT'));
  t.is(cookies.header('access-control-allow-credentials'), 'true');
  t.is(cookies.header('access-control-allow-methods'), 'GET, HEAD, POST, PUT, PATCH, DELETE');
  const open = await gateway.ask(requestBytes({ target: '/open', headers: [['Origin', 'https://any.example.com']] }));
  t.is(open.header('access-control-allow-origin'), '*');
  t.is(open.status, 200);
});

browserTest('a browser shows a page of another origin the answer, and why it was refused', async (t) => {
  const { gateway } = await startBehind(t, {
    routes: [
      { id: 'api', match: { path: '/api' }, cors: { origins: ['*'] } },
      { id: 'closed', match: { path: '/closed' } },
    ],
  });
  const script = `
    const call = async (path, token) => {
      const headers = token ? { authorization: 'Bearer ' + token } : {};
      try {
        const answer = await fetch(input.url + path, { headers });
        const body = await answer.text();
        return [answer.status, answer.headers.get('www-authenticate'), answer.ok ? body : JSON.parse(body).code];
      } catch (error) { return error.name; }
    };
    return [await call('/api', input.token), await call('/api', input.expired), await call('/api'), await call('/closed', input.token)];`;
  const expired = gateway.token({ exp: Math.floor(Date.now() / 1000) - 3600 });
  const [served, late, none, closed] = (await askBrowser(script, {
    url: gateway.url,
    token: gateway.token(),
    expired,
  })) as unknown[][];
  t.deepEqual(served, [200, null, 'ok']);
  t.is(late?.[0], 401);
  t.is(late?.[2], 'token.expired');
  t.regex(String(late?.[1]), /^Bearer error="invalid_token", error_description="It expired /);
  t.deepEqual(none, [401, 'Bearer realm="127.0.0.1"', 'token.missing']);
  t.is(closed as unknown, 'TypeError');
});

test('a page that may not call, and a request with two Origins, get Vary and nothing that allows', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  const evil: WireHeader = ['Origin', 'https://evil.example.com'];
  for (const origins of [
    [evil],
    [['Origin', APP], evil],
    [
      ['Origin', APP],
      ['Origin', APP],
    ],
  ] as WireHeader[][]) {
    for (const headers of [[...origins, gateway.bearer()], origins]) {
      const answer = await gateway.ask(requestBytes({ target: '/orders/1', headers }));
      const said = JSON.stringify(headers.map(([, value]) => value.slice(0, 30)));
      t.is(answer.status, headers.length > origins.length ? 200 : 401, said);
      t.deepEqual(
        answer.headers.filter(([name]) => /^access-control-allow/i.test(name)),
        [],
        said,
      );
      // A cache between must not give this answer to a page that may call.
      t.regex(answer.header('vary') ?? '', /\bOrigin\b/, said);
    }
  }
});

test('where every page may call, none may with credentials', async (t) => {
  const { gateway } = await startBehind(t, { routes: ROUTES });
  for (const origin of [APP, 'https://evil.example.com', 'null']) {
    for (const bytes of [
      requestBytes({ target: '/open', headers: [['Origin', origin]] }),
      preflight('/open', origin, 'GET'),
    ]) {
      const answer = await gateway.ask(bytes);
      t.is(answer.header('access-control-allow-origin'), '*', origin);
      t.is(answer.header('access-control-allow-credentials'), undefined, origin);
    }
  }
  const cors = { origins: ['*'], credentials: true };
  const wrong = gateway.load({
    upstreams: { legacy: 'http://127.0.0.1:1' },
    routes: [{ id: 'open', match: { path: '/open' }, auth: 'public', cors }],
  });
  t.false(wrong.ok, '`*` with credentials is refused');
});
