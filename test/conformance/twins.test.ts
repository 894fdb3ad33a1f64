import { constants, sign } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { extractToken } from '../../src/token/extract.ts';
import type { TokenPlace } from '../../src/token/place.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { FakeClock } from '../support/clock.ts';
import { inlineVerifier } from '../support/issuers.ts';
import { accessClaims, compactToken, type KeyAlgorithm, makeKey, signToken } from '../support/keys.ts';

/*
 * A twin is another spelling of a valid token. Where one is accepted, whoever goes by the token's text (a cache, a
 * revocation list, a log) is walked around (fast-jwt GHSA-rp9m-7r4c-75qg). Here a text is the token itself or refused.
 */

const ISS = 'https://login.example.com';
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const satisfies readonly KeyAlgorithm[];
const KEYS = Object.fromEntries(ALGORITHMS.map((alg) => [alg, makeKey(alg)])) as Record<
  KeyAlgorithm,
  ReturnType<typeof makeKey>
>;

async function world(alg: KeyAlgorithm) {
  const clock = new FakeClock();
  const cache = new TokenCache({ maxEntries: 1000, maxAge: 3_600_000, rejectedFor: 10_000 });
  const issuer = await inlineVerifier([KEYS[alg]], clock);
  const verifier = new CachedVerifier([issuer], cache, clock.now);
  const give = async (text: string) => verifier.verify(new RawToken(text), clock.now());
  const claims = accessClaims({ iss: ISS, scope: 'orders:read' }, clock.now());
  return { clock, cache, issuer, give, claims };
}

/** Header and payload of a length that leaves two spare characters in base64url, so that each part has twins. */
function tokenWithSpareBits(alg: KeyAlgorithm, claims: object): string {
  const full = (member: object) => {
    for (let pad = ''; ; pad += 'x') {
      const text = JSON.stringify({ ...member, pad });
      if (text.length % 3 === 1) return text;
    }
  };
  const header = { alg, typ: 'at+jwt', kid: KEYS[alg].kid };
  return resigned(alg, full(header), full(claims));
}

function resigned(alg: KeyAlgorithm, header: string, payload: string): string {
  return compactToken(header, payload, (input) => signatureOf(alg, input));
}

function signatureOf(alg: KeyAlgorithm, input: Buffer): Buffer {
  const key = KEYS[alg].privateKey;
  switch (alg) {
    case 'RS256':
      return sign('sha256', input, key);
    case 'PS256':
      return sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    case 'ES256':
      return sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
    case 'EdDSA':
      return sign(null, input, key);
  }
}

const latin1 = (text: string) => Buffer.from(text).toString('latin1');
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Every part with its last character changed to one that decodes to the same bytes. */
function tailTwins(token: string): [string, string][] {
  const parts = token.split('.');
  return parts.flatMap((part, index) =>
    [...ALPHABET]
      .map((character) => part.slice(0, -1) + character)
      .filter((other) => other !== part && Buffer.from(other, 'base64url').equals(Buffer.from(part, 'base64url')))
      .map((other): [string, string] => [
        `tail bits of part ${index + 1}`,
        parts.map((same, at) => (at === index ? other : same)).join('.'),
      ]),
  );
}

const INSERTED: readonly (readonly [string, string])[] = [
  ['a space', ' '],
  ['a line break', '\n'],
  ['CR LF', '\r\n'],
  ['a folded line', '\r\n '],
  ['a tab', '\t'],
  ['a vertical tab', '\v'],
  ['NUL', '\0'],
  ['a byte order mark', '\ufeff'],
  ['a byte order mark as bytes', latin1('\ufeff')],
  ['a zero-width space', '\u200b'],
  ['a no-break space', '\u00a0'],
  ['a soft hyphen', '\u00ad'],
  ['=', '='],
  ['==', '=='],
  ['a dot', '.'],
  ['a quote', '"'],
  ['an apostrophe', "'"],
  ['a comma', ','],
  ['a semicolon', ';'],
  ['a slash', '/'],
  ['a tilde', '~'],
  ['%20', '%20'],
  ['%00', '%00'],
];

/** All the spellings of a token that some lenient reader takes for it. None of them is the token's text. */
function twinsOf(token: string): [title: string, twin: string][] {
  const [head = '', body = '', signature = ''] = token.split('.');
  const middle = head.length >> 1;
  const twins: [string, string][] = [];
  for (const [title, text] of INSERTED) {
    twins.push([`${title} in front`, text + token], [`${title} behind`, token + text]);
    twins.push([`${title} within the header`, token.slice(0, middle) + text + token.slice(middle)]);
    twins.push([`${title} behind the header`, `${head}${text}.${body}.${signature}`]);
    twins.push([`${title} before the payload`, `${head}.${text}${body}.${signature}`]);
    twins.push([`${title} behind the payload`, `${head}.${body}${text}.${signature}`]);
    twins.push([`${title} before the signature`, `${head}.${body}.${text}${signature}`]);
    twins.push([
      `${title} within the signature`,
      `${head}.${body}.${signature.slice(0, 9)}${text}${signature.slice(9)}`,
    ]);
  }
  twins.push(...tailTwins(token));
  const plain = token.replaceAll('-', '+').replaceAll('_', '/');
  twins.push(['plain base64', plain], ['+ for -', token.replace('-', '+')], ['/ for _', token.replace('_', '/')]);
  const padded = [head, body, signature].map((part) => part.padEnd(Math.ceil(part.length / 4) * 4, '='));
  twins.push(['all padding', padded.join('.')]);
  for (const index of [0, 1, 2])
    twins.push([
      `padding of part ${index + 1}`,
      [head, body, signature].map((part, at) => (at === index ? (padded[at] ?? '') : part)).join('.'),
    ]);
  twins.push(['a fourth part', `${token}.${signature}`], ['an empty fourth part', `${token}.`]);
  twins.push(['a fifth part', `${token}..`], ['twice', token + token], ['twice, with a space', `${token} ${token}`]);
  twins.push(['twice, with a comma', `${token},${token}`], ['without its signature', `${head}.${body}.`]);
  twins.push(['two parts', `${head}.${body}`], ['without a payload', `${head}..${signature}`]);
  twins.push(['upper case', token.toUpperCase()], ['lower case', token.toLowerCase()]);
  for (const index of [0, 1, 2]) {
    const swapped = [head, body, signature].map((part, at) => (at === index ? swapCase(part) : part));
    twins.push([`the case of part ${index + 1}`, swapped.join('.')]);
  }
  twins.push(['URL-encoded dots', token.replaceAll('.', '%2E')], ['a URL-encoded dot', token.replace('.', '%2e')]);
  twins.push(['a URL-encoded letter', `%65${token.slice(1)}`], ['twice encoded', token.replaceAll('.', '%252E')]);
  twins.push(['double quotes', `"${token}"`], ['single quotes', `'${token}'`], ['angle brackets', `<${token}>`]);
  twins.push(['typographic quotes', latin1(`“${token}”`)], ['brackets', `[${token}]`]);
  twins.push(['base64 of it', Buffer.from(token).toString('base64url')], ['an escape', `\\u0065${token.slice(1)}`]);
  twins.push(['a Cyrillic е', `е${token.slice(1)}`], ['a full-width ｅ', `ｅ${token.slice(1)}`]);
  twins.push(['a Cyrillic е as bytes', latin1(`е${token.slice(1)}`)], ['one dot leaders', token.replaceAll('.', '․')]);
  twins.push(['full-width dots', token.replaceAll('.', '．')], ['non-breaking hyphens', token.replaceAll('-', '‑')]);
  twins.push(['a letter with its high bit', String.fromCharCode(token.charCodeAt(0) | 0x80) + token.slice(1)]);
  twins.push(['a letter of page 1', String.fromCharCode(token.charCodeAt(0) | 0x100) + token.slice(1)]);
  twins.push(['a combining mark', `e\u0301${token.slice(1)}`], ['the word before it', `Bearer ${token}`]);
  return twins.filter(([, twin]) => twin !== token);
}

function swapCase(text: string): string {
  return [...text].map((one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase())).join('');
}

/** Every way in: the header, a cookie, a header of its own, the query. */
const PLACES: readonly (readonly [TokenPlace, (text: string) => Sent])[] = [
  [{ kind: 'authorization' }, (text) => ({ authorization: [`Bearer ${text}`] })],
  [{ kind: 'cookie', name: 'session' }, (text) => ({ headers: { cookie: [`a=b; session=${text}`] } })],
  [{ kind: 'header', name: 'x-token' }, (text) => ({ headers: { 'x-token': [text] } })],
  [{ kind: 'query', name: 'access_token' }, (text) => ({ query: `access_token=${text}` })],
];

interface Sent {
  readonly authorization?: readonly string[];
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly query?: string;
}

/** The text that comes out of each place for what is put into it, where one does. */
function extracted(text: string): (string | undefined)[] {
  return PLACES.map(([place, put]) => {
    const { authorization = [], headers = {}, query = '' } = put(text);
    const found = extractToken({ authorization, headerValues: (name) => headers[name] ?? [] }, query, [place], 8192);
    return found.ok ? found.value.reveal() : undefined;
  });
}

for (const alg of ALGORITHMS) {
  test(`${alg}: every twin of a valid token is refused, wherever it comes in`, async (t) => {
    const { give, claims, cache, issuer } = await world(alg);
    const token = tokenWithSpareBits(alg, claims);
    t.true((await give(token)).ok, 'the control');
    t.deepEqual(
      extracted(token),
      PLACES.map(() => token),
      'the control of every place',
    );
    const twins = twinsOf(token);
    t.true(twins.length > 250, String(twins.length));
    t.true(twins.filter(([title]) => title.startsWith('tail bits')).length >= 45, 'fifteen for each part');
    for (const [title, twin] of twins) {
      t.false((await give(twin)).ok, `${title}: given to the verifier`);
      for (const text of extracted(twin)) {
        // What stands around a token in its field may be left out (RFC 9110 §5.5, §11.4), and the query is decoded:
        // then it is the token itself that comes out, text for text, and not a second one.
        if (text !== undefined && text !== token) t.false((await give(text)).ok, title);
      }
    }
    t.is(cache.size, 1, 'one token, one entry');
    t.true((await give(token)).ok, 'and the token itself is still good');
    t.true(issuer.proofs < twins.length);
  });

  test(`${alg}: any edit of one character is refused`, async (t) => {
    const { give, claims, cache } = await world(alg);
    const token = tokenWithSpareBits(alg, claims);
    t.true((await give(token)).ok, 'the control');
    const character = fc.oneof(
      fc.constantFrom(...ALPHABET, ...'.=+/~ \t\r\n\0"\',;%', '\ufeff', '\u00a0', 'е', '．'),
      fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }),
    );
    const edit = fc.tuple(
      fc.constantFrom('replace', 'insert', 'delete', 'swap'),
      fc.nat({ max: token.length }),
      character,
    );
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(edit, async ([kind, at, one]) => {
        const changed = edited(token, kind, at, one);
        if (changed === token) return true;
        refused += 1;
        if ((await give(changed)).ok) return false;
        for (const text of extracted(changed)) {
          if (text !== undefined && text !== token && (await give(text)).ok) return false;
        }
        return true;
      }),
      { numRuns: 1000 },
    );
    t.true(refused > 800, String(refused));
    t.is(cache.size, 1);
  });

  test(`${alg}: the same claims under a header in another order are another token, signed by the issuer`, async (t) => {
    const { give, claims, cache, issuer, clock } = await world(alg);
    const { kid } = KEYS[alg];
    const texts = [
      JSON.stringify({ alg, typ: 'at+jwt', kid }),
      JSON.stringify({ kid, typ: 'at+jwt', alg }),
      ` { "alg" : "${alg}", "typ" : "at+jwt", "kid" : "${kid}" } `,
    ];
    const tokens = texts.map((header) => resigned(alg, header, JSON.stringify(claims)));
    t.is(new Set(tokens).size, 3);
    for (const token of tokens) t.true((await give(token)).ok);
    t.is(cache.size, 3);
    t.is(issuer.proofs, 3);
    // Another header in front of a signature that was made for the first: no.
    const [, body, signature] = (tokens[0] as string).split('.');
    for (const other of tokens.slice(1)) {
      const outcome = await give(`${other.split('.')[0]}.${body}.${signature}`);
      t.is(outcome.ok ? 'accepted' : outcome.fault.code, 'token.signature');
    }
    clock.jump(330_000);
    for (const token of tokens) t.false((await give(token)).ok, 'each dies at exp');
  });
}

function edited(token: string, kind: string, at: number, one: string): string {
  const [before, after] = [token.slice(0, at), token.slice(at)];
  if (kind === 'insert') return before + one + after;
  if (kind === 'delete') return before + after.slice(1);
  return kind === 'replace'
    ? before + one + after.slice(1)
    : before + after.charAt(1) + after.charAt(0) + after.slice(2);
}

/** The order of P-256 (FIPS 186-5, SEC 2 §2.4.2). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function negated(token: string): string {
  const [head, body, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = P256_ORDER - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  return `${head}.${body}.${twin.toString('base64url')}`;
}

test('the (r, n - s) twin of an ES256 signature is a valid one too, and has no more power than the original', async (t) => {
  const { clock, cache, issuer, give, claims } = await world('ES256');
  const token = signToken(KEYS.ES256, claims);
  const twin = negated(token);
  t.not(twin, token);
  t.is(negated(twin), token, 'there is one such twin and no more');
  const [original, other] = [await give(token), await give(twin)];
  if (!original.ok || !other.ok) return t.fail('both verify: by ECDSA they are two signatures of the issuer');
  t.deepEqual(other.value.claims, original.value.claims);
  t.deepEqual(other.value.scopes, original.value.scopes);
  t.is(other.value.issuer, original.value.issuer);
  t.is(other.value.proof.keyId, original.value.proof.keyId);
  t.not(other.value, original.value, 'each was proved for itself');
  t.is(issuer.proofs, 2);
  t.is(cache.size, 2);
  clock.jump(329_999);
  t.deepEqual([(await give(token)).ok, (await give(twin)).ok], [true, true]);
  clock.jump(1);
  for (const text of [token, twin]) {
    const outcome = await give(text);
    t.is(outcome.ok ? 'accepted' : outcome.fault.code, 'token.expired');
  }
});

test('a twin of a twin, or one with parts out of their range, is no signature', async (t) => {
  const { give, claims } = await world('ES256');
  const token = signToken(KEYS.ES256, claims);
  const [head, body, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const half = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
  const [r, s] = [bytes.subarray(0, 32), bytes.subarray(32)];
  const numbers: readonly (readonly [string, Buffer])[] = [
    ['s of nothing', Buffer.concat([r, half(0n)])],
    ['r of nothing', Buffer.concat([half(0n), s])],
    ['nothing at all', Buffer.alloc(64)],
    ['the order itself', Buffer.concat([r, half(P256_ORDER)])],
    ['r and s exchanged', Buffer.concat([s, r])],
    ['a zero in front of each', Buffer.concat([Buffer.alloc(1), r, Buffer.alloc(1), s])],
    ['a zero behind', Buffer.concat([bytes, Buffer.alloc(1)])],
    ['one byte less', bytes.subarray(0, 63)],
    ['DER in place of the two numbers', der(r, s)],
  ];
  t.true((await give(token)).ok, 'the control');
  for (const [title, changed] of numbers) {
    const outcome = await give(`${head}.${body}.${changed.toString('base64url')}`);
    t.is(outcome.ok ? 'accepted' : outcome.fault.code, 'token.signature', title);
  }
});

function der(r: Buffer, s: Buffer): Buffer {
  const integer = (value: Buffer) => {
    const bytes = Buffer.concat([Buffer.alloc((value[0] ?? 0) > 127 ? 1 : 0), value]);
    return Buffer.concat([Buffer.from([2, bytes.length]), bytes]);
  };
  const both = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.from([0x30, both.length]), both]);
}
