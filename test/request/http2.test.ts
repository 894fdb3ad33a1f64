import test from 'ava';
import { FieldSorter } from '../../src/request/fields.ts';
import { readHead } from '../../src/request/head.ts';
import { readHttp2Head } from '../../src/request/http2.ts';

const PSEUDO = [':method', 'GET', ':scheme', 'https', ':authority', 'api.example.com', ':path', '/x'];
const sorter = new FieldSorter(['X-User-Id']);
const read = (rawHeaders: readonly string[], bodyFollows = false, isTooLarge = false) =>
  readHttp2Head({ rawHeaders, bodyFollows, isTooLarge, isMalformed: false }, sorter);
const codeOf = (outcome: ReturnType<typeof read>) => (outcome.ok ? undefined : outcome.fault.code);

test('a head of HTTP/2 is read like one of HTTP/1.1', (t) => {
  const head = read([...PSEUDO, 'cookie', 'a=1', 'x-user-id', 'root', 'cookie', 'b=2', 'te', 'trailers']);
  if (!head.ok) return t.fail(head.fault.detail);
  const { method, target, host, version, onward, acceptsTrailers, hasBody } = head.value;
  t.deepEqual([method, target, host, version], ['GET', '/x', 'api.example.com', '2']);
  t.deepEqual(onward, ['cookie', 'a=1; b=2']);
  t.deepEqual([acceptsTrailers, hasBody], [true, false]);
});

test('a body without a length has one all the same', (t) => {
  const unsized = read(PSEUDO, true);
  const sized = read([...PSEUDO, 'content-length', '5'], true);
  const empty = read([...PSEUDO, 'content-length', '0'], true);
  t.deepEqual(
    [unsized, sized, empty].map((head) => head.ok && [head.value.hasBody, head.value.chunked]),
    [
      [true, true],
      [true, false],
      [false, false],
    ],
  );
});

// nghttp2 stops most of it before; nothing here depends on that.
const without = (name: string) =>
  PSEUDO.flatMap((text, at) => (at % 2 === 0 && text !== name ? [text, PSEUDO[at + 1] as string] : []));
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  'transfer-encoding': [...PSEUDO, 'transfer-encoding', 'chunked'],
  connection: [...PSEUDO, 'connection', 'close'],
  'keep-alive': [...PSEUDO, 'keep-alive', 'timeout=5'],
  'proxy-connection': [...PSEUDO, 'proxy-connection', 'close'],
  upgrade: [...PSEUDO, 'upgrade', 'websocket'],
  te: [...PSEUDO, 'te', 'gzip'],
  capitals: [...PSEUDO, 'X-A', '1'],
  'a line break': [...PSEUDO, 'x-a', 'b\r\nc: d'],
  'a second pseudo-field': [...PSEUDO, ':path', '/y'],
  'a pseudo-field behind': ['x-a', 'b', ...PSEUDO],
  'an unknown pseudo-field': [':protocol', 'websocket', ...PSEUDO],
  'another Host': [...PSEUDO, 'host', 'other.example.com'],
  'http alone': [...without(':scheme'), ':scheme', 'http'],
  'no path': without(':path'),
  'no method': without(':method'),
  'no scheme': without(':scheme'),
  'no authority': without(':authority'),
  'an absolute path': [...without(':path'), ':path', 'https://other.example.com/'],
  'an alias': [...PSEUDO, 'x_user_id', 'root'],
};

for (const [what, fields] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, (t) => {
    t.is(codeOf(read(fields)), 'request.invalid');
  });
}

test('a tunnel is not made, and a head that is too large not looked at', (t) => {
  t.is(codeOf(read([':method', 'CONNECT', ':authority', 'db.internal:5432'])), 'route.method');
  t.is(codeOf(read(PSEUDO, false, true)), 'request.headers-too-large');
});

test('a line of text that claims to be HTTP/2 is none', (t) => {
  const claimed = { method: 'GET', url: '/', httpVersion: '2.0', rawHeaders: ['Host', 'a'] };
  t.false(readHead(claimed, sorter).ok);
});
