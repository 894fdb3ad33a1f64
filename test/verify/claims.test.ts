import test from 'ava';
import fc from 'fast-check';
import { claimsFault, endOfLife, scopesOf, timeFault } from '../../src/verify/claims.ts';
import { joseVerdict } from '../../src/verify/jose.ts';
import { readJwks } from '../../src/verify/jwks.ts';
import type { IssuerSettings } from '../../src/verify/settings.ts';
import { issuerSettings } from '../support/issuers.ts';
import { makeKey, signToken } from '../support/keys.ts';

const NOW = Date.UTC(2026, 10, 22, 10);
const SECONDS = NOW / 1000;
const ISSUER = issuerSettings({ requiredClaims: ['sub'] });
const HEADER = { alg: 'ES256', typ: 'at+jwt' };
const CLAIMS = {
  iss: ISSUER.issuer,
  aud: 'orders-api',
  sub: 'user-1',
  exp: SECONDS + 300,
  iat: SECONDS - 10,
};

interface Case {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly issuer?: Partial<IssuerSettings>;
}

function faultOf({ claims = {}, header = {}, issuer = {} }: Case, now = NOW) {
  return claimsFault({ ...HEADER, ...header }, { ...CLAIMS, ...claims }, { ...ISSUER, ...issuer }, now);
}

const GOOD: readonly (readonly [title: string, good: Case])[] = [
  ['an access token of RFC 9068', {}],
  ['typ application/at+jwt', { header: { typ: 'application/at+jwt' } }],
  ['a binding that is null', { claims: { cnf: null } }],
  ['typ in capitals', { header: { typ: 'AT+JWT' } }],
  ['typ JWT', { header: { typ: 'JWT' } }],
  ['typ application/jwt', { header: { typ: 'application/jwt' } }],
  ['no typ', { header: { typ: undefined } }],
  ['a nonce in a token that says at+jwt', { claims: { nonce: 'n' } }],
  ['a typ claim that says Bearer (Keycloak)', { header: { typ: 'JWT' }, claims: { typ: 'Bearer' } }],
  ['a token_use that says access (Cognito)', { header: { typ: 'JWT' }, claims: { token_use: 'access' } }],
  [
    'an ID token where any type is taken',
    { header: { typ: 'JWT' }, claims: { nonce: 'n' }, issuer: { tokenType: 'any' } },
  ],
  ['another typ where any type is taken', { header: { typ: 'dpop+jwt' }, issuer: { tokenType: 'any' } }],
  ['one audience of several', { claims: { aud: ['a', 'orders-api'] } }],
  ['one of the audiences that are ours', { claims: { aud: 'b' }, issuer: { audience: ['a', 'b'] } }],
  [
    'a nonce beside a typ claim that says Bearer (Keycloak)',
    { header: { typ: 'JWT' }, claims: { typ: 'Bearer', nonce: 'n' } },
  ],
  [
    'a nonce beside a token_use that says access',
    { header: { typ: undefined }, claims: { token_use: 'access', nonce: 'n' } },
  ],
  ['events in a token that says at+jwt', { claims: { events: {} } }],
  [
    'marks of an ID token that are null',
    {
      header: { typ: 'JWT' },
      claims: { nonce: null, at_hash: null, c_hash: null, s_hash: null, events: null, typ: null },
    },
  ],
  ['a typ claim and a token_use of which nothing is known', { claims: { typ: 'id', token_use: 'ID' } }],
  ['scope as a list', { claims: { scope: ['a', 'b'] } }],
  ['scope as an empty list', { claims: { scope: [] } }],
  ['scp as a list', { claims: { scp: ['a', 'b'] } }],
  ['scp as words', { claims: { scp: 'a b' } }],
  ['dates with fractions', { claims: { exp: SECONDS + 0.5, iat: SECONDS - 0.5, nbf: SECONDS - 0.25 } }],
  ['an exp in the year 5138', { claims: { exp: 1e11 } }],
  ['no iat', { claims: { iat: undefined } }],
  ['just not expired', { claims: { exp: SECONDS - 29 } }],
  ['just valid', { claims: { nbf: SECONDS + 30 } }],
  ['issued just not in the future', { claims: { iat: SECONDS + 30 } }],
  ['just young enough', { claims: { iat: SECONDS - 3630 }, issuer: { maxTokenAge: 3_600_000 } }],
];

for (const [title, good] of GOOD) {
  test(`nothing is wrong with ${title}`, (t) => {
    t.is(faultOf(good), undefined);
  });
}

const TYPE = 'The type in its header (typ) is not that of an access token (at+jwt).';
const typeOf = (kind: string) => `The type in its header (typ) is that of ${kind}, not of an access token (at+jwt).`;
const wrongType = (name: string, expected: string) => `The claim ${name} has the wrong type: it has to be ${expected}.`;
const SAYS_ID = 'Its claim typ says that it is an ID token, not an access token.';
const DATE = 'a number (seconds since 1970)';
const TEXTS = 'text or a list of texts';

const HERE = "by the gateway's clock it is 2026-11-22T10:00:00Z";

const BAD: readonly (readonly [title: string, code: string, detail: string, bad: Case])[] = [
  ['another typ', 'token.type', TYPE, { header: { typ: 'other+jwt' } }],
  ["a typ of an object's own", 'token.type', TYPE, { header: { typ: 'constructor+jwt' } }],
  ['a DPoP proof by its typ', 'token.type', typeOf('a DPoP proof'), { header: { typ: 'dpop+jwt' } }],
  ['a logout token by its typ', 'token.type', typeOf('a logout token'), { header: { typ: 'logout+jwt' } }],
  [
    'a security event by its typ',
    'token.type',
    typeOf('a security event token'),
    { header: { typ: 'application/SecEvent+jwt' } },
  ],
  ...[
    [{ jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }, 'a DPoP key'],
    [{ 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' }, 'a client certificate'],
    [{ jwk: { kty: 'OKP' } }, 'a key'],
    [{}, 'a key'],
    [[], 'a key'],
    ['jkt', 'a key'],
    [false, 'a key'],
  ].flatMap(([cnf, to]) =>
    [{}, { issuer: { tokenType: 'any' as const } }, { header: { typ: 'JWT' } }].map(
      (over) =>
        [
          `bound to ${to}: ${JSON.stringify(cnf)} ${JSON.stringify(over)}`,
          'token.type',
          `It is bound to ${to} (claim cnf), and this gateway cannot check yet whether its sender has the key.`,
          { claims: { cnf }, ...over },
        ] as const,
    ),
  ),
  ['an empty typ', 'token.type', TYPE, { header: { typ: '' } }],
  ['typ with a blank', 'token.type', TYPE, { header: { typ: 'at+jwt ' } }],
  ...['nonce', 'at_hash', 'c_hash', 's_hash'].map(
    (name) =>
      [
        `${name}, which ID tokens have`,
        'token.type',
        `It has the claim ${name}, which ID tokens have and access tokens do not.`,
        { header: { typ: 'JWT' }, claims: { [name]: 'x' } },
      ] as const,
  ),
  // Some issuers put at+jwt, Bearer or access on all that they sign: a hash or a word that says otherwise goes before it.
  ...[{ header: {} }, { claims: { typ: 'Bearer' } }, { claims: { token_use: 'access' } }].flatMap((says: Case) =>
    ['at_hash', 'c_hash', 's_hash'].map(
      (name) =>
        [
          `${name} in a token that says ${JSON.stringify(says)}`,
          'token.type',
          `It has the claim ${name}, which ID tokens have and access tokens do not.`,
          { ...says, claims: { ...says.claims, [name]: '' } },
        ] as const,
    ),
  ),
  ['an ID token that says at+jwt', 'token.type', SAYS_ID, { claims: { typ: 'ID' } }],
  ['an ID token that says at+jwt and access', 'token.type', SAYS_ID, { claims: { typ: 'ID', token_use: 'access' } }],
  [
    "Cognito's ID token that says at+jwt and Bearer",
    'token.type',
    'Its claim token_use says that it is an ID token, not an access token.',
    { claims: { token_use: 'id', typ: 'Bearer' } },
  ],
  [
    'a nonce beside words in other letters',
    'token.type',
    'It has the claim nonce, which ID tokens have and access tokens do not.',
    { header: { typ: 'JWT' }, claims: { nonce: 'n', typ: 'BEARER', token_use: 'Access' } },
  ],
  [
    'events beside a word that says access',
    'token.type',
    'It has the claim events: it is a logout or security event token.',
    { header: { typ: 'JWT' }, claims: { events: {}, typ: 'Bearer' } },
  ],
  [
    'events, which logout tokens have',
    'token.type',
    'It has the claim events: it is a logout or security event token.',
    { header: { typ: undefined }, claims: { events: {} } },
  ],
  ...Object.entries({
    ID: 'an ID token',
    Refresh: 'a refresh token',
    Offline: 'a refresh token',
    Logout: 'a logout token',
  }).map(
    ([typ, kind]) =>
      [
        `Keycloak's ${typ} token`,
        'token.type',
        `Its claim typ says that it is ${kind}, not an access token.`,
        { header: { typ: 'JWT' }, claims: { typ } },
      ] as const,
  ),
  [
    "Cognito's ID token",
    'token.type',
    'Its claim token_use says that it is an ID token, not an access token.',
    { header: { typ: undefined }, claims: { token_use: 'id' } },
  ],
  ['no exp', 'token.claims', 'The token lacks the claim exp.', { claims: { exp: undefined } }],
  ['an exp of null', 'token.claims', 'The token lacks the claim exp.', { claims: { exp: null } }],
  ['no sub', 'token.claims', 'The token lacks the claim sub.', { claims: { sub: undefined } }],
  [
    'no iat where the age counts',
    'token.claims',
    'The token lacks the claim iat.',
    { claims: { iat: undefined }, issuer: { maxTokenAge: 1000 } },
  ],
  [
    'another claim that is required',
    'token.claims',
    'The token lacks the claim tenant.',
    { issuer: { requiredClaims: ['sub', 'tenant'] } },
  ],
  [
    'a claim required behind an absent aud',
    'token.claims',
    'The token lacks the claim tenant.',
    { claims: { aud: undefined }, issuer: { requiredClaims: ['aud', 'tenant'] } },
  ],
  ...['exp', 'nbf', 'iat'].flatMap((name) =>
    ['1', true, [1], {}, Number.POSITIVE_INFINITY].map(
      (value) =>
        [
          `${name} as ${JSON.stringify(value)} (${typeof value})`,
          'token.claims',
          wrongType(name, DATE),
          { claims: { [name]: value } },
        ] as const,
    ),
  ),
  ['an nbf of null', 'token.claims', wrongType('nbf', DATE), { claims: { nbf: null } }],
  [
    'exp in milliseconds',
    'token.claims',
    'The claim exp is in milliseconds; it has to be in seconds since 1970.',
    { claims: { exp: NOW + 300_000 } },
  ],
  [
    'iat in milliseconds',
    'token.claims',
    'The claim iat is in milliseconds; it has to be in seconds since 1970.',
    { claims: { iat: NOW } },
  ],
  [
    'an exp a second later than any date',
    'token.claims',
    'The claim exp is in milliseconds; it has to be in seconds since 1970.',
    { claims: { exp: 1e11 + 1 } },
  ],
  [
    'exp in microseconds',
    'token.claims',
    'The claim exp is in a finer unit than milliseconds; it has to be in seconds since 1970.',
    { claims: { exp: NOW * 1000 } },
  ],
  ...['sub', 'jti', 'client_id'].map(
    (name) => [`${name} as a number`, 'token.claims', wrongType(name, 'text'), { claims: { [name]: 7 } }] as const,
  ),
  ['scope as a number', 'token.claims', wrongType('scope', TEXTS), { claims: { scope: 7 } }],
  ['scope as a mixed list', 'token.claims', wrongType('scope', TEXTS), { claims: { scope: ['a', 7] } }],
  ['scope as an object', 'token.claims', wrongType('scope', TEXTS), { claims: { scope: { a: true } } }],
  ['aud as a number', 'token.claims', wrongType('aud', TEXTS), { claims: { aud: 7 } }],
  ['aud of null', 'token.claims', wrongType('aud', TEXTS), { claims: { aud: null } }],
  ['aud as an object', 'token.claims', wrongType('aud', TEXTS), { claims: { aud: { 0: 'orders-api' } } }],
  ['aud as a mixed list', 'token.claims', wrongType('aud', TEXTS), { claims: { aud: ['orders-api', 7] } }],
  ['aud as a nested list', 'token.claims', wrongType('aud', TEXTS), { claims: { aud: [['orders-api']] } }],
  ['scp as a mixed list', 'token.claims', wrongType('scp', TEXTS), { claims: { scp: ['a', null] } }],
  [
    'another audience',
    'token.audience',
    'The token needs the audience orders-api; it was issued for a, b.',
    { claims: { aud: ['a', 'b'] } },
  ],
  ...['azp', 'client_id'].map(
    (name) =>
      [
        `the audience of an ID token, which is the ${name}`,
        'token.audience',
        'The token needs the audience orders-api; it was issued for web, the client itself, as ID tokens are.',
        { claims: { aud: ['web'], [name]: 'web' } },
      ] as const,
  ),
  [
    'an audience of the client among others',
    'token.audience',
    'The token needs the audience orders-api; it was issued for web, other.',
    { claims: { aud: ['web', 'other'], azp: 'web' } },
  ],
  [
    'an audience that begins like ours',
    'token.audience',
    'The token needs the audience orders-api; it was issued for orders-api/. It differs only in the slash at its end.',
    { claims: { aud: 'orders-api/' } },
  ],
  [
    'no audience',
    'token.audience',
    'The token needs the audience orders-api; it names no audience.',
    { claims: { aud: undefined } },
  ],
  [
    'an empty list of audiences',
    'token.audience',
    'The token needs the audience a or b; it names no audience.',
    { claims: { aud: [] }, issuer: { audience: ['a', 'b'] } },
  ],
  [
    'a token that has expired',
    'token.expired',
    `It expired 2 h 14 min ago, at 2026-11-22T07:46:00Z; ${HERE}.`,
    { claims: { exp: SECONDS - 8_040 } },
  ],
  [
    'one that has just expired',
    'token.expired',
    `It expired 30 s ago, at 2026-11-22T09:59:30Z; ${HERE}.`,
    { claims: { exp: SECONDS - 30 } },
  ],
  [
    'an exp before 1970',
    'token.expired',
    `It expired 20779 d 10 h ago, at 1969-12-31T23:59:59Z; ${HERE}.`,
    { claims: { exp: -1 } },
  ],
  [
    'an exp that is a length of time',
    'token.expired',
    `It expired 20779 d 9 h ago, at 1970-01-01T01:00:00Z; ${HERE}. Its claim exp looks like a length of time; it has to be a moment, in seconds since 1970.`,
    { claims: { exp: 3600 } },
  ],
  [
    'a token for later',
    'token.not-yet-valid',
    'It is valid in 31 s, from 2026-11-22T10:00:31Z; it is 2026-11-22T10:00:00Z here.',
    { claims: { nbf: SECONDS + 31 } },
  ],
  [
    'a token from the future',
    'token.not-yet-valid',
    'It was issued 31 s in the future, at 2026-11-22T10:00:31Z; it is 2026-11-22T10:00:00Z here. A clock is wrong.',
    { claims: { iat: SECONDS + 31 } },
  ],
  [
    'a token that is too old',
    'token.too-old',
    'It was issued 1 h ago; this API takes tokens that are at most 59 min old.',
    { claims: { iat: SECONDS - 3_600 }, issuer: { maxTokenAge: 3_540_000, clockTolerance: 30_000 } },
  ],
];

for (const [title, code, detail, bad] of BAD) {
  test(`${code}: ${title}`, (t) => {
    const fault = faultOf(bad);
    t.is(fault?.code, code as never);
    t.is(fault?.detail, detail);
  });
}

test('times are told by machine too', (t) => {
  t.deepEqual(faultOf({ claims: { exp: SECONDS - 60 } })?.members, { expiredAt: '2026-11-22T09:59:00Z' });
  t.deepEqual(faultOf({ claims: { nbf: SECONDS + 60 } })?.members, { validFrom: '2026-11-22T10:01:00Z' });
  t.deepEqual(faultOf({ claims: { iat: SECONDS + 60 } })?.members, { issuedAt: '2026-11-22T10:01:00Z' });
});

test('an expired token is fixed at its issuer', (t) => {
  t.regex(faultOf({ claims: { exp: 0 } })?.fix ?? '', /^Request a new token from https:\/\/login\.example\.com and/);
});

/** In the order of checks. A token with any two of these faults is refused for the earlier one. */
const ORDER: readonly (readonly [code: string, detail: RegExp, bad: Case])[] = [
  ['token.type', /type in its header/, { header: { typ: 'dpop+jwt' } }],
  ['token.type', /claim at_hash/, { claims: { at_hash: 'x' } }],
  ['token.claims', /lacks the claim sub/, { claims: { sub: undefined } }],
  ['token.claims', /claim client_id has the wrong type/, { claims: { client_id: 1 } }],
  ['token.audience', /needs the audience/, { claims: { aud: 'other' } }],
  ['token.expired', /expired/, { claims: { exp: SECONDS - 100 } }],
  ['token.not-yet-valid', /It is valid in/, { claims: { nbf: SECONDS + 100 } }],
  ['token.too-old', /was issued .* ago/, { claims: { iat: SECONDS - 100_000 }, issuer: { maxTokenAge: 1000 } }],
];

for (const [earlier, [code, detail, first]] of ORDER.entries()) {
  for (const [laterCode, laterDetail, second] of ORDER.slice(earlier + 1)) {
    test(`a token with the faults ${code} (${detail.source}) and ${laterCode} (${laterDetail.source}) has the first as its answer`, (t) => {
      const both: Case = {
        header: { ...second.header, ...first.header },
        claims: { ...second.claims, ...first.claims },
        issuer: { ...second.issuer, ...first.issuer },
      };
      t.is(faultOf(both)?.code, code as never);
      t.regex(faultOf(both)?.detail ?? '', detail);
      t.is(faultOf(second)?.code, laterCode as never);
    });
  }
}

const SCOPES: readonly (readonly [claims: Record<string, unknown>, scopes: readonly string[]])[] = [
  [{}, []],
  [{ scope: '' }, []],
  [{ scope: 'a' }, ['a']],
  [{ scope: 'a b' }, ['a', 'b']],
  [{ scope: ' a  b ' }, ['a', 'b']],
  [{ scope: 'a\tb' }, ['a\tb']],
  [{ scope: ['a', 'b'] }, ['a', 'b']],
  [{ scope: ['a b'] }, ['a b']],
  [{ scope: [], scp: ['b'] }, []],
  [{ scp: 'a b' }, ['a', 'b']],
  [{ scp: ['a', 'b'] }, ['a', 'b']],
  [{ scp: ['a b'] }, ['a b']],
  [{ scp: [] }, []],
  [{ scope: 'a', scp: ['b'] }, ['a']],
  [{ scopes: ['a'] }, []],
];

for (const [claims, scopes] of SCOPES) {
  test(`the scopes of ${JSON.stringify(claims)} are ${JSON.stringify(scopes)}`, (t) => {
    t.deepEqual(scopesOf(claims), scopes);
  });
}

test('what our checks let pass, jose lets pass too, and what jose refuses we refuse', async (t) => {
  const key = makeKey('EdDSA');
  const [published] = readJwks({ keys: [key.jwk] }).keys;
  if (!published) throw new Error('no key');
  const date = fc.oneof(
    fc.integer({ min: -40, max: 40 }).map((offset) => SECONDS + offset),
    fc.constantFrom(undefined, null, 'x', 0, SECONDS + 29.5, SECONDS - 29.5, SECONDS - 3600, 1e13),
  );
  const over = {
    exp: date,
    nbf: date,
    iat: date,
    aud: fc.constantFrom('orders-api', 'other', undefined, null, ['orders-api'], ['a', 7], [], 7),
    sub: fc.constantFrom('user-1', undefined, 7),
    tenant: fc.constantFrom('acme', undefined, null),
  };
  const claims = fc.record(over, { requiredKeys: [] });
  const settings = fc.record({
    clockTolerance: fc.constantFrom(0, 500, 30_000),
    maxTokenAge: fc.constantFrom(undefined, 10_000, 3_600_000),
    requiredClaims: fc.constantFrom([], ['sub'], ['sub', 'tenant'], ['aud']),
  });
  const seen = { passed: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(claims, settings, fc.integer({ min: 0, max: 999 }), async (changes, rules, ms) => {
      const issuer = { ...ISSUER, ...rules };
      const payload = JSON.parse(JSON.stringify({ ...CLAIMS, ...changes })) as Record<string, unknown>;
      const verdict = await joseVerdict(signToken(key, payload), published, issuer, NOW + ms);
      const fault = claimsFault(HEADER, payload, issuer, NOW + ms);
      seen[fault ? 'refused' : 'passed'] += 1;
      return verdict.ok || fault !== undefined;
    }),
    { numRuns: 1500 },
  );
  t.true(seen.passed > 20 && seen.refused > 20, JSON.stringify(seen));
});

test('a token ends at the very moment from which it is refused for its age', (t) => {
  const offset = fc.integer({ min: 0, max: 800 }).map((eighths) => eighths / 8);
  const settings = fc.record({
    clockTolerance: fc.constantFrom(0, 500, 30_000),
    maxTokenAge: fc.constantFrom(undefined, 10_000, 60_500),
  });
  fc.assert(
    fc.property(offset, offset, settings, (exp, iat, rules) => {
      const claims = { exp: SECONDS + exp, iat: SECONDS + iat };
      const issuer = { ...ISSUER, ...rules };
      const end = endOfLife(claims, issuer);
      const aged = (now: number) =>
        ['token.expired', 'token.too-old'].includes(timeFault(claims, issuer, now)?.code ?? '');
      return aged(end) && !aged(end - 1);
    }),
    { numRuns: 1000 },
  );
  // What an issuer answers about an opaque token may have no dates at all.
  t.is(endOfLife({}, ISSUER), Number.POSITIVE_INFINITY);
});
