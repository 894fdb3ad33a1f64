import test from 'ava';
import { listMembers, trimBlanks } from '../../src/request/lists.ts';

const TRIMMED: readonly (readonly [text: string, trimmed: string])[] = [
  ['', ''],
  [' ', ''],
  [' \t \t', ''],
  ['a', 'a'],
  [' a', 'a'],
  ['a\t', 'a'],
  ['\t a \t b \t', 'a \t b'],
  ['\u00a0a\u00a0', '\u00a0a\u00a0'],
  ['\na\n', '\na\n'],
];

for (const [text, trimmed] of TRIMMED) {
  test(`spaces and tabs are taken off the ends alone: ${JSON.stringify(text)}`, (t) => {
    t.is(trimBlanks(text), trimmed);
  });
}

test('several fields are one list, and empty members are none', (t) => {
  t.deepEqual(listMembers([]), []);
  t.deepEqual(listMembers(['']), []);
  t.deepEqual(listMembers([' a , b\t,, ', ',c d,']), ['a', 'b', 'c d']);
});
