import test, { type ExecutionContext } from 'ava';
import { codeOf, requestBytes, startBehind, startTestGateway } from '../support/gateway.ts';
import { handshakeHeaders, openWebSocket, startEcho, switching } from '../support/websocket.ts';

// A web page can set no header on a WebSocket, but it can name subprotocols: `new WebSocket(url, ['bearer', token])`.

const ROUTE = {
  id: 'all',
  match: { path: '/**' },
  websocket: true,
  auth: { tokenFrom: ['authorization', { websocketProtocol: 'bearer' }] },
};

async function startWithEcho(t: ExecutionContext, choose?: Parameters<typeof startEcho>[0], route: object = {}) {
  const echo = await startEcho(choose);
  const gateway = await startTestGateway({ upstreams: { legacy: echo.url }, routes: [{ ...ROUTE, ...route }] });
  t.teardown(async () => {
    await gateway.close();
    await echo.close();
  });
  return { gateway, echo };
}

test('a token in Sec-WebSocket-Protocol opens a WebSocket, and stays here', async (t) => {
  const { gateway, echo } = await startWithEcho(t);
  const { socket, next } = await openWebSocket(gateway.url, ['bearer', gateway.token()]);
  // A client that offers subprotocols fails where none is chosen, and the upstream saw none to choose from.
  t.is(socket.protocol, 'bearer');
  t.is(echo.handshakes[0]?.headers['sec-websocket-protocol'], undefined);
  socket.send('hello');
  t.is((await next()).data.toString(), 'hello');
  socket.close();
});

test('subprotocols beside the token go on, and the one that the upstream chooses comes back', async (t) => {
  const { gateway, echo } = await startWithEcho(t, (offered) => offered.has('chat.v2') && 'chat.v2');
  for (const protocols of [
    ['bearer', gateway.token(), 'chat.v2', 'chat.v1'],
    ['chat.v2', 'chat.v1', 'bearer', gateway.token()],
  ]) {
    const { socket } = await openWebSocket(gateway.url, protocols);
    t.is(socket.protocol, 'chat.v2');
    t.is(echo.handshakes.at(-1)?.headers['sec-websocket-protocol'], 'chat.v2, chat.v1');
    socket.close();
  }
  // Where it chooses none of them, the one that is ours stands.
  const { socket } = await openWebSocket(gateway.url, ['bearer', gateway.token(), 'chat.v1']);
  t.is(socket.protocol, 'bearer');
  socket.close();
});

test('a token in Authorization leaves the subprotocols alone', async (t) => {
  const { gateway, echo } = await startWithEcho(t);
  const { socket } = await openWebSocket(gateway.url, [], { headers: { authorization: `Bearer ${gateway.token()}` } });
  t.is(socket.protocol, '');
  t.is(echo.handshakes[0]?.headers['sec-websocket-protocol'], undefined);
  socket.close();
});

const handshake = (...protocols: readonly string[]) =>
  requestBytes({
    headers: [
      ...handshakeHeaders(),
      ...protocols.map(
        (protocol, at) => [at % 2 ? 'sec-websocket-protocol' : 'Sec-WebSocket-Protocol', protocol] as const,
      ),
    ],
  });

test('with `token: forward` the list goes on as it came, and still no token comes back', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: [{ ...ROUTE, token: 'forward' }] }, ({ values }) => {
    const offered = values('sec-websocket-protocol').join().split(',');
    return switching(undefined, { 'Sec-WebSocket-Protocol': offered[values('x-last').length ? 1 : 0]?.trim() });
  });
  const token = gateway.token();
  const first = await gateway.ask(handshake(`bearer, ${token}`));
  t.is(first.status, 101);
  t.is(first.header('sec-websocket-protocol'), 'bearer');
  t.deepEqual(upstream.requests[0]?.values('sec-websocket-protocol'), [`bearer, ${token}`]);
  const echoed = await gateway.ask(handshake(`bearer, ${token}`).replace('\r\n\r\n', '\r\nX-Last: 1\r\n\r\n'));
  t.is(echoed.status, 502);
  t.is(codeOf(echoed), 'forward.invalid-response');
  t.false(`${echoed.head}${echoed.body}`.includes(token));
});

test('a marker and a token may stand in fields of their own, and neither goes on, on any request', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: [ROUTE] }, ({ values }) =>
    values('upgrade').length > 0 ? switching() : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  );
  const token = gateway.token();
  t.is((await gateway.ask(handshake('chat, bearer', token))).status, 101);
  t.deepEqual(upstream.requests[0]?.values('sec-websocket-protocol'), ['chat']);
  const headers = [['Sec-WebSocket-Protocol', `bearer, ${token}`]] as const;
  t.is((await gateway.ask(requestBytes({ headers }))).status, 200);
  t.is(upstream.connections.filter((connection) => connection.received().includes(token)).length, 0);
  t.notRegex(JSON.stringify(gateway.lines), new RegExp(token.slice(-20)));
});

test('what is not exactly one token behind one marker is refused, and never said back', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: [ROUTE] }, () => switching());
  const token = gateway.token();
  const cases: readonly (readonly [bytes: string, status: number, code: string])[] = [
    [handshake(), 401, 'token.missing'],
    [handshake('chat'), 401, 'token.missing'],
    [handshake(token), 401, 'token.missing'],
    [handshake(`Bearer, ${token}`), 401, 'token.missing'],
    [handshake('bearer'), 400, 'token.request'],
    [handshake('chat, bearer'), 400, 'token.request'],
    [handshake('bearer, chat'), 401, 'token.malformed'],
    [handshake(`bearer, "${token}"`), 400, 'token.request'],
    [handshake(`bearer, ${token}, bearer, ${token}`), 400, 'token.ambiguous'],
    [handshake(`bearer, ${token}`, `bearer, ${token}`), 400, 'token.ambiguous'],
    [
      handshake(`bearer, ${token}`).replace('Upgrade:', `Authorization: Bearer ${token}\r\nUpgrade:`),
      400,
      'token.ambiguous',
    ],
    [handshake(`bearer, ${token}`).replace('WebSocket-Protocol', 'WebSocket_Protocol'), 400, 'request.invalid'],
  ];
  for (const [bytes, status, code] of cases) {
    const answer = await gateway.ask(bytes);
    t.is(answer.status, status, answer.body);
    t.is(codeOf(answer), code);
    t.false(`${answer.head}${answer.body}`.includes(token), code);
  }
  t.is(upstream.connections.length, 0);
});

test('where no route looks for it there, the list of subprotocols is the upstream’s alone', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: [{ ...ROUTE, auth: {} }] }, () =>
    switching(undefined, { 'Sec-WebSocket-Protocol': 'bearer' }),
  );
  const bytes = handshake('bearer, abc').replace('Upgrade:', `Authorization: Bearer ${gateway.token()}\r\nUpgrade:`);
  const answer = await gateway.ask(bytes);
  t.is(answer.header('sec-websocket-protocol'), 'bearer');
  t.deepEqual(upstream.requests[0]?.values('sec-websocket-protocol'), ['bearer, abc']);
});
