import { needsOpenssl } from '../support/certificates.ts';
import {
  connectFrames,
  type Field,
  FLAG,
  FRAME,
  type Frame,
  fieldBlock,
  frame,
  pseudo,
  requestFrame,
} from '../support/http2-frames.ts';
import { startSecure } from '../support/secure-gateway.ts';

// What is framing in HTTP/1.1 is text to HTTP/2: `transfer-encoding: chunked`, a line break in a value, a path with a
// space in it, a length that does not fit. A gateway that writes them down as they came smuggles requests for its
// clients ("HTTP/2: The Sequel is Always Worse", 2021; Netflix CVE-2021-21295, Apache CVE-2021-33193, HAProxy
// CVE-2021-39240 to 39242). RFC 9113 §8.1.1 and §8.2 call them malformed.

const PUBLIC = { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] };

const MALFORMED: Readonly<Record<string, readonly Field[]>> = {
  'transfer-encoding': [...pseudo(), ['transfer-encoding', 'chunked']],
  'transfer-encoding and length': [...pseudo(), ['content-length', '0'], ['transfer-encoding', 'chunked']],
  connection: [...pseudo(), ['connection', 'close']],
  'connection that nominates': [...pseudo(), ['connection', 'x-user-id']],
  'keep-alive': [...pseudo(), ['keep-alive', 'timeout=5']],
  'proxy-connection': [...pseudo(), ['proxy-connection', 'keep-alive']],
  upgrade: [...pseudo(), ['upgrade', 'websocket']],
  'te other than trailers': [...pseudo(), ['te', 'trailers, deflate']],
  'http2-settings': [...pseudo(), ['http2-settings', 'AAMAAABkAARAAAAAAAIAAAAA']],
  'capitals in a name': [...pseudo(), ['X-Upper', '1']],
  'no :method': pseudo({ ':method': undefined }),
  'no :path': pseudo({ ':path': undefined }),
  'no :scheme': pseudo({ ':scheme': undefined }),
  'no :authority': pseudo({ ':authority': undefined }),
  'an empty :path': pseudo({ ':path': '' }),
  'an empty :authority': pseudo({ ':authority': '' }),
  'two :path': [...pseudo(), [':path', '/other']],
  'two :authority': [...pseudo(), [':authority', 'other.example.com']],
  'a pseudo-field behind others': [['x-a', 'b'], ...pseudo()],
  'an unknown pseudo-field': pseudo({ ':user': 'root' }),
  'a status': pseudo({ ':status': '200' }),
  'another scheme': pseudo({ ':scheme': 'http' }),
  'a scheme of its own': pseudo({ ':scheme': 'https://other.example.com/?' }),
  'user info in the authority': pseudo({ ':authority': 'user@api.example.com' }),
  'a path in the authority': pseudo({ ':authority': 'api.example.com/x' }),
  'a space in the authority': pseudo({ ':authority': 'api.example.com other' }),
  'another Host': [...pseudo(), ['host', 'other.example.com']],
  'two Hosts': [...pseudo(), ['host', 'api.example.com'], ['host', 'other.example.com']],
  'an absolute path': pseudo({ ':path': 'https://other.example.com/' }),
  'a path without its slash': pseudo({ ':path': 'orders' }),
  'a space in the path': pseudo({ ':path': '/ HTTP/1.1\r\nX: y' }),
  'a method with a request in it': pseudo({ ':method': 'GET /inner HTTP/1.1\r\nHost: a\r\n\r\nGET' }),
  'two lengths': [...pseudo({ ':method': 'POST' }), ['content-length', '0'], ['content-length', '5']],
  'a length that is none': [...pseudo({ ':method': 'POST' }), ['content-length', '+0']],
  'a length and no body': [...pseudo({ ':method': 'POST' }), ['content-length', '5']],
  'an alias of a managed header': [...pseudo(), ['x_user_id', 'root']],
  'an alias of a length': [...pseudo(), ['content_length', '0']],
  'an alias of a framing': [...pseudo(), ['transfer.encoding', 'chunked']],
};

needsOpenssl('what is malformed gets 400 or a reset, nothing arrives, and the connection goes on', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, {
    routes: [{ ...PUBLIC.routes[0], headers: { set: { 'X-User-Id': 'nobody' } } }],
  });
  for (const [what, fields] of Object.entries(MALFORMED)) {
    const connection = await connectFrames(t, gateway.port, secure);
    const before = gateway.lines.length;
    connection.write(requestFrame(1, fields));
    await connection.waitFor(({ stream, type }) => stream === 1 && type !== FRAME.window, what);
    await connection.settled();
    if (!connection.frames.some(({ type }) => type === FRAME.reset)) {
      const line = gateway.lines.slice(before).find(({ msg }) => msg === 'refused');
      t.is(line?.status, 400, what);
    }
    t.is(upstream.requests.length, 0, what);
    connection.write(requestFrame(3, pseudo({ ':authority': 'api.example.com' })));
    await connection.waitFor(({ stream, flags }) => stream === 3 && (flags & FLAG.endStream) !== 0, `after: ${what}`);
    await upstream.waitForRequests(1);
    t.regex(upstream.requests[0]?.head ?? '', /^GET \/ HTTP\/1\.1\r\n/);
    upstream.requests.length = 0;
    connection.socket.destroy();
  }
  t.is(gateway.lines.filter(({ status }) => status === 200).length, Object.keys(MALFORMED).length);
});

const LENGTHS: Readonly<Record<string, readonly [declared: string, ...pieces: string[]]>> = {
  'less than its length': ['10', 'hello'],
  'less, when a part has gone on': ['10', 'hello', ''],
  'more than its length': ['3', 'hello'],
  'more than none': ['0', 'GET /inner HTTP/1.1\r\nHost: a\r\n\r\n'],
  'more, in a second piece': ['5', 'hello', 'GET /inner HTTP/1.1\r\nHost: a\r\n\r\n'],
};

needsOpenssl('a body that does not fit its length is not complete to the upstream', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  for (const [what, [length, ...pieces]] of Object.entries(LENGTHS)) {
    const connection = await connectFrames(t, gateway.port, secure);
    const before = upstream.requests.length;
    connection.write(requestFrame(1, [...pseudo({ ':method': 'POST' }), ['content-length', length]], 0));
    for (const [at, piece] of pieces.entries()) {
      const isLast = at === pieces.length - 1;
      connection.write(frame(FRAME.data, isLast ? FLAG.endStream : 0, 1, Buffer.from(piece)));
      const arrived = () => upstream.requests.length > before && upstream.requests.at(-1)?.body.toString() === piece;
      if (!isLast) await upstream.waitUntil(arrived, 'the first piece');
    }
    // Newer nghttp2 takes some of it for an error of the connection.
    await Promise.race([connection.waitFor(({ type }) => type === FRAME.reset, what), connection.closed()]);
    connection.socket.destroy();
  }
  // What was told beforehand may have gone when more of it comes.
  const begun = upstream.requests.filter(({ values }) => values('content-length')[0] !== '0');
  t.deepEqual(
    begun.map(({ method, target, body, values }) => [method, target, body.toString(), values('content-length')]),
    [
      ['POST', '/', 'hello', ['10']],
      ['POST', '/', 'hello', ['5']],
    ],
  );
  const [short] = begun;
  await upstream.waitUntil(() => short?.connection.open === false, 'the end of the shorter one');
  t.false(short?.complete);
  for (const { received } of upstream.connections) t.notRegex(received().toString(), /inner/);
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(99, [...pseudo({ ':method': 'POST' }), ['content-length', '5']], 0));
  connection.write(frame(FRAME.data, FLAG.endStream, 99, Buffer.from('hello')));
  const answered = ({ stream, flags }: Frame) => stream === 99 && (flags & FLAG.endStream) !== 0;
  await connection.waitFor(answered, 'an answer');
  t.is(gateway.lines.at(-1)?.status, 200);
});

needsOpenssl('trailers arrive neither as trailers nor as headers', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(1, [...pseudo({ ':method': 'POST' }), ['te', 'trailers'], ['trailer', 'x-late']], 0));
  connection.write(frame(FRAME.data, 0, 1, Buffer.from('hello')));
  const late = fieldBlock([['x-late', 'evil']]);
  connection.write(frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, late));
  const [seen] = await upstream.waitForRequests(1);
  t.is(seen?.body.toString(), 'hello');
  t.deepEqual(seen?.trailers, []);
  t.notRegex(seen?.connection.received().toString() ?? '', /late|evil/);
  await gateway.waitForLine(({ status }) => status === 200);
});

needsOpenssl('CONNECT, extended CONNECT and TRACE are refused', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  const connection = await connectFrames(t, gateway.port, secure);
  const tunnel = pseudo({ ':method': 'CONNECT', ':scheme': undefined, ':path': undefined });
  const websocket = pseudo({ ':method': 'CONNECT', ':protocol': 'websocket' });
  for (const [at, fields] of [tunnel, websocket, pseudo({ ':method': 'TRACE' })].entries()) {
    const id = 2 * at + 1;
    connection.write(requestFrame(id, fields, at === 2 ? FLAG.endStream : 0));
    await connection.waitFor(({ stream, type }) => stream === id && type !== FRAME.window, `an answer to ${at}`);
    await connection.settled();
  }
  t.is(upstream.connections.length, 0);
  t.deepEqual(
    gateway.lines.filter(({ msg }) => msg === 'refused').map(({ status, code }) => [status, code]),
    [
      [405, 'route.method'],
      [405, 'route.method'],
    ],
  );
  const settings = await connection.waitFor(({ type, flags }) => type === FRAME.settings && flags === 0, 'SETTINGS');
  const pairs = Array.from({ length: settings.payload.length / 6 }, (_, at) => settings.payload.subarray(at * 6));
  t.false(
    pairs.some((pair) => pair.readUInt16BE() === 8 && pair.readUInt32BE(2) === 1),
    'SETTINGS_ENABLE_CONNECT_PROTOCOL',
  );
  connection.write(requestFrame(7, pseudo()));
  await gateway.waitForLine(({ status }) => status === 200);
});

needsOpenssl('cookies in pieces are one, and Host that says the same is none too many', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  const connection = await connectFrames(t, gateway.port, secure);
  const cookies = [
    ['cookie', 'a=1'],
    ['x-between', '1'],
    ['cookie', 'b=2'],
    ['cookie', 'c=3'],
  ] as const;
  connection.write(requestFrame(1, [...pseudo(), ['host', 'API.example.com'], ...cookies]));
  connection.write(requestFrame(3, [...pseudo({ ':authority': undefined }), ['host', 'api.example.com']]));
  const seen = await upstream.waitForRequests(2);
  t.deepEqual(seen[0]?.values('cookie'), ['a=1; b=2; c=3']);
  for (const { values } of seen) t.deepEqual(values('host'), ['api.example.com']);
  await gateway.waitForLine(({ status }) => status === 200);
});
