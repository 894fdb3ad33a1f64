import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls';
import { promisify } from 'node:util';
import type { ClientOptions } from 'ws';
import { makeAuthority, needsOpenssl } from '../../support/certificates.ts';
import { FakeClock } from '../../support/clock.ts';
import { requestBytes, startBehind } from '../../support/gateway.ts';
import { answerOf, askHttp2, connectHttp2, fieldsOf } from '../../support/http2-client.ts';
import {
  connectFrames,
  FLAG,
  FRAME,
  type Frame,
  frame,
  pseudo,
  requestFrame,
  uint32,
} from '../../support/http2-frames.ts';
import { needs } from '../../support/needs.ts';
import { startSecure } from '../../support/secure-gateway.ts';
import { until } from '../../support/until.ts';
import { rawResponse, type UpstreamAnswer } from '../../support/upstream.ts';
import { openWebSocket, startEcho } from '../../support/websocket.ts';

const PUBLIC = { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] };
const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;
const isGoaway = ({ type }: Frame) => type === FRAME.goaway;

/** An upstream that answers when it is told to. */
function held(): { readonly answer: UpstreamAnswer; readonly release: () => void } {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const answer: UpstreamAnswer = async ({ target }) => {
    if (target === '/held') await released;
    return rawResponse(200, 'ok');
  };
  return { answer, release: () => release() };
}

needsOpenssl('each client gets the protocol that it asks for, and h2 where it takes both', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  const chosen = async (ALPNProtocols?: string[]) => {
    const socket = connectSecurely({
      port: gateway.port,
      host: '127.0.0.1',
      ...secure,
      ...(ALPNProtocols && { ALPNProtocols }),
    });
    t.teardown(() => void socket.destroy());
    await once(socket, 'secureConnect');
    return socket.alpnProtocol;
  };
  t.is(await chosen(['h2', 'http/1.1']), 'h2');
  t.is(await chosen(['http/1.1', 'h2']), 'h2');
  t.is(await chosen(['http/1.1']), 'http/1.1');
  t.is(await chosen(), false);
  await t.throwsAsync(chosen(['spdy/3']));
  for (const ALPNProtocols of [['http/1.1'], undefined]) {
    const own: ConnectionOptions = { ...secure, ...(ALPNProtocols && { ALPNProtocols }) };
    t.is((await gateway.ask(requestBytes(), { secure: own })).status, 200);
    t.deepEqual(upstream.requests.at(-1)?.values('via'), ['1.1 bearergate']);
  }
});

needsOpenssl('whoever asks for h2 and talks something else gets nothing', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  for (const bytes of [requestBytes(), 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', '\0'.repeat(100)]) {
    const socket = connectSecurely({ port: gateway.port, host: '127.0.0.1', ...secure, ALPNProtocols: ['h2'] });
    socket.on('error', () => {});
    socket.resume();
    socket.write(bytes);
    await once(socket, 'close');
  }
  t.is(upstream.requests.length, 0);
  const session = await connectHttp2(t, gateway.port, secure);
  t.is((await askHttp2(session)).status, 200);
});

needsOpenssl('in the clear there is no HTTP/2', async (t) => {
  const { gateway, upstream } = await startBehind(t, PUBLIC);
  const socket = connect(gateway.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.settings, 0, 0)]));
  await once(socket, 'close');
  t.regex(Buffer.concat(chunks).toString('latin1'), /^HTTP\/1\.1 400 /);
  t.is(upstream.requests.length, 0);
});

needsOpenssl('WebSockets go on over HTTP/1.1 beside HTTP/2', async (t) => {
  const echo = await startEcho();
  t.teardown(echo.close);
  const { gateway, secure } = await startSecure(t, {
    upstreams: { echo: { url: echo.url } },
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', websocket: true, upstream: 'echo' }],
  });
  await connectHttp2(t, gateway.port, secure);
  const alpn = { ALPNProtocols: ['http/1.1'] }; // as a browser asks for it
  const opened = await openWebSocket(`https://localhost:${gateway.port}/`, [], {
    ca: secure.ca as string,
    ...alpn,
  } as ClientOptions);
  t.teardown(() => opened.socket.terminate());
  opened.socket.send('hello');
  t.is(String((await opened.next()).data), 'hello');
});

needsOpenssl("a client's certificate counts on every stream", async (t) => {
  const clients = makeAuthority();
  const { gateway, upstream, secure } = await startSecure(t, {
    clients,
    routes: [
      { id: 'all', match: { path: '/**' }, auth: 'public', headers: { set: { 'X-Client': '{client.subject}' } } },
    ],
  });
  const own = { ...secure, ...clients.issue({ subject: '/O=acme/CN=orders' }) };
  const session = await connectHttp2(t, gateway.port, own);
  await Promise.all([askHttp2(session, { 'x-client': 'CN=admin' }), askHttp2(session)]);
  for (const seen of await upstream.waitForRequests(2)) t.deepEqual(seen.values('x-client'), ['CN=orders%2CO=acme']);
  await t.throwsAsync(async () => {
    const none = await connectHttp2(t, gateway.port, secure);
    const answer = await askHttp2(none);
    if (answer.status === undefined) throw new Error('nothing came');
  });
  t.is(upstream.requests.length, 2);
});

needsOpenssl('a changed configuration counts for the next stream of an open connection', async (t) => {
  const { gateway, upstream, secure, listen } = await startSecure(t, PUBLIC);
  const session = await connectHttp2(t, gateway.port, secure);
  t.is((await askHttp2(session)).status, 200);
  t.true(await gateway.reload({ listen, upstreams: { legacy: upstream.url } }));
  t.is((await askHttp2(session)).status, 401);
  t.is((await askHttp2(await connectHttp2(t, gateway.port, secure))).status, 401);
});

needsOpenssl('a body that does not come in time is answered 408, and the connection goes on', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, {
    ...PUBLIC,
    listening: { limits: { requestTimeout: '2s', headersTimeout: '2s' } },
  });
  const session = await connectHttp2(t, gateway.port, secure);
  const slow = session.request(fieldsOf({ ':method': 'POST' }), { endStream: false });
  slow.write('begun');
  const answer = await answerOf(slow);
  t.like(answer, { status: 408, complete: true });
  t.is(JSON.parse(answer.body).code, 'request.timeout');
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the end of the upstream request');
  t.false(upstream.requests[0]?.complete);
  t.is((await askHttp2(session)).status, 200);
});

needsOpenssl('a client that goes takes all its requests with it, and each has its line', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC, () => undefined);
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(...[1, 3, 5].map((id) => requestFrame(id, pseudo())));
  await upstream.waitUntil(() => upstream.requests.length === 3, 'the requests');
  connection.socket.destroy();
  await upstream.waitUntil(() => upstream.requests.every(({ connection: { open } }) => !open), 'their end');
  await until(() => gateway.lines.filter(({ msg }) => msg === 'aborted').length === 3, 'their lines');
  t.pass();
});

needsOpenssl('connections of HTTP/2 count for maxConnections', async (t) => {
  const { gateway, secure } = await startSecure(t, { ...PUBLIC, listening: { limits: { maxConnections: 1 } } });
  const session = await connectHttp2(t, gateway.port, secure);
  t.is((await askHttp2(session)).status, 200);
  const surplus = await connectHttp2(t, gateway.port, secure);
  t.is((await askHttp2(surplus)).status, 503);
  surplus.destroy();
  t.is((await askHttp2(session)).status, 200);
});

needsOpenssl('while it leaves, streams are served and clients told to go elsewhere', async (t) => {
  const { gateway, secure } = await startSecure(t, { ...PUBLIC, drain: { delay: '2s' } });
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(1, pseudo()));
  await connection.waitFor(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0, 'an answer');
  const draining = gateway.server.drain('SIGTERM');
  await connection.settled();
  t.false(connection.frames.some(isGoaway), 'not before it asks for something');
  connection.write(requestFrame(3, pseudo()));
  await connection.waitFor(({ stream, flags }) => stream === 3 && (flags & FLAG.endStream) !== 0, 'an answer');
  const goaway = await connection.waitFor(isGoaway, 'GOAWAY');
  t.deepEqual([goaway.payload.readUInt32BE(0), goaway.payload.readUInt32BE(4)], [3, NGHTTP2_NO_ERROR]);
  await connection.closed();
  const late = await connectFrames(t, gateway.port, secure);
  late.write(requestFrame(1, pseudo()));
  await late.waitFor(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0, 'an answer');
  await late.closed();
  await draining;
  t.is(gateway.lines.filter(({ status }) => status === 200).length, 3);
});

needsOpenssl('a shutdown finishes the streams under way, takes no others, and closes', async (t) => {
  const { answer, release } = held();
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC, answer);
  const busy = await connectFrames(t, gateway.port, secure);
  const idle = await connectFrames(t, gateway.port, secure);
  await idle.settled();
  busy.write(requestFrame(1, pseudo({ ':path': '/held' })));
  await upstream.waitForRequests(1);
  const draining = gateway.server.drain('SIGTERM');
  const goaway = await busy.waitFor(isGoaway, 'GOAWAY');
  t.deepEqual([goaway.payload.readUInt32BE(0), goaway.payload.readUInt32BE(4)], [1, NGHTTP2_NO_ERROR]);
  await idle.closed();
  busy.write(requestFrame(3, pseudo()));
  await busy.settled();
  release();
  await busy.waitFor(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0, 'its answer');
  await busy.closed();
  t.false(
    busy.frames.some(({ stream, type }) => stream === 3 && type !== FRAME.reset),
    'it can be sent elsewhere',
  );
  await draining;
  t.like(await gateway.waitForLine(({ msg }) => msg === 'stopped'), { cut: 0 });
  t.is(upstream.requests.length, 1);
});

needsOpenssl('what takes longer than drain.timeout is cut, and does not look complete', async (t) => {
  const { gateway, upstream, secure } = await startSecure(
    t,
    { ...PUBLIC, drain: { delay: '0s', timeout: '200ms' } },
    ({ target }, socket) => {
      if (target === '/begun') socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
      return undefined;
    },
  );
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(1, pseudo()), requestFrame(3, pseudo({ ':path': '/begun' })));
  await connection.waitFor(({ stream, type }) => stream === 3 && type === FRAME.data, 'a part');
  await upstream.waitUntil(() => upstream.requests.length === 2, 'both');
  await gateway.server.drain('SIGTERM');
  await connection.closed();
  t.false(
    connection.frames.some(({ stream, type, flags }) => stream > 0 && type < 2 && (flags & FLAG.endStream) !== 0),
  );
  t.like(await gateway.waitForLine(({ msg }) => msg === 'stopped'), { cut: 1 });
});

const run = promisify(execFile);
const needsCurl = needs('curl with HTTP/2', () => {
  try {
    return /^Features:.*\bHTTP2\b/m.test(execFileSync('curl', ['--version'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
});

needsCurl('curl is served, with a body and without', async (t) => {
  const { gateway, upstream } = await startSecure(t, {}, ({ body }) => rawResponse(200, `got ${body.length}`));
  const [name, value] = gateway.bearer();
  const curl = async (...more: string[]) => {
    const url = `https://localhost:${gateway.port}/orders`;
    const written = ['-sk', '--http2', '-w', '|%{http_version}|%{http_code}', '--max-time', '50', url];
    return (await run('curl', [...written, ...more])).stdout;
  };
  t.is(await curl('-H', `${name}: ${value}`), 'got 0|2|200');
  t.is(await curl('-H', `${name}: ${value}`, '-d', 'x'.repeat(5000)), 'got 5000|2|200');
  t.regex(await curl('-d', 'x'.repeat(100_000)), /token\.missing.*\|2\|401$/s);
  t.is(await curl('-I', '-o', '/dev/null', '-H', `${name}: ${value}`), '|2|200');
  t.is(upstream.requests.length, 3);
});

const START = Date.UTC(2026, 10, 22, 10);

needsOpenssl('an event stream ends with its token by a reset, after all that came, and alone', async (t) => {
  const clock = new FakeClock(START);
  const { gateway, upstream, secure } = await startSecure(
    t,
    { options: { clock }, issuer: { clockTolerance: '10s' } },
    () =>
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
  );
  const connection = await connectFrames(t, gateway.port, secure);
  for (const [id, seconds] of [
    [1, 300],
    [3, 3000],
  ] as const) {
    const [, value] = gateway.bearer({ iat: START / 1000, exp: START / 1000 + seconds });
    connection.write(requestFrame(id, [...pseudo(), ['authorization', value]]));
    await connection.waitFor(({ stream, type }) => stream === id && type === FRAME.data, 'an event');
  }
  clock.advance(310_000);
  const reset = await connection.waitFor(({ type }) => type === FRAME.reset, 'RST_STREAM');
  t.deepEqual([reset.stream, reset.payload.readUInt32BE()], [1, NGHTTP2_CANCEL]);
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the upstream is let go');
  await connection.settled();
  t.true(upstream.connections[1]?.open);
  t.false(connection.frames.some(({ stream, type, flags }) => stream === 1 && type === FRAME.data && flags === 1));
  t.like(await gateway.waitForLine(({ status }) => status === 200), { msg: 'served', ended: 'token ended' });
});

needsOpenssl('a stream that nobody reads frees the connection to the upstream, and ends alone', async (t) => {
  const { gateway, upstream, secure } = await startSecure(
    t,
    { ...PUBLIC, upstream: { connections: 1, timeouts: { idle: '300ms', response: '2s' } } },
    ({ target }) => rawResponse(200, target === '/large' ? 'x'.repeat(3_000_000) : 'ok'),
  );
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(frame(FRAME.window, 0, 0, uint32(1_000_000)), requestFrame(1, pseudo({ ':path': '/large' })));
  await upstream.waitForRequests(1);
  connection.write(requestFrame(3, pseudo()));
  await connection.waitFor(({ stream, type }) => stream === 1 && type === FRAME.reset, 'RST_STREAM');
  await connection.waitFor(
    ({ stream, flags }) => stream === 3 && (flags & FLAG.endStream) !== 0,
    'the answer to the other',
  );
  t.pass();
});

needsOpenssl('a client that leaves while its token is checked goes nowhere', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t);
  const connection = await connectFrames(t, gateway.port, secure);
  const [, value] = gateway.bearer();
  const reset = frame(FRAME.reset, 0, 1, uint32(NGHTTP2_CANCEL));
  connection.write(requestFrame(1, [...pseudo(), ['authorization', value]]), reset);
  await connection.settled();
  const [, other] = gateway.bearer({ jti: 'other' });
  connection.write(requestFrame(3, [...pseudo(), ['authorization', other]]));
  await connection.waitFor(({ stream, flags }) => stream === 3 && (flags & FLAG.endStream) !== 0, 'an answer');
  t.is(upstream.requests.length, 1);
});
