import test from 'ava';
import fc from 'fast-check';
import { isUsableId, newRequestId } from '../../src/request/id.ts';

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

test('an id is a ULID', (t) => {
  for (let index = 0; index < 1000; index += 1) t.regex(newRequestId(Date.now()), ULID);
});

test('its first ten characters are the time (the example of the ULID specification)', (t) => {
  t.is(newRequestId(1_469_918_176_385).slice(0, 10), '01ARYZ6S41');
  t.is(newRequestId(0).slice(0, 10), '0000000000');
  t.is(newRequestId(2 ** 48 - 1).slice(0, 10), '7ZZZZZZZZZ');
});

test('ids sort by their time', (t) => {
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  fc.assert(
    fc.property(time, time, (one, other) => {
      fc.pre(one !== other);
      return one < other === newRequestId(one) < newRequestId(other);
    }),
  );
  t.pass();
});

test('no two ids are the same, within one millisecond and over many draws of random bytes', (t) => {
  const ids = Array.from({ length: 50_000 }, () => newRequestId(1));
  t.is(new Set(ids).size, ids.length);
});

test('every place behind the time takes every character of the alphabet', (t) => {
  const seen = Array.from({ length: 16 }, () => new Set<string>());
  for (let index = 0; index < 5000; index += 1) {
    for (const [place, character] of [...newRequestId(1).slice(10)].entries()) seen[place]?.add(character);
  }
  t.deepEqual(
    seen.map(({ size }) => size),
    Array(16).fill(32),
  );
});

const USABLE: readonly (readonly [id: string, usable: boolean])[] = [
  ['01ARYZ6S41TSV4RRFFQ69G5FAV', true],
  ['6a9f8f0c-7f4b-4b3e-9a5e-1f1f5d0c7c55', true],
  ['Root=1-67891233-abcdef012345678912345678', true],
  ['a/b+c=:._', true],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
  ['', false],
  ['a b', false],
  ['a\n', false],
  ['a\r\nX-Admin: 1', false],
  ['a"b', false],
  ['a;b', false],
  ['<script>', false],
  ['\u00e9', false],
  ['\x00', false],
];

test('an id of a trusted proxy is taken when it is short and harmless', (t) => {
  for (const [id, usable] of USABLE) t.is(isUsableId(id), usable, JSON.stringify(id));
});
