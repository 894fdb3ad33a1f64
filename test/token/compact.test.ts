import test from 'ava';
import fc from 'fast-check';
import { readCompact } from '../../src/token/compact.ts';
import { cpuTime } from '../support/cpu.ts';
import { compactToken, makeKey, signToken } from '../support/keys.ts';
import { vectorTest } from '../support/vectors.ts';

const b64 = (text: string | Uint8Array) => Buffer.from(text as string).toString('base64url');
const HEADER = b64('{"alg":"ES256"}');
const PAYLOAD = b64('{"sub":"a"}');
const SIGNATURE = b64('signature');

function detailOf(token: string): string {
  const read = readCompact(token);
  if (read.ok) throw new Error('the token was read');
  if (read.fault.code !== 'token.malformed') throw new Error(read.fault.code);
  return read.fault.detail ?? '';
}

const PADDED = 'is padded with "=": base64url in tokens has no padding';
const PLAIN = 'is in plain base64 ("+" or "/"), not base64url';
const LENGTH = 'has a length that no base64url text has: a character is missing or too many';
const TAIL = 'is not canonical base64url: its last character was changed';
const DOUBLE = 'has a duplicate member: the same name twice in one object';
const HEADLESS = 'its header is missing: nothing stands in front of the first dot';
const BODILESS = 'its payload is missing: nothing stands between its dots';
const TWO = 'it has 2 parts where 3 are needed:';
const NO_DOTS = 'it has no dots, so it is no JWT but perhaps an opaque token, a refresh token or an API key';
const NOTHING = 'it is the name of an empty value, so the client had no token when it sent this';
const JWE = 'it has 5 parts: it is an encrypted token (JWE), and only signed ones (JWS) are accepted';
const UNSIGNED = 'its signature is missing: the part behind the second dot is empty';

const MALFORMED: readonly (readonly [title: string, token: string, what: string])[] = [
  ['nothing', '', NO_DOTS],
  ['an opaque token', '2YotnFZFEjr1zCsicMWpAA', NO_DOTS],
  ['the word undefined', 'undefined', NOTHING],
  ['the word null', 'null', NOTHING],
  ['the word None', 'None', NOTHING],
  ['two parts', `${HEADER}.${PAYLOAD}`, `${TWO} its signature is missing, it was cut behind its payload`],
  ['two parts that are no JSON', 'a.b', `${TWO} it was probably cut when it was copied`],
  ['two parts, cut', `${HEADER}.${PAYLOAD.slice(0, 5)}`, `${TWO} it was cut within its payload`],
  ['a header, cut', HEADER.slice(0, 5), 'it has no dots, and begins like a token: it was cut within its header'],
  ['a header alone', HEADER, 'it has no dots, and is the header of a token: the rest was not copied'],
  ['a payload alone', PAYLOAD, 'it has no dots, so it is JSON in base64 but no token'],
  ['a dot at the end', `${HEADER}.${PAYLOAD}.${SIGNATURE}.`, 'it has a dot too many at its end'],
  [
    'a token twice',
    `${HEADER}.${PAYLOAD}.${SIGNATURE}${HEADER}.${PAYLOAD}.${SIGNATURE}`,
    'it has 5 parts: it was pasted twice, with nothing between',
  ],
  ['four parts', 'a.b.c.d', 'it has 4 parts where 3 are needed'],
  ['an encrypted token', 'e30.AA.AA.AA.AA', JWE],
  ['an encrypted token with an empty key', 'e30..AA.AA.AA', JWE],
  ['six parts', 'a.b.c.d.e.f', 'it has more than 5 parts where 3 are needed'],
  ['an empty header', `.${PAYLOAD}.${SIGNATURE}`, HEADLESS],
  ['an empty payload', `${HEADER}..${SIGNATURE}`, BODILESS],
  ['nothing but dots', '..', HEADLESS],
  ['an empty signature', `${HEADER}.${PAYLOAD}.`, UNSIGNED],
  ['a padded header', `${b64('{"alg":"ES2"}')}==.${PAYLOAD}.${SIGNATURE}`, `its header ${PADDED}`],
  ['a padded payload', `${HEADER}.${PAYLOAD}=.${SIGNATURE}`, `its payload ${PADDED}`],
  ['a padded signature', `${HEADER}.${PAYLOAD}.${SIGNATURE}==`, `its signature ${PADDED}`],
  ['a plus in the signature', `${HEADER}.${PAYLOAD}.ab+d`, `its signature ${PLAIN}`],
  ['a slash in the payload', `${HEADER}.ab/d.${SIGNATURE}`, `its payload ${PLAIN}`],
  ['a tilde', `${HEADER}.${PAYLOAD}.ab~d`, 'its signature is not base64url'],
  ['padding in the middle', `${HEADER}.${PAYLOAD}.ab=d`, 'its signature is not base64url'],
  ['a space', `${HEADER}.${PAYLOAD}.ab d`, 'its signature is not base64url'],
  ['a line break at the end', `${HEADER}.${PAYLOAD}.abcd\n`, 'its signature is not base64url'],
  ['a letter outside ASCII', `${HEADER}.${PAYLOAD}.abcé`, 'its signature is not base64url'],
  ['one character too few', `${HEADER}.${PAYLOAD}.abcde`, `its signature ${LENGTH}`],
  ['unused bits behind one byte', `${HEADER}.${PAYLOAD}.AB`, `its signature ${TAIL}`],
  ['unused bits behind two bytes', `${HEADER}.${PAYLOAD}.AAB`, `its signature ${TAIL}`],
  ['unused bits in the payload', `${HEADER}.${b64('{"a":1}').slice(0, -1)}R.AA`, `its payload ${TAIL}`],
  ['a header that is no JSON', `${b64('{alg}')}.${PAYLOAD}.${SIGNATURE}`, 'its header is not JSON'],
  ['a payload that is no JSON', `${HEADER}.${b64('foo')}.${SIGNATURE}`, 'its payload is not JSON'],
  ['JSON with something behind', `${HEADER}.${b64('{} {}')}.${SIGNATURE}`, 'its payload is not JSON'],
  ['a byte order mark', `${HEADER}.${b64('\ufeff{}')}.${SIGNATURE}`, 'its payload is not JSON'],
  [
    'a payload that is no UTF-8',
    `${HEADER}.${b64(Buffer.from('7b2261223a22ff227d', 'hex'))}.AA`,
    'its payload is not UTF-8',
  ],
  ['a header that is no UTF-8', `${b64(Buffer.from([0xc0, 0xae]))}.${PAYLOAD}.AA`, 'its header is not UTF-8'],
  [
    'a surrogate in UTF-8',
    `${HEADER}.${b64(Buffer.from('7b2261223a22eda080227d', 'hex'))}.AA`,
    'its payload is not UTF-8',
  ],
  ['a list', `${HEADER}.${b64('[{"a":1}]')}.AA`, 'its payload is not a JSON object'],
  ['a list as a header', `${b64('["ES256"]')}.${PAYLOAD}.AA`, 'its header is not a JSON object'],
  ['null', `${HEADER}.${b64('null')}.AA`, 'its payload is not a JSON object'],
  ['text', `${HEADER}.${b64('"a"')}.AA`, 'its payload is not a JSON object'],
  ['a number', `${HEADER}.${b64('1')}.AA`, 'its payload is not a JSON object'],
  ['a doubled header member', `${b64('{"alg":"ES256","alg":"none"}')}.${PAYLOAD}.AA`, `its header ${DOUBLE}`],
  ['a doubled claim', `${HEADER}.${b64('{"sub":"a","sub":"b"}')}.AA`, `its payload ${DOUBLE}`],
  ['a doubled claim with escapes', `${HEADER}.${b64('{"sub":"a","s\\u0075b":"b"}')}.AA`, `its payload ${DOUBLE}`],
  ['a doubled member deep inside', `${HEADER}.${b64('{"a":[{"b":{"c":1,"c":2}}]}')}.AA`, `its payload ${DOUBLE}`],
  ['a number as kid', `${b64('{"alg":"ES256","kid":7}')}.${PAYLOAD}.AA`, 'its header member kid is not text'],
  ['null as kid', `${b64('{"alg":"ES256","kid":null}')}.${PAYLOAD}.AA`, 'its header member kid is not text'],
  ['a list as kid', `${b64('{"alg":"ES256","kid":["a"]}')}.${PAYLOAD}.AA`, 'its header member kid is not text'],
  ['an object as typ', `${b64('{"alg":"ES256","typ":{}}')}.${PAYLOAD}.AA`, 'its header member typ is not text'],
  ['a number as cty', `${b64('{"alg":"ES256","cty":1}')}.${PAYLOAD}.AA`, 'its header member cty is not text'],
  ['alg None without a signature', `${b64('{"alg":"None"}')}.${PAYLOAD}.`, UNSIGNED],
  ['no alg and no signature', `${b64('{}')}.${PAYLOAD}.`, UNSIGNED],
  ['a list that says none, without a signature', `${b64('{"alg":["none"]}')}.${PAYLOAD}.`, UNSIGNED],
];

for (const [title, token, what] of MALFORMED) {
  test(`no token: ${title}`, (t) => {
    t.is(detailOf(token), `This is not a usable token: ${what}.`);
  });
}

test('a signed token is read', (t) => {
  const token = signToken(makeKey('ES256', 'k1'), { iss: 'https://login.example.com', deep: { list: [1] } });
  t.deepEqual(readCompact(token), {
    ok: true,
    value: {
      header: { alg: 'ES256', typ: 'at+jwt', kid: 'k1' },
      payload: { iss: 'https://login.example.com', deep: { list: [1] } },
      signed: true,
    },
  });
});

test('alg none is read, signed or not, since its refusal has a code of its own', (t) => {
  const head = b64('{"alg":"none"}');
  t.like(readCompact(`${head}.${PAYLOAD}.`), { ok: true, value: { signed: false, header: { alg: 'none' } } });
  t.like(readCompact(`${head}.${PAYLOAD}.${SIGNATURE}`), { ok: true, value: { signed: true } });
});

test('a claim named __proto__ is a claim and changes nothing', (t) => {
  const read = readCompact(`${HEADER}.${b64('{"__proto__":{"admin":true},"constructor":{"prototype":{}}}')}.AA`);
  t.true(read.ok);
  if (!read.ok) return;
  t.is(read.value.payload.admin, undefined);
  t.deepEqual(Object.keys(read.value.payload), ['__proto__', 'constructor']);
  t.is(({} as { admin?: unknown }).admin, undefined);
});

test('one token has one spelling: no change of a last character leads to the same bytes', (t) => {
  const parts = compactToken('{"alg":"ES256"}', '{"sub":"ab"}', () => Buffer.alloc(64, 0xa5)).split('.');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=~. ';
  const bytesOf = (token: string) =>
    token
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString('hex'))
      .join('.');
  const original = parts.join('.');
  t.true(readCompact(original).ok);
  let twins = 0;
  for (const index of [0, 1, 2]) {
    for (const character of alphabet) {
      const part = parts[index] ?? '';
      for (const changed of [part.slice(0, -1) + character, part + character, `${part}${character}${character}`]) {
        const token = parts.map((other, at) => (at === index ? changed : other)).join('.');
        if (token === original || bytesOf(token) !== bytesOf(original)) continue;
        twins += 1;
        t.false(readCompact(token).ok, token);
      }
    }
  }
  t.true(twins > 20, 'there are such twins for a lenient reader');
});

for (const [title, token] of [
  ['dots', '.'.repeat(1 << 20)],
  ['letters', 'A'.repeat(1 << 20)],
  ['padding', `a.b.${'='.repeat(1 << 20)}`],
  ['almost a last character', `a.${'A'.repeat((1 << 20) + 2)}~.c`],
  ['brackets', `${HEADER}.${b64('['.repeat(1 << 19))}.AA`],
  ['quotes', `${HEADER}.${b64('{"'.repeat(1 << 18))}.AA`],
] as const) {
  test(`a megabyte of ${title} is refused at once`, (t) => {
    const spent = cpuTime(() => t.false(readCompact(token).ok));
    // Milliseconds in practice. The bound is for a reader whose cost grows with the square of the length: minutes.
    t.true(spent < 2000, `${spent} ms`);
  });
}

/** What a few random characters can be taken for; the rest of the kinds is in diagnose-cases.test.ts. */
const FOREIGN_KINDS = [
  'it is a placeholder that was to be replaced with a token',
  'it has three dots in a row: it was copied from where it is shown shortened',
  'it looks like an API key, not like an access token for this API',
  'it looks like an API key (SendGrid), not like an access token for this API',
];

/** Every sentence that may be said. A reader that puts something of its input into one is found out by this list. */
const SENTENCES = new Set(
  [
    NO_DOTS,
    NOTHING,
    JWE,
    UNSIGNED,
    ...MALFORMED.map(([, , what]) => what),
    ...FOREIGN_KINDS,
    'it has 4 parts where 3 are needed',
    'it has more than 5 parts where 3 are needed',
    ...['header', 'payload', 'signature'].flatMap((part) =>
      [
        PADDED,
        PLAIN,
        LENGTH,
        TAIL,
        DOUBLE,
        'is not base64url',
        'is not UTF-8',
        'is not JSON',
        'is not a JSON object',
      ].map((flaw) => `its ${part} ${flaw}`),
    ),
    ...['kid', 'typ', 'cty'].map((name) => `its header member ${name} is not text`),
  ].map((what) => `This is not a usable token: ${what}.`),
);

const part = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.base64String(),
  fc.json().map(b64),
  fc
    .dictionary(fc.constantFrom('alg', 'kid', 'typ', 'crit', '__proto__'), fc.jsonValue())
    .map((o) => b64(JSON.stringify(o))),
  fc.uint8Array().map(b64),
  fc.constantFrom(HEADER, PAYLOAD, SIGNATURE, '', 'e30'),
);
const anyToken = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(part, { maxLength: 7 }).map((parts) => parts.join('.')),
  fc.tuple(part, part, part).map((parts) => parts.join('.')),
);

test('whatever comes is read or refused in our own words, and nothing is thrown', (t) => {
  let refused = 0;
  fc.assert(
    fc.property(anyToken, (token) => {
      const read = readCompact(token);
      if (read.ok) return typeof read.value.header === 'object' && typeof read.value.payload === 'object';
      refused += 1;
      return (
        read.fault.code === 'token.malformed' &&
        SENTENCES.has(read.fault.detail ?? '') &&
        Object.keys(read.fault).join() === 'code,detail'
      );
    }),
    { numRuns: 5000 },
  );
  t.true(refused > 1000);
});

interface JweVectors {
  readonly testGroups: readonly { readonly tests: readonly { readonly tcId: number; readonly jwe: unknown }[] }[];
}

vectorTest<JweVectors>(
  'no JWE of Wycheproof is a bearer token',
  'wycheproof/json_web_encryption_test.json',
  (t, vectors) => {
    const cases = vectors.testGroups.flatMap((group) => group.tests);
    t.true(cases.length > 100);
    for (const { tcId, jwe } of cases)
      t.false(readCompact(typeof jwe === 'string' ? jwe : JSON.stringify(jwe)).ok, `case ${tcId}`);
  },
);

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

test('of all characters at the end of a part, those alone are taken that leave no bit unused', (t) => {
  const head = Buffer.from('{"alg":"ES256"}').toString('base64url');
  const body = Buffer.from('{"a":1}').toString('base64url');
  for (const group of ['', 'A', 'AA']) {
    for (const last of ALPHABET) {
      const signature = `AAAA${group}${last}`;
      const isCanonical = Buffer.from(signature, 'base64url').toString('base64url') === signature;
      t.is(readCompact(`${head}.${body}.${signature}`).ok, isCanonical, signature);
    }
  }
});
