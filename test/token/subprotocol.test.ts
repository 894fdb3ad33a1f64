import test from 'ava';
import { readSubprotocols } from '../../src/token/subprotocol.ts';

const CASES: readonly (readonly [fields: readonly string[], tokens: readonly string[], others: readonly string[]])[] = [
  [[], [], []],
  [['bearer, abc'], ['abc'], []],
  [['bearer,abc,chat'], ['abc'], ['chat']],
  [[' chat ,\tbearer\t, abc '], ['abc'], ['chat']],
  [['bearer', 'abc'], ['abc'], []],
  [['chat, bearer', 'abc, more'], ['abc'], ['chat', 'more']],
  [['bearer'], [''], []],
  [['bearer, , abc'], ['abc'], []],
  [['bearer, bearer'], ['bearer'], []],
  [['bearer, a, bearer, b'], ['a', 'b'], []],
  [['Bearer, abc'], [], ['Bearer', 'abc']],
];

for (const [fields, tokens, others] of CASES) {
  test(`what stands behind the marker is the token: ${JSON.stringify(fields)}`, (t) => {
    t.deepEqual(readSubprotocols(fields, 'bearer'), { tokens, others });
  });
}
