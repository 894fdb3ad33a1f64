import test from 'ava';
import fc from 'fast-check';
import { extractToken } from '../../src/token/extract.ts';
import type { TokenPlace } from '../../src/token/place.ts';
import { cpuTime } from '../support/cpu.ts';

const LONGEST = 8192;
const TOKEN = 'abc.DEF-123_~+/==';
const AUTHORIZATION: TokenPlace = { kind: 'authorization' };
const COOKIE: TokenPlace = { kind: 'cookie', name: 'session' };
const HEADER: TokenPlace = { kind: 'header', name: 'x-access-token' };
const QUERY: TokenPlace = { kind: 'query', name: 'access_token' };

interface Sent {
  readonly authorization?: readonly string[];
  readonly cookie?: readonly string[];
  readonly 'x-access-token'?: readonly string[];
  readonly query?: string;
}

function extract(sent: Sent, ...places: TokenPlace[]) {
  const { authorization = [], query = '', ...headers } = sent;
  const headerValues = (name: string) => (headers as Record<string, readonly string[]>)[name] ?? [];
  return extractToken({ authorization, headerValues }, query, places, LONGEST);
}

const FOUND: readonly (readonly [title: string, sent: Sent, ...places: TokenPlace[]])[] = [
  ['the Authorization header', { authorization: [`Bearer ${TOKEN}`] }, AUTHORIZATION],
  ['a scheme in lower case', { authorization: [`bearer ${TOKEN}`] }, AUTHORIZATION],
  ['a scheme in any case', { authorization: [`bEaReR ${TOKEN}`] }, AUTHORIZATION],
  ['several spaces (RFC 9110 §11.4)', { authorization: [`Bearer   ${TOKEN}`] }, AUTHORIZATION],
  ['a cookie', { cookie: [`session=${TOKEN}`] }, COOKIE],
  ['a quoted cookie', { cookie: [`session="${TOKEN}"`] }, COOKIE],
  ['a cookie among others', { cookie: [`a=1; session=${TOKEN};b=2`] }, COOKIE],
  ['a cookie of the second Cookie header', { cookie: ['a=1', `session=${TOKEN}`] }, COOKIE],
  ['a cookie beside one whose name begins alike', { cookie: [`session2=x; xsession=y; session=${TOKEN}`] }, COOKIE],
  ['another header', { 'x-access-token': [TOKEN] }, HEADER],
  ['the query', { query: `?access_token=${encodeURIComponent(TOKEN)}` }, QUERY],
  ['the query without its question mark', { query: `a=1&access_token=${encodeURIComponent(TOKEN)}` }, QUERY],
  ['the second of two places', { cookie: [`session=${TOKEN}`] }, AUTHORIZATION, COOKIE],
  [
    'a cookie beside Basic credentials',
    { authorization: ['Basic eA=='], cookie: [`session=${TOKEN}`] },
    AUTHORIZATION,
    COOKIE,
  ],
  [
    'a cookie looked at before Basic credentials',
    { authorization: ['Basic eA=='], cookie: [`session=${TOKEN}`] },
    COOKIE,
    AUTHORIZATION,
  ],
  [
    'a place beside one that is not looked at',
    { authorization: ['Bearer other'], cookie: [`session=${TOKEN}`] },
    COOKIE,
  ],
];

for (const [title, sent, ...places] of FOUND) {
  test(`the token is found: ${title}`, (t) => {
    const found = extract(sent, ...places);
    t.is(found.ok ? found.value.reveal() : found.fault.detail, TOKEN);
  });
}

const REPEATED = 'was sent more than once.';
const REFUSED: readonly (readonly [
  title: string,
  code: string,
  detail: string,
  sent: Sent,
  ...places: TokenPlace[],
])[] = [
  ['no token', 'token.missing', 'No token was found in the Authorization header.', {}, AUTHORIZATION],
  [
    'no token in any of four places',
    'token.missing',
    'No token was found in the Authorization header or the cookie session or the header x-access-token or the query parameter access_token.',
    { cookie: ['a=1'], query: '?a=1' },
    AUTHORIZATION,
    COOKIE,
    HEADER,
    QUERY,
  ],
  [
    'a token where nobody looks',
    'token.missing',
    'No token was found in the Authorization header.',
    { cookie: [`session=${TOKEN}`], query: `?access_token=${TOKEN}` },
    AUTHORIZATION,
  ],
  [
    'two Authorization headers',
    'token.ambiguous',
    `The Authorization header ${REPEATED}`,
    { authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] },
    AUTHORIZATION,
  ],
  [
    'two Authorization headers of which one is no token',
    'token.ambiguous',
    `The Authorization header ${REPEATED}`,
    { authorization: ['Basic eA==', `Bearer ${TOKEN}`] },
    AUTHORIZATION,
  ],
  ['a cookie twice', 'token.ambiguous', `The cookie session ${REPEATED}`, { cookie: ['session=a; session=a'] }, COOKIE],
  [
    'a cookie in two headers',
    'token.ambiguous',
    `The cookie session ${REPEATED}`,
    { cookie: ['session=a', 'session=b'] },
    COOKIE,
  ],
  [
    'a cookie twice, once empty',
    'token.ambiguous',
    `The cookie session ${REPEATED}`,
    { cookie: ['session=; session=b'] },
    COOKIE,
  ],
  [
    'a header twice',
    'token.ambiguous',
    `The header x-access-token ${REPEATED}`,
    { 'x-access-token': ['a', 'a'] },
    HEADER,
  ],
  [
    'a parameter twice',
    'token.ambiguous',
    `The query parameter access_token ${REPEATED}`,
    { query: '?access_token=a&access_token=a' },
    QUERY,
  ],
  [
    'a parameter twice, once encoded',
    'token.ambiguous',
    `The query parameter access_token ${REPEATED}`,
    { query: '?access_token=a&access%5Ftoken=a' },
    QUERY,
  ],
  [
    'the same token in header and cookie',
    'token.ambiguous',
    'A token was sent in the cookie session and in another place too.',
    { authorization: [`Bearer ${TOKEN}`], cookie: [`session=${TOKEN}`] },
    AUTHORIZATION,
    COOKIE,
  ],
  [
    'a token in the cookie and something broken in the header',
    'token.ambiguous',
    'A token was sent in the Authorization header and in another place too.',
    { authorization: ['Bearer a b'], cookie: [`session=${TOKEN}`] },
    COOKIE,
    AUTHORIZATION,
  ],
  [
    'a broken header',
    'token.request',
    "There are two words behind 'Bearer': one token is expected.",
    { authorization: ['Bearer a b'], cookie: [`session=${TOKEN}`] },
    AUTHORIZATION,
    COOKIE,
  ],
  ['an empty header', 'token.request', 'The Authorization header is empty.', { authorization: [''] }, AUTHORIZATION],
  [
    'another scheme',
    'token.scheme',
    "The Authorization header uses the scheme 'Basic'; this address takes Bearer tokens.",
    { authorization: ['Basic eA=='] },
    AUTHORIZATION,
    COOKIE,
  ],
  ['an empty cookie', 'token.request', 'The cookie session is empty.', { cookie: ['session='] }, COOKIE],
  ...['session="a', 'session=a"', 'session="', 'session=""a"', `session='a'`].map(
    (cookie) =>
      [
        `quotes that are none of a cookie: ${cookie}`,
        'token.request',
        'The cookie session does not hold one plain token.',
        { cookie: [cookie] },
        COOKIE,
      ] as const,
  ),
  ['an empty quoted cookie', 'token.request', 'The cookie session is empty.', { cookie: ['session=""'] }, COOKIE],
  [
    'a header with a scheme',
    'token.request',
    'The header x-access-token does not hold one plain token.',
    { 'x-access-token': ['Bearer a'] },
    HEADER,
  ],
  [
    'a list in a header',
    'token.request',
    'The header x-access-token does not hold one plain token.',
    { 'x-access-token': ['a, b'] },
    HEADER,
  ],
  [
    'a plus that means a space',
    'token.request',
    'The query parameter access_token does not hold one plain token.',
    { query: '?access_token=a+b' },
    QUERY,
  ],
  [
    'one character too many',
    'token.too-large',
    'The token has 8193 characters; at most 8192 are accepted.',
    { authorization: [`Bearer ${'a'.repeat(8193)}`] },
    AUTHORIZATION,
  ],
  [
    'a token too large in a cookie',
    'token.too-large',
    'The token has 9000 characters; at most 8192 are accepted.',
    { cookie: [`session=${'a'.repeat(9000)}`] },
    COOKIE,
  ],
];

for (const [title, code, detail, sent, ...places] of REFUSED) {
  test(`refused with ${code}: ${title}`, (t) => {
    t.deepEqual(extract(sent, ...places), { ok: false, fault: { code, detail } } as never);
  });
}

test('a token of exactly the greatest length is taken', (t) => {
  const found = extract({ authorization: [`Bearer ${'a'.repeat(LONGEST)}`] }, AUTHORIZATION);
  t.true(found.ok);
});

test('the order in which places are looked at never decides between two tokens', (t) => {
  const value = fc.constantFrom('abc', 'a b', '', 'Basic');
  const sent = fc.record({
    authorization: fc.array(
      value.map((text) => (text === 'Basic' ? 'Basic eA==' : `Bearer ${text}`)),
      { maxLength: 2 },
    ),
    cookie: fc.array(
      value.map((text) => `session=${text}`),
      { maxLength: 2 },
    ),
    query: value.map((text) => (text === '' ? '' : `?access_token=${encodeURIComponent(text)}`)),
  });
  const places = [AUTHORIZATION, COOKIE, QUERY];
  fc.assert(
    fc.property(sent, fc.shuffledSubarray(places, { minLength: 3 }), (request, order) => {
      const [one, other] = [extract(request, ...places), extract(request, ...order)];
      return one.ok === other.ok && (!one.ok || !other.ok || one.value.reveal() === other.value.reveal());
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('nothing that was sent is repeated in a refusal', (t) => {
  // Of letters that none of our sentences has in a row.
  const secret = fc.string({
    unit: fc.constantFrom('Q', 'Z', 'é', '%', '"', ' ', ',', '\t', '='),
    minLength: 4,
    maxLength: 30,
  });
  fc.assert(
    fc.property(secret, secret, (one, other) => {
      const sent: Sent = {
        authorization: [`Bearer ${one}`],
        cookie: [`session=${other}`],
        query: `?access_token=${encodeURIComponent(one)}`,
      };
      const outcomes = [AUTHORIZATION, COOKIE, QUERY].map((place) => extract(sent, place));
      return outcomes.every(
        (outcome) => outcome.ok || ![one, other].some((text) => (outcome.fault.detail ?? '').includes(text)),
      );
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('a field of a megabyte is refused at once', (t) => {
  for (const field of [
    `Bearer ${'a'.repeat(1 << 20)}`,
    `Bearer ${' '.repeat(1 << 20)}`,
    `Bearer ${'a='.repeat(1 << 19)}`,
    `Bearer ${'='.repeat(1 << 20)}`,
  ]) {
    const spent = cpuTime(() => t.false(extract({ authorization: [field] }, AUTHORIZATION).ok));
    t.true(spent < 2000, `${spent} ms`);
  }
});
