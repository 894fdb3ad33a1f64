import test from 'ava';
import { claimFault, scopeFault } from '../../src/authorise/rules.ts';
import type { ClaimRule, ScopesRule } from '../../src/config/schema.ts';
import type { JsonObject } from '../../src/token/compact.ts';
import { claimAt } from '../../src/verify/claim-path.ts';

const all = (...scopes: string[]): ScopesRule => ({ kind: 'all', scopes });
const any = (...scopes: string[]): ScopesRule => ({ kind: 'any', scopes });

const ENOUGH: readonly (readonly [title: string, rule: ScopesRule | undefined, granted: readonly string[]])[] = [
  ['no rule', undefined, []],
  ['all of one', all('a'), ['a']],
  ['all of two, among others', all('a', 'b'), ['c', 'b', 'a']],
  ['any, by the first', any('a', 'b'), ['a']],
  ['any, by the second', any('a', 'b'), ['b', 'c']],
];

for (const [title, rule, granted] of ENOUGH) {
  test(`the scopes are enough: ${title}`, (t) => {
    t.is(scopeFault(rule, granted), undefined);
  });
}

const TOO_FEW: readonly (readonly [title: string, rule: ScopesRule, granted: readonly string[], detail: string])[] = [
  ['none at all', all('a'), [], 'This needs a; the token has no scope at all.'],
  ['one of two', all('a', 'b'), ['a'], 'This needs a b; the token has a.'],
  [
    'one in another case',
    all('a'),
    ['A'],
    'This needs a; the token has A. Scopes differ by capital and small letters.',
  ],
  ['one that begins alike', all('orders'), ['orders:read'], 'This needs orders; the token has orders:read.'],
  ['both in one word', all('a', 'b'), ['a b'], 'This needs a b; the token has a b.'],
  ['none of any', any('a', 'b'), ['c'], 'This needs one of a, b; the token has c.'],
  [
    'very many others',
    any('a'),
    ['1', '2', '3', '4', '5', '6'],
    'This needs one of a; the token has 1, 2, 3, 4, 5 and 1 more.',
  ],
];

for (const [title, rule, granted, detail] of TOO_FEW) {
  test(`the scopes are too few: ${title}`, (t) => {
    t.deepEqual(scopeFault(rule, granted), {
      code: 'authorise.scope',
      detail,
      scope: rule.scopes,
      members: { requiredScopes: rule.scopes },
    });
  });
}

const CLAIMS = JSON.parse(`{
  "tenant": "acme", "plan": "pro", "level": 3, "verified": true, "nothing": null, "list": ["a", 7, ["b"]], "empty": [],
  "realm_access": { "roles": ["user", "admin"] }, "https://example.com/role": "admin", "__proto__": { "polluted": true }
}`) as Record<string, unknown>;

const RULES: readonly (readonly [path: string, rule: ClaimRule, holds: boolean])[] = [
  ['tenant', { kind: 'equals', value: 'acme' }, true],
  ['tenant', { kind: 'equals', value: 'Acme' }, false],
  ['tenant', { kind: 'equals', value: '' }, false],
  ['level', { kind: 'equals', value: 3 }, true],
  ['level', { kind: 'equals', value: '3' }, false],
  ['verified', { kind: 'equals', value: true }, true],
  ['verified', { kind: 'equals', value: 'true' }, false],
  ['verified', { kind: 'equals', value: 1 }, false],
  ['list', { kind: 'equals', value: 'a' }, false],
  ['absent', { kind: 'equals', value: 'undefined' }, false],
  ['plan', { kind: 'in', values: ['pro', 'team'] }, true],
  ['plan', { kind: 'in', values: ['free'] }, false],
  ['level', { kind: 'in', values: ['3', 4] }, false],
  ['list', { kind: 'in', values: ['a', 7] }, false],
  ['absent', { kind: 'in', values: ['pro'] }, false],
  ['realm_access.roles', { kind: 'contains', value: 'admin' }, true],
  ['realm_access.roles', { kind: 'contains', value: 'adm' }, false],
  ['realm_access.roles', { kind: 'contains', value: 'root' }, false],
  ['list', { kind: 'contains', value: 7 }, true],
  ['list', { kind: 'contains', value: '7' }, false],
  ['list', { kind: 'contains', value: 'b' }, false],
  ['empty', { kind: 'contains', value: 'a' }, false],
  ['tenant', { kind: 'contains', value: 'acme' }, true],
  ['tenant', { kind: 'contains', value: 'acm' }, false],
  ['realm_access', { kind: 'contains', value: 'roles' }, false],
  ['absent', { kind: 'contains', value: 'a' }, false],
  ['https://example.com/role', { kind: 'contains', value: 'admin' }, true],
  ['tenant', { kind: 'exists', exists: true }, true],
  ['tenant', { kind: 'exists', exists: false }, false],
  ['empty', { kind: 'exists', exists: true }, true],
  ['nothing', { kind: 'exists', exists: true }, false],
  ['nothing', { kind: 'exists', exists: false }, true],
  ['absent', { kind: 'exists', exists: true }, false],
  ['absent', { kind: 'exists', exists: false }, true],
  ['constructor', { kind: 'exists', exists: true }, false],
  ['toString', { kind: 'exists', exists: true }, false],
  ['tenant.length', { kind: 'exists', exists: true }, false],
  ['polluted', { kind: 'exists', exists: true }, false],
];

/** What is said of a claim that is not there. */
function lackOf(path: string): string {
  if (path === 'polluted') return ': it has no such claim, but one at __proto__.polluted';
  return claimAt(CLAIMS, path) === undefined ? ': it has no such claim' : '';
}

for (const [path, rule, holds] of RULES) {
  test(`the rule ${JSON.stringify(rule)} on ${path} ${holds ? 'holds' : 'refuses'}`, (t) => {
    t.deepEqual(
      claimFault([[path, rule]], CLAIMS),
      holds
        ? undefined
        : {
            code: 'authorise.claim',
            detail: `The rule on the claim ${path} refuses this token${lackOf(path)}.`,
            members: { claim: path },
          },
    );
  });
}

test('every rule has to hold, and the first that refuses is named', (t) => {
  const good: readonly [string, ClaimRule] = ['tenant', { kind: 'equals', value: 'acme' }];
  const bad: readonly [string, ClaimRule] = ['plan', { kind: 'in', values: ['free', 'team'] }];
  const worse: readonly [string, ClaimRule] = ['level', { kind: 'equals', value: 4 }];
  t.is(claimFault([], CLAIMS), undefined);
  t.is(claimFault([good], CLAIMS), undefined);
  t.like(claimFault([good, bad, worse], CLAIMS), { members: { claim: 'plan' } });
  t.like(claimFault([worse, bad], CLAIMS), { members: { claim: 'level' } });
});

test('a refusal names the rule and none of the values, neither those allowed nor the one there', (t) => {
  const fault = claimFault([['plan', { kind: 'in', values: ['S3CRET'] }]], { plan: 'S3CRET-2' });
  t.false(JSON.stringify(fault).includes('S3CRET'));
});

test('a claim that stands one level deeper is found for the reader', (t) => {
  const claims = { resource_access: { app: { roles: ['admin'] } } };
  const fault = claimFault([['realm_access.roles', { kind: 'contains', value: 'admin' }]], claims);
  t.is(
    fault?.detail,
    'The rule on the claim realm_access.roles refuses this token: it has no such claim, but one at resource_access.app.roles.',
  );
});

const HINTS: readonly (readonly [title: string, granted: string[], claims: JsonObject, hint: string])[] = [
  ['commas between them', ['orders:read,orders:write'], {}, 'commas; spaces belong between them.'],
  ['another case', ['Orders:Write'], {}, 'Scopes differ by capital and small letters.'],
  ['permissions', [], { permissions: ['orders:write'] }, 'a rule on it would see it.'],
  ['nothing that is like it', ['orders:read'], { roles: ['orders:read'] }, 'the token has orders:read.'],
];

for (const [title, granted, claims, hint] of HINTS) {
  test(`a scope that is missing: ${title}`, (t) => {
    const fault = scopeFault({ kind: 'all', scopes: ['orders:write'] }, granted, claims);
    t.true(fault?.detail?.endsWith(hint), fault?.detail);
  });
}
