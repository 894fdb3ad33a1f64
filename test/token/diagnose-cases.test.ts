import test from 'ava';
import fc from 'fast-check';
import type { Outcome } from '../../src/outcome.ts';
import { readCompact } from '../../src/token/compact.ts';
import { extractToken } from '../../src/token/extract.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { FakeClock } from '../support/clock.ts';
import { cpuTime } from '../support/cpu.ts';
import { inlineVerifier } from '../support/issuers.ts';
import { accessClaims, makeKey, signToken } from '../support/keys.ts';

const ISS = 'https://login.example.com';
const CLOCK = new FakeClock();
const NOW = CLOCK.now() / 1000;
const KEY = makeKey('ES256', 'k1');
const TOKEN = signToken(KEY, accessClaims({ iss: ISS }, CLOCK.now()));
const [HEAD = '', BODY = '', SIGNATURE = ''] = TOKEN.split('.');

const base64 = (text: string) => Buffer.from(text).toString('base64');
const base64url = (text: string) => Buffer.from(text).toString('base64url');
/** Bytes as Node gives them in a header: one character each. */
const bytes = (text: string) => Buffer.from(text).toString('latin1');

/** What a client is told that sends this field, as far as the field and the form of its token go. */
function told(field: string): { readonly code: string; readonly detail: string } {
  const found = extractToken({ authorization: [field], headerValues: () => [] }, '', [{ kind: 'authorization' }], 8192);
  const outcome: Outcome<unknown> = found.ok ? readCompact(found.value.reveal()) : found;
  return outcome.ok ? { code: 'read', detail: '' } : { code: outcome.fault.code, detail: outcome.fault.detail ?? '' };
}

type Case = readonly [title: string, field: string, detail: string];

const NO_DOTS = 'it has no dots, so it is no JWT but perhaps an opaque token, a refresh token or an API key';
const LENGTH = 'has a length that no base64url text has: a character is missing or too many';
const EMPTY_NAME = 'it is the name of an empty value, so the client had no token when it sent this';
const UNFILLED = 'it is a placeholder that was to be replaced with a token';
const TWICE_ENCODED = 'it is base64 of a token: it was encoded once more than it was issued';
const like = (kind: string) => `it looks like ${kind}, not like an access token for this API`;

/** One word behind `Bearer`. */
const MALFORMED: readonly Case[] = [
  [
    'a copy cut in the header',
    HEAD.slice(0, 15),
    'it has no dots, and begins like a token: it was cut within its header',
  ],
  ['a copy cut at its first dot', HEAD, 'it has no dots, and is the header of a token: the rest was not copied'],
  ['a copy cut behind its first dot', `${HEAD}.`, 'it has 2 parts where 3 are needed: it was cut within its payload'],
  [
    'a copy cut in the payload',
    `${HEAD}.${BODY.slice(0, 50)}`,
    'it has 2 parts where 3 are needed: it was cut within its payload',
  ],
  [
    'a copy cut at its second dot',
    `${HEAD}.${BODY}`,
    'it has 2 parts where 3 are needed: its signature is missing, it was cut behind its payload',
  ],
  [
    'a copy cut behind its second dot',
    `${HEAD}.${BODY}.`,
    'its signature is missing: the part behind the second dot is empty',
  ],
  ['a copy cut one character before its end', TOKEN.slice(0, -1), `its signature ${LENGTH}`],
  [
    'a copy that begins behind the header',
    `.${BODY}.${SIGNATURE}`,
    'its header is missing: nothing stands in front of the first dot',
  ],
  [
    'a copy without its header',
    `${BODY}.${SIGNATURE}`,
    'it has 2 parts where 3 are needed: it was probably cut when it was copied',
  ],
  ['a copy that lacks its first characters', TOKEN.slice(4), 'its header is not JSON'],
  ['a detached signature', `${HEAD}..${SIGNATURE}`, 'its payload is missing: nothing stands between its dots'],
  ['the payload alone', BODY, 'it has no dots, so it is JSON in base64 but no token'],
  ['the signature alone', 'c2lnbmF0dXJl', NO_DOTS],
  ['an opaque refresh token', 'tGzv3JOkF0XG5Qx2TlKWIA', NO_DOTS],
  ["Google's refresh token", `1//0g${'a'.repeat(40)}`, like('a refresh token (Google)')],
  ["Google's access token", `ya29.a0${'b'.repeat(40)}`, like('an access token for the APIs of Google')],
  ['a full stop behind it', `${TOKEN}.`, 'it has a dot too many at its end'],
  ['a fourth part', `${TOKEN}.AA`, 'it has 4 parts where 3 are needed'],
  ['the token twice', TOKEN + TOKEN, 'it has 5 parts: it was pasted twice, with nothing between'],
  ['the token three times', TOKEN + TOKEN + TOKEN, 'it has more than 5 parts where 3 are needed'],
  ['base64 of the token', base64(TOKEN), TWICE_ENCODED],
  ['base64url of the token', base64url(TOKEN), TWICE_ENCODED],
  ['base64 of the whole value', base64(`Bearer ${TOKEN}`), TWICE_ENCODED],
  [
    'base64 of the token response',
    base64url('{"access_token":"a"}'),
    'it has no dots, so it is JSON in base64 but no token',
  ],
  [
    'a token that is shown shortened',
    `${TOKEN.slice(0, 12)}...${TOKEN.slice(-6)}`,
    'it has three dots in a row: it was copied from where it is shown shortened',
  ],
  ['undefined', 'undefined', EMPTY_NAME],
  ['null', 'null', EMPTY_NAME],
  ['a placeholder', 'YOUR_ACCESS_TOKEN', UNFILLED],
  ['a placeholder with a hint', 'your-token-here', UNFILLED],
  ["a variable's name without its sign", 'TOKEN', UNFILLED],
  ['crosses', 'xxxxxxxx', UNFILLED],
  ['a live key of Stripe', `sk_live_${'4eC39HqLyjWDarjtT1zdp7dc'}`, like('an API key (Stripe)')],
  ['a restricted test key of Stripe', `rk_test_${'a'.repeat(24)}`, like('an API key (Stripe)')],
  ['a GitHub token', `ghp_${'a1B2'.repeat(9)}`, like('a token of GitHub')],
  ['a fine-grained GitHub token', `github_pat_${'a1B2'.repeat(9)}`, like('a token of GitHub')],
  ['a GitLab token', `glpat-${'a1B2'.repeat(5)}`, like('a token of GitLab')],
  ['a Slack token', `xoxb-1234-${'a1B2'.repeat(5)}`, like('a token of Slack')],
  ['an AWS key', 'AKIAIOSFODNN7EXAMPLE', like('an access key ID (AWS)')],
  ['a Google API key', `AIza${'Sy12345'.repeat(5)}`, like('an API key (Google)')],
  ['a key of a model provider', `sk-proj-${'a1B2'.repeat(10)}`, like('an API key')],
  ['an npm token', `npm_${'a1B2'.repeat(9)}`, like('a token of npm')],
  [
    'a SendGrid key, which has three parts',
    'SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8',
    like('an API key (SendGrid)'),
  ],
  ['a Vault token', `hvs.${'a1B2'.repeat(8)}`, like('a token of Vault')],
  ['a PASETO', `v4.public.${base64url('{"sub":"a"}')}`, like('a PASETO')],
  ['a PASETO with a footer', `v2.local.${base64url('secret')}.${base64url('kid')}`, like('a PASETO')],
  ['a SAML assertion', base64('<saml:Assertion ID="a"/>'), like('a SAML assertion or other XML in base64')],
  ['a SAML response', base64('<samlp:Response ID="a"/>'), like('a SAML assertion or other XML in base64')],
  ['an XML document', base64('<?xml version="1.0"?><a/>'), like('a SAML assertion or other XML in base64')],
  ['a key in DER', `MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw${'A'.repeat(40)}`, like('a key or certificate in base64')],
  ['a key in PEM', base64('-----BEGIN PRIVATE KEY-----'), like('a key or certificate (PEM) in base64')],
  [
    'the id of a session',
    '6f1c2a34-9a0b-4c5d-8e7f-001122334455',
    like('the identifier of a session or of something else (UUID)'),
  ],
  ['padding', `${TOKEN}==`, 'its signature is padded with "=": base64url in tokens has no padding'],
  [
    'plain base64',
    `${HEAD}.${BODY}.${SIGNATURE.slice(0, -3)}+/A`,
    'its signature is in plain base64 ("+" or "/"), not base64url',
  ],
  [
    'the JWE kind',
    `${HEAD}.a.b.c.d`,
    'it has 5 parts: it is an encrypted token (JWE), and only signed ones (JWS) are accepted',
  ],
];

const WORDS = "There are two words behind 'Bearer'";
const WRAPPED = 'that make one token: it was probably wrapped over several lines.';
const PLACEHOLDER = 'There is a placeholder where the token belongs: it was not filled in.';
const NAME = 'There is a name in front of the token: only the value of `access_token` belongs here.';
const COOKIE = 'There is a signed session cookie where the token belongs.';
const CONTROL = 'There is a control character in or behind the token, such as a line break.';
const JSON_FORM =
  'The token is in JSON form (JWS or JWE JSON serialization); only the compact form, three parts with dots between them, is accepted.';
const TOKEN_RESPONSE = 'The whole JSON of a token response was sent; only the value of `access_token` belongs here.';
const PROXIED =
  'There is a comma between two tokens, and one is expected: two Authorization headers were probably joined.';

/** More than one word, or characters that no token has. */
const REQUEST: readonly Case[] = [
  ['a whole token response', `Bearer {"access_token":"${TOKEN}","expires_in":300}`, TOKEN_RESPONSE],
  ['a token response that begins with its type', `Bearer {"token_type":"Bearer","access_token":"a"}`, TOKEN_RESPONSE],
  ['an error response', 'Bearer {"error":"invalid_grant"}', 'There is JSON where the token belongs.'],
  ['a JWS in JSON', `Bearer {"payload":"${BODY}","protected":"${HEAD}","signature":"a"}`, JSON_FORM],
  ['a form', `Bearer access_token=${TOKEN}&token_type=Bearer`, NAME],
  ['the fragment of a redirect', `Bearer #state=a&access_token=${TOKEN}`, NAME],
  [
    'the whole address of a redirect',
    `Bearer https://app.example.com/#access_token=${TOKEN}`,
    'There is an address (URL) where the token belongs.',
  ],
  ['a shell variable', 'Bearer $TOKEN', PLACEHOLDER],
  ['a variable of cmd.exe', 'Bearer %TOKEN%', PLACEHOLDER],
  ['a variable of PowerShell', 'Bearer $env:TOKEN', PLACEHOLDER],
  ['what a log shows for a token', 'Bearer [token]', PLACEHOLDER],
  [
    'a token masked with asterisks',
    'Bearer ********',
    'The token is masked with asterisks: it was copied from where it is not shown.',
  ],
  ['a session cookie as it is sent', 'Bearer s%3Aabc.def%2Bghi', COOKIE],
  ['a session cookie as it is read', 'Bearer s:abc.def', COOKIE],
  ['XML', 'Bearer <saml:Assertion ID="a">', 'There is XML where the token belongs, as in a SAML assertion.'],
  [
    'the page of a sign-in',
    'Bearer <!DOCTYPE html><html>',
    'There is an HTML page where the token belongs: the request for a token was answered with one.',
  ],
  ['a key in PEM', 'Bearer -----BEGIN PUBLIC KEY-----', 'There is a key or certificate (PEM) where the token belongs.'],
  [
    'the token twice with a space',
    `Bearer ${TOKEN} ${TOKEN}`,
    `${WORDS}, and each looks like a token: one token is expected.`,
  ],
  ['the token twice with a comma', `Bearer ${TOKEN},${TOKEN}`, PROXIED],
  ['two header fields in one', `Bearer ${TOKEN}, Bearer ${TOKEN}`, PROXIED],
  ['a token wrapped into two lines', `Bearer ${TOKEN.slice(0, 76)} ${TOKEN.slice(76)}`, `${WORDS} ${WRAPPED}`],
  [
    'a token wrapped into many lines',
    `Bearer ${TOKEN.match(/.{1,64}/g)?.join(' ')}`,
    `There are several words behind 'Bearer' ${WRAPPED}`,
  ],
  ['a token and its type', `Bearer ${TOKEN} bearer`, `${WORDS}: one token is expected.`],
  ['three words', 'Bearer my access token', "There are several words behind 'Bearer': one token is expected."],
  ['a line break within', `Bearer ${HEAD}\r\n.${BODY}`, CONTROL],
  ['a line break behind', `Bearer ${TOKEN}\n`, CONTROL],
  ['NUL', `Bearer ${TOKEN}\0`, CONTROL],
  ['a space behind', `Bearer ${TOKEN} `, 'There is a space behind the token.'],
  ['white space in front', ` Bearer ${TOKEN}`, 'The value of the Authorization header begins with white space.'],
  ['a colon', `Bearer: ${TOKEN}`, "The word 'Bearer' is followed by another character than a space."],
  [
    'an ellipsis',
    `Bearer ${bytes(`${TOKEN.slice(0, 9)}…`)}`,
    'There is a character in the token that no token has (not ASCII): it was probably copied from formatted text.',
  ],
];

const OTHER = (seen: string, hint = '') =>
  `The Authorization header uses ${seen}; this address takes Bearer tokens.${hint}`;

const SCHEME: readonly Case[] = [
  ['Token', `Token ${TOKEN}`, OTHER("the scheme 'Token'", ' What follows it looks like a bearer token.')],
  ['JWT', `JWT ${TOKEN}`, OTHER('a scheme other than Bearer', ' What follows it looks like a bearer token.')],
  [
    'a misspelt Bearer',
    `Barer ${TOKEN}`,
    OTHER('a scheme other than Bearer', ' What follows it looks like a bearer token.'),
  ],
  [
    'a JWT in the password',
    `Basic ${base64(`api:${TOKEN}`)}`,
    OTHER("the scheme 'Basic'", ' Its password looks like a bearer token.'),
  ],
  [
    'a JWT as the user name',
    `Basic ${base64(`${TOKEN}:`)}`,
    OTHER("the scheme 'Basic'", ' Its user name looks like a bearer token.'),
  ],
  [
    'a JWT for the credentials',
    `Basic ${TOKEN}`,
    OTHER("the scheme 'Basic'", ' What follows it looks like a bearer token.'),
  ],
  ['an honest password', `Basic ${base64('user:pass:eyJ.a.b')}`, OTHER("the scheme 'Basic'")],
  ['an API key alone', `sk_live_${'a'.repeat(24)}`, OTHER('a scheme other than Bearer')],
];

for (const [title, word, what] of MALFORMED) {
  test(`token.malformed: ${title}`, (t) => {
    t.deepEqual(told(`Bearer ${word}`), { code: 'token.malformed', detail: `This is not a usable token: ${what}.` });
  });
}

for (const [title, field, detail] of REQUEST) {
  test(`token.request: ${title}`, (t) => {
    t.deepEqual(told(field), { code: 'token.request', detail });
  });
}

for (const [title, field, detail] of SCHEME) {
  test(`token.scheme: ${title}`, (t) => {
    t.deepEqual(told(field), { code: 'token.scheme', detail });
  });
}

const ONLY_OURS = `The token names an issuer that is not accepted here; accepted: ${ISS}.`;
const TOO_LATE = 'it has to be in seconds since 1970.';

/** Signed by the issuer's key: what a signature has proved may be told. */
const CLAIMS: readonly (readonly [
  title: string,
  code: string,
  detail: string,
  claims: Record<string, unknown>,
  header?: Record<string, unknown>,
])[] = [
  [
    'the issuer with http',
    'token.issuer',
    `${ONLY_OURS} It differs only in http and https.`,
    { iss: ISS.replace('https', 'http') },
  ],
  [
    'the issuer with a slash',
    'token.issuer',
    `${ONLY_OURS} It differs only in the slash at its end.`,
    { iss: `${ISS}/` },
  ],
  [
    'the issuer in capitals',
    'token.issuer',
    `${ONLY_OURS} It differs only in capital and small letters.`,
    { iss: ISS.toUpperCase() },
  ],
  [
    'the issuer without its scheme',
    'token.issuer',
    `${ONLY_OURS} It differs only in the https:// in front.`,
    { iss: ISS.slice(8) },
  ],
  [
    'a token for v2 of the issuer',
    'token.issuer',
    `${ONLY_OURS} It differs only in its version (/v1, /v2.0): the issuer has several, each with tokens of its own.`,
    { iss: `${ISS}/v2.0` },
  ],
  [
    'the audience with a slash',
    'token.audience',
    'The token needs the audience orders-api; it was issued for orders-api/. It differs only in the slash at its end.',
    { aud: 'orders-api/' },
  ],
  [
    'the audience in capitals',
    'token.audience',
    'The token needs the audience orders-api; it was issued for Orders-API. It differs only in capital and small letters.',
    { aud: ['Orders-API'] },
  ],
  ['the staging issuer', 'token.issuer', ONLY_OURS, { iss: 'https://staging.login.example.com' }],
  ['exp in milliseconds', 'token.claims', `The claim exp is in milliseconds; ${TOO_LATE}`, { exp: NOW * 1000 }],
  ['iat in milliseconds', 'token.claims', `The claim iat is in milliseconds; ${TOO_LATE}`, { iat: NOW * 1000 }],
  ['nbf in milliseconds', 'token.claims', `The claim nbf is in milliseconds; ${TOO_LATE}`, { nbf: NOW * 1000 }],
  [
    'exp in microseconds',
    'token.claims',
    `The claim exp is in a finer unit than milliseconds; ${TOO_LATE}`,
    { exp: NOW * 1e6 },
  ],
  [
    'exp as a date',
    'token.claims',
    'The claim exp has the wrong type: it has to be a number (seconds since 1970).',
    { exp: '2026-11-22T10:05:00Z' },
  ],
  [
    'a lifetime in exp',
    'token.expired',
    "It expired 20779 d 9 h ago, at 1970-01-01T01:00:00Z; by the gateway's clock it is 2026-11-22T10:00:00Z. Its claim exp looks like a length of time; it has to be a moment, in seconds since 1970.",
    { exp: 3600 },
  ],
  [
    'a clock that is fast',
    'token.not-yet-valid',
    'It was issued 5 min in the future, at 2026-11-22T10:05:00Z; it is 2026-11-22T10:00:00Z here. A clock is wrong.',
    { iat: NOW + 300 },
  ],
  [
    'an nbf of a clock that is fast',
    'token.not-yet-valid',
    'It is valid in 1 min 30 s, from 2026-11-22T10:01:30Z; it is 2026-11-22T10:00:00Z here.',
    { nbf: NOW + 90 },
  ],
  [
    'an ID token with a nonce',
    'token.type',
    'It has the claim nonce, which ID tokens have and access tokens do not.',
    { nonce: 'n' },
    { typ: 'JWT' },
  ],
  [
    'an ID token for its client',
    'token.audience',
    'The token needs the audience orders-api; it was issued for client-1, the client itself, as ID tokens are.',
    { aud: 'client-1', azp: 'client-1' },
    { typ: 'JWT' },
  ],
  [
    'a token for another API',
    'token.audience',
    'The token needs the audience orders-api; it was issued for billing-api.',
    { aud: 'billing-api' },
  ],
  [
    "Keycloak's refresh token",
    'token.type',
    'Its claim typ says that it is a refresh token, not an access token.',
    { typ: 'Refresh' },
    { typ: 'JWT' },
  ],
  [
    "Cognito's ID token",
    'token.type',
    'Its claim token_use says that it is an ID token, not an access token.',
    { token_use: 'id' },
    { typ: undefined },
  ],
  [
    'a DPoP proof',
    'token.type',
    'The type in its header (typ) is that of a DPoP proof, not of an access token (at+jwt).',
    {},
    { typ: 'dpop+jwt' },
  ],
  [
    'a logout token',
    'token.type',
    'The type in its header (typ) is that of a logout token, not of an access token (at+jwt).',
    {},
    { typ: 'application/logout+jwt' },
  ],
];

async function verifier() {
  const issuer = await inlineVerifier([KEY], CLOCK);
  const cache = new TokenCache({ maxEntries: 100, maxAge: 1000, rejectedFor: 0 });
  return new CachedVerifier([issuer], cache, CLOCK.now);
}

for (const [title, code, detail, claims, header] of CLAIMS) {
  test(`${code}: ${title}`, async (t) => {
    const token = signToken(KEY, accessClaims({ iss: ISS, ...claims }, CLOCK.now()), header);
    const outcome = await (await verifier()).verify(new RawToken(token), CLOCK.now());
    if (outcome.ok) return t.fail('accepted');
    t.like(outcome.fault, { code, detail });
  });
}

test('the very same token without a mistake is accepted', async (t) => {
  t.deepEqual(told(`Bearer ${TOKEN}`), { code: 'read', detail: '' });
  t.true((await (await verifier()).verify(new RawToken(TOKEN), CLOCK.now())).ok);
});

test('a copy cut within its signature where base64url still holds is refused for the signature', async (t) => {
  const through = await verifier();
  for (const length of [4, 43, 84]) {
    const cut = `${HEAD}.${BODY}.${SIGNATURE.slice(0, length - (length % 4))}`;
    const outcome = await through.verify(new RawToken(cut), CLOCK.now());
    t.is(outcome.ok ? 'accepted' : outcome.fault.code, 'token.signature');
  }
});

test('a copy cut anywhere is refused, and each place has a sentence', async (t) => {
  const through = await verifier();
  const seen = new Set<string>();
  for (let length = 1; length < TOKEN.length; length += 1) {
    const outcome = await through.verify(new RawToken(TOKEN.slice(0, length)), CLOCK.now());
    if (outcome.ok) return t.fail(`accepted at ${length}`);
    t.truthy(outcome.fault.detail);
    seen.add(outcome.fault.detail ?? '');
  }
  t.true(seen.size >= 7, [...seen].join('\n'));
});

test('the tables have more than 100 cases, and no two mistakes are one', (t) => {
  const cases = [...MALFORMED, ...REQUEST, ...SCHEME];
  t.true(cases.length + CLAIMS.length > 100, String(cases.length + CLAIMS.length));
  t.is(new Set(cases.map(([, field]) => field)).size, cases.length);
});

const MARK = 'Zq9Xw7Kv3';

test('nothing of a field is echoed, whatever stands around it', (t) => {
  const fields = [
    ...MALFORMED.map(([, word]) => `Bearer ${word}`),
    ...[...REQUEST, ...SCHEME].map(([, field]) => field),
  ];
  const shape = fc.oneof(fc.constantFrom(...fields), fc.string({ unit: 'binary', maxLength: 60 }));
  fc.assert(
    fc.property(shape, fc.nat({ max: 400 }), (field, place) => {
      const at = Math.min(place, field.length);
      const { code, detail } = told(field.slice(0, at) + MARK + field.slice(at));
      return code === 'read' || (detail !== '' && !detail.includes(MARK) && /^[\x20-\x7e]+$/.test(detail));
    }),
    { numRuns: 4000 },
  );
  t.pass();
});

test('no run of eight characters of a case is in its sentence, unless it is a word of ours', (t) => {
  const ours = ['Authorization', 'access_token', 'SAML assertion'];
  for (const [title, field, detail] of [...MALFORMED, ...REQUEST]) {
    for (let at = 0; at + 8 <= field.length; at += 1) {
      const run = field.slice(at, at + 8);
      const known = ours.some((word) => word.includes(run));
      if (!known) t.false(detail.includes(run), `${title}: ${run}`);
    }
  }
});

test('what is told of a word costs no time, however long it is', (t) => {
  for (const word of ['x', 'your_', 'access', 'jwt', 'ZXlK', 'v4.public.', '...', 'MII', 'ey', 'sk-', 'a-']) {
    const spent = cpuTime(() => {
      t.false(readCompact(word.repeat(1 << 17)).ok);
      t.regex(told(`Bearer "${word.repeat(1 << 17)}`).code, /^token\./);
    });
    t.true(spent < 2000, `${word}: ${spent} ms`);
  }
});
