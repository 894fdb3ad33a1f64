import test from 'ava';
import { claimAt } from '../../src/verify/claim-path.ts';

const CLAIMS = JSON.parse(`{
  "sub": "user-1",
  "zero": 0,
  "no": false,
  "nothing": null,
  "realm_access": { "roles": ["admin"], "deep": { "er": 1 } },
  "a": { "b.c": "from a", "b": { "c": "from a, b" } },
  "a.b": { "c": "from a.b", "d": "only here" },
  "a.b.e": "whole name",
  "https://example.com/roles": ["editor"],
  "https://example.com/app": { "tenant": "acme" },
  "list": [{ "x": 1 }],
  "text": "abc",
  "__proto__": { "own": "claim" },
  "": { "": "empty" }
}`) as Record<string, unknown>;

const FOUND: readonly (readonly [path: string, value: unknown])[] = [
  ['sub', 'user-1'],
  ['zero', 0],
  ['no', false],
  ['nothing', null],
  ['realm_access.roles', ['admin']],
  ['realm_access.deep.er', 1],
  ['a.b.c', 'from a.b'],
  ['a.b.d', 'only here'],
  ['a.b.e', 'whole name'],
  ['https://example.com/roles', ['editor']],
  ['https://example.com/app.tenant', 'acme'],
  ['__proto__', { own: 'claim' }],
  ['__proto__.own', 'claim'],
];

for (const [path, value] of FOUND) {
  test(`the claim at ${path} is found`, (t) => {
    t.deepEqual(claimAt(CLAIMS, path), value);
  });
}

const ABSENT = [
  'other',
  'sub.x',
  'sub.length',
  'text.0',
  'nothing.x',
  'list.0',
  'list.0.x',
  'list.length',
  'realm_access.roles.0',
  'realm_access.roles.length',
  'realm_access.',
  '.sub',
  'sub.',
  '..',
  '',
];

for (const path of ABSENT) {
  test(`there is no claim at ${JSON.stringify(path)}`, (t) => {
    const { '': _, ...claims } = CLAIMS;
    t.is(claimAt(claims, path), undefined);
  });
}

for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
  for (const path of [
    name,
    `sub.${name}`,
    `realm.${name}`,
    `${name}.name`,
    `${name}.constructor`,
    `realm.${name}.name`,
  ]) {
    test(`what every object inherits is no claim: ${path}`, (t) => {
      t.is(claimAt({ sub: 'a', realm: { x: 1 } }, path), undefined);
    });
  }
}
