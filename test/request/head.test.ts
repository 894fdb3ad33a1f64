import test from 'ava';
import { FieldSorter } from '../../src/request/fields.ts';
import { isAuthority, readHead } from '../../src/request/head.ts';

const sorter = new FieldSorter(['X-User-Id']);

type Fields = readonly (readonly [name: string, value: string])[];

const read = (fields: Fields, { httpVersion = '1.1', method = 'POST' } = {}) =>
  readHead({ method, url: '/orders?a=1', httpVersion, rawHeaders: fields.flat() }, sorter);

const HOST = ['Host', 'api.example.com'] as const;

function good(fields: Fields, options: Parameters<typeof read>[1] = {}) {
  const head = read(fields, options);
  if (!head.ok) throw new Error(head.fault.detail);
  return head.value;
}

const REFUSED: readonly (readonly [title: string, fields: Fields, detail: RegExp, version?: string])[] = [
  ['no Host', [['Accept', '*/*']], /Host header is missing/],
  ['two Host', [HOST, HOST], /Host header is given more than once/],
  ['an empty Host', [['Host', '']], /Host header is not a host name/],
  ['a Host with a path', [['Host', 'a/b']], /Host header is not/],
  ['a Host with userinfo', [['Host', 'user@a']], /Host header is not/],
  ['a Host with a space', [['Host', 'a b']], /Host header is not/],
  ['two Host values in one', [['Host', 'a, b']], /Host header is not/],
  ['a Host with an empty port', [['Host', 'a:']], /Host header is not/],
  ['a Host with a port that is no number', [['Host', 'a:http']], /Host header is not/],
  ['a Host that is too long', [['Host', 'a'.repeat(262)]], /Host header is not/],
  ['version 2.0', [HOST], /version of HTTP/, '2.0'],
  ['version 0.9', [HOST], /version of HTTP/, '0.9'],
  ['version 1.2', [HOST], /version of HTTP/, '1.2'],
  ['Content-Length twice, and different', [HOST, ['Content-Length', '1'], ['Content-Length', '2']], /more than once/],
  ['Content-Length twice, and equal', [HOST, ['Content-Length', '1'], ['content-length', '1']], /more than once/],
  ['Content-Length as a list', [HOST, ['Content-Length', '5, 5']], /Content-Length is not a number/],
  ['Content-Length with a sign', [HOST, ['Content-Length', '+5']], /Content-Length is not a number/],
  ['a negative Content-Length', [HOST, ['Content-Length', '-5']], /Content-Length is not a number/],
  ['Content-Length in hex', [HOST, ['Content-Length', '0x5']], /Content-Length is not a number/],
  ['an empty Content-Length', [HOST, ['Content-Length', '']], /Content-Length is not a number/],
  ['a Content-Length beyond any', [HOST, ['Content-Length', '9'.repeat(20)]], /Content-Length is not a number/],
  ['both framings', [HOST, ['Content-Length', '5'], ['Transfer-Encoding', 'chunked']], /in two ways/],
  [
    'both framings, the other way round',
    [HOST, ['Transfer-Encoding', 'chunked'], ['Content-Length', '0']],
    /in two ways/,
  ],
  ['Transfer-Encoding: gzip, chunked', [HOST, ['Transfer-Encoding', 'gzip, chunked']], /is not `chunked`/],
  ['Transfer-Encoding: chunked, chunked', [HOST, ['Transfer-Encoding', 'chunked, chunked']], /is not `chunked`/],
  ['Transfer-Encoding: identity', [HOST, ['Transfer-Encoding', 'identity']], /is not `chunked`/],
  ['Transfer-Encoding: xchunked', [HOST, ['Transfer-Encoding', 'xchunked']], /is not `chunked`/],
  ['Transfer-Encoding with a vertical tab', [HOST, ['Transfer-Encoding', '\x0bchunked']], /is not `chunked`/],
  ['an empty Transfer-Encoding', [HOST, ['Transfer-Encoding', '']], /is not `chunked`/],
  [
    'Transfer-Encoding twice',
    [HOST, ['Transfer-Encoding', 'chunked'], ['transfer-encoding', 'chunked']],
    /more than once/,
  ],
  ['Transfer-Encoding on HTTP/1.0', [HOST, ['Transfer-Encoding', 'chunked']], /1\.0 has no Transfer-Encoding/, '1.0'],
  ['an alias of framing', [HOST, ['Transfer_Encoding', 'chunked']], /spelling variant/],
  ['an alias of a managed header', [HOST, ['X.User.Id', 'root']], /spelling variant/],
];

for (const [title, fields, detail, httpVersion = '1.1'] of REFUSED) {
  test(`a head is refused, and its connection closes: ${title}`, (t) => {
    const head = read(fields, { httpVersion });
    t.false(head.ok);
    if (head.ok) return;
    t.like(head.fault, { code: 'request.invalid', close: true });
    t.regex(head.fault.detail ?? '', detail);
  });
}

test('a plain head gives what goes on, in its order and spelling', (t) => {
  const head = good([HOST, ['ACCEPT', 'a'], ['X-User-Id', 'root'], ['x-b', '1'], ['X-B', '2'], ['Keep-Alive', '5']]);
  t.deepEqual(head.onward, ['ACCEPT', 'a', 'x-b', '1', 'X-B', '2']);
  t.like(head, { method: 'POST', target: '/orders?a=1', host: 'api.example.com', hasBody: false, upgrade: false });
});

test('values are found in any case of their name, all of them, as they came', (t) => {
  const head = good([HOST, ['X-B', '1'], ['x-b', '2'], ['X-BB', '3']]);
  t.deepEqual(head.headerValues('x-b'), ['1', '2']);
  t.deepEqual(head.headerValues('x-none'), []);
});

test('the framing says whether there is a body', (t) => {
  t.like(good([HOST, ['Content-Length', '5']]), { contentLength: 5, chunked: false, hasBody: true });
  t.like(good([HOST, ['Content-Length', '0']]), { contentLength: 0, hasBody: false });
  t.like(good([HOST, ['Transfer-Encoding', 'Chunked']]), { contentLength: undefined, chunked: true, hasBody: true });
  t.like(good([HOST, ['Content-Length', '5']], { httpVersion: '1.0' }), { hasBody: true });
});

test('every Authorization field is told, and none goes on with the others', (t) => {
  const head = good([HOST, ['Authorization', 'Bearer a'], ['authorization', 'Bearer b']]);
  t.deepEqual(head.authorization, ['Bearer a', 'Bearer b']);
  t.deepEqual(head.onward, []);
});

test('headers that Connection nominates do not go on, wherever and however it names them', (t) => {
  const head = good([
    ['X-A', '1'],
    HOST,
    ['Connection', 'close, x-a'],
    ['connection', ' X-B ,,keep-alive'],
    ['x-B', '2'],
    ['X-C', '3'],
  ]);
  t.deepEqual(head.onward, ['X-C', '3']);
  t.deepEqual([...head.nominated], ['x-a', 'x-b']);
});

test('Connection cannot take away what the gateway decides by', (t) => {
  const head = good([
    HOST,
    ['Connection', 'host, authorization, content-length, expect'],
    ['Authorization', 'Bearer a'],
    ['Content-Length', '3'],
    ['Expect', '100-continue'],
  ]);
  t.like(head, { host: 'api.example.com', contentLength: 3, expect: '100-continue' });
  t.deepEqual(head.authorization, ['Bearer a']);
});

const TE: readonly (readonly [value: string, accepts: boolean])[] = [
  ['trailers', true],
  ['Trailers', true],
  ['deflate', false],
  ['trailers, deflate', false],
  ['', false],
];

test('TE goes on as `trailers` or not at all', (t) => {
  for (const [value, accepts] of TE) {
    const head = good([HOST, ['TE', value]]);
    t.is(head.acceptsTrailers, accepts, value);
    t.deepEqual(head.onward, [], value);
  }
});

test('an upgrade is one only together with Connection: Upgrade', (t) => {
  t.true(good([HOST, ['Upgrade', 'websocket'], ['Connection', 'Upgrade']]).upgrade);
  t.true(good([HOST, ['Connection', 'keep-alive, uPGRADE'], ['Upgrade', 'h2c, WebSocket/13']]).upgrade);
  t.false(good([HOST, ['Upgrade', 'h2c'], ['Connection', 'Upgrade, HTTP2-Settings']]).upgrade);
  t.false(good([HOST, ['Upgrade', 'websockets, x-websocket'], ['Connection', 'Upgrade']]).upgrade);
  t.false(good([HOST, ['Upgrade', 'websocket']]).upgrade);
  t.false(good([HOST, ['Connection', 'Upgrade']]).upgrade);
  t.false(good([HOST, ['Upgrade', 'websocket'], ['Connection', 'upgraded']]).upgrade);
});

test('what proxies say of the client is kept apart', (t) => {
  const head = good([HOST, ['X-Forwarded-For', '1.2.3.4'], ['Forwarded', 'for=1.2.3.4'], ['X-Request-Id', 'abc']]);
  t.deepEqual(head.onward, []);
  t.deepEqual(head.forwarded, ['X-Forwarded-For', '1.2.3.4', 'Forwarded', 'for=1.2.3.4']);
  t.is(head.requestId, 'abc');
});

const AUTHORITIES: Readonly<Record<string, boolean>> = {
  a: true,
  'api.example.com': true,
  'api.example.com.': true,
  'api.example.com:8080': true,
  api_internal: true,
  '127.0.0.1:1': true,
  '[::1]': true,
  '[2001:db8::1]:443': true,
  '': false,
  ':80': false,
  'a:': false,
  'a:123456': false,
  'a:80:80': false,
  '::1': false,
  '[::1': false,
  'a b': false,
  'a/b': false,
  'a?b': false,
  'a#b': false,
  'a@b': false,
  'a\\b': false,
  'a%00b': false,
  'a\nb': false,
  'a,b': false,
  '\u00e9': false,
};

test('an authority is a host with an optional port, and no more', (t) => {
  for (const [text, expected] of Object.entries(AUTHORITIES)) t.is(isAuthority(text), expected, JSON.stringify(text));
});
