import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// node:http stops listing headers at the 2000th, while its parser goes on to obey them: a Transfer-Encoding behind them
// frames the body and is seen by nobody, a second Host or Authorization is not counted. And some names mean more to what
// stands behind than they say: `Proxy` is HTTP_PROXY to CGI (httpoxy, CVE-2016-5385), `X_Debug` is the X-Debug that the
// route takes away.

const FILLING: readonly WireHeader[] = Array.from({ length: 2100 }, () => ['a', ''] as const);
const ROOM = { limits: { headers: '64KiB' } };

test('headers behind the 2000th are headers', async (t) => {
  const { gateway, upstream } = await startBehind(t, { listen: ROOM });
  const chunked = requestBytes({
    method: 'POST',
    headers: [gateway.bearer(), ...FILLING, ['Transfer-Encoding', 'chunked']],
    body: '5\r\nhello\r\n0\r\n\r\n',
  });
  t.is((await gateway.ask(chunked)).status, 200);
  t.is(upstream.requests[0]?.body.toString(), 'hello');

  // The one token is found there, and a second one is a second one.
  t.is((await gateway.ask(requestBytes({ headers: [...FILLING, gateway.bearer()] }))).status, 200);
  t.is(upstream.requests.length, 2);
  t.deepEqual(upstream.requests[1]?.values('authorization'), []);
  const hidden: readonly (readonly [header: WireHeader, status: number, code: string])[] = [
    [['Host', 'admin.example.com'], 400, 'request.invalid'],
    [gateway.bearer({ sub: 'root' }), 400, 'token.ambiguous'],
    [['Transfer-Encoding', 'gzip, chunked'], 400, 'request.invalid'],
    [['X_Request_Id', '1'], 400, 'request.invalid'],
  ];
  for (const [header, status, code] of hidden) {
    const headers = [gateway.bearer(), ...FILLING, header];
    const { responses } = await gateway.send(requestBytes({ headers }));
    t.is(responses[0]?.status, status, header[0]);
    t.is(responses[0] && codeOf(responses[0]), code, header[0]);
  }
  t.is(upstream.requests.length, 2);
});

test('what the gateway sets is dropped behind the 2000th as well', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    listen: ROOM,
    routes: [
      { id: 'all', match: { path: '/**' }, headers: { set: { 'X-User': '{claims.sub}' }, remove: ['X-Debug'] } },
    ],
  });
  const headers: WireHeader[] = [gateway.bearer(), ...FILLING, ['X-User', 'root'], ['X-Debug', '1'], ['X-Other', '2']];
  t.is((await gateway.ask(requestBytes({ headers }))).status, 200);
  const [request] = upstream.requests;
  t.deepEqual(request?.values('x-user'), ['user-1']);
  t.deepEqual(request?.values('x-debug'), []);
  t.deepEqual(request?.values('x-other'), ['2']);
});

test('a spelling variant of a header that a route removes or takes a token from is refused', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'open', match: { path: '/open' }, auth: 'public', headers: { remove: ['X-Debug'] } },
      { id: 'own', match: { path: '/own' }, auth: { issuers: ['main'], tokenFrom: [{ header: 'X-Token' }] } },
    ],
  });
  for (const name of ['X_Debug', 'x.debug', 'X_DEBUG', 'X_Token', 'X.Token']) {
    const { responses } = await gateway.send(requestBytes({ target: '/open', headers: [[name, '1']] }));
    t.is(responses[0]?.status, 400, name);
    t.is(responses[0] && codeOf(responses[0]), 'request.invalid', name);
  }
  t.is(upstream.requests.length, 0);
  const ask = (target: string, headers: WireHeader[]) => gateway.ask(requestBytes({ target, headers }));
  t.is(
    (
      await ask('/open', [
        ['X-Debug', '1'],
        ['X_Other', '2'],
        ['Cookie', 'a=b'],
      ])
    ).status,
    200,
  );
  t.is((await ask('/own', [['X-Token', gateway.token()]])).status, 200);
  const [open] = upstream.requests;
  t.deepEqual(open?.values('x-debug'), []);
  t.deepEqual(open?.values('x_other'), ['2']);
  t.deepEqual(open?.values('cookie'), ['a=b']);
});

test('Proxy does not arrive', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const headers: WireHeader[] = [
    gateway.bearer(),
    ['Proxy', 'http://evil.example:8080'],
    ['pROXY', 'x'],
    ['X-Proxy', '1'],
  ];
  t.is((await gateway.ask(requestBytes({ headers }))).status, 200);
  t.deepEqual(upstream.requests[0]?.values('proxy'), []);
  t.deepEqual(upstream.requests[0]?.values('x-proxy'), ['1']);
});

// The last one alone was looked at: `Expect: foo` would have been met by a promise that nobody made.
test('two Expect are refused', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const bytes = (...expected: string[]) =>
    requestBytes({
      method: 'POST',
      headers: [
        gateway.bearer(),
        ['Content-Length', '2'],
        ...expected.map((value) => ['Expect', value] as const),
        ['Connection', 'close'],
      ],
      body: 'hi',
    });
  for (const expected of [
    ['foo', '100-continue'],
    ['100-continue', '100-continue'],
  ]) {
    const { responses } = await gateway.send(bytes(...expected), { until: 'close' });
    const final = responses.find(({ status }) => status >= 200);
    t.is(final?.status, 400, expected.join());
    t.is(final && codeOf(final), 'request.invalid');
  }
  t.is(upstream.requests.length, 0);
  t.is((await gateway.ask(bytes('100-continue'))).status, 200);
  t.is(upstream.requests.length, 1);
});
