import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// A gateway that dials first and asks for the token later has opened the connection, and an upstream that speaks first
// has been heard. Every reason that refuses a request refuses a WebSocket, before its upstream hears of it.

const ROUTES = [{ id: 'all', match: { path: '/**' }, websocket: true, auth: { scopes: ['chat'] } }];

test('without a good token the upstream is never dialled', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES }, () => switching());
  const past = Math.floor(Date.now() / 1000) - 3600;
  const good = gateway.token({ scope: 'chat' });
  const attempts: readonly (readonly [WireHeader[], number, string])[] = [
    [[], 401, 'token.missing'],
    [[gateway.bearer({ scope: 'chat', iat: past - 60, exp: past })], 401, 'token.expired'],
    [[gateway.bearer({ scope: 'read' })], 403, 'authorise.scope'],
    [[['Authorization', `Bearer ${good.slice(0, -4)}AAAA`]], 401, 'token.signature'],
    [
      [
        ['Authorization', `Bearer ${good}`],
        ['Authorization', `Bearer ${good}`],
      ],
      400,
      'token.ambiguous',
    ],
    [
      [
        ['Authorization', `Bearer ${good}`],
        ['Expect', 'cake'],
      ],
      417,
      'request.expectation',
    ],
    [
      [
        ['Authorization', `Bearer ${good}`],
        ['Host', 'other'],
      ],
      400,
      'request.invalid',
    ],
  ];
  for (const [headers, status, code] of attempts) {
    const { responses, ended } = await gateway.send(requestBytes({ headers: [...headers, ...handshakeHeaders()] }), {
      until: 'close',
    });
    t.is(ended, 'close', code);
    t.deepEqual(
      responses.map((response) => [response.status, codeOf(response)]),
      [[status, code]],
    );
    const [response] = responses;
    t.is(response?.header('content-type'), 'application/problem+json', code);
    t.is(response?.header('cache-control'), 'no-store', code);
    t.is(response?.header('connection'), 'close', code);
    t.truthy(response?.header('date'), code);
    if (status === 401 || status === 403) t.regex(response?.header('www-authenticate') ?? '', /^Bearer/, code);
    t.like(await gateway.waitForLine((line) => line.code === code), { status, msg: 'refused' });
  }
  t.is(gateway.lines.filter(({ msg }) => msg === 'refused').length, attempts.length);
  t.is(upstream.connections.length, 0);

  const answer = await gateway.ask(
    requestBytes({ headers: [['Authorization', `Bearer ${good}`], ...handshakeHeaders()] }),
  );
  t.is(answer.status, 101);
});
