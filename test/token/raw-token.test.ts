import { format, inspect } from 'node:util';
import test from 'ava';
import { RawToken } from '../../src/token/raw-token.ts';

const TEXT = 'eyJhbGciOiJFUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl';

const WAYS: Readonly<Record<string, (token: RawToken) => unknown>> = {
  'a template': (token) => `${token}`,
  'a sum': (token) => `token: ${String(token)}`,
  JSON: (token) => JSON.stringify({ token }),
  inspect: (token) => inspect(token),
  'inspect of what holds it': (token) => inspect({ deep: { list: [token] } }, { depth: null }),
  'inspect without custom inspection': (token) =>
    inspect(token, { customInspect: false, showHidden: true, getters: true }),
  'format %s': (token) => format('%s', token),
  'format %o': (token) => format('%o', token),
  'format %j': (token) => format('%j', token),
  'its property names': (token) => Reflect.ownKeys(token).join(),
  'its values': (token) => JSON.stringify([Object.values(token), Object.entries(token)]),
  'a structured clone': (token) => inspect(structuredClone(token), { showHidden: true }),
  'an error that carries it': (token) => inspect(Object.assign(new Error('failed', { cause: token }), { token })),
  concatenation: (token) => ['', token].join(''),
};

for (const [way, print] of Object.entries(WAYS)) {
  test(`a token does not print by ${way}`, (t) => {
    const printed = String(print(new RawToken(TEXT)));
    for (const part of TEXT.split('.')) t.false(printed.includes(part), printed);
  });
}

test('a token prints as [token] and can be revealed', (t) => {
  const token = new RawToken(TEXT);
  t.is(String(token), '[token]');
  t.is(JSON.stringify([token]), '["[token]"]');
  t.is(inspect(token), '[token]');
  t.is(token.reveal(), TEXT);
});
