import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// CGI, WSGI and PHP map `-` and `.` of a header name to `_`, so that `X_User_Id` and `X.User.Id` reach an application as
// the very variable that the guard's X-User-Id does. Removing the exact name alone lets the client choose. oauth2-proxy
// CVE-2025-64484, Traefik CVE-2026-39858 and CVE-2026-88011 (the dot), Caddy CVE-2026-52845. lighttpd and old Apache map each of the 15
// characters that RFC 9110 §5.6.2 allows beside letters and digits.

const MARKS = [..."!#$%&'*+.^_`|~"];

const ALIASES = [
  'X_User_Id',
  'x_user-id',
  'X-User_Id',
  'X.User.Id',
  'x.user-id',
  'X_USER_ID',
  'X.User_Id',
  'X_Forwarded_For',
  'X-Forwarded_Proto',
  'x.forwarded.host',
  'X_Real_IP',
  'X_Request_Id',
  'Content_Length',
  'Transfer_Encoding',
  'transfer.encoding',
  ...MARKS.flatMap((mark) => [`X${mark}User-Id`, `X-User${mark}Id`]),
  'X!Original!URL',
  'X~Forwarded~For',
  'Content~Length',
  'Remote|User',
  'Proxy*Authorization',
];

test('a spelling variant of a header that the gateway answers for is refused', async (t) => {
  const routes = [
    { id: 'open', match: { path: '/open' }, auth: 'public' },
    { id: 'all', match: { path: '/**' }, headers: { set: { 'X-User-Id': '{claims.sub}' } } },
  ];
  const { gateway, upstream } = await startBehind(t, { routes });
  for (const name of ALIASES) {
    // Also on a route that sets nothing: its upstream is the same.
    for (const target of ['/orders', '/open']) {
      const bytes = requestBytes({ target, headers: [gateway.bearer(), [name, 'root']] });
      const { responses, ended } = await gateway.send(bytes, { until: 'close' });
      t.is(responses[0]?.status, 400, `${name} ${target}`);
      t.is(responses[0] && codeOf(responses[0]), 'request.invalid', name);
      t.is(ended, 'close');
    }
  }
  t.is(upstream.connections.length, 0);

  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer(), ['X_Other_Id', '1']] }))).status, 200);
  t.deepEqual(upstream.requests[0]?.values('x_other_id'), ['1']);
  t.deepEqual(upstream.requests[0]?.values('x-user-id'), ['user-1']);
  // What no server reads as another name is nobody's alias.
  for (const name of ['X~Other', 'X-User-Ident', 'XUserId', 'X--User-Id', '~X-User-Id'])
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer(), [name, '1']] }))).status, 200, name);
});
