import test from 'ava';
import fc from 'fast-check';
import { CODES, rowOf } from '../../src/errors/catalogue.ts';
import { challengeFor } from '../../src/errors/challenge.ts';
import { parseChallenge } from '../support/challenge.ts';

const METADATA = 'https://api.example.com/.well-known/oauth-protected-resource';
const BARE = { metadata: undefined, realm: 'api.example.com' };
const LINKED = { ...BARE, metadata: METADATA };

for (const code of CODES) {
  const { challenge, status } = rowOf(code);
  test(`the challenge of ${code} is ${challenge}`, (t) => {
    const plain = challengeFor({ code }, 'What happened.', BARE);
    const linked = challengeFor({ code }, 'What happened.', LINKED);
    if (challenge === 'none') {
      t.is(plain, undefined);
      t.is(linked, undefined);
      return;
    }
    const error = challenge === 'bare' ? {} : { error: challenge, error_description: 'What happened.' };
    const alone = challenge === 'bare' ? { realm: 'api.example.com' } : error;
    t.deepEqual(parseChallenge(plain ?? ''), { scheme: 'Bearer', parameters: alone });
    t.deepEqual(parseChallenge(linked ?? '').parameters, { ...error, resource_metadata: METADATA });
    t.true([400, 401, 403].includes(status));
  });
}

test('a challenge that would be bare names the host (RFC 6750 §3)', (t) => {
  t.is(challengeFor({ code: 'token.missing' }, 'x', BARE), 'Bearer realm="api.example.com"');
  t.is(challengeFor({ code: 'token.scheme' }, 'x', { metadata: undefined, realm: '[::1]' }), 'Bearer realm="[::1]"');
  const hostile = challengeFor({ code: 'token.missing' }, 'x', { metadata: undefined, realm: 'a"\\\r\n, error="x' });
  t.deepEqual(parseChallenge(hostile ?? '').parameters, { realm: `a'???, error='x` });
});

test('a 403 names the scopes that would do', (t) => {
  const text = challengeFor({ code: 'authorise.scope', scope: ['orders:read', 'orders:write'] }, 'Too few.', BARE);
  t.deepEqual(parseChallenge(text ?? '').parameters, {
    error: 'insufficient_scope',
    error_description: 'Too few.',
    scope: 'orders:read orders:write',
  });
  t.false('scope' in parseChallenge(challengeFor({ code: 'authorise.scope', scope: [] }, 'x', BARE) ?? '').parameters);
});

const DESCRIPTIONS: readonly (readonly [title: string, description: string, sent: string])[] = [
  ['quotes', 'It has "quotes".', "It has 'quotes'."],
  ['a quote that ends the string', 'x", error="none', "x', error='none"],
  ['a backslash', 'a\\', 'a?'],
  ['an escaped quote', 'a\\"b', "a?'b"],
  ['a line break', 'a\r\nSet-Cookie: x=1', 'a??Set-Cookie: x=1'],
  ['a tab and a NUL', 'a\tb\0c\x7f', 'a?b?c?'],
  ['letters outside ASCII', 'Zoë 漢 …', 'Zo? ? ?'],
  ['an emoji', '😀', '??'],
];

for (const [title, description, sent] of DESCRIPTIONS) {
  test(`${title} in a description does not break the challenge`, (t) => {
    const text = challengeFor({ code: 'token.audience' }, description, LINKED) ?? '';
    t.deepEqual(parseChallenge(text).parameters, {
      error: 'invalid_token',
      error_description: sent,
      resource_metadata: METADATA,
    });
  });
}

test('no description breaks the challenge', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (description) => {
      const { parameters } = parseChallenge(challengeFor({ code: 'token.type' }, description, LINKED) ?? '');
      // RFC 6750 §3: error_description is of these characters alone.
      return (
        Object.keys(parameters).join() === 'error,error_description,resource_metadata' &&
        parameters.error === 'invalid_token' &&
        /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(parameters.error_description ?? '"')
      );
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('the parser of these tests takes no challenge that a strict client would refuse', (t) => {
  const broken = [
    '',
    ' Bearer',
    'Bearer ',
    'Bearer  error="x"',
    'Bearer error',
    'Bearer error=x',
    'Bearer error="x',
    'Bearer error="x"y"',
    'Bearer error="x",',
    'Bearer error="x",,scope="y"',
    'Bearer error = "x"',
    'Bearer error="x" scope="y"',
    'Bearer error="x", error="y"',
    'Bearer error="x", ERROR="y"',
    'Bearer error="\r\n"',
    'Bearer error="é"',
    'Bearer error="x\\"',
  ];
  for (const text of broken) t.throws(() => parseChallenge(text), undefined, JSON.stringify(text));
  t.deepEqual(parseChallenge('Bearer a="x\\"y" , b=""').parameters, { a: 'x"y', b: '' });
});
