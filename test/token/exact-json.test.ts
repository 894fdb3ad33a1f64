import test from 'ava';
import fc from 'fast-check';
import { hasInexact, InexactNumber, parseExactly } from '../../src/token/exact-json.ts';

const ROUNDED = [
  '9007199254740993',
  '-9007199254740993',
  '9007199254740991.4',
  '12345678901234567890',
  '1.00000000000000000001',
  '0.10000000000000000001',
  '1e400',
  '-1e400',
  '1e-400',
  '4.9e-325',
  '1e99999999999999999999',
  `1${'0'.repeat(400)}`,
  `0.${'0'.repeat(400)}1`,
];
const EXACT = [
  '0',
  '-0',
  '0.0',
  '0e999999',
  '1',
  '-1',
  '1.0',
  '1e3',
  '1E+3',
  '1.5e-3',
  '9007199254740991',
  '-9007199254740991',
  '9007199254740992',
  '1e21',
  '100000000000000000000000',
  '1.7976931348623157e308',
  '5e-324',
  '0.1',
  '0.30000000000000004',
  '1700000000.1234567',
  '1.50000000000000000000000',
];

test('a number that JavaScript rounds stays as it was written', (t) => {
  for (const source of ROUNDED) {
    const number = parseExactly(source);
    t.true(number instanceof InexactNumber, source);
    t.is(String(number), source);
    t.is(JSON.stringify({ number }), `{"number":"${source}"}`);
    t.true(hasInexact([{ a: number }]), source);
  }
});

test('any other number is what JSON.parse gives', (t) => {
  for (const source of EXACT) t.is(parseExactly(source), JSON.parse(source), source);
});

test('where it stands makes no difference, and what is text is no number', (t) => {
  const text =
    '{"a":[1,9007199254740993,{"b":-1e400}],"9007199254740993":"9007199254740993","c":"\\"1e400","d":1e400 ,"e":{}}';
  t.is(
    JSON.stringify(parseExactly(text)),
    '{"a":[1,"9007199254740993",{"b":"-1e400"}],"9007199254740993":"9007199254740993","c":"\\"1e400","d":"1e400","e":{}}',
  );
});

test('dates of the token are rounded, and those of others are not', (t) => {
  const date = '1700000000.12345678901';
  const dates = ['exp', 'nbf', 'iat', 'auth_time'].map((name) => `"${name}":${date}`).join();
  const claims = parseExactly(`{${dates},"id":${date},"act":{"exp":${date}}}`) as Record<string, unknown>;
  for (const name of ['exp', 'nbf', 'iat', 'auth_time']) t.is(claims[name], Number(date), name);
  t.true(claims.id instanceof InexactNumber);
  t.true((claims.act as Record<string, unknown>).exp instanceof InexactNumber);
  t.is((parseExactly('{"exp":1e400}') as Record<string, unknown>).exp, Number.POSITIVE_INFINITY);
});

test('a member that is named like our own mark harms nobody', (t) => {
  const own = '{"a":{"\\u0000number":"x"}}';
  t.deepEqual(parseExactly(own), JSON.parse(own));
  t.true(hasInexact(parseExactly(`{"a":{"\\u0000number":{}},"b":1e400}`)));
});

test('JSON without such numbers is what JSON.parse gives, and what is no JSON is refused alike', (t) => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      t.deepEqual(parseExactly(text), value);
    }),
  );
  for (const text of ['', '{', '01', '1.', '"', '[1e]'])
    t.throws(() => parseExactly(text), { instanceOf: SyntaxError });
});

test('an integer beyond 2^53 is inexact although it may have been written so', (t) => {
  t.false(hasInexact({ a: [1, 1.5, 9007199254740991, 'x', null, true] }));
  for (const number of [9007199254740992, -9007199254740992, 1e21, Number.POSITIVE_INFINITY])
    t.true(hasInexact({ a: [number] }));
});

test('a deep value is looked through', (t) => {
  t.false(hasInexact(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))));
});
