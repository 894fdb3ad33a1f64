import test from 'ava';
import fc from 'fast-check';
import { diagnoseField } from '../../src/token/diagnose.ts';
import { cpuTime } from '../support/cpu.ts';

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln';

const ALONE =
  "The token stands alone in the Authorization header: the word 'Bearer' and a space are missing in front of it.";
const NOTHING = "Nothing stands behind 'Bearer': the variable that holds the token is probably empty.";
const TAB = "A tab stands behind 'Bearer' where a space belongs.";
const TWICE = "The word 'Bearer' stands there twice.";
const QUOTES = 'The token is in quotes.';
const COMMA = 'There is a comma: one token is expected, and nothing else.';
const WORDS = "There are two words behind 'Bearer': one token is expected.";
const MANY_WORDS = WORDS.replace('two', 'several');
const TOKENS = "There are two words behind 'Bearer', and each looks like a token: one token is expected.";
const WRAPPED = "There are two words behind 'Bearer' that make one token: it was probably wrapped over several lines.";
const PROXIED =
  'There is a comma between two tokens, and one is expected: two Authorization headers were probably joined.';
const CONTROL = 'There is a control character in or behind the token, such as a line break.';
const NAME = 'There is a name in front of the token: only the value of `access_token` belongs here.';
const COOKIE = 'There is a signed session cookie where the token belongs.';
const PLACEHOLDER = 'There is a placeholder where the token belongs: it was not filled in.';
const ENCODED = 'The token is URL-encoded: it has to be sent as it was issued.';
const FOLLOWED = "The word 'Bearer' is followed by another character than a space.";
const PASTED = "The value begins with the word 'Authorization': it was pasted together with the header's name.";
const JSON_SENT = 'The whole JSON of a token response was sent; only the value of `access_token` belongs here.';
const FORMATTED =
  'There is a character in the token that no token has (not ASCII): it was probably copied from formatted text.';
const CHARACTER =
  "There is a character in the token that no token has; tokens consist of letters, digits and -._~+/ with '=' at the end only.";
const OBJECT = 'Instead of a token there is the name of an object: the client sent the variable around the token.';

const MISTAKES: readonly (readonly [title: string, field: string, detail: string])[] = [
  ['an empty header', '', 'The Authorization header is empty.'],
  ['the word alone', 'Bearer', NOTHING],
  ['the word and a space', 'Bearer ', NOTHING],
  ['the word in another case', 'BEARER', NOTHING],
  ['a tab for the space', `Bearer\t${JWT}`, TAB],
  ['a space and a tab', `Bearer \t${JWT}`, TAB],
  ['the word twice', `Bearer Bearer ${JWT}`, TWICE],
  ['the word twice in different cases', `bearer BEARER ${JWT}`, TWICE],
  ['the JSON of the token response', `Bearer {"access_token":"${JWT}","token_type":"Bearer"}`, JSON_SENT],
  ['an object', 'Bearer [object Object]', OBJECT],
  ['a promise', 'Bearer [object Promise]', OBJECT],
  ['a shell variable in single quotes', 'Bearer $TOKEN', PLACEHOLDER],
  ['a template that was not filled in', `Bearer $\{token}`, PLACEHOLDER],
  ['a placeholder in double braces', 'Bearer {{token}}', PLACEHOLDER],
  ['a placeholder in braces', 'Bearer {token}', PLACEHOLDER],
  ['JSON that was pasted with its spaces', 'Bearer { "access_token": "a" }', JSON_SENT],
  ['a placeholder in angle brackets', 'Bearer <token>', PLACEHOLDER],
  ['an encoded placeholder', 'Bearer %7Btoken%7D', PLACEHOLDER],
  ['double quotes', `Bearer "${JWT}"`, QUOTES],
  ['single quotes', `Bearer '${JWT}'`, QUOTES],
  ['one quote left at the end', `Bearer ${JWT}"`, QUOTES],
  ['typographic quotes', `Bearer ${Buffer.from(`“${JWT}”`).toString('latin1')}`, QUOTES],
  ['two tokens in a list', `Bearer ${JWT}, Bearer ${JWT}`, PROXIED],
  ['a comma at the end', `Bearer ${JWT},`, COMMA],
  ['parameters behind the token', `Bearer ${JWT}, realm="x"`, COMMA],
  ['two words', 'Bearer my token', WORDS],
  ['three words', `Bearer my ${JWT} x`, MANY_WORDS],
  ['two tokens', `Bearer ${JWT} ${JWT}`, TOKENS],
  ['three tokens', `Bearer ${JWT} ${JWT} ${JWT}`, TOKENS.replace('two', 'several')],
  ['a token with a line break made a space', `Bearer ${JWT.slice(0, 20)} ${JWT.slice(20)}`, WRAPPED],
  [
    'a token in three lines',
    `Bearer ${JWT.slice(0, 9)} ${JWT.slice(9, 20)} ${JWT.slice(20)}`,
    WRAPPED.replace('two', 'several'),
  ],
  ['a space behind', `Bearer ${JWT} `, 'There is a space behind the token.'],
  ['white space in front', ` Bearer ${JWT}`, 'The value of the Authorization header begins with white space.'],
  ['a line break', `Bearer ${JWT}\n`, CONTROL],
  ['NUL', `Bearer ${JWT}\0`, CONTROL],
  ['a placeholder of cmd.exe', 'Bearer %TOKEN%', PLACEHOLDER],
  ['a placeholder in brackets', 'Bearer [token]', PLACEHOLDER],
  ['asterisks', 'Bearer ***', 'The token is masked with asterisks: it was copied from where it is not shown.'],
  ['a form', `Bearer access_token=${JWT}&a=b`, NAME],
  ['an address', 'Bearer https://example.com/', 'There is an address (URL) where the token belongs.'],
  ['a session cookie', 'Bearer s%3Aabc.def', COOKIE],
  ['a session cookie, decoded', 'Bearer s:abc.def', COOKIE],
  ['XML', 'Bearer <?xml version="1.0"?>', 'There is XML where the token belongs, as in a SAML assertion.'],
  [
    'a page',
    'Bearer <html>',
    'There is an HTML page where the token belongs: the request for a token was answered with one.',
  ],
  ['a PEM key', 'Bearer -----BEGIN PUBLIC KEY-----', 'There is a key or certificate (PEM) where the token belongs.'],
  ['other JSON', 'Bearer {"error":"invalid_grant"}', 'There is JSON where the token belongs.'],
  [
    'a JWS in JSON',
    'Bearer {"payload":"a","signatures":[]}',
    'The token is in JSON form (JWS or JWE JSON serialization); only the compact form, three parts with dots between them, is accepted.',
  ],
  ['a tab in the token', `Bearer ${JWT}\tx`, 'There is a tab in or behind the token.'],
  ['a URL-encoded token', `Bearer ${JWT}%3D`, ENCODED],
  ['a URL-encoded line break', `Bearer ${JWT}%0A`, ENCODED],
  ['a written-out line break', `Bearer ${JWT}\\n`, 'There is a written-out line break (\\n) in the token.'],
  ['a no-break space', `Bearer ${JWT}\u00a0`, FORMATTED],
  ['a zero-width space', `Bearer ${Buffer.from(`${JWT}\u200b`).toString('latin1')}`, FORMATTED],
  ['a colon in the token', 'Bearer user:password', CHARACTER],
  ['padding in the middle', 'Bearer abc==def', CHARACTER],
  ['a semicolon at the end', `Bearer ${JWT};`, CHARACTER],
  ['a colon behind the word', `Bearer: ${JWT}`, FOLLOWED],
  ['an equals sign behind the word', `Bearer=${JWT}`, FOLLOWED],
  ['no space behind the word', `Bearer${JWT}`, "The space between 'Bearer' and the token is missing."],
  ['the token alone', JWT, ALONE],
  ['the token alone in quotes', `"${JWT}"`, ALONE],
  ['the whole value in quotes', `"Bearer ${JWT}"`, 'The whole value of the Authorization header is in quotes.'],
  ["the header's name in the value", `Authorization: Bearer ${JWT}`, PASTED],
];

for (const [title, field, detail] of MISTAKES) {
  test(`the mistake is named: ${title}`, (t) => {
    t.deepEqual(diagnoseField(field), { kind: 'request', detail });
  });
}

const SCHEMES: readonly (readonly [field: string, seen: string, hint?: string])[] = [
  ['Basic ZGVtbzpkZW1v', "the scheme 'Basic'"],
  ['bAsIc ZGVtbzpkZW1v', "the scheme 'Basic'"],
  [
    `Basic ${Buffer.from(`a:${JWT}`).toString('base64')}`,
    "the scheme 'Basic'",
    ' Its password looks like a bearer token.',
  ],
  [
    `Basic ${Buffer.from(`${JWT}:`).toString('base64')}`,
    "the scheme 'Basic'",
    ' Its user name looks like a bearer token.',
  ],
  ['Digest username="demo"', "the scheme 'Digest'"],
  ['Negotiate YII=', "the scheme 'Negotiate'"],
  [`DPoP ${JWT}`, "the scheme 'DPoP'", ' What follows it looks like a bearer token.'],
  [`Token ${JWT}`, "the scheme 'Token'", ' What follows it looks like a bearer token.'],
  [`JWT ${JWT}`, 'a scheme other than Bearer', ' What follows it looks like a bearer token.'],
  ['2YotnFZFEjr1zCsicMWpAA', 'a scheme other than Bearer'],
  ['Bearers abc', 'a scheme other than Bearer'],
];

for (const [field, seen, hint = ''] of SCHEMES) {
  test(`another scheme is named as what it is: ${field.slice(0, 16)}`, (t) => {
    t.deepEqual(diagnoseField(field), {
      kind: 'scheme',
      detail: `The Authorization header uses ${seen}; this address takes Bearer tokens.${hint}`,
    });
  });
}

test('nothing of the field is ever repeated', (t) => {
  const known = new Set(
    [...MISTAKES, ...SCHEMES].map(
      ([first, second]) => diagnoseField(MISTAKES.some(([title]) => title === first) ? second : first).detail,
    ),
  );
  const names = ['Basic', 'Digest', 'Negotiate', 'NTLM', 'DPoP', 'Token', 'ApiKey', 'Hawk', 'AWS4-HMAC-SHA256'];
  for (const name of [...names, 'x'])
    for (const rest of ['', 'eyJh.b.c']) known.add(diagnoseField(`${name} ${rest}`).detail);
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string().map((text) => `Bearer ${text}`),
    fc
      .tuple(fc.constantFrom('Bearer', 'bearer ', 'Bearer\t', 'Basic', 'ey', '"', '{', '$', ...names), fc.string())
      .map((parts) => parts.join(' ')),
  );
  fc.assert(
    fc.property(field, (text) => known.has(diagnoseField(text).detail)),
    { numRuns: 5000 },
  );
  t.true(known.size > 20);
});

test('a long field is diagnosed at once', (t) => {
  for (const field of [
    ' '.repeat(1 << 20),
    `Bearer ${'a'.repeat(1 << 20)}~"`,
    `Bearer ${'%'.repeat(1 << 20)}`,
    `${'ey-'.repeat(1 << 18)}`,
    `Bearer ${'a '.repeat(1 << 19)}~`,
    `Bearer ${'ey.a.b '.repeat(1 << 17)}~`,
    `Bearer ${'ey.a.b,'.repeat(1 << 17)}~`,
    `Bearer {"${'access_token'.repeat(1 << 16)}`,
    `Basic ${'a:ey.'.repeat(1 << 18)}`,
  ]) {
    const spent = cpuTime(() => t.truthy(diagnoseField(field).detail));
    t.true(spent < 2000, `${spent} ms`);
  }
});
