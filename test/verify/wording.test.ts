import test from 'ava';
import { isoTime, listing, span } from '../../src/verify/wording.ts';

const SPANS = [
  [0, '0 s'],
  [-5, '0 s'],
  [0.4, '0 s'],
  [0.5, '1 s'],
  [59, '59 s'],
  [59.6, '1 min'],
  [60, '1 min'],
  [61, '1 min 1 s'],
  [3_599, '59 min 59 s'],
  [3_600, '1 h'],
  [3_601, '1 h'],
  [8_040, '2 h 14 min'],
  [86_399, '23 h 59 min'],
  [86_400, '1 d'],
  [86_460, '1 d'],
  [273_600, '3 d 4 h'],
  [31_536_000, '365 d'],
] as const;

for (const [seconds, text] of SPANS) {
  test(`${seconds} seconds are ${text}`, (t) => {
    t.is(span(seconds), text);
  });
}

const TIMES = [
  [0, '1970-01-01T00:00:00Z'],
  [1_795_341_600, '2026-11-22T10:00:00Z'],
  [1_795_341_600.999, '2026-11-22T10:00:00Z'],
  [-1, '1969-12-31T23:59:59Z'],
  [1e11, '5138-11-16T09:46:40Z'],
  [1e15, '1000000000000000'],
  [-1e15, '-1000000000000000'],
] as const;

for (const [seconds, text] of TIMES) {
  test(`${seconds} is written as ${text}`, (t) => {
    t.is(isoTime(seconds), text);
  });
}

test('a list of names stays short enough for a sentence', (t) => {
  t.is(listing(['a']), 'a');
  t.is(listing(['a', 'b', 'c', 'd', 'e']), 'a, b, c, d, e');
  t.is(listing(['a', 'b', 'c', 'd', 'e', 'f', 'g']), 'a, b, c, d, e and 2 more');
  t.is(listing(['x'.repeat(80)]), 'x'.repeat(80));
  t.is(listing(['x'.repeat(81)]), `${'x'.repeat(80)}…`);
});
