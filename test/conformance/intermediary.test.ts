import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { finals } from '../support/raw-client.ts';

// What RFC 9110 and 9112 ask of whoever stands between a client and a server, seen from both sides of it.
// docs/decisions/attacks.md says which check is tested where.

const HOP: readonly WireHeader[] = [
  ['Connection', 'keep-alive, X-Hop'],
  ['connection', 'x-other-hop'],
  ['X-Hop', '1'],
  ['x-OTHER-hop', '1'],
  ['Keep-Alive', 'timeout=5'],
  ['Proxy-Connection', 'keep-alive'],
  ['Proxy-Authorization', 'Basic eDp5'],
  ['TE', 'gzip, deflate'],
  ['Trailer', 'X-T'],
  ['Upgrade', 'h2c'],
];

test('what is of the hop to us does not go on (RFC 9110 §7.6.1)', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer(), ...HOP, ['X-Kept', '1']] }))).status, 200);
  const [request] = upstream.requests;
  for (const [name] of HOP.slice(2)) t.deepEqual(request?.values(name), [], name);
  t.notRegex(request?.values('connection').join() ?? '', /hop/i);
  t.deepEqual(request?.values('x-kept'), ['1']);
});

test('nor what is of the hop from the upstream', async (t) => {
  const { gateway } = await startBehind(
    t,
    {},
    () =>
      'HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nconnection: x-other, keep-alive\r\nX-Hop: 1\r\nX-OTHER: 1\r\n' +
      'Keep-Alive: timeout=9\r\nProxy-Connection: close\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X\r\n' +
      'X-Kept: 1\r\nContent-Length: 2\r\n\r\nok',
  );
  const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  for (const name of ['X-Hop', 'X-Other', 'Proxy-Connection', 'Proxy-Authenticate', 'Upgrade', 'Trailer']) {
    t.is(response.header(name), undefined, name);
  }
  t.not(response.header('Keep-Alive'), 'timeout=9');
  t.is(response.header('X-Kept'), '1');
});

test('Via tells every hop, and who sends the Date where the upstream does not (RFC 9110 §7.6.3, §6.6.1)', async (t) => {
  const { gateway, upstream } = await startBehind(t, {}, ({ target }) =>
    target === '/dated'
      ? 'HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  );
  const undated = await gateway.ask(requestBytes({ headers: [gateway.bearer(), ['Via', '1.0 fred']] }));
  t.regex(undated.header('date') ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  t.deepEqual(upstream.requests[0]?.values('via'), ['1.0 fred', '1.1 bearergate']);
  const dated = await gateway.ask(requestBytes({ target: '/dated', headers: [gateway.bearer()] }));
  t.is(dated.header('date'), 'Mon, 01 Jan 2001 00:00:00 GMT');
  t.is(dated.headers.filter(([name]) => name.toLowerCase() === 'date').length, 1);
});

test('Max-Forwards of OPTIONS is counted down, and its end is here (RFC 9110 §7.6.2)', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const ask = (method: string, value: string) =>
    gateway.ask(requestBytes({ method, target: '/x', headers: [gateway.bearer(), ['max-FORWARDS', value]] }));
  t.is((await ask('OPTIONS', '0')).status, 204);
  t.is((await ask('OPTIONS', '00')).status, 204);
  t.is(upstream.connections.length, 0);
  for (const [method, value, arrives] of [
    ['OPTIONS', '1', '0'],
    ['OPTIONS', '7', '6'],
    ['OPTIONS', 'many', 'many'],
    ['GET', '0', '0'],
    ['GET', '3', '3'],
  ] as const) {
    t.is((await ask(method, value)).status, 200, `${method} ${value}`);
    t.deepEqual(upstream.requests.at(-1)?.values('max-forwards'), [arrives]);
  }
});

test('the asterisk is the target of OPTIONS alone, and never goes on (RFC 9112 §3.2.4)', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  t.is((await gateway.ask(requestBytes({ method: 'OPTIONS', target: '*' }))).status, 204);
  for (const method of ['GET', 'POST', 'HEAD', 'PURGE']) {
    const response = await gateway.ask(requestBytes({ method, target: '*', headers: [gateway.bearer()] }));
    t.is(response.status, 400, method);
  }
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ method: 'OPTIONS', target: '/x', headers: [gateway.bearer()] }))).status, 200);
});

test('interim answers are passed on, to clients whose version of HTTP knows them (RFC 9110 §15.2)', async (t) => {
  const { gateway } = await startBehind(
    t,
    {
      routes: [
        { id: 'all', match: { path: '/**' } },
        { id: 'bare', match: { path: '/bare' }, responseHeaders: { remove: ['Link'] } },
      ],
    },
    () =>
      'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nX-Secret: 1\r\nLink: </b>; rel=preload\r\n\r\n' +
      'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: not a link\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const interim = async (parts: object) => {
    const { responses, raw } = await gateway.send(requestBytes({ headers: [gateway.bearer()], ...parts }));
    t.deepEqual(
      finals(responses).map(({ status, body }) => [status, body]),
      [[200, 'ok']],
    );
    return raw.slice(0, raw.indexOf('HTTP/1.1 200 OK'));
  };
  t.is(
    await interim({}),
    'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n',
  );
  t.is(await interim({ target: '/bare' }), 'HTTP/1.1 102 Processing\r\n\r\n');
  t.is(await interim({ version: 'HTTP/1.0' }), '');
});

test('an upstream that goes on with interim answers for ever is cut short', async (t) => {
  const { gateway } = await startBehind(
    t,
    {},
    () => `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  );
  const { raw, responses } = await gateway.send(requestBytes({ headers: [gateway.bearer()] }));
  t.is(finals(responses)[0]?.body, 'ok');
  t.is(raw.split('102 Processing').length - 1, 8);
});

test('Expect changes nothing in what arrives', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, headers: { set: { 'X-User-Id': '{claims.sub}' } } }],
  });
  const post = (...more: WireHeader[]) =>
    requestBytes({
      method: 'POST',
      headers: [gateway.bearer(), ['X-User-Id', 'root'], ['Content-Length', '2'], ...more],
      body: 'ab',
    });
  for (const bytes of [
    post(),
    post(['Expect', '100-continue']),
    post(['expect', '100-Continue'], ['Connection', 'expect']),
  ]) {
    t.is((await gateway.ask(bytes)).status, 200);
  }
  const heads = upstream.requests.map(({ headers }) =>
    headers.filter(([name]) => !['x-request-id', 'traceparent'].includes(name.toLowerCase())),
  );
  t.deepEqual(heads[1], heads[0]);
  t.deepEqual(heads[2], heads[0]);
  t.deepEqual(upstream.requests[1]?.values('x-user-id'), ['user-1']);
});

test('a target that is too long is a head that is too large, and a body that is too long is 413', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', maxBody: '10B' }],
  });
  const long = await gateway.ask(requestBytes({ target: `/${'a'.repeat(20_000)}` }));
  t.is(long.status, 431);
  t.is(codeOf(long), 'request.headers-too-large');
  const query = await gateway.ask(requestBytes({ target: `/?${'a'.repeat(20_000)}` }));
  t.is(query.status, 431);
  const large = requestBytes({ method: 'POST', headers: [['Content-Length', '11']], body: 'x'.repeat(11) });
  t.is(codeOf(await gateway.ask(large)), 'request.too-large');
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ target: `/${'a'.repeat(8000)}` }))).status, 200);
});

test('the path that is logged, the path that is matched and the path that arrives are the same bytes', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'all', match: { path: '/{first}/**' }, auth: 'public', headers: { set: { 'X-First': '{params.first}' } } },
    ],
  });
  for (const [target, path] of [
    ['/a/b?c=%2e%2E&d=/../;#'.replace('#', ''), '/a/b'],
    ['/%61%7e/%c3%a9', '/a~/%C3%A9'],
    ['/a%20b/(c)', '/a%20b/(c)'],
    ['http://other.example/x/y?z', '/x/y'],
    ['/"a"/b', '/%22a%22/b'],
  ] as const) {
    t.is((await gateway.ask(requestBytes({ target }))).status, 200, target);
    const request = upstream.requests.at(-1);
    const [arrived = '', query = ''] = request?.target.split(/(?=\?)/) ?? [];
    t.is(arrived, path);
    t.is(query, target.includes('?') ? target.slice(target.indexOf('?')) : '');
    t.deepEqual(request?.values('x-first'), [path.split('/')[1]]);
    const id = request?.values('x-request-id')[0];
    t.is((await gateway.waitForLine((line) => line.id === id)).path, path);
  }
});
