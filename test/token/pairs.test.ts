import test from 'ava';
import fc from 'fast-check';
import { cookiePairs, decodeForm, queryPairs } from '../../src/token/pairs.ts';

const COOKIES: readonly (readonly [field: string, ...pairs: (readonly [name: string, value?: string])[]])[] = [
  [''],
  [' ; ;\t'],
  ['a=1', ['a', '1']],
  ['a=1; b=2;c=3 ', ['a', '1'], ['b', '2'], ['c', '3']],
  ['a = 1', ['a ', ' 1']],
  ['a==', ['a', '=']],
  ['a', ['a']],
  ['=1', ['', '1']],
  ['\u00a0a\u00a0=1', ['\u00a0a\u00a0', '1']],
];

for (const [field, ...pairs] of COOKIES) {
  test(`the pairs of a Cookie field: ${JSON.stringify(field)}`, (t) => {
    t.deepEqual(
      cookiePairs(field).map(({ name, value }) => (value === undefined ? [name] : [name, value])),
      pairs.map((pair) => [...pair]),
    );
  });
}

test('the pairs of a query are those that URLSearchParams finds, in the same order', (t) => {
  const piece = fc.constantFrom(
    '&',
    '=',
    '%',
    '+',
    '?',
    'a',
    'access_token',
    '%61',
    '%C3%BC',
    '%ff',
    '%4',
    '%EF%BB%BF',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const query = pieces.join('');
      const ours = queryPairs(`?${query}`).flatMap(({ name, value, text }) =>
        text === '' ? [] : [[name, decodeForm(value ?? '')]],
      );
      t.deepEqual(ours, [...new URLSearchParams(`?${query}`)]);
    }),
  );
});

test('the pairs of a query are all of it, byte for byte', (t) => {
  for (const query of ['', 'a', '&', 'a&&b=1&', '%61=%62&+=+']) {
    t.is(
      queryPairs(`?${query}`)
        .map(({ text }) => text)
        .join('&'),
      query,
    );
  }
});
