import test from 'ava';
import { readPattern } from '../../src/config/pattern.ts';

test('what a path has in its plain form is written plain in a pattern, since its escape never matches', (t) => {
  for (const source of ['/users/%40me', '/a%3Ab', '/%61dmin', '/a%2Db', '/a%7Eb', '/a%2Fb/%21']) {
    t.regex(String(readPattern(source)), /write it plain/, source);
  }
  for (const source of ['/users/@me', '/a%20b', '/a%2Fb', '/%C3%A9', '/a%3Bb', '/100%25', '/a%2Ab']) {
    t.is(typeof readPattern(source), 'object', source);
  }
});

test('an asterisk is no wildcard, and stands for itself as %2A', (t) => {
  t.regex(String(readPattern('/a*b')), /no.* wildcard|not a wildcard/);
  t.like(readPattern('/a%2Ab'), { segments: [{ kind: 'fixed', text: 'a*b' }] });
});

test('a segment cannot have the one name that an object does not keep', (t) => {
  t.regex(String(readPattern('/a/{__proto__}')), /__proto__ cannot be the name/);
  for (const name of ['constructor', 'toString', '_proto_']) t.is(typeof readPattern(`/a/{${name}}`), 'object', name);
});
