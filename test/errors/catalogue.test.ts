import test from 'ava';
import { CATALOGUE, CODES, isCode, rowOf } from '../../src/errors/catalogue.ts';

/** The contract: what clients rely on. A row is added to it or changed in it on purpose only. */
const CONTRACT: Readonly<Record<string, readonly [status: number, challenge: string]>> = {
  'token.missing': [401, 'bare'],
  'token.ambiguous': [400, 'invalid_request'],
  'token.request': [400, 'invalid_request'],
  'token.malformed': [401, 'invalid_token'],
  'token.scheme': [401, 'bare'],
  'token.too-large': [401, 'invalid_token'],
  'token.algorithm': [401, 'invalid_token'],
  'token.key-unknown': [401, 'invalid_token'],
  'token.signature': [401, 'invalid_token'],
  'token.issuer': [401, 'invalid_token'],
  'token.audience': [401, 'invalid_token'],
  'token.expired': [401, 'invalid_token'],
  'token.not-yet-valid': [401, 'invalid_token'],
  'token.too-old': [401, 'invalid_token'],
  'token.type': [401, 'invalid_token'],
  'token.claims': [401, 'invalid_token'],
  'token.inactive': [401, 'invalid_token'],
  'authorise.scope': [403, 'insufficient_scope'],
  'authorise.claim': [403, 'insufficient_scope'],
  'route.target': [400, 'none'],
  'route.not-found': [404, 'none'],
  'route.method': [405, 'none'],
  'route.upgrade': [400, 'none'],
  'route.origin': [403, 'none'],
  'request.invalid': [400, 'none'],
  'request.expectation': [417, 'none'],
  'request.too-large': [413, 'none'],
  'request.headers-too-large': [431, 'none'],
  'request.timeout': [408, 'none'],
  'verify.keys-unavailable': [503, 'none'],
  'verify.introspection-unavailable': [503, 'none'],
  'forward.unreachable': [502, 'none'],
  'forward.invalid-response': [502, 'none'],
  'forward.timeout': [504, 'none'],
  'forward.saturated': [503, 'none'],
  'gateway.draining': [503, 'none'],
  'gateway.saturated': [503, 'none'],
  'gateway.internal': [500, 'none'],
};

test('the catalogue has the codes, statuses and challenges that clients rely on, and no others', (t) => {
  t.deepEqual(Object.fromEntries(CODES.map((code) => [code, [rowOf(code).status, rowOf(code).challenge]])), CONTRACT);
});

for (const code of CODES) {
  test(`${code} is described completely`, (t) => {
    const { status, source, challenge, title, causes, fix } = rowOf(code);
    t.regex(title, /^[A-Z].*[^.\s]$/, 'a title is a phrase: the reply adds the full stop');
    t.true(causes.length > 0);
    for (const text of [...causes, fix]) t.regex(text, /^[A-Z].*[.)]$/, 'causes and fix are whole sentences');
    for (const text of [title, ...causes]) t.notRegex(text, /[{}]/, 'only the fix knows {issuers}');
    t.notRegex(fix.replace('{issuers}', ''), /[{}]/, '{issuers} is filled in once');
    t.regex([title, ...causes, fix].join(' '), /^[\x20-\x7e]+$/);
    t.is(source === 'client', status < 500, 'a mistake of the client is a 4xx, and nothing else is');
    t.is(
      challenge === 'bare' || challenge === 'invalid_token',
      status === 401,
      'a 401 has a challenge (RFC 9110 §15.5.2)',
    );
  });
}

test('names that every object has are no codes', (t) => {
  for (const name of ['constructor', 'toString', '__proto__', '', 'token', 'TOKEN.MISSING', 'token.missing '])
    t.false(isCode(name), name);
  for (const code of Object.keys(CATALOGUE)) t.true(isCode(code), code);
});
