import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { connectRaw, finals } from '../support/raw-client.ts';
import { rawResponse } from '../support/upstream.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];

const FRAMINGS: Readonly<
  Record<string, { readonly header?: WireHeader; readonly body: string; readonly arrives: string }>
> = {
  'no body': { body: '', arrives: '' },
  'an empty body': { header: ['Content-Length', '0'], body: '', arrives: '' },
  'a Content-Length': { header: ['Content-Length', '11'], body: 'hello world', arrives: 'hello world' },
  chunks: {
    header: ['Transfer-Encoding', 'chunked'],
    body: '5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    arrives: 'hello world',
  },
  'chunks without content': { header: ['Transfer-Encoding', 'chunked'], body: '0\r\n\r\n', arrives: '' },
};

for (const method of METHODS) {
  test(`${method} goes on whole and with one framing, whatever it came with`, async (t) => {
    const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1 } });
    let count = 0;
    for (const [title, { header, body, arrives }] of Object.entries(FRAMINGS)) {
      const headers = [gateway.bearer(), ...(header ? [header] : [])];
      const response = await gateway.ask(requestBytes({ method, target: '/orders/1?a=b', headers, body }));
      t.is(response.status, 200, title);
      count += 1;
      const request = (await upstream.waitForRequests(count)).at(-1);
      t.like(request, { method, target: '/orders/1?a=b', version: 'HTTP/1.1' }, title);
      t.is(request?.body.toString('latin1'), arrives, title);
      const framing = [...(request?.values('content-length') ?? []), ...(request?.values('transfer-encoding') ?? [])];
      t.true(framing.length <= 1, `${title}: ${framing}`);
      t.true(arrives === '' || framing.length === 1, title);
    }
    // One connection at a time, so that bytes which belong to no request would have been seen as one.
    t.is(upstream.requests.length, count);
    t.true(upstream.requests.every(({ complete }) => complete));
  });
}

test('a client of HTTP/1.0 is spoken for in HTTP/1.1, and answered by closing', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {},
    () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  );
  const { responses, ended } = await gateway.send(requestBytes({ version: 'HTTP/1.0', headers: [gateway.bearer()] }), {
    until: 'close',
  });
  t.is(ended, 'close');
  t.like(responses[0], { status: 200, body: 'ok' });
  t.is(responses[0]?.header('transfer-encoding'), undefined);
  t.is(upstream.requests[0]?.version, 'HTTP/1.1');
});

interface AnswerCase {
  readonly answer: string;
  readonly method?: string;
  readonly status: number;
  readonly body: string;
  readonly has?: Readonly<Record<string, string | undefined>>;
}

const ok = (head: string, body = '') => `HTTP/1.1 200 OK\r\n${head}\r\n${body}`;

const ANSWERS: Readonly<Record<string, AnswerCase>> = {
  'a Content-Length': {
    answer: ok('Content-Length: 2\r\n', 'ok'),
    status: 200,
    body: 'ok',
    has: { 'content-length': '2', 'transfer-encoding': undefined },
  },
  'an empty body': { answer: ok('Content-Length: 0\r\n'), status: 200, body: '', has: { 'content-length': '0' } },
  chunks: {
    answer: ok('Transfer-Encoding: chunked\r\n', '2\r\nok\r\n1;x\r\n!\r\n0\r\nX-T: 1\r\n\r\n'),
    status: 200,
    body: 'ok!',
    has: { 'content-length': undefined, 'transfer-encoding': 'chunked', 'x-t': undefined },
  },
  '204': {
    answer: 'HTTP/1.1 204 No Content\r\n\r\n',
    status: 204,
    body: '',
    has: { 'content-length': undefined, 'transfer-encoding': undefined },
  },
  '204 with a length': {
    answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    status: 204,
    body: '',
    has: { 'content-length': undefined },
  },
  '304': {
    answer: 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
    status: 304,
    body: '',
    has: { etag: '"a"', 'transfer-encoding': undefined },
  },
  '304 with the length of what it does not bring': {
    answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n',
    status: 304,
    body: '',
    has: { 'content-length': '1000' },
  },
  'HEAD with a length': {
    answer: ok('Content-Length: 1000\r\n'),
    method: 'HEAD',
    status: 200,
    body: '',
    has: { 'content-length': '1000' },
  },
  'HEAD with chunks': { answer: ok('Transfer-Encoding: chunked\r\n'), method: 'HEAD', status: 200, body: '' },
  'HEAD without either': { answer: ok('Connection: keep-alive\r\n'), method: 'HEAD', status: 200, body: '' },
  '404 of its own': {
    answer: rawResponse(404, 'nope', [['X-Powered-By', 'x']]),
    status: 404,
    body: 'nope',
    has: { 'x-powered-by': 'x', 'www-authenticate': undefined },
  },
  '401 of its own': {
    answer: rawResponse(401, '', [['WWW-Authenticate', 'Basic realm="x"']]),
    status: 401,
    body: '',
    has: { 'www-authenticate': 'Basic realm="x"' },
  },
  'an interim answer before': {
    answer: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok('Content-Length: 2\r\n', 'ok')}`,
    status: 200,
    body: 'ok',
    has: { link: undefined },
  },
  'two interim answers before': {
    answer: `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${ok('Content-Length: 2\r\n', 'ok')}`,
    status: 200,
    body: 'ok',
  },
  'HTTP/1.0': { answer: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', status: 200, body: 'ok' },
  'a reason in UTF-8': {
    answer: 'HTTP/1.1 200 \xe6\x88\x90\xe5\x8a\x9f\r\nContent-Length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
  },
  'a reason in Latin-1': { answer: 'HTTP/1.1 200 D\xe9j\xe0\r\nContent-Length: 2\r\n\r\nok', status: 200, body: 'ok' },
  'no reason': { answer: 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', status: 200, body: 'ok' },
  'header values in Latin-1': {
    answer: ok('X-Name: \xe9\xff\r\nContent-Length: 2\r\n', 'ok'),
    status: 200,
    body: 'ok',
    has: { 'x-name': '\xe9\xff' },
  },
};

for (const [title, { answer, method = 'GET', status, body, has = {} }] of Object.entries(ANSWERS)) {
  test(`an answer goes on as it is, and the connection of the client lives: ${title}`, async (t) => {
    const { gateway, upstream } = await startBehind(t, {}, () => answer);
    const bytes = requestBytes({ method, headers: [gateway.bearer()] });
    const client = await connectRaw(gateway.port);
    t.teardown(async () => client.destroy());
    // Twice on one connection: bytes too many or too few of the first would spoil the second.
    client.write(bytes);
    await client.read();
    client.write(bytes);
    const responses = finals((await client.read({ until: 2 })).responses);
    t.is(responses.length, 2, JSON.stringify(responses));
    for (const response of responses) {
      t.like(response, { status, body, complete: true });
      for (const [name, value] of Object.entries(has)) t.is(response.header(name), value, name);
      t.truthy(response.header('date'));
    }
    t.is(upstream.requests.length, 2);
  });
}

test('an answer that lasts until the close goes on in chunks', async (t) => {
  const { gateway } = await startBehind(
    t,
    {},
    (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the close'),
  );
  const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  t.like(response, { status: 200, body: 'until the close', complete: true });
  t.is(response.header('transfer-encoding'), 'chunked');
});

test('every Set-Cookie goes on on its own line, in order', async (t) => {
  const cookies = [
    ['Set-Cookie', 'a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT'],
    ['set-cookie', 'b=2'],
    ['Set-Cookie', 'c=3'],
  ] as const;
  const { gateway } = await startBehind(t, {}, () => rawResponse(200, 'ok', cookies));
  const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  t.deepEqual(
    response.headers.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value),
    cookies.map(([, value]) => value),
  );
});

test('header values of the client arrive byte for byte, whatever their character set', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const value = 'latin1 \xe9, utf-8 \xc3\xa9, tab\there';
  await gateway.ask(requestBytes({ headers: [gateway.bearer(), ['X-Name', value]] }));
  t.deepEqual(upstream.requests[0]?.values('x-name'), [value]);
});

const REWRITES: readonly (readonly [rewrite: object, target: string, arrives: string])[] = [
  [{}, '/orders/1?a=%2e', '/orders/1?a=%2e'],
  [{ stripPrefix: '/orders' }, '/orders/1?a=b', '/1?a=b'],
  [{ stripPrefix: '/orders' }, '/orders', '/'],
  [{ stripPrefix: '/orders' }, '/orders/', '/'],
  [{ stripPrefix: '/orders' }, '/orders?a', '/?a'],
  [{ addPrefix: '/v1' }, '/orders/1', '/v1/orders/1'],
  [{ stripPrefix: '/orders', addPrefix: '/v1/o' }, '/orders/1/', '/v1/o/1/'],
  [{ stripPrefix: '/orders', addPrefix: '/v1/o' }, '/orders', '/v1/o'],
  [{ stripPrefix: '/orders', addPrefix: '/v1/o' }, '/orders/', '/v1/o/'],
  [{ stripPrefix: '/orders' }, '/%6frders/%7e', '/~'],
];

for (const [rewrite, target, arrives] of REWRITES) {
  test(`with ${JSON.stringify(rewrite)}, ${target} arrives as ${arrives}`, async (t) => {
    const { gateway, upstream } = await startBehind(t, {
      routes: [{ id: 'r', match: { path: '/orders/**' }, rewrite }],
    });
    t.is((await gateway.ask(requestBytes({ target, headers: [gateway.bearer()] }))).status, 200);
    t.is(upstream.requests[0]?.target, arrives);
  });
}

test('what a path may hold on one route only is refused on the others', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'odd', match: { path: '/odd/**', allow: ['semicolon', 'encodedSlash'] } },
      { id: 'all', match: { path: '/**' } },
    ],
  });
  const ask = (target: string) => gateway.ask(requestBytes({ target, headers: [gateway.bearer()] }));
  t.is((await ask('/odd/a;b/c%2fd')).status, 200);
  t.is(upstream.requests[0]?.target, '/odd/a;b/c%2Fd');
  for (const target of ['/a;b', '/a%2fb', '/odd/..;/a', '/odd/..%2fa'])
    t.is(codeOf(await ask(target)), 'route.target', target);
  t.is(upstream.requests.length, 1);
});

test('where no route has the method, Allow tells those there are', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'r', match: { path: '/orders', methods: ['GET', 'POST'] } }],
  });
  const ask = (method: string) => gateway.ask(requestBytes({ method, target: '/orders', headers: [gateway.bearer()] }));
  for (const method of ['PUT', 'OPTIONS', 'TRACE']) {
    const response = await ask(method);
    t.is(response.status, 405, method);
    if (method !== 'TRACE') t.is(response.header('allow'), 'GET, POST, HEAD', method);
  }
  t.is((await ask('GET')).status, 200);
  t.is(upstream.requests.length, 1);
});
