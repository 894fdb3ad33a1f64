import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// http-proxy lets one set headers in its `proxyReq` event, which it skips under Expect (#1219) and for every WebSocket:
// whoever sets identity headers there hands those of the client on. And a client that names such a header in Connection
// has it removed behind the one who set it (CVE-2021-33197, Apache CVE-2022-31813).

const ROUTES = [
  {
    id: 'all',
    match: { path: '/**' },
    websocket: true,
    headers: { set: { 'X-User': '{claims.sub}', 'X-Tenant': '{claims.tenant}' } },
  },
];
const OTHERS: readonly WireHeader[] = [
  ['X-User', 'root'],
  ['x-user', 'root'],
  ['X-Tenant', 'other'],
  ['X-Forwarded-For', '127.0.0.1'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Real-IP', '127.0.0.1'],
  ['X-Request-Id', 'mine'],
];

test('a handshake brings the identity of its token, whatever the client says it is', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES }, () => switching());
  const tricks: Readonly<Record<string, Parameters<typeof handshakeHeaders>[0]>> = {
    plain: {},
    Expect: { Expect: '100-continue' },
    nominated: {
      Connection:
        'Upgrade, X-User, X-Tenant, X-Forwarded-For, Sec-WebSocket-Key, Sec-WebSocket-Version, Authorization, Host',
    },
    'TE and Trailer': { TE: 'trailers', Trailer: 'X-User' },
  };
  for (const [title, over] of Object.entries(tricks)) {
    const headers = [gateway.bearer(), ...handshakeHeaders(over), ...OTHERS];
    const answer = await gateway.ask(requestBytes({ headers }));
    t.is(answer.status, 101, title);
    const request = upstream.requests.at(-1);
    t.deepEqual(request?.values('x-user'), ['user-1'], title);
    t.deepEqual(request?.values('x-tenant'), [], title);
    t.deepEqual(request?.values('x-forwarded-for'), ['127.0.0.1'], title);
    t.deepEqual(request?.values('x-forwarded-proto'), ['http'], title);
    t.deepEqual(request?.values('x-real-ip'), [], title);
    t.deepEqual(request?.values('authorization'), [], title);
    t.deepEqual(request?.values('expect'), [], title);
    t.deepEqual(request?.values('host'), ['api.example.com'], title);
    t.deepEqual(request?.values('sec-websocket-key'), ['dGhlIHNhbXBsZSBub25jZQ=='], title);
    t.notRegex(request?.values('x-request-id')[0] ?? 'mine', /mine/, title);
    t.deepEqual(request?.values('connection'), ['Upgrade'], title);
    t.deepEqual(request?.values('trailer'), [], title);
  }
  for (const alias of ['X_User', 'x.user']) {
    const answer = await gateway.ask(
      requestBytes({ headers: [gateway.bearer(), ...handshakeHeaders(), [alias, 'root']] }),
    );
    t.is(answer.status, 400);
    t.is(codeOf(answer), 'request.invalid');
  }
  t.is(upstream.requests.length, Object.keys(tricks).length);
});
