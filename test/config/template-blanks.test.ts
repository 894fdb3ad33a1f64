import test from 'ava';
import { readTemplate } from '../../src/config/template.ts';

test('a reference with blanks in its braces names nothing that there is, and is a mistake', (t) => {
  for (const source of ['{ claims.sub }', '{claims.sub }', '{ params.id}', '{issuer\t}', 'a {claims.sub } b'])
    t.regex(JSON.stringify(readTemplate(source)), /has blanks within its braces/, source);
  for (const source of ['{claims.sub}', ' {claims.sub} ', '{claims.display name}'])
    t.true('parts' in readTemplate(source), source);
});
