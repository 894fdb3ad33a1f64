import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { connectRaw, type RawConnection } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { type RecordedConnection, rawResponse, type UpstreamAnswer } from '../support/upstream.ts';
import { handshakeHeaders, openWebSocket, startEcho, switching, textFrame } from '../support/websocket.ts';

const ROUTE = { id: 'all', match: { path: '/**' }, websocket: true };

/** A gateway in front of a service that echoes. */
async function startWithEcho(
  t: ExecutionContext,
  route: object = {},
  choose?: Parameters<typeof startEcho>[0],
  more: object = {},
) {
  const echo = await startEcho(choose);
  const gateway = await startTestGateway({
    upstreams: { legacy: echo.url },
    routes: [{ ...ROUTE, ...route }],
    ...more,
  });
  t.teardown(async () => {
    await gateway.close();
    await echo.close();
  });
  return { gateway, echo };
}

/** A gateway whose upstream says these bytes to a handshake. */
async function startWithAnswer(t: ExecutionContext, answer: UpstreamAnswer = () => switching(), more: object = {}) {
  const { route, ...rest } = more as { route?: object };
  return startBehind(t, { routes: [{ ...ROUTE, ...route }], ...rest }, answer);
}

const handshake = (gateway: TestGateway, over: Parameters<typeof handshakeHeaders>[0] = {}) =>
  requestBytes({ target: '/chat', headers: [gateway.bearer(), ...handshakeHeaders(over)] });

/** A connection on which a WebSocket was opened. */
async function open(t: ExecutionContext, gateway: TestGateway, bytes = handshake(gateway)) {
  const client = await connectRaw(gateway.port);
  t.teardown(async () => client.destroy());
  client.write(bytes);
  const { responses } = await client.read();
  t.is(responses[0]?.status, 101, responses[0]?.body);
  return { client, answer: responses[0] };
}

/** Waits until exactly this has come behind the 101. */
async function received(client: RawConnection, bytes: Buffer, t: ExecutionContext) {
  for (;;) {
    const { responses, ended } = await client.read();
    const body = Buffer.from(responses[0]?.body ?? '', 'latin1');
    if (body.length >= bytes.length || ended !== 'responses') {
      t.deepEqual(body, bytes);
      return;
    }
    await new Promise(setImmediate);
  }
}

async function openStreams(gateway: TestGateway): Promise<string | undefined> {
  const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return /^bearergate_open_streams (\d+)$/m.exec(page)?.[1];
}

test('a real client talks to a real service: text, bytes, fragments, and what is large, both ways', async (t) => {
  const { gateway, echo } = await startWithEcho(t);
  const { socket, next, closed } = await openWebSocket(`${gateway.url}/chat?room=1`, [], {
    headers: { authorization: `Bearer ${gateway.token()}` },
  });
  t.is(echo.handshakes[0]?.url, '/chat?room=1');
  t.is(echo.handshakes[0]?.headers.authorization, undefined);
  socket.send('grüezi');
  t.deepEqual(await next(), { data: Buffer.from('grüezi'), isBinary: false });
  const large = randomBytes(8 * 1024 * 1024);
  socket.send(large);
  const back = await next();
  t.true(back.isBinary);
  t.true(back.data.equals(large));
  socket.send('one, ', { fin: false });
  socket.send('two', { fin: true });
  t.is((await next()).data.toString(), 'one, two');
  t.is(await openStreams(gateway), '1');
  socket.close(4001, 'done');
  t.deepEqual(await closed, { code: 4001, reason: 'done' });
  const line = await gateway.waitForLine(({ status }) => status === 101);
  t.like(line, { route: 'all', path: '/chat', sub: 'user-1', msg: 'served', aborted: undefined });
  t.regex(String(line.ended), /^(client|upstream) closed$/);
  t.is(await openStreams(gateway), '0');
  const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  t.regex(page, /bearergate_requests_total\{route="all",method="GET",status="101"\} 1/);
  // What the upstream needed for its answer is a time; how long the WebSocket lasted says nothing of how fast anybody is.
  t.is(typeof line.upstreamMs, 'number');
  t.regex(page, /^bearergate_upstream_duration_seconds_count\{upstream="legacy"\} 1$/m);
  t.notRegex(page, /bearergate_request_duration_seconds_count\{route="all"\} [1-9]/);
});

test('the handshake goes on with the headers of its route, and the 101 comes back as it is', async (t) => {
  const { gateway, upstream } = await startWithAnswer(
    t,
    () => switching(undefined, { 'Set-Cookie': 'a=1', 'X-Powered-By': 'php', 'Sec-WebSocket-Extensions': 'x-own' }),
    {
      route: {
        headers: { set: { 'X-User': '{claims.sub}' }, remove: ['X-Debug'] },
        responseHeaders: { set: { 'X-Gateway': 'yes' }, remove: ['X-Powered-By'] },
        rewrite: { addPrefix: '/v1' },
      },
    },
  );
  const headers = [
    gateway.bearer(),
    ...handshakeHeaders({ Connection: 'keep-alive, Upgrade', 'Sec-WebSocket-Extensions': 'x-own; a=1' }),
    ['X-Debug', '1'],
    ['X-Twice', 'a'],
    ['x-twice', 'b'],
    ['Origin', 'https://app.example.com'],
  ] as const;
  const { answer } = await open(t, gateway, requestBytes({ target: '/a/http:/b?c=//d?e', headers }));
  const request = upstream.requests[0];
  t.like(request, { method: 'GET', target: '/v1/a/http:/b?c=//d?e', version: 'HTTP/1.1' });
  const sent = Object.fromEntries(
    ['connection', 'upgrade', 'sec-websocket-version', 'sec-websocket-key', 'sec-websocket-extensions', 'host']
      .concat(['x-user', 'x-debug', 'x-twice', 'origin', 'authorization', 'x-forwarded-proto', 'via', 'content-length'])
      .map((name) => [name, request?.values(name)]),
  );
  t.deepEqual(sent, {
    connection: ['Upgrade'],
    upgrade: ['websocket'],
    'sec-websocket-version': ['13'],
    'sec-websocket-key': ['dGhlIHNhbXBsZSBub25jZQ=='],
    'sec-websocket-extensions': ['x-own; a=1'],
    host: ['api.example.com'],
    'x-user': ['user-1'],
    'x-debug': [],
    'x-twice': ['a', 'b'],
    origin: ['https://app.example.com'],
    authorization: [],
    'x-forwarded-proto': ['http'],
    via: ['1.1 bearergate'],
    'content-length': [],
  });
  t.is(answer?.header('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  t.is(answer?.header('upgrade'), 'websocket');
  t.is(answer?.header('connection'), 'Upgrade');
  t.is(answer?.header('sec-websocket-extensions'), 'x-own');
  t.is(answer?.header('set-cookie'), 'a=1');
  t.is(answer?.header('x-gateway'), 'yes');
  t.is(answer?.header('x-powered-by'), undefined);
});

test('bytes that come before the 101 are kept for after it, on both sides', async (t) => {
  const late: (() => void)[] = [];
  const { gateway, upstream } = await startWithAnswer(t, async () => {
    await new Promise<void>((resolve) => late.push(resolve));
    return Buffer.concat([Buffer.from(switching()), textFrame('early', 'server')]);
  });
  const frame = textFrame('hello', 'client');
  const client = await connectRaw(gateway.port);
  t.teardown(async () => client.destroy());
  client.write(Buffer.concat([Buffer.from(handshake(gateway)), frame.subarray(0, 4)]));
  await upstream.waitForRequests(1);
  client.write(frame.subarray(4));
  const head = upstream.connections[0]?.received().length ?? 0;
  for (const answer of late) answer();
  await upstream.waitUntil(
    () => upstream.connections[0]?.received().subarray(head).equals(frame) === true,
    'the frame',
  );
  await received(client, textFrame('early', 'server'), t);
});

test('an upstream that refuses the connection, or says nothing in time, is told in the usual way', async (t) => {
  const gone = await startWithAnswer(t);
  await gone.upstream.close();
  const unreachable = await gone.gateway.ask(handshake(gone.gateway));
  t.is(unreachable.status, 502);
  t.is(codeOf(unreachable), 'forward.unreachable');
  t.is(unreachable.header('connection'), 'close');
  t.is(unreachable.header('cache-control'), 'no-store');
  t.truthy(unreachable.header('x-request-id'));

  const { gateway, upstream } = await startWithAnswer(t, () => undefined, {
    upstream: { timeouts: { response: '200ms' } },
  });
  const { responses, ended } = await gateway.send(handshake(gateway), { until: 'close' });
  t.is(ended, 'close');
  t.deepEqual(
    responses.map((answer) => [answer.status, codeOf(answer)]),
    [[504, 'forward.timeout']],
  );
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the connection is given up');
  t.like(await gateway.waitForLine(({ status }) => status === 504), { code: 'forward.timeout', upstream: 'legacy' });
});

test('garbage and a close in place of an answer are 502', async (t) => {
  const { gateway } = await startWithAnswer(t, ({ target }, socket) => {
    if (target === '/garbage') return 'SSH-2.0-OpenSSH_9.6\r\n';
    socket.destroy();
    return undefined;
  });
  for (const [target, code] of [
    ['/garbage', 'forward.invalid-response'],
    ['/close', 'forward.unreachable'],
  ] as const) {
    const answer = await gateway.ask(requestBytes({ target, headers: [gateway.bearer(), ...handshakeHeaders()] }));
    t.is(answer.status, 502);
    t.is(codeOf(answer), code);
  }
});

test('an end of one side ends the other behind what came before it', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t);
  const one = await open(t, gateway);
  one.client.write(textFrame('last words', 'client'));
  one.client.end();
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the upstream has seen the end');
  t.false(upstream.connections[0]?.reset);
  t.true((upstream.connections[0]?.received().length ?? 0) > (upstream.requests[0]?.head.length ?? 0) + 4);
  t.like(await gateway.waitForLine(({ ended }) => ended !== undefined), { ended: 'client closed', status: 101 });

  const two = await open(t, gateway);
  upstream.connections[1]?.socket.end(textFrame('goodbye', 'server'));
  const { responses, ended } = await two.client.read({ until: 'close' });
  t.is(ended, 'close');
  t.is(responses[0]?.body, textFrame('goodbye', 'server').toString('latin1'));
  two.client.end();
  await gateway.waitForLine(({ ended: reason }) => reason === 'upstream closed');
  t.is(gateway.lines.filter(({ status }) => status === 101).length, 2);
  t.is(await openStreams(gateway), '0');
});

test('a reset of one side resets the other, and nothing else', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t);
  const [one, two, witness] = [await open(t, gateway), await open(t, gateway), await open(t, gateway)];
  one.client.destroy('reset');
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the reset has gone on');
  t.true(upstream.connections[0]?.reset);
  t.like(await gateway.waitForLine(({ ended }) => ended === 'client reset'), { msg: 'served', level: 'info' });

  upstream.connections[1]?.socket.resetAndDestroy();
  t.is((await two.client.read({ until: 'close' })).ended, 'reset');
  t.like(await gateway.waitForLine(({ ended }) => ended === 'upstream reset'), { msg: 'broken off', level: 'warn' });

  upstream.connections[2]?.socket.write(textFrame('alive', 'server'));
  const frame = textFrame('alive too', 'client');
  witness.client.write(frame);
  await upstream.waitUntil(() => upstream.connections[2]?.received().includes(frame) === true, 'the other one lives');
  t.is(await openStreams(gateway), '1');
});

test('a client that leaves before the answer ends what was asked for it within a second', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t, () => undefined);
  for (const [index, how] of ['end', 'reset'].entries()) {
    const client = await connectRaw(gateway.port);
    client.write(handshake(gateway));
    await upstream.waitForRequests(index + 1);
    if (how === 'end') client.end();
    else client.destroy('reset');
    await upstream.waitUntil(() => upstream.connections[index]?.open === false, how);
    client.destroy();
  }
  await gateway.waitForLine(() => gateway.lines.filter(({ aborted }) => aborted === true).length === 2);
  t.is(await openStreams(gateway), '0');
});

const START = Date.UTC(2026, 10, 22, 10);

/** A gateway under a clock, and a token of it that ends in so many seconds. */
async function underClock(t: ExecutionContext, route: object = {}) {
  const clock = new FakeClock(START);
  const world = await startBehind(
    t,
    { options: { clock }, routes: [{ ...ROUTE, ...route }], issuer: { clockTolerance: '10s' } },
    ({ values }) => switching(values('sec-websocket-key')[0]),
  );
  const shakeHands = (seconds: number) =>
    requestBytes({
      headers: [world.gateway.bearer({ iat: START / 1000, exp: START / 1000 + seconds }), ...handshakeHeaders()],
    });
  return { ...world, clock, shakeHands };
}

/** Long enough for a connection to end that was told to; nothing is waited for where it does end. */
const STILL_OPEN = { until: 'timeout', timeoutMs: 100 } as const;

test('a WebSocket ends when its token does, with a word about it', async (t) => {
  const { gateway, upstream, clock, shakeHands } = await underClock(t, { streams: { grace: '20s' } });
  const { client } = await open(t, gateway, shakeHands(300));
  upstream.connections[0]?.socket.write(textFrame('data', 'server'));
  await received(client, textFrame('data', 'server'), t);
  clock.advance(329_000); // exp, 10 s of tolerance and all but a second of the grace
  const before = await client.read(STILL_OPEN);
  t.is(before.ended, 'timeout');
  clock.advance(1_000);
  const { responses } = await client.read({ until: 'close' });
  const close = Buffer.concat([Buffer.from([0x88, 15, 0x03, 0xf0]), Buffer.from('token expired')]);
  t.is(responses[0]?.body, textFrame('data', 'server').toString('latin1') + close.toString('latin1'));
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the upstream has seen the end');
  client.end();
  t.like(await gateway.waitForLine(({ status }) => status === 101), { ended: 'token ended', msg: 'served' });
  t.is(await openStreams(gateway), '0');
});

test('a real client sees 1008 when its token ends', async (t) => {
  const { gateway, clock } = await underClock(t);
  const { closed } = await openWebSocket(gateway.url, [], {
    headers: { authorization: `Bearer ${gateway.token({ iat: START / 1000, exp: START / 1000 + 60 })}` },
  });
  clock.advance(71_000);
  t.deepEqual(await closed, { code: 1008, reason: 'token expired' });
});

test('in the middle of a frame nothing is said: the connection just ends', async (t) => {
  const { gateway, upstream, clock, shakeHands } = await underClock(t);
  const { client } = await open(t, gateway, shakeHands(60));
  const half = textFrame('a whole sentence', 'server').subarray(0, 7);
  upstream.connections[0]?.socket.write(half);
  await received(client, half, t);
  clock.advance(70_000);
  const { responses, ended } = await client.read({ until: 'close' });
  t.is(ended, 'reset');
  t.is(responses[0]?.body, half.toString('latin1'));
});

test('a token that lives for months has a timer that does not go off at once', async (t) => {
  const { gateway, clock, shakeHands } = await underClock(t);
  const { client } = await open(t, gateway, shakeHands(90 * 86_400));
  t.true(clock.waiting.every((ms) => ms < 2 ** 31));
  clock.advance(80 * 86_400_000);
  t.is((await client.read(STILL_OPEN)).ended, 'timeout');
  clock.advance(11 * 86_400_000);
  t.is((await client.read({ until: 'close' })).ended, 'close');
});

test('where a route says so, and on a public one, a WebSocket outlives its token', async (t) => {
  for (const route of [{ streams: { endWithToken: false } }, { auth: 'public' }]) {
    const { gateway, clock, shakeHands } = await underClock(t, route);
    const { client } = await open(t, gateway, shakeHands(60));
    clock.advance(86_400_000);
    t.is((await client.read(STILL_OPEN)).ended, 'timeout');
  }
});

test('a shutdown gives WebSockets their time and then says that it goes away, each with its line', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t, undefined, { drain: { delay: '0s', timeout: '4s' } });
  const one = await open(t, gateway);
  const draining = gateway.server.drain('SIGTERM');
  await gateway.waitForLine(({ msg }) => String(msg).startsWith('no new requests'));
  const frame = textFrame('still here', 'client');
  one.client.write(frame);
  await upstream.waitUntil(() => upstream.connections[0]?.received().includes(frame) === true, 'it still flows');
  const { raw, ended } = await one.client.read({ until: 'close' });
  t.true(raw.endsWith('\x88\x0f\x03\xe9shutting down'), 'RFC 6455 §7.4.1: going away');
  t.is(ended, 'close');
  one.client.end();
  await draining;
  t.like(
    gateway.lines.find(({ msg }) => msg === 'stopped'),
    { cut: 1 },
  );
  t.like(
    gateway.lines.find(({ status }) => status === 101),
    { ended: 'cut' },
  );
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the upstream has seen the end');
});

test('a gateway that closes does not wait for WebSockets', async (t) => {
  const { gateway } = await startWithAnswer(t);
  const { client } = await open(t, gateway);
  await gateway.server.close();
  t.not((await client.read({ until: 'close' })).ended, 'timeout');
});

test('a side that reads nothing does not hold back the other one for ever', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t, undefined, { upstream: { timeouts: { idle: '300ms' } } });
  const mute = connect({ port: gateway.port, host: '127.0.0.1' });
  mute.on('error', () => {}); // it is cut off in the end, and that is what this is about
  t.teardown(async () => void mute.destroy());
  mute.write(handshake(gateway));
  await upstream.waitForRequests(1);
  const talking = upstream.connections[0] as RecordedConnection;
  const talk = () => {
    while (talking.open && talking.socket.write(Buffer.alloc(1024 * 1024)));
  };
  talking.socket.on('drain', talk);
  talk();
  await upstream.waitUntil(() => !talking.open, 'the one that talks is let go');
  t.like(await gateway.waitForLine(({ ended }) => ended !== undefined), { ended: 'client stalled' });
});

test('an answer other than 101 goes on whole, whatever its framing, and the connection closes after it', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t, ({ target }, socket) => {
    if (target === '/length')
      return rawResponse(403, 'no entry', [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ]);
    if (target === '/chunks') return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n';
    socket.end('HTTP/1.1 503 Busy\r\n\r\nuntil the close');
    return undefined;
  });
  const expected = { '/length': [403, 'no entry'], '/chunks': [200, 'ok'], '/close': [503, 'until the close'] };
  for (const [target, answer] of Object.entries(expected)) {
    const bytes = requestBytes({ target, headers: [gateway.bearer(), ...handshakeHeaders()] });
    const { responses, ended } = await gateway.send(bytes + requestBytes({ target: '/behind' }), { until: 'close' });
    t.is(ended, 'close', target);
    t.deepEqual(
      responses.map(({ status, body }) => [status, body]),
      [answer],
    );
    t.is(responses[0]?.header('connection'), 'close');
    t.is(responses[0]?.header('transfer-encoding'), undefined);
    t.like(await gateway.waitForLine(({ path }) => path === target), { status: answer[0], ended: undefined });
  }
  t.is(upstream.requests.length, 3);
  await upstream.waitUntil(() => upstream.connections.every(({ open }) => !open), 'nothing is kept for the next one');
});

test('an answer that breaks off is broken for the client too', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t, () => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
  const client = await connectRaw(gateway.port);
  client.write(handshake(gateway));
  await until(async () => (await client.read({ until: 'timeout', timeoutMs: 5 })).raw.endsWith('half'), 'half');
  upstream.connections[0]?.socket.resetAndDestroy();
  t.is((await client.read({ until: 'close' })).ended, 'reset');
  t.like(await gateway.waitForLine(({ status }) => status === 200), { msg: 'broken off' });
});

test('requests on the same route go on as ever beside its WebSockets', async (t) => {
  const { gateway, upstream } = await startWithAnswer(t, ({ values }) =>
    values('upgrade').length > 0 ? switching() : rawResponse(200, 'ok'),
  );
  await open(t, gateway);
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).body, 'ok');
  t.is(upstream.connections.length, 2);
});

test('a WebSocket in which nothing moves is no idle connection', async (t) => {
  const { gateway } = await startWithEcho(t, {}, undefined, { listen: { limits: { keepAlive: '50ms' } } });
  const { client } = await open(t, gateway);
  // Time itself is what it has to bear.
  await new Promise((resolve) => setTimeout(resolve, 300));
  client.write(textFrame('still there', 'client'));
  await received(client, textFrame('still there', 'server'), t);
});
