import test from 'ava';
import fc from 'fast-check';
import { duplicateMember } from '../../src/token/json.ts';

const DOUBLED: Readonly<Record<string, string>> = {
  plain: '{"a":1,"a":2}',
  'with another between': '{"a":1,"b":2,"a":3}',
  'spelt with an escape': '{"a":1,"\\u0061":2}',
  'spelt with another escape': '{"\\/":1,"/":2}',
  'with a quote in it': '{"a\\"b":1,"a\\"b":2}',
  'ending in a backslash': '{"a\\\\":1,"a\\\\":2}',
  empty: '{"":1,"":2}',
  nested: '{"x":{"a":1,"a":2}}',
  'nested in lists': '[[{"a":[{"b":1,"b":2}]}]]',
  'behind a closed object': '{"a":{"b":1},"a":2}',
  'behind a list': '{"a":[1,{"b":2}],"a":2}',
  'behind text with brackets': '{"a":"}{][,\\"","a":2}',
  __proto__: '{"__proto__":1,"__proto__":2}',
  'with white space': '{ "a" :\n1\t,\r"a" : 2 }',
};

for (const [title, text] of Object.entries(DOUBLED)) {
  test(`a doubled member is seen: ${title}`, (t) => {
    t.notThrows(() => JSON.parse(text));
    t.true(duplicateMember(text));
  });
}

const SINGLE: Readonly<Record<string, string>> = {
  'no members': '{}',
  'the same name in two objects': '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
  'a value like a name': '{"a":"a","b":"a"}',
  'values of lists': '["a","a",["a","a"],{"a":1}]',
  'names that differ in case': '{"a":1,"A":2}',
  'names that look alike': '{"a":1,"\\u0430":2}',
  'a name that every object has': '{"constructor":1,"toString":2}',
  'text that looks like members': '{"a":"\\"a\\":1,\\"a\\":2"}',
  scalars: '"a"',
};

for (const [title, text] of Object.entries(SINGLE)) {
  test(`no doubled member is seen in ${title}`, (t) => {
    t.notThrows(() => JSON.parse(text));
    t.false(duplicateMember(text));
  });
}

test('what JSON.stringify writes never has a doubled member', (t) => {
  fc.assert(
    fc.property(fc.json(), (text) => !duplicateMember(text)),
    { numRuns: 1000 },
  );
  t.pass();
});

test('a member doubled anywhere is found', (t) => {
  const doubled = fc
    .tuple(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat())
    .map(([members, pick]) => {
      const entries = Object.entries(members).map(
        ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
      );
      return `{${[...entries, entries[pick % entries.length]].join(' , ')}}`;
    });
  fc.assert(
    fc.property(doubled, (text) => duplicateMember(text) && duplicateMember(`[0,{"x":${text}}]`)),
    { numRuns: 1000 },
  );
  t.pass();
});
