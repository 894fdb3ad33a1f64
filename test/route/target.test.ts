import test from 'ava';
import fc from 'fast-check';
import { readPattern } from '../../src/config/pattern.ts';
import { canonicalTarget, type Target, unusualTarget } from '../../src/route/target.ts';

/** The canonical form as one text, or why there is none. */
function read(raw: string): string {
  const target = canonicalTarget(raw);
  return target.ok ? target.value.path + target.value.query : `refused: ${target.fault.detail}`;
}

const SAME = [
  '/',
  '/orders',
  '/orders/',
  '/orders/1',
  '/a.b/...',
  '/.well-known/x',
  '/..a/a..',
  "/-._~!$&'()*+,=:@",
  '/%20%3F%23%25',
  '/%C3%A9',
  '/%F0%9F%98%80',
  '/a%3Bb',
  '/ORDERS/Orders',
];

test('a path that is canonical stays as it is', (t) => {
  for (const path of SAME) t.is(read(path), path);
});

const CHANGED: readonly (readonly [raw: string, canonical: string])[] = [
  ['/%6f%72ders', '/orders'],
  ['/%6F%72DERS', '/orDERS'],
  ['/%41%5a%61%7a%30%39', '/AZaz09'],
  ['/a%2db%2Ec%5fd%7e', '/a-b.c_d~'],
  ['/a%2E%2E%2E', '/a...'],
  ['/%c3%a9', '/%C3%A9'],
  ['/a%3ab%40', '/a%3Ab%40'],
  ['/a"b<c>d^e`f{g|h}i[j]', '/a%22b%3Cc%3Ed%5Ee%60f%7Bg%7Ch%7Di%5Bj%5D'],
  ['/%5b%5D%7b', '/%5B%5D%7B'],
  ['/%25', '/%25'],
  ['/%2541', '/%2541'],
  ['/%25%34%31', '/%2541'],
];

test('a path has one spelling: unreserved characters plain, the rest escaped in capitals', (t) => {
  for (const [raw, canonical] of CHANGED) t.is(read(raw), canonical, raw);
});

const DOT = /dot segment/;
const EMPTY = /empty segment/;
const BACKSLASH = /backslash/;
const DOUBLY = /doubly encoded/;
const CONTROL = /encoded control/;
const BROKEN = /percent sign that is not followed/;
const NOT_UTF8 = /not UTF-8/;
const RAW = /control or non-ASCII/;
const FRAGMENT = /fragment/;
const NEITHER = /neither a path nor an http address/;
const PARAMETERS = /segment of parameters alone/;

const REFUSED: readonly (readonly [raw: string, why: RegExp])[] = [
  ['/.', DOT],
  ['/..', DOT],
  ['/../', DOT],
  ['/./a', DOT],
  ['/public/../admin', DOT],
  ['/public/./../admin', DOT],
  ['/public/..', DOT],
  ['/public/%2e%2e/admin', DOT],
  ['/public/%2E%2e/admin', DOT],
  ['/public/.%2e/admin', DOT],
  ['/public/%2E./admin', DOT],
  ['/public/%2e', DOT],
  ['/public/..;/admin', DOT],
  ['/public/..;x=y/admin', DOT],
  ['/public/.;/admin', DOT],
  ['/public/%2e%2e;/admin', DOT],
  ['/public/..%2fadmin', DOT],
  ['/public/a%2F..%2Fadmin', DOT],
  ['/public/a%2f%2e%2E', DOT],
  ['/public/..;a%2fadmin', DOT],
  ['//', EMPTY],
  ['//admin', EMPTY],
  ['/a//b', EMPTY],
  ['/a//', EMPTY],
  ['///', EMPTY],
  ['/;', PARAMETERS],
  ['/;a/admin', PARAMETERS],
  ['/a%2F;b', PARAMETERS],
  ['/a\\b', BACKSLASH],
  ['/public\\..\\admin', BACKSLASH],
  ['/a%5cb', BACKSLASH],
  ['/a%5Cb', BACKSLASH],
  ['/%252e%252e/admin', DOUBLY],
  ['/%252E/admin', DOUBLY],
  ['/a%252fb', DOUBLY],
  ['/a%252Fb', DOUBLY],
  ['/a%255cb', DOUBLY],
  ['/a%255Cb', DOUBLY],
  ['/%25%32%65%25%32%65/admin', DOUBLY],
  ['/%25%32e/admin', DOUBLY],
  ['/a%252%66b', DOUBLY],
  ['/a%25%35%43b', DOUBLY],
  ['/a%00', CONTROL],
  ['/a%0d%0aX', CONTROL],
  ['/a%1F', CONTROL],
  ['/a%7f', CONTROL],
  ['/%', BROKEN],
  ['/%2', BROKEN],
  ['/%zz', BROKEN],
  ['/%2g', BROKEN],
  ['/%%32e', BROKEN],
  ['/%u002e', BROKEN],
  ['/%c0%ae%c0%ae/admin', NOT_UTF8],
  ['/%c0%af', NOT_UTF8],
  ['/%e0%80%af', NOT_UTF8],
  ['/%ff', NOT_UTF8],
  ['/%c3', NOT_UTF8],
  ['/%a9', NOT_UTF8],
  ['/%c3/%a9', NOT_UTF8],
  ['/%ed%a0%80', NOT_UTF8],
  ['/%f4%90%80%80', NOT_UTF8],
  ['/\u00e9', RAW],
  ['/a b', RAW],
  ['/a\tb', RAW],
  ['/a\r\nb', RAW],
  ['/a\x00', RAW],
  ['/a\x7f', RAW],
  ['/\u212a', RAW],
  ['/#', FRAGMENT],
  ['/admin#/public', FRAGMENT],
  ['', NEITHER],
  ['*', NEITHER],
  ['admin', NEITHER],
  ['?a', NEITHER],
  ['api.example.com:443', NEITHER],
  ['\\admin', NEITHER],
];

test('a path that two readers could understand in two ways is refused', (t) => {
  for (const [raw, why] of REFUSED) {
    const target = canonicalTarget(raw);
    t.false(target.ok, raw);
    if (target.ok) continue;
    t.is(target.fault.code, 'route.target');
    t.regex(target.fault.detail ?? '', why, raw);
  }
});

const QUERIES = [
  '?',
  '??',
  '?a=1&b=2',
  '?a=%2e%2e/..//\\;&%zz%00%C0%AE',
  '?"<>^`{|}[]',
  '?url=http://other/../x',
  '?%61=%41',
  '?a=b?c',
];

test('the query stays byte for byte, whatever happens to the path', (t) => {
  for (const query of QUERIES) {
    t.is(read(`/orders${query}`), `/orders${query}`);
    t.is(read(`/%6frders${query}`), `/orders${query}`);
  }
});

test('a raw control, a non-ASCII byte or a fragment in the query is refused', (t) => {
  for (const character of ['\x00', '\x1f', ' ', '\r\n', '\x7f', '\u00e9', '#', '\u{1f600}']) {
    t.regex(read(`/a?b=${character}`), /^refused: The query has a character/, JSON.stringify(character));
  }
});

test('a query never hides or repairs what is wrong with the path', (t) => {
  t.regex(read('/public/../admin?x=/public/'), DOT);
  t.is(read('/admin?/../public'), '/admin?/../public');
});

const ABSOLUTE: readonly (readonly [raw: string, authority: string, rest: string])[] = [
  ['http://api.example.com/orders?a', 'api.example.com', '/orders?a'],
  ['https://api.example.com/orders', 'api.example.com', '/orders'],
  ['HTTP://API.Example.com:8080/%6f', 'API.Example.com:8080', '/o'],
  ['http://api.example.com', 'api.example.com', '/'],
  ['http://api.example.com?a=b', 'api.example.com', '/?a=b'],
  ['http://[::1]:80/a', '[::1]:80', '/a'],
];

test('an absolute-form target gives its authority', (t) => {
  for (const [raw, authority, rest] of ABSOLUTE) {
    const target = canonicalTarget(raw);
    t.true(target.ok, raw);
    if (target.ok) t.is(target.value.authority, authority);
    t.is(read(raw), rest);
  }
});

const BAD_ABSOLUTE: readonly (readonly [raw: string, why: RegExp])[] = [
  ['http://user@api.example.com/', NEITHER],
  ['http://user:pw@api.example.com/', NEITHER],
  ['http://api.example.com@evil.com/', NEITHER],
  ['http:///admin', NEITHER],
  ['http://', NEITHER],
  ['http:/admin', NEITHER],
  ['http:admin', NEITHER],
  ['ftp://api.example.com/', NEITHER],
  ['ws://api.example.com/', NEITHER],
  ['http://api.example.com:99999999/', NEITHER],
  ['http://a b/', NEITHER],
  ['http://a\\b/', NEITHER],
  ['http://api.example.com/../admin', DOT],
  ['http://api.example.com//admin', EMPTY],
  ['http://api.example.com#/admin', FRAGMENT],
  ['http://api.example.com/a\nb', RAW],
];

test('an absolute-form target is read as strictly as any', (t) => {
  for (const [raw, why] of BAD_ABSOLUTE) t.regex(read(raw), why, raw);
});

const UNUSUAL: readonly (readonly [raw: string, path: string, unusual: Target['unusual']])[] = [
  ['/a;b', '/a;b', ['semicolon']],
  ['/a;v=1/b', '/a;v=1/b', ['semicolon']],
  ['/a%2fb', '/a%2Fb', ['encodedSlash']],
  ['/a%2Fb/c', '/a%2Fb/c', ['encodedSlash']],
  ['/a;b%2fc', '/a;b%2Fc', ['semicolon', 'encodedSlash']],
  ['/a/b', '/a/b', []],
];

test('a semicolon and an encoded slash are left to the route to allow', (t) => {
  for (const [raw, path, unusual] of UNUSUAL) {
    const target = canonicalTarget(raw);
    if (target.ok) t.deepEqual([target.value.path, target.value.unusual], [path, unusual]);
    else t.fail(raw);
  }
  t.like(unusualTarget('semicolon'), {
    ok: false,
    fault: { code: 'route.target', detail: 'The path has a semicolon.' },
  });
  t.like(unusualTarget('encodedSlash'), { fault: { detail: 'The path has an encoded slash (%2F).' } });
});

/** Paths made of what attacks are made of, rather than of random letters. */
const piece = fc.oneof(
  fc.constantFrom('/', '//', '.', '..', '%2e', '%2E', '%2f', '%5C', '%25', '%32', '%65', '%00', '%c3%a9', '%C0%AE'),
  fc.constantFrom('\\', ';', '#', '?', ' ', '\u00e9', '%', '%7', '%41', '%7e', '[', '"', '@', 'orders', 'a'),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const rawTarget = fc
  .tuple(fc.constantFrom('/', '/', '/', '', 'http://a', 'http://a/'), fc.array(piece, { maxLength: 8 }))
  .map(([start, pieces]) => start + pieces.join(''));

test('no target whatever throws', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(rawTarget, (raw) => void canonicalTarget(raw)),
      { numRuns: 5000 },
    ),
  );
});

test('the canonical form of a canonical form is itself', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(rawTarget, (raw) => {
      const first = canonicalTarget(raw);
      if (!first.ok) return true;
      accepted += 1;
      const again = canonicalTarget(first.value.path + first.value.query);
      return again.ok && again.value.path === first.value.path && again.value.query === first.value.query;
    }),
    { numRuns: 10_000 },
  );
  t.true(accepted > 500, `${accepted} targets were accepted`);
});

test('no canonical path has a dot or an empty segment, however often a server decodes it', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(rawTarget, (raw) => {
      const target = canonicalTarget(raw);
      if (!target.ok || target.value.unusual.length > 0) return true;
      accepted += 1;
      const once = decodeURIComponent(target.value.path);
      const twice = once.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
      return [target.value.path, once, twice].every((path) => {
        const segments = path.split('/').slice(1);
        return !segments.includes('.') && !segments.includes('..') && !segments.slice(0, -1).includes('');
      });
    }),
    { numRuns: 10_000 },
  );
  t.true(accepted > 500, `${accepted} targets were accepted`);
});

test('a route can be written for every canonical path: what is matched has no character a pattern cannot have', (t) => {
  fc.assert(
    fc.property(rawTarget, (raw) => {
      const target = canonicalTarget(raw);
      // A `*` is a wildcard to whoever writes patterns, so none has it; delimiters are written plain.
      return (
        !target.ok ||
        /\*|%(?:2[1-9A-C]|3[AD]|40)/.test(target.value.path) ||
        typeof readPattern(target.value.path) !== 'string'
      );
    }),
    { numRuns: 10_000 },
  );
  t.pass();
});

const unreserved = fc.constantFrom(...'ABZabz019-._~');
const plainPath = fc
  .array(
    fc.array(
      fc.oneof({ weight: 4, arbitrary: unreserved }, { weight: 1, arbitrary: fc.constantFrom(...'!$&()+,=:@/') }),
      {
        minLength: 1,
        maxLength: 5,
      },
    ),
  )
  .map((segments) => `/${segments.map((segment) => segment.join('')).join('/')}`);

test('a path that needs no work and the same with an escape in it are judged and spelled alike', (t) => {
  const judged = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(plainPath, fc.nat(), (path, at) => {
      const places = [...path].flatMap((character, index) => (/[A-Za-z0-9\-._~]/.test(character) ? [index] : []));
      fc.pre(places.length > 0);
      const place = places[at % places.length] as number;
      const escaped = `%${path.charCodeAt(place).toString(16)}`;
      const fast = read(path);
      const slow = read(path.slice(0, place) + escaped + path.slice(place + 1));
      judged[fast.startsWith('refused') ? 'refused' : 'accepted'] += 1;
      return fast === slow;
    }),
    { numRuns: 10_000 },
  );
  t.true(judged.accepted > 500 && judged.refused > 500, JSON.stringify(judged));
});
