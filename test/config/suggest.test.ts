import test from 'ava';
import { closest, didYouMean, editDistance } from '../../src/config/suggest.ts';

const DISTANCES: readonly [one: string, other: string, distance: number][] = [
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['orders', 'orders', 0],
  ['orders', 'order', 1],
  ['orders', 'ordres', 1],
  ['colour', 'color', 1],
  ['kitten', 'sitting', 3],
  ['ca', 'abc', 3],
];

for (const [one, other, distance] of DISTANCES) {
  test(`from "${one}" to "${other}" it is ${distance}, and as far back`, (t) => {
    t.is(editDistance(one, other), distance);
    t.is(editDistance(other, one), distance);
  });
}

test('the nearest candidate is meant, the first of two as near', (t) => {
  t.is(closest('mian', ['main', 'mean']), 'main');
  t.is(closest('tokenfrom', ['tokenFrom', 'token']), 'tokenFrom');
});

test('what is too far off was not meant', (t) => {
  t.is(closest('colour', ['port', 'host', 'tls']), undefined);
  t.is(closest('ab', ['cd']), undefined);
  t.is(didYouMean('x'.repeat(65), ['x'.repeat(65)]), undefined);
  t.is(didYouMean('prot', ['port']), 'did you mean `port`?');
});
